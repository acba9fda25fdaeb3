"""docs/settings.md tells every setting with its default, drawn from the model itself.

Write it anew after a change of the model: python -m tests.unit.infra.test_settings_page
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.config.loading import ConfigError, parse
from infra.config.model import GROUPS, LabConfig, Settings, alias_of
from infra.versions import KUBERNETES_VERSIONS

PAGE = Path(__file__).parents[3] / "docs" / "settings.md"
HEAD = """# Settings

Written in `Pulumi.<stack>.yaml` below `config:`, each key with `myeks:` before it; the region is `aws:region`, the one
setting that has to be there. An unknown key, a wrong type or values that do not go together are told before anything is
created. `./lab` reads the file by the engine's rules, and refuses with its line what the engine refuses: a key that
stands twice, a date without quotes. `yes`, `no`, `on` and `off` are text, and a key without `myeks:` is the lab's too.

| key | default | what it is |
|---|---|---|
"""


def rows(model: type[Settings], before: str = "") -> Iterator[str]:
    defaults = model() if before else LabConfig()
    for name, field in model.model_fields.items():
        key = "aws:region" if name == "region" else before + alias_of(model, name)
        if key in GROUPS:
            yield from rows(GROUPS[key], f"{key}.")
            continue
        # The model's own region is for what has no stack, such as this page.
        value = None if name == "region" else getattr(defaults, name)
        shown = "" if value is None else f"`{json.dumps(value)}`"
        yield f"| `{key}` | {shown} | {' '.join((field.description or '').split()).replace('``', '`')} |\n"


def test_the_page_is_current():
    assert PAGE.read_text() == HEAD + "".join(rows(LabConfig))


def test_the_page_names_every_version_of_kubernetes():
    (row,) = (one for one in rows(LabConfig) if one.startswith("| `kubernetesVersion`"))
    assert set(re.findall(r"\d\.\d+", row)) == set(KUBERNETES_VERSIONS)


def test_the_page_gives_a_default_to_what_may_be_left_out_alone():
    with pytest.raises(ConfigError) as caught:
        parse({}, None)
    (row,) = (one for one in rows(LabConfig) if one.startswith(f"| `{caught.value.problems[0].key}`"))
    assert row.split("|")[2].strip() == ""


if __name__ == "__main__":
    PAGE.write_text(HEAD + "".join(rows(LabConfig)))
