"""Each kind's question in the documented form of its API: what is asked, and what is read out of the answer."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from operations.cleanup import KINDS, Resource
from tests.unit.operations.cleanup.finder_cases import CASES
from tests.unit.operations.cleanup.finder_cases.facts import LAB
from tests.unit.operations.cleanup.stubbed import Call, stubbed

BY_NAME = {kind.name: kind for kind in KINDS}


@pytest.mark.parametrize(("kind", "calls", "expected"), CASES, ids=[f"{case[0]}-{n}" for n, case in enumerate(CASES)])
def test_an_answer_is_read(kind: str, calls: list[Call], expected: list[Resource]) -> None:
    client, stubbers = stubbed(calls)
    assert list(BY_NAME[kind].find(client, LAB)) == expected
    for stubber in stubbers:
        stubber.assert_no_pending_responses()


def test_every_kind_has_its_case() -> None:
    assert {case[0] for case in CASES} == set(BY_NAME)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_refusal_is_not_an_empty_answer(kind: Any) -> None:
    first = next(case[1][0] for case in CASES if case[0] == kind.name)
    client, _ = stubbed([first._replace(answer="AccessDeniedException")])
    with pytest.raises(ClientError):
        list(kind.find(client, LAB))


@pytest.mark.parametrize("refused", ["", "OperationNotPermitted"])
def test_the_refusal_of_an_endpoints_deletion_stands_in_the_answer(refused: str) -> None:
    error = {"Code": refused, "Message": "Operation is not allowed for requester-managed VPC endpoints"}
    answer: dict[str, Any] = {"Unsuccessful": [{"ResourceId": "vpce-1", "Error": error}] if refused else []}
    client, stubbers = stubbed([Call("ec2", "delete_vpc_endpoints", {"VpcEndpointIds": ["vpce-1"]}, answer)])
    if refused:
        with pytest.raises(ClientError, match="requester-managed"):
            BY_NAME["VPC endpoint"].delete(client, Resource("vpce-1"))
    else:
        BY_NAME["VPC endpoint"].delete(client, Resource("vpce-1"))
    stubbers[0].assert_no_pending_responses()
