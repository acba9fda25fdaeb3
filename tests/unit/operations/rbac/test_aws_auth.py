"""aws-auth as the authenticator's Go code reads it; the emulator and `lab whocan` read the same."""

from collections.abc import Mapping

import pytest

from operations.rbac import aws_auth as of_whocan
from operations.rbac.iam_principals import in_aws_auth, of_caller
from rehearsal.emulator import aws_auth as of_the_emulator
from rehearsal.emulator.eks.iam_authenticator import Identity, find_in_aws_auth

ROLE = "arn:aws:iam::111122223333:role/dev"
USER = "arn:aws:iam::111122223333:user/bob"
A = f"rolearn: {ROLE}"


def roles(text: str) -> dict[str, str]:
    return {"mapRoles": text}


def users(text: str) -> dict[str, str]:
    return {"mapUsers": text}


ROWS: list[tuple[Mapping[str, str], str, tuple[str, tuple[str, ...]] | None]] = [
    # The same ARN twice: the last one counts, and case does not.
    (roles(f"[{{{A}, username: a, groups: [x]}}, {{{A}, username: b, groups: [z]}}]"), ROLE, ("b", ("z",))),
    (roles(f"[{{{A}, username: a}}, {{rolearn: '{ROLE.upper()}', username: b}}]"), ROLE, ("b", ())),
    (users(f"[{{userarn: {USER}, username: a}}, {{userarn: {USER}, username: b}}]"), USER, ("b", ())),
    # A role is also found in mapUsers and a user in mapRoles, which is searched first.
    (users(f"[{{userarn: {ROLE}, username: a}}]"), ROLE, ("a", ())),
    (roles(f"[{{rolearn: {USER}, username: a}}]") | users(f"[{{userarn: {USER}, username: b}}]"), USER, ("a", ())),
    # Names of members match whatever their case, those of the lists do not.
    (roles(f"[{{roleARN: {ROLE}, USERNAME: a, Groups: [g]}}]"), ROLE, ("a", ("g",))),
    (users(f"[{{u\u017ferarn: {USER}, username: a}}]"), USER, ("a", ())),
    (roles(f"[{{rolearn: {ROLE}, roleARN: x, username: a, USERNAME: b}}]"), ROLE, ("a", ())),
    ({"maproles": f"[{{{A}, username: a}}]"}, ROLE, None),
    (roles(f"[{{rolear: {ROLE}, username: a}}]"), ROLE, None),
    (users(f"[{{{A}, username: a}}]"), ROLE, None),
    # What does not fit stays empty, and the entry counts as long as it has an ARN.
    (roles(f"[{{{A}, username: a, groups: devs}}]"), ROLE, ("a", ())),
    (roles(f"[{{{A}, username: a, groups: {{x: y}}}}]"), ROLE, ("a", ())),
    (roles(f"[{{{A}, username: a, groups: [1, g, null, [x]]}}]"), ROLE, ("a", ("", "g", "", ""))),
    (roles(f"[{{{A}, username: a, groups: }}]"), ROLE, ("a", ())),
    (roles(f"[{{{A}, groups: [g]}}]"), ROLE, ("", ("g",))),
    (roles(f"[{{{A}, username: 12345}}]"), ROLE, ("", ())),
    (roles(f"[{{{A}, username: '12345'}}]"), ROLE, ("12345", ())),
    (roles(f"[{{{A}, username: yes}}]"), ROLE, ("", ())),
    (roles(f"[{{{A}, username: y}}]"), ROLE, ("", ())),
    (roles(f"[{{{A}, username: 2026-11-29}}]"), ROLE, ("2026-11-29", ())),
    (roles(f"[{{{A}, username: 12:30}}]"), ROLE, ("12:30", ())),
    (roles(f"[{{{A}, username: 0123456789}}]"), ROLE, ("", ())),
    (roles(f"[{{{A}, username: a, unknown: 1}}]"), ROLE, ("a", ())),
    (roles("[{rolearn: 7, username: a}]"), ROLE, None),
    (roles("[{rolearn: '', username: a}, null, 3, text]"), ROLE, None),
    (roles(f"[nonsense, {{{A}, username: a}}]"), ROLE, ("a", ())),
    (roles(f"[{{{A}, username: a, sso: x}}]"), ROLE, None),
    (roles(f"[{{{A}, username: a, sso: null}}]"), ROLE, ("a", ())),
    (roles(f"- {A}\n  username: a\n  groups:\n  - x\n   - y"), ROLE, ("a", ("x - y",))),
    # A list that is no list, or no YAML, maps nobody; the other list still counts.
    (roles(f"{{{A}, username: a}}"), ROLE, None),
    (roles("["), ROLE, None),
    (roles("[") | users(f"[{{userarn: {USER}, username: a}}]"), USER, ("a", ())),
    (roles(f"[{{{A}, username: .nan}}]"), ROLE, None),
    (roles("``"), ROLE, None),
    (roles(f"[{{{A}, username: a}}]\n---\n["), ROLE, ("a", ())),
    # A path, a wildcard.
    (roles("[{rolearn: 'arn:aws:iam::111122223333:role/team/dev', username: a}]"), ROLE, None),
    (roles("[{rolearn: 'arn:aws:iam::111122223333:role/d*', username: a}]"), ROLE, None),
    # Everybody of an account, whoever is in no list; the number is taken as it is written.
    ({"mapAccounts": "- 111122223333"}, USER, (USER, ())),
    ({"mapAccounts": "['111122223333']"}, ROLE, (ROLE, ())),
    ({"mapAccounts": "[[x], '111122223333']"}, ROLE, (ROLE, ())),
    ({"mapAccounts": "'111122223333'"}, ROLE, None),
    ({"mapAccounts": "[999900001111]"}, ROLE, None),
    ({"mapAccounts": "[111122223333]"} | roles(f"[{{{A}, username: a}}]"), ROLE, ("a", ())),
]


@pytest.mark.parametrize(("data", "arn", "comes_in"), ROWS)
def test_both_readers_let_in_as_the_authenticator_does(
    data: Mapping[str, str], arn: str, comes_in: tuple[str, tuple[str, ...]] | None
) -> None:
    entrance = find_in_aws_auth(Identity(arn, "111122223333", "AROAX", "", "ASIAX"), data)
    assert (None if entrance is None else (entrance.username, entrance.groups)) == comes_in
    told = of_caller(arn, in_aws_auth(data))
    if comes_in is None:
        assert told is None
    else:
        assert told is not None
        seen = (arn, ()) if told.whole_account else (told.username, told.groups)
        assert seen == comes_in


@pytest.mark.parametrize("data", [data for data, *_ in ROWS])
def test_both_readers_read_the_same(data: Mapping[str, str]) -> None:
    ours = [(one.key, one.arn, one.username, one.groups, one.with_sso) for one in of_whocan.mappings(data)]
    theirs = [(one.key, one.arn, one.username, one.groups, one.with_sso) for one in of_the_emulator.mappings(data)]
    assert ours == theirs
    assert of_whocan.accounts(data) == of_the_emulator.accounts(data)
