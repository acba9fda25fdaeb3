"""The lab that is looked for, and names that several answers share."""

from datetime import UTC, datetime
from typing import Any

from operations.cleanup import LabIdentity, Resource
from tests.unit.operations.cleanup.stubbed import Call

Cases = list[tuple[str, list[Call], list[Resource]]]
"""Name of a kind, the calls by which it is found, and what is found."""

LAB = LabIdentity("myeks", "ap-northeast-2", "example.com", "Z0123456789ABCDEFGHIJ")
AT = datetime(2026, 11, 24, tzinfo=UTC)
MILLIS = int(AT.timestamp() * 1000)
TAG = [{"Key": "myeks:lab", "Value": LAB.id}]
NAMED = [*TAG, {"Key": "Name", "Value": "myeks-thing"}]
TAGS = {"myeks:lab": LAB.id}
ALL_TAGS = {**TAGS, "Name": "myeks-thing"}
ELB = "arn:aws:elasticloadbalancing:ap-northeast-2:111122223333"
BALANCER = f"{ELB}:loadbalancer/app/myeks-ingress-alb/0123456789abcdef"
CLASSIC = "a0123456789abcdef0123456789abcde"
OWNED = {"kubernetes.io/cluster/myeks": "owned"}
TARGET = f"{ELB}:targetgroup/k8s-monitori-grafana-0123456789/0123456789abcdef"
LOGS = "arn:aws:logs:ap-northeast-2:111122223333:log-group:"
ROLE = "arn:aws:iam::111122223333:role/nodes-role-1"
POLICY = "arn:aws:iam::111122223333:policy/lbc-irsa-policy-1"
PROVIDER = "arn:aws:iam::111122223333:oidc-provider/oidc.eks.ap-northeast-2.amazonaws.com/id/1"
KEY = "0123abcd-0123-0123-0123-0123456789ab"
SECRET = "arn:aws:secretsmanager:ap-northeast-2:111122223333:secret:myeks-payment-AbCdEf"
USER = {"User": {"UserName": "testuser", "UserId": "AIDA1234567890123456", "Arn": f"{ROLE}", "Path": "/"}}
USER["User"] |= {"CreateDate": AT, "Tags": TAG}  # pyright: ignore[reportArgumentType]  # a date among texts


def role(name: str, path: str = "/") -> dict[str, Any]:
    return {"RoleName": name, "RoleId": "AROA1234567890123456", "Arn": ROLE, "Path": path, "CreateDate": AT}
