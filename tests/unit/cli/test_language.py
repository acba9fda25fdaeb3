"""In which language the exercises' texts are shown: the option, else LAB_LANG, else the locale, else English."""

from __future__ import annotations

import pytest

from cli.language import chosen
from stacks.errors import BadInput


@pytest.mark.parametrize(
    ("option", "variables", "language"),
    [
        ("", {}, "en"),
        ("ko", {}, "ko"),
        ("KO", {}, "ko"),
        ("en", {"LAB_LANG": "ko", "LANG": "ko_KR.UTF-8"}, "en"),
        ("", {"LAB_LANG": "ko", "LANG": "en_US.UTF-8"}, "ko"),
        ("", {"LAB_LANG": "en", "LC_ALL": "ko_KR.UTF-8"}, "en"),
        ("", {"LAB_LANG": "", "LANG": "ko_KR.UTF-8"}, "ko"),
        ("", {"LANG": "ko"}, "ko"),
        ("", {"LANG": "ko.UTF-8"}, "ko"),
        ("", {"LC_MESSAGES": "ko_KR.UTF-8", "LANG": "en_US.UTF-8"}, "ko"),
        ("", {"LC_ALL": "en_US.UTF-8", "LC_MESSAGES": "ko_KR.UTF-8", "LANG": "ko_KR.UTF-8"}, "en"),
        ("", {"LC_ALL": "", "LANG": "ko_KR.UTF-8"}, "ko"),
        ("", {"LC_CTYPE": "ko_KR.UTF-8"}, "en"),
        # Konkani, and what is no locale of ours.
        ("", {"LANG": "kok_IN"}, "en"),
        ("", {"LANG": "C.UTF-8"}, "en"),
        ("", {"LANG": "de_DE.UTF-8"}, "en"),
    ],
)
def test_the_option_goes_before_the_variable_and_that_before_the_locale(
    option: str, variables: dict[str, str], language: str
):
    assert chosen(option, variables) == language


@pytest.mark.parametrize(
    ("option", "variables", "told"),
    [
        ("fr", {"LAB_LANG": "ko"}, "--lang 'fr' is no language of the lab. Use one of: en, ko."),
        ("", {"LAB_LANG": "korean"}, "LAB_LANG 'korean' is no language of the lab. Use one of: en, ko."),
    ],
)
def test_a_language_that_the_lab_does_not_speak_is_an_error(option: str, variables: dict[str, str], told: str):
    with pytest.raises(BadInput) as error:
        chosen(option, variables)
    assert str(error.value) == told
