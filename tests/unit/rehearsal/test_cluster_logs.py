"""Control plane logs: no line is lost when a file is renamed, and what the authenticator's lines say."""

from pathlib import Path
from typing import Any, cast

from rehearsal.emulator.eks.iam_authenticator import Refused, Unmapped, User, denied, granted
from rehearsal.emulator.eks.logs import Followed, batches
from rehearsal.emulator.logs import forget_oldest
from rehearsal.emulator.ministack import Backend


def append(path: Path, text: str) -> None:
    with path.open("a") as file:
        file.write(text)


def test_a_file_is_followed_from_its_first_line_by_whole_lines(tmp_path: Path) -> None:
    path = tmp_path / "audit.log"
    followed = Followed(path)
    assert followed.lines() == []
    append(path, "one\ntwo\nthr")
    assert followed.lines() == ["one", "two"]
    append(path, "ee\n\n")
    assert followed.lines() == ["three"]
    assert followed.lines() == []


def test_no_line_is_lost_when_a_file_is_renamed_and_begun_again(tmp_path: Path) -> None:
    path = tmp_path / "audit.log"
    followed = Followed(path)
    append(path, "one\n")
    assert followed.lines() == ["one"]
    append(path, "two\n")
    path.rename(tmp_path / "audit-2026.log")
    assert followed.lines() == ["two"], "there is no new file yet"
    append(path, "three\n")
    append(tmp_path / "audit-2026.log", "late\n")
    assert followed.lines() == ["late", "three"]
    append(path, "four\n")
    assert followed.lines() == ["four"]


def test_batches_keep_to_put_log_events_limits() -> None:
    assert list(batches([])) == []
    assert [len(batch) for batch in batches(["x"] * 10_001)] == [10_000, 1]
    large = "ü" * 300_000
    assert [len(batch) for batch in batches([large, large, "x"])] == [1, 2]


def test_the_authenticator_s_lines_are_those_of_eks() -> None:
    """As shown in AWS's and others' articles on EKS's authenticator log, seen 2026-11."""
    arn = "arn:aws:iam::111122223333:role/admin"
    user = User("kubernetes-admin", "aws-iam-authenticator:111122223333:AROA1", ("system:masters", "b"), {"arn": [arn]})
    assert granted(user).split(" ", 1)[1] == (
        'level=info msg="access granted" arn="arn:aws:iam::111122223333:role/admin" client=127.0.0.1 '
        'groups="[system:masters b]" method=POST path=/authenticate uid="aws-iam-authenticator:111122223333:AROA1" '
        "username=kubernetes-admin"
    )
    assert 'level=warning msg="access denied" arn="arn:aws' in denied(Unmapped(arn))
    assert 'error="ARN is not mapped"' in denied(Unmapped(arn))
    assert 'error="the token has expired"' in denied(Refused("the token has expired"))


class Records:
    """Stands for the backend: ministack's stores, as dictionaries."""

    def __init__(self, stream: dict[str, Any], records: dict[str, Any]) -> None:
        self._stores = {"_log_groups": {"group": {"streams": {"stream": stream}}}, "_log_records": records}

    def records(self, service: str, store: str) -> dict[str, Any]:
        assert service == "cloudwatch_logs"
        return self._stores[store]


def test_a_stream_keeps_its_newest_events() -> None:
    events = [{"message": "x" * 10, "eventId": str(number), "timestamp": number} for number in range(5)]
    stream: dict[str, Any] = {"events": events, "firstEventTimestamp": 0}
    records: dict[str, Any] = {str(event["eventId"]): event for event in events}
    backend = cast("Backend", Records(stream, records))
    forget_oldest(backend, "group", "stream", 50)
    assert len(events) == 5
    forget_oldest(backend, "group", "stream", 29)
    assert [event["eventId"] for event in events] == ["3", "4"]
    assert records.keys() == {"3", "4"}
    assert stream["firstEventTimestamp"] == 3
    forget_oldest(backend, "group", "another", 0)
    forget_oldest(backend, "group", "stream", 0)
    assert (events, records, stream["firstEventTimestamp"]) == ([], {}, None)
