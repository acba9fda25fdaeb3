"""How one configuration value becomes a Python value, as Pulumi decodes it.

A stack's file holds YAML, `pulumi config set` writes strings, and the engine hands a program text (JSON for
lists and maps). The same setting therefore arrives as ``3``, ``"3"`` or ``3.0``, and all three mean three;
``"yes"`` or ``3.5`` never do. The rules are those of Pulumi 3.259 (``pulumi.Config.get_bool``, ``get_int``,
``get_object`` of the SDK, and ``ValidateConfigValue`` of the engine).
"""

from __future__ import annotations

import json
import re
from typing import Annotated, Final, cast

from pydantic import BeforeValidator, SecretStr
from pydantic_core import PydanticCustomError

from infra.config.problems import shown

ERROR_TYPE: Final = "lab"
"""Type of every error raised here; its context holds ``what`` and ``remedy``."""

_WHOLE_NUMBER = re.compile(r"[+-]?[0-9]+")
_TRUTH = {"true": True, "True": True, "false": False, "False": False}


def _wrong(what: str, remedy: str) -> PydanticCustomError:
    return PydanticCustomError(ERROR_TYPE, "{what} {remedy}", {"what": what, "remedy": remedy})


def decode_bool(value: object) -> bool:
    """True or false from a boolean or from the strings that ``Config.get_bool`` takes.

    Raises:
        PydanticCustomError: anything else.
    """
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value in _TRUTH:
        return _TRUTH[value]
    raise _wrong(f"{shown(value)} is not true or false.", "Write true or false.")


def decode_int(value: object) -> int:
    """A whole number from a number without fraction or from its decimal digits.

    Raises:
        PydanticCustomError: anything else, booleans included.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    # No setting of the lab has more digits, and Python refuses to convert very long ones.
    if isinstance(value, str) and len(value) <= 20 and _WHOLE_NUMBER.fullmatch(value):
        return int(value)
    raise _wrong(f"{shown(value)} is not a whole number.", "Write a whole number, such as 3.")


def decode_str(value: object) -> str:
    """Text from text, or from a number or boolean that was written without quotes.

    Raises:
        PydanticCustomError: null, a list or a map.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, (bool, int, float)):
        return json.dumps(value)
    raise _wrong(f"{shown(value)} is not text.", "Write one text.")


def decode_secret(value: object) -> SecretStr:
    """A secret from text or a number; an error never shows the value.

    Raises:
        PydanticCustomError: null, a list or a map.
    """
    if isinstance(value, SecretStr):
        return value
    if isinstance(value, (str, int, float)):
        return SecretStr(decode_str(value))
    raise _wrong("The secret is not text.", "Set one text with `pulumi config set --secret`.")


def decode_optional(value: object) -> object:
    """The value, or None for the empty text: an optional key can be declared in Pulumi.yaml by an empty
    default only."""
    return None if value == "" else value


def decode_stage(value: object) -> object:
    """The value, or ``off`` for false: YAML 1.1 reads an unquoted ``off`` as false."""
    return "off" if value is False else value


def decode_switch(value: object) -> object:
    """The value, or the stages ``off`` and ``on`` for false and true: a switch that has got a stage in between."""
    if isinstance(value, str) and value in _TRUTH:
        value = _TRUTH[value]
    return {False: "off", True: "on"}[value] if isinstance(value, bool) else value


def decode_list(value: object) -> list[object] | tuple[object, ...]:
    """A list from a list or from its JSON text.

    Raises:
        PydanticCustomError: anything else.
    """
    decoded = from_json(value)
    if isinstance(decoded, (list, tuple)):
        return cast("list[object] | tuple[object, ...]", decoded)
    raise _wrong(f"{shown(value)} is not a list.", "Write a YAML list, one entry a line after a dash, or [] for none.")


def from_json(value: object) -> object:
    """What a JSON text holds; any other value, or text that is no JSON, as it is."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value


ConfigBool = Annotated[bool, BeforeValidator(decode_bool)]
ConfigInt = Annotated[int, BeforeValidator(decode_int)]
ConfigStr = Annotated[str, BeforeValidator(decode_str)]
OptionalStr = Annotated[ConfigStr | None, BeforeValidator(decode_optional)]
Secret = Annotated[SecretStr, BeforeValidator(decode_secret)]
OptionalSecret = Annotated[Secret | None, BeforeValidator(decode_optional)]
ConfigList = Annotated[tuple[ConfigStr, ...], BeforeValidator(decode_list)]
ConfigMap = dict[str, ConfigStr]
