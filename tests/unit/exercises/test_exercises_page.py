"""docs/exercises.md tells every row, drawn from the rows themselves.

Write it anew after a change of the rows: python -m tests.unit.exercises.test_exercises_page
"""

from collections.abc import Iterator
from pathlib import Path

from exercises.catalogue import EXERCISES, Exercise
from exercises.registry import ROWS
from grading.check import ExerciseName, Row

PAGE = Path(__file__).parents[3] / "docs" / "exercises.md"
HEAD = """# The exercises

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
"""


def page() -> str:
    return HEAD + "".join(section for name in EXERCISES for section in _exercise(name))


def _exercise(name: ExerciseName) -> Iterator[str]:
    exercise = EXERCISES[name]
    yield f"\n## {exercise.title}\n\n{exercise.words.about} Setting: `myeks:exercises.{exercise.key}`.\n"
    yield from _numbers(exercise)
    if exercise.play and (words := exercise.words.play):
        yield f"\nTo be played: `./lab play {name}`, from {exercise.play.start}. Goals:\n\n"
        yield from (f"- {goal}: {text}\n" for goal, text in words.goals.items())
        yield f"\n{words.real}\n" if words.real else ""
        for part, task in words.parts.items():
            yield f"\n### {name}: {part}\n\n{task}"
    # Where every stage asks the same, the last one says it all.
    for stage in exercise.stages[-1:] if exercise.from_objects else exercise.stages:
        yield f"\n### {name} {stage}\n\n`./lab stage {name} {stage}`\n\n"
        yield "| row | who | as typed | expected | why |\n|---|---|---|---|---|\n"
        for row in ROWS:
            if (row.exercise, row.stage) == (name, stage):
                yield _line(row)


def _numbers(exercise: Exercise) -> Iterator[str]:
    if exercise.owasp_2022:
        newer = f", of 2025: {', '.join(exercise.owasp_2025)}" if exercise.owasp_2025 else ""
        stages = ", ".join(exercise.stages)
        yield f"\nOWASP Kubernetes Top Ten of 2022: {exercise.owasp_2022}{newer}. Stages: {stages}.\n"


def _line(row: Row) -> str:
    bound = {None: "", True: " (with the permissions boundary)", False: " (without the permissions boundary)"}
    cells = [row.name, row.subject, f"`{row.command}`", row.expected.text + bound[row.boundary], row.why]
    return "| " + " | ".join(cell.replace("|", "\\|").replace("*", _star(cell)) for cell in cells) + " |\n"


def _star(cell: str) -> str:
    """Outside of code, two stars in a row of text would be emphasis."""
    return "*" if cell.startswith("`") else "\\*"


def test_the_page_is_current():
    assert PAGE.read_text() == page()


if __name__ == "__main__":
    PAGE.write_text(page())
