"""CloudWatch Logs' filter patterns find what AWS documents, and refuse what they do not know."""

import json

import pytest

from rehearsal.emulator.filter_patterns import InvalidPattern, compiled

EVENT = json.dumps(
    {
        "auditID": "0b7c-1",
        "verb": "get",
        "user": {"username": "system:serviceaccount:dev-team:dev-k8s", "groups": ["a", "system:masters"]},
        "responseStatus": {"code": 403},
        "annotations": {"authorization.k8s.io/decision": "forbid"},
        "objectRef": {"resource": "pods", "name": None},
        "truncated": False,
    }
)
LINE = 'time="2026-11-28T10:00:00Z" level=warning msg="access denied" arn="arn:aws:iam::1:user/x"'


@pytest.mark.parametrize(
    "pattern",
    [
        "",
        '{ $.auditID = "0b7c-1" }',
        "{ $.verb = get }",
        '{$.auditID="0b7c-1"&&$.verb="get"}',
        '{ $.auditID = "other" || $.verb = "get" }',
        '{ ($.verb = "list" || $.verb = "get") && $.responseStatus.code = 403 }',
        '{ $.user.username = "system:serviceaccount:dev-team:*" }',
        '{ $.user.groups[1] = "system:masters" }',
        '{ $.user.groups[*] = "system:masters" }',
        '{ $.verb != "list" }',
        "{ $.responseStatus.code >= 400 && $.responseStatus.code < 500 }",
        "{ $.objectRef.name IS NULL }",
        "{ $.truncated IS FALSE }",
        "{ $.impersonatedUser NOT EXISTS && $.verb EXISTS }",
        "{ $.annotations['authorization.k8s.io/decision'] = \"forbid\" }",
        "dev-k8s forbid",
        '"\\"verb\\": \\"get\\""',
        "forbid -allow",
        "?nothing ?forbid",
    ],
)
def test_what_a_pattern_finds(pattern: str) -> None:
    assert compiled(pattern)(EVENT)


@pytest.mark.parametrize(
    "pattern",
    [
        '{ $.auditID = "0b7c" }',
        '{ $.auditID = "0b7c-1" && $.verb = "list" }',
        '{ $.verb != "get" }',
        '{ $.nothing != "get" }',
        "{ $.responseStatus.code > 403 }",
        '{ $.responseStatus.code = "other" }',
        '{ $.user.groups[0] = "system:masters" }',
        '{ $.user.groups[7] = "a" }',
        "{ $.objectRef.name NOT EXISTS }",
        "{ $.truncated IS TRUE }",
        '{ $.verb = "g?t" }',
        "FORBID",
        "forbid -dev-k8s",
        "?nothing ?else",
    ],
)
def test_what_a_pattern_does_not_find(pattern: str) -> None:
    assert not compiled(pattern)(EVENT)


def test_a_json_pattern_finds_no_other_text() -> None:
    assert not compiled("{ $.verb EXISTS }")(LINE)
    assert not compiled("{ $.verb NOT EXISTS }")("{ no JSON")
    assert compiled('"access denied" warning')(LINE)


@pytest.mark.parametrize(
    "pattern",
    [
        "{ $.verb = }",
        "{ $.verb }",
        "{ $.verb = get",
        "{ verb = get }",
        "{ $.verb = get && }",
        "{ ($.verb = get }",
        "{ $.verb = get ) }",
        "{ $.code > many }",
        "{ $.verb IS GET }",
        "{ $ = 1 }",
        '"open',
    ],
)
def test_what_is_no_pattern(pattern: str) -> None:
    with pytest.raises(InvalidPattern, match="Invalid filter pattern"):
        compiled(pattern)


@pytest.mark.parametrize("pattern", ["[a, b]", "%get|list%", "{ $.verb = %get|list% }"])
def test_what_is_not_played_is_named(pattern: str) -> None:
    with pytest.raises(InvalidPattern, match="does not play"):
        compiled(pattern)
