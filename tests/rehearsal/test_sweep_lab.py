"""`lab sweep` on a standing rehearsal, and `lab down` of a lab whose cluster is gone already."""

import json

from tests.rehearsal.conftest import Lab


def test_a_lab_deleted_past_the_engine_still_comes_down_by_one_command(lab: Lab) -> None:
    assert "not up" in lab("sweep", code=3).stderr
    lab("up")

    standing = json.loads(lab("sweep", "--json", code=1).stdout)
    assert standing["notAsked"] == []
    assert standing["engine"]["resources"] > 50
    found = {each["kind"]: each["found"] for each in standing["asked"]}
    assert (found["cluster"], found["node group"], found["instance"], found["VPC"]) == (1, 1, 5, 2)
    # Nothing of a whole lab is without its tag or name, but for what goes with an instance.
    assert [each for each in standing["left"] if not each["deletable"] and not each["goesByItself"]] == []

    refused = lab("sweep", "--delete", "--yes", code=2)
    assert "./lab down" in refused.stderr
    assert json.loads(lab("sweep", "--json", code=1).stdout)["left"] != []

    swept = json.loads(lab("sweep", "--delete", "--yes", "--force", "--json", code=1).stdout)
    assert (swept["left"], swept["notDeleted"], swept["notAsked"]) == ([], [], [])
    # All that is left is what the engine believes.
    assert swept["engine"]["resources"] == standing["engine"]["resources"]

    ended = lab("down", timeout=120)
    assert "the cluster is gone" in ended.stderr
    assert "Nothing is left" in ended.stderr
