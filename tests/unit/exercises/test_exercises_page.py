"""docs/exercises.md and docs/exercises.ko.md tell every row, drawn from the rows themselves.

Write them anew after a change of the rows or of the texts: python -m tests.unit.exercises.test_exercises_page
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest

from exercises.answers import told
from exercises.catalogue import EXERCISES, Exercise
from exercises.registry import ROWS
from exercises.texts import LANGUAGES, Language, shared, texts, why
from grading.check import ExerciseName, Row

DOCS = Path(__file__).parents[3] / "docs"
PAGES: dict[Language, Path] = {"en": DOCS / "exercises.md", "ko": DOCS / "exercises.ko.md"}
HEADS: dict[Language, str] = {
    "en": """# The exercises

[한국어](exercises.ko.md)

`./lab check` asks everything below by real calls, as the one who is named, and compares: "allowed" and "refused" are
both demands. It works the same on AWS and in the rehearsal. A row that nobody could be asked about is never a pass.

| command | what it does |
|---|---|
| `./lab stage` | shows the exercises, their stages, and where each stands |
| `./lab stage EXERCISE STAGE` | brings one to a stage, `off` included; any stage can follow any other |
| `./lab check [EXERCISE...]` | asks every row of the stages at which the exercises stand; `-v` shows each in full |
| `./lab check --every-stage` | moves the exercises through all stages by real updates and asks every row of each |
| `./lab check --json` | the same for a script: `rows` and `summary` |

What failed comes first, with its cause and the command that undoes it. The cause is computed from what stands: RBAC's
objects, `aws-auth` and access entries, trust and attached policies, annotation and association.

Exit codes: 0 all passed, or no exercise is on; 1 a row failed; 3 a row could not be asked, or an exercise that was
named is off. Each table shows the command as it is typed in `./lab shell`. Pods are asked by `kubectl exec`; what the
command line shows for the user testuser is asked with a key that is made for the check and deleted after it, and a
token that is signed anew. In eks-iam-test3 the AWS CLI keeps a role's session for an hour; the commands name a new
session (`AWS_ROLE_SESSION_NAME`), so that they see the trust policy as it is now.

testuser's permissions boundary stays as `exercises.testuserBoundary` sets it, during `--every-stage` too: with true the
rows mapping-…-aws-s3-denied are asked, with false mapping-…-aws-s3-allowed, and the check names those that were not.
No row shows STS an expired token (ExpiredTokenException): a service account's token lives for 600 seconds at least.

A row's command names what differs from lab to lab by variables. `$CLUSTER_NAME`, `$ACCOUNT_ID` and `$AWS_REGION` are
set in `./lab shell`; `$IRSA_ROLE`, `$POD_IDENTITY_ROLE`, `$NODE_ROLE`, `$TESTUSER_ARN`, `$ISSUER` and `$PARTITION`
stand for the lab's roles, user, OIDC issuer and partition; `*` stands for any characters but a slash.
""",
    "ko": """# 실습

[English](exercises.md)

`./lab check`는 아래의 모든 항목을 표에 적힌 주체로 실제로 호출해 보고 결과를 비교합니다. 허용되어야 하는 것도,
거부되어야 하는 것도 모두 검사합니다. AWS에서도 리허설에서도 똑같이 동작합니다. 물어볼 수 없었던 항목은 통과로 치지
않습니다.

| 명령 | 하는 일 |
|---|---|
| `./lab stage` | 실습, 각 실습의 단계, 지금 어느 단계에 있는지를 보여 줍니다 |
| `./lab stage EXERCISE STAGE` | 실습 하나를 원하는 단계로 옮깁니다. `off`도 되고, 순서는 상관없습니다 |
| `./lab check [EXERCISE...]` | 지금 단계의 모든 항목을 묻습니다. `-v`는 각 항목을 자세히 보여 줍니다 |
| `./lab check --every-stage` | 실제 업데이트로 모든 단계를 거치며 각 단계의 모든 항목을 묻습니다 |
| `./lab check --json` | 같은 내용을 스크립트용으로 출력합니다: `rows`와 `summary` |

실패한 항목이 원인과 되돌리는 명령과 함께 먼저 나옵니다. 원인은 현재 상태를 보고 찾아냅니다. RBAC 오브젝트,
`aws-auth`와 액세스 엔트리, 신뢰 정책과 연결된 정책, 어노테이션과 Pod Identity 연결(association)을 봅니다.

종료 코드: 0 모두 통과했거나 켜진 실습이 없음, 1 실패한 항목이 있음, 3 물어볼 수 없었던 항목이 있거나 이름을 적은
실습이 꺼져 있음. 표의 명령은 `./lab shell`에서 입력하는 그대로입니다. 파드에는 `kubectl exec`로 묻습니다. 사용자
testuser의 명령은 검사하는 동안만 있는 키와 새로 서명한 토큰으로 묻고, 키는 검사가 끝나면 지웁니다. eks-iam-test3에서
AWS CLI는 역할의 세션을 한 시간 동안 가지고 있으므로, 명령에 새 세션 이름(`AWS_ROLE_SESSION_NAME`)을 적어 지금의 신뢰
정책을 확인합니다.

testuser의 권한 경계는 `exercises.testuserBoundary`가 정한 대로이며 `--every-stage` 중에도 바뀌지 않습니다. true이면
mapping-…-aws-s3-denied 항목을, false이면 mapping-…-aws-s3-allowed 항목을 묻고, 묻지 않은 항목의 이름을 알려 줍니다.
STS에 만료된 토큰을 보내는 항목(ExpiredTokenException)은 없습니다. 서비스 어카운트의 토큰은 적어도 600초 동안 유효하기
때문입니다.

랩마다 다른 값은 명령에 변수로 나옵니다. `$CLUSTER_NAME`, `$ACCOUNT_ID`, `$AWS_REGION`은 `./lab shell`에 설정되어
있습니다. `$IRSA_ROLE`, `$POD_IDENTITY_ROLE`, `$NODE_ROLE`, `$TESTUSER_ARN`, `$ISSUER`, `$PARTITION`은 랩의 역할,
사용자, OIDC 발급자(issuer), 파티션을 나타냅니다. `*`는 슬래시가 아닌 모든 문자를 나타냅니다.
""",
}


class Words(NamedTuple):
    """What a page says around the data."""

    setting: str
    owasp: str
    newer: str
    stages: str
    played: str
    columns: str
    bound: Mapping[bool | None, str]
    """What is said of a row that is asked with, or without, testuser's permissions boundary alone."""


WORDS: dict[Language, Words] = {
    "en": Words(
        setting="Setting: `{}`.",
        owasp="OWASP Kubernetes Top Ten of 2022: {}",
        newer=", of 2025: {}",
        stages=". Stages: {}.",
        played="To be played: `{}`, from {}. Goals:",
        columns="| row | who | as typed | expected | why |",
        bound={None: "", True: " (with the permissions boundary)", False: " (without the permissions boundary)"},
    ),
    "ko": Words(
        setting="설정: `{}`.",
        owasp="OWASP Kubernetes Top Ten 2022년판: {}",
        newer=", 2025년판: {}",
        stages=". 단계: {}.",
        played="직접 해 볼 수 있습니다: `{}`. {} 단계에서 시작합니다. 목표:",
        columns="| 항목 | 주체 | 입력하는 명령 | 기대 | 이유 |",
        bound={None: "", True: " (권한 경계가 있을 때)", False: " (권한 경계가 없을 때)"},
    ),
}
TYPED = 3
"""Columns before those that are told in a language: what is expected, and why."""


def page(language: Language) -> str:
    return HEADS[language] + "".join(section for name in EXERCISES for section in _exercise(name, language))


def _exercise(name: ExerciseName, language: Language) -> Iterator[str]:
    exercise, told, words = EXERCISES[name], texts(name, language), WORDS[language]
    yield f"\n## {told.title}\n\n{told.about} {words.setting.format(f'myeks:exercises.{exercise.key}')}\n"
    yield from _numbers(exercise, words)
    if exercise.play and (play := told.play):
        names = shared(language).frame.names
        yield f"\n{words.played.format(f'./lab play {name}', exercise.play.start)}\n\n"
        yield from (f"- {names[goal]}: {text}\n" for goal, text in play.goals.items())
        yield f"\n{play.real}\n" if play.real else ""
        for part, task in play.parts.items():
            yield f"\n### {name}: {part}\n\n{task}"
    # Where every stage asks the same, the last one says it all.
    for stage in exercise.stages[-1:] if exercise.from_objects else exercise.stages:
        yield f"\n### {name} {stage}\n\n`./lab stage {name} {stage}`\n\n"
        yield f"{words.columns}\n|---|---|---|---|---|\n"
        for row in ROWS:
            if (row.exercise, row.stage) == (name, stage):
                yield _line(row, language)


def _numbers(exercise: Exercise, words: Words) -> Iterator[str]:
    if exercise.owasp_2022:
        newer = words.newer.format(", ".join(exercise.owasp_2025)) if exercise.owasp_2025 else ""
        stages = words.stages.format(", ".join(exercise.stages))
        yield f"\n{words.owasp.format(exercise.owasp_2022)}{newer}{stages}\n"


def _line(row: Row, language: Language) -> str:
    expected = told(row.expected.text, language) + WORDS[language].bound[row.boundary]
    cells = [row.name, row.subject, f"`{row.command}`", expected, why(row, language)]
    return "| " + " | ".join(cell.replace("|", "\\|").replace("*", _star(cell)) for cell in cells) + " |\n"


def _star(cell: str) -> str:
    """Outside of code, two stars in a row of text would be emphasis."""
    return "*" if cell.startswith("`") else "\\*"


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_is_current(language: Language):
    assert PAGES[language].read_text() == page(language)


def tables(language: Language) -> list[list[str]]:
    """The cells of every row's line that are the same in every language."""
    lines = [line.split(" | ") for line in PAGES[language].read_text().splitlines() if line.startswith("| ")]
    return [cells[:TYPED] for cells in lines if cells[0].removeprefix("| ") in {row.name for row in ROWS}]


def test_the_tables_agree_in_every_language():
    english = tables("en")
    assert len(english) > 300
    for language in LANGUAGES:
        assert tables(language) == english


if __name__ == "__main__":
    for language, file in PAGES.items():
        file.write_text(page(language))
