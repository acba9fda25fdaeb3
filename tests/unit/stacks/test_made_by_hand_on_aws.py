"""What AWS is asked of before an update, by what the state knows."""

from typing import Any, cast

from exercises.made import USER
from stacks import made_by_hand_on_aws


def test_a_user_that_was_not_read_yet_has_no_entry_to_ask_for():
    asked: list[str] = []

    def client(service: str) -> Any:
        asked.append(service)
        raise AssertionError(service)

    user = {"type": "aws:iam/user:User", "id": USER, "outputs": {"name": USER}}
    stages = cast("Any", {"identity-mapping": "entry", "pod-identity": "off"})
    assert not made_by_hand_on_aws.is_anything_there(client, "myeks", stages, [user])
    assert asked == []
