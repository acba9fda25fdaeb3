"""A provider that takes everything and writes down what it was asked, to see what a component registers.

Run as a program: `plugin_recorder.py NAME DISTRIBUTION RECORD ENGINE`. Each
creation is a JSON line in the file RECORD, in the order of the calls.
"""

import json
import os
import sys
import threading
import time
from importlib import metadata
from pathlib import Path
from typing import Any

from rehearsal.providers.properties import UNKNOWN, Properties, changes
from rehearsal.providers.protocol import Context, Diff, Provider, Resource, State
from rehearsal.providers.server import serve

ACCOUNT = "111122223333"
SLOW = os.environ.get("RECORDER_SLOW_TYPE", "")
SLOW_SECONDS = 2.0
ARN = f"arn:aws:eks:ap-northeast-2:{ACCOUNT}:cluster/"


def computed(token: str, inputs: Properties) -> Properties:
    """What the real provider adds to the inputs, as far as anybody reads it."""
    name = inputs.get("name") or "named"
    if token == "aws:eks/cluster:Cluster":
        return {
            "arn": f"{ARN}{name}",
            "name": name,
            "endpoint": "https://127.0.0.1:6443",
            "certificateAuthority": {"data": "Q0E="},
            "identities": [{"oidcs": [{"issuer": "https://oidc.eks.ap-northeast-2.amazonaws.com/id/ABC"}]}],
            "version": inputs.get("version") or "1.36",
            "accessConfig": inputs.get("accessConfig") or {"authenticationMode": "CONFIG_MAP"},
            "vpcConfig": {**inputs["vpcConfig"], "clusterSecurityGroupId": "sg-made-by-eks"},
        }
    if token == "aws:iam/role:Role":
        return {"arn": f"arn:aws:iam::{ACCOUNT}:role/{name}", "name": name}
    if token == "aws:iam/openIdConnectProvider:OpenIdConnectProvider":
        return {"arn": f"arn:aws:iam::{ACCOUNT}:oidc-provider/oidc"}
    if token == "aws:ec2/securityGroupRule:SecurityGroupRule":
        return {"securityGroupRuleId": "sgr-1"}
    return {}


class Anything(Resource):
    """Every resource type."""

    def __init__(self, record: "Recorder") -> None:
        self.record = record

    def check(self, ctx: Context, old: Properties | None, new: Properties) -> Properties:
        return new

    def diff(self, ctx: Context, old: State, new: Properties) -> Diff:
        return Diff(changes(old.inputs, new))

    def preview(self, ctx: Context, old: State | None, inputs: Properties) -> Properties:
        if old is not None:
            return {**old.outputs, **inputs}
        return {**inputs, **dict.fromkeys(computed(ctx.type, {"vpcConfig": {}, **inputs}), UNKNOWN)}

    def create(self, ctx: Context, inputs: Properties) -> State:
        self.record.write(
            {"urn": ctx.urn, "type": ctx.type, "name": ctx.name, "inputs": inputs, "at": time.monotonic()}
        )
        if ctx.type == SLOW:
            time.sleep(SLOW_SECONDS)
        return State(f"{ctx.name}-id", inputs, {**inputs, **computed(ctx.type, inputs)})

    def read(self, ctx: Context, identity: str, known: State | None) -> State | None:
        return known

    def update(self, ctx: Context, old: State, inputs: Properties) -> Properties:
        return {**old.outputs, **inputs}

    def delete(self, ctx: Context, old: State) -> None:
        return None


class Recorder(Provider):
    """The provider NAME at the version of the installed DISTRIBUTION."""

    def __init__(self, name: str, distribution: str, record: Path) -> None:
        self.name = name
        self.version = metadata.version(distribution)
        self._record = record
        self._lock = threading.Lock()

    def write(self, entry: dict[str, Any]) -> None:
        """Add a line to the record."""
        with self._lock, self._record.open("a") as file:
            file.write(json.dumps(entry) + "\n")

    def configure(self, ctx: Context, config: Properties) -> None:
        if config.get("kubeconfig"):
            self.write({"type": f"pulumi:providers:{self.name}", "inputs": config})

    def resource(self, token: str) -> Resource:
        return Anything(self)

    def invoke(self, ctx: Context, token: str, args: Properties) -> Properties:
        if token.startswith("aws:index/getPartition"):
            return {"partition": "aws", "dnsSuffix": "amazonaws.com"}
        self.write({"type": token, "inputs": args})
        return {"version": f"v9-{args['addonName']}-{args['kubernetesVersion']}"}


if __name__ == "__main__":
    serve(Recorder(sys.argv[1], sys.argv[2], Path(sys.argv[3])), sys.argv[4:])
