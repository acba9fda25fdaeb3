"""docs/settings.md and docs/settings.ko.md tell every setting with its default, drawn from the model itself.

Write them anew after a change of the model: python -m tests.unit.infra.test_settings_page
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from exercises.catalogue import EXERCISES
from exercises.texts import LANGUAGES, Language, texts
from infra.config.loading import ConfigError, parse
from infra.config.model import GROUPS, LabConfig, Settings, alias_of
from infra.versions import KUBERNETES_VERSIONS

DOCS = Path(__file__).parents[3] / "docs"
PAGES: dict[Language, Path] = {"en": DOCS / "settings.md", "ko": DOCS / "settings.ko.md"}
KOREAN = {
    **yaml.safe_load(Path(__file__).with_name("settings.ko.yaml").read_text()),
    **{f"exercises.{each.key}": texts(name, "ko").setting for name, each in EXERCISES.items()},
}
HEADS: dict[Language, str] = {
    "en": """# Settings

[한국어](settings.ko.md)

Written in `Pulumi.<stack>.yaml` below `config:`, each key with `myeks:` before it; the region is `aws:region`, the one
setting that has to be there. An unknown key, a wrong type or values that do not go together are told before anything is
created. `./lab` reads the file by the engine's rules, and refuses with its line what the engine refuses: a key that
stands twice, a date without quotes. `yes`, `no`, `on` and `off` are text, and a key without `myeks:` is the lab's too.

| key | default | what it is |
|---|---|---|
""",
    "ko": """# 설정

[English](settings.md)

`Pulumi.<stack>.yaml`의 `config:` 아래에 적고, 키마다 앞에 `myeks:`를 붙입니다. 리전은 `aws:region`이며, 반드시
있어야 하는 설정은 이것뿐입니다. 모르는 키, 잘못된 타입, 서로 맞지 않는 값은 무엇이든 만들기 전에 알려 줍니다.
`./lab`은 엔진의 규칙에 따라 파일을 읽고, 엔진이 거부하는 것(두 번 나오는 키, 따옴표 없는 날짜)은 몇 번째 줄인지 알려
주고 거부합니다. `yes`, `no`, `on`, `off`는 텍스트입니다. `myeks:`가 없는 키도 랩의 것입니다.

| 키 | 기본값 | 설명 |
|---|---|---|
""",
}


def rows(model: type[Settings], before: str = "", language: Language = "en") -> Iterator[str]:
    defaults = model() if before else LabConfig()
    for name, field in model.model_fields.items():
        key = "aws:region" if name == "region" else before + alias_of(model, name)
        if key in GROUPS:
            yield from rows(GROUPS[key], f"{key}.", language)
            continue
        # The model's own region is for what has no stack, such as this page.
        value = None if name == "region" else getattr(defaults, name)
        shown = "" if value is None else f"`{json.dumps(value)}`"
        told = field.description or "" if language == "en" else KOREAN[key]
        yield f"| `{key}` | {shown} | {' '.join(told.split()).replace('``', '`')} |\n"


def page(language: Language) -> str:
    return HEADS[language] + "".join(rows(LabConfig, language=language))


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_is_current(language: Language):
    assert PAGES[language].read_text() == page(language)


def test_keys_and_defaults_are_the_same_in_every_language():
    english, *others = ([line.split("|")[1:3] for line in rows(LabConfig, language=each)] for each in LANGUAGES)
    assert all(other == english for other in others)
    assert KOREAN.keys() == {key.strip(" `") for key, _ in english}


def test_the_page_names_every_version_of_kubernetes():
    (row,) = (one for one in rows(LabConfig) if one.startswith("| `kubernetesVersion`"))
    assert set(re.findall(r"\d\.\d+", row)) == set(KUBERNETES_VERSIONS)


def test_the_page_gives_a_default_to_what_may_be_left_out_alone():
    with pytest.raises(ConfigError) as caught:
        parse({}, None)
    (row,) = (one for one in rows(LabConfig) if one.startswith(f"| `{caught.value.problems[0].key}`"))
    assert row.split("|")[2].strip() == ""


if __name__ == "__main__":
    for language, file in PAGES.items():
        file.write_text(page(language))
