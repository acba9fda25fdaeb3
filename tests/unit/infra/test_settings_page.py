"""docs/settings.md tells every setting with its default, drawn from the model itself.

Write it anew after a change of the model: python -m tests.unit.infra.test_settings_page
"""

import json
from collections.abc import Iterator
from pathlib import Path

from infra.config_model import GROUPS, LabConfig, Settings, alias_of

PAGE = Path(__file__).parents[3] / "docs" / "settings.md"
HEAD = """# Settings

Written in `Pulumi.<stack>.yaml` below `config:`, each key with `myeks:` before it; the region is `aws:region`. All have
defaults. An unknown key, a wrong type or values that do not go together are told before anything is created.

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
        value = getattr(defaults, name)
        shown = "" if value is None else f"`{json.dumps(value)}`"
        yield f"| `{key}` | {shown} | {' '.join((field.description or '').split()).replace('``', '`')} |\n"


def test_the_page_is_current():
    assert PAGE.read_text() == HEAD + "".join(rows(LabConfig))


if __name__ == "__main__":
    PAGE.write_text(HEAD + "".join(rows(LabConfig)))
