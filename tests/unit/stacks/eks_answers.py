"""EKS as tests of a lab's cluster have it answer."""

from typing import Any

from botocore.exceptions import ClientError


class Eks:
    def __init__(self, *answers: dict[str, Any] | str) -> None:
        self.answers = list(answers)

    def describe_cluster(self, name: str) -> dict[str, Any]:
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, str):
            raise ClientError({"Error": {"Code": answer, "Message": ""}}, "DescribeCluster")
        return {"cluster": answer}


ANOTHER: dict[str, Any] = {"status": "ACTIVE", "endpoint": "https://another"}
"""A cluster of the lab's name that is not the lab's."""
