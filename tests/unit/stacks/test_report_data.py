"""What a report says: who, how far, and what each row answered; never a key or a token, wherever one came from."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from exercises.catalogue import EXERCISES
from exercises.judge import judge, rows_of
from exercises.registry import ROWS
from exercises.report import Report
from exercises.texts import LANGUAGES, Language
from rehearsal import paths
from stacks.errors import BadInput, Failure
from stacks.report import data as report_data
from stacks.report import signing
from stacks.report.data import learners_name
from stacks.report.secrets import MASK, masked
from tests.unit.grading.fake_lab import OUTPUTS
from tests.unit.stacks.report_bench import FAILED, answer, looked_at, made, member, page, with_observed


def test_a_report_has_the_goals_and_rows_of_what_is_played_and_the_rows_of_what_stands():
    data = made()
    assert [each["exercise"] for each in data["exercises"]] == ["rbac", "k03"]
    rbac, k03 = data["exercises"]
    assert (rbac["played"], rbac["points"], rbac["goals"], rbac["stage"]) == (False, None, [], "before")
    assert len(rbac["rows"]) == sum((row.exercise, row.stage) == ("rbac", "before") for row in ROWS)
    assert (k03["played"], k03["passed"], k03["stage"]) == (True, False, "open")
    assert 0 < k03["points"] < 100
    attack = member(k03["goals"], "goal", "attack")
    assert (attack["verdict"], attack["passed"]) == ("failed", attack["rows"] - 1)
    assert {row["goal"] for row in k03["rows"]} == {"attack", "use", "intact"}
    assert member(k03["rows"], "name", FAILED)["audit_id"] == f"id-{FAILED}"
    assert k03["asked"] == [row["name"] for row in k03["rows"]]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_exercise_can_be_in_a_report_in_every_language(language: Language):
    answers = [answer(row) for name in EXERCISES for row in rows_of(name)]
    stages = {name: EXERCISES[name].stages[0] for name in EXERCISES}
    whole = Report(tuple(answers), stages=stages, scores=tuple(judge(name, answers) for name in EXERCISES))
    data = made(asked=whole, language=language)
    assert [each["exercise"] for each in data["exercises"]] == list(EXERCISES)
    for each in data["exercises"]:
        assert all(goal["wanted"] for goal in each["goals"])
    assert looked_at(page(data)).intact


def test_a_report_counts_together_what_each_exercise_tells():
    data = made()
    assert [each["exercise"] for each in data["progress"]] == list(EXERCISES)
    assert data["totals"] == {
        "exercises": len(EXERCISES),
        "passed": 1,
        "points": 176,
        "of_points": 100 * len(EXERCISES),
        "hints": 1,
        "attempts": 3,
        "seconds": 754.2 + 31 * 60,
    }


def test_a_report_tells_lab_and_versions():
    lab = made()["lab"]
    assert (lab["stack"], lab["rehearsed"], lab["cluster"], lab["kubernetes"]) == ("rehearsal", True, "myeks", "1.34")
    assert set(lab["packages"]) == {"pulumi", "pulumi-aws", "pulumi-eks", "pulumi-kubernetes"}
    assert re.fullmatch("[0-9a-f]{64}", lab["judged_by"])


def test_other_checks_have_another_digest(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr(report_data, "CHECKOUT", tmp_path)
    (tmp_path / "grading").mkdir()
    checks = tmp_path / "exercises" / "k03" / "checks.py"
    checks.parent.mkdir(parents=True)
    checks.write_bytes(b"a\nb\n")
    before = report_data.judged_by()
    checks.write_bytes(b"a\r\nb\r\n")
    assert report_data.judged_by() == before
    checks.write_bytes(b"a\nc\n")
    assert report_data.judged_by() != before
    checks.rename(checks.with_name("other.py"))
    assert report_data.judged_by() != before


@pytest.mark.parametrize(
    ("told", "name"), [("  Kim\t Ha-neul ", "Kim Ha-neul"), ("\u1100\u1161", "가"), ("O'Brien <i>", "O'Brien <i>")]
)
def test_a_name_is_what_the_learner_gives(told: str, name: str):
    assert learners_name(told) == name


@pytest.mark.parametrize("told", ["", " \n", "a" * 101, "a\x1b[31mb", "a\u202eb", "a\x00b"])
def test_what_is_no_name_is_refused(told: str):
    with pytest.raises(BadInput):
        learners_name(told)


BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
BASE64URL = BASE64.replace("+/", "-_")


def jwt(parts: tuple[str, str]) -> str:
    head = base64.urlsafe_b64encode(b'{"alg":"RS256"}').decode().rstrip("=")
    return ".".join((head, *parts))


def mixed(text: str) -> bool:
    return bool(re.search("[A-Z]", text) and re.search("[a-z]", text) and re.search("[0-9]", text))


SECRETS: st.SearchStrategy[str] = st.one_of(
    st.tuples(
        st.sampled_from(["AKIA", "ASIA"]), st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", min_size=16, max_size=16)
    ).map("".join),
    st.text(BASE64, min_size=40, max_size=40).filter(mixed),
    st.tuples(st.text(BASE64URL, min_size=20, max_size=60), st.text(BASE64URL, min_size=43, max_size=90)).map(jwt),
    st.text(BASE64URL, min_size=200, max_size=400).map(lambda text: f"k8s-aws-v1.{text}"),
    st.text(BASE64, min_size=200, max_size=600).map(lambda text: f"{text}=="),
    st.text(BASE64, min_size=64, max_size=64).map(
        lambda text: f"-----BEGIN PRIVATE KEY-----\n{text}\n-----END PRIVATE KEY-----"
    ),
)
BEFORE = st.sampled_from(["", " ", '"', "key=", "token: ", "\n", "(", "한글"])
AFTER = st.sampled_from(["", " ", '"', "&key=", ", ", "\n", ")", "한글"])


@settings(deadline=None, max_examples=150)
@given(SECRETS, BEFORE, AFTER)
def test_no_secret_is_left_in_a_text(secret: str, before: str, after: str):
    left = masked({"a": [f"{before}{secret}{after}"], f"{before}{secret}{after}": 1})
    text = json.dumps(left, ensure_ascii=False)
    assert MASK in text
    assert secret not in text
    # Nor a part of it that would do.
    for at in range(0, len(secret) - 20):
        assert secret[at : at + 20] not in text or secret[at : at + 20] in "-----BEGIN PRIVATE KEY-----"


@settings(deadline=None, max_examples=10)
@given(SECRETS)
def test_no_secret_is_in_the_file_of_a_report_wherever_it_came_from(secret: str):
    """In what a row saw and why it is wrong, in the learner's name, and in the stack's outputs."""
    outputs = {**OUTPUTS, "clusterName": secret, "kubernetesVersion": f"1.34 {secret}"}
    text = page(made(f"Kim {secret}", with_observed(f"it says {secret}, and more"), outputs))
    for line in secret.split("\n"):
        assert line not in text
        assert json.dumps(line)[1:-1] not in text
    assert MASK in text


def test_a_report_holds_no_access_key_and_no_private_key():
    text = page()
    assert not re.search(r"A[KS]IA[A-Z0-9]{16}|PRIVATE KEY|\beyJ", text)


PLAIN_TEXTS = [
    'kubectl get secrets -A --token "$(kubectl create token ci-bot -n owasp-k03)"',
    "arn:aws:iam::111122223333:role/irsa-sa-role-1a2b3c4",
    "5ce4b6c1-6a1e-4d54-9b14-0d2f7a9f8a11",
    "9a1c218719bf3ca59a1c218719bf3ca59a1c218719bf3ca59a1c218719bf3ca5",
    "da39a3ee5e6b4b0d3255bfef95601890afd80709",
    "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
    "2026-11-24T13:31:00+00:00",
]


@pytest.mark.parametrize("text", PLAIN_TEXTS)
def test_what_is_no_secret_stays(text: str):
    assert masked(text) == text


def test_the_words_of_every_row_stay():
    for row in ROWS:
        for text in (row.name, row.subject, row.command, row.expected.text, row.why):
            assert masked(text) == text


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setattr(paths, "world_dir", lambda: tmp_path / "world")
    monkeypatch.setattr(paths, "cache_dir", lambda: tmp_path / "cache")
    return tmp_path


@pytest.mark.parametrize("stack", ["rehearsal", "dev"])
def test_a_key_is_made_once_for_each_stack_and_is_the_users_alone(world: Path, stack: str):
    key = signing.own_key(stack)
    assert signing.public(signing.own_key(stack)) == signing.public(key)
    file = signing.key_file(stack)
    assert file.is_relative_to(world)
    assert file.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in file.parent.iterdir()] == [file.name]
    assert signing.public(signing.own_key("other")) != signing.public(key)


def test_of_two_that_make_a_key_at_once_one_counts(world: Path, monkeypatch: pytest.MonkeyPatch):
    made: list[Any] = []
    generate: Callable[[], Ed25519PrivateKey] = Ed25519PrivateKey.generate

    def late() -> Ed25519PrivateKey:
        if not made:
            made.append(None)
            made.append(signing.own_key("rehearsal"))
        return generate()

    monkeypatch.setattr(signing.Ed25519PrivateKey, "generate", late)
    assert signing.public(signing.own_key("rehearsal")) == signing.public(made[1])


@pytest.mark.parametrize("content", [b"", b"no key", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"])
def test_a_key_that_cannot_be_read_is_told(world: Path, content: bytes):
    signing.key_file("rehearsal").write_bytes(content)
    with pytest.raises(Failure, match="Move it away"):
        signing.own_key("rehearsal")
