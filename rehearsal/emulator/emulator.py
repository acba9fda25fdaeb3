"""The emulator put together: ministack, what is added to it, and the account's first user.

One object holds what has to be started and stopped, so that tests can have an
emulator in their own process and the server has nothing to do but serve.
"""

import asyncio
import os
import re
import resource
import sys
from pathlib import Path
from typing import Any

from rehearsal.emulator.admin_api import Routes
from rehearsal.emulator.assume_role import AssumeRole
from rehearsal.emulator.authorization import Authorization
from rehearsal.emulator.classic_elb import ClassicBalancers
from rehearsal.emulator.ec2.service import Ec2
from rehearsal.emulator.eks.service import Eks
from rehearsal.emulator.eks.state import ControlPlaneFactory
from rehearsal.emulator.elbv2.service import LoadBalancing
from rehearsal.emulator.fault_injection import Faults, Spoiler
from rehearsal.emulator.iam import Iam
from rehearsal.emulator.internal_calls import Calls
from rehearsal.emulator.logs import Logs
from rehearsal.emulator.managed_policies import MANAGED_POLICIES
from rehearsal.emulator.ministack import Backend
from rehearsal.emulator.operator import Operator
from rehearsal.emulator.protection import Protection
from rehearsal.emulator.request_authentication import SigV4Middleware
from rehearsal.emulator.settings import BUCKET, Settings
from rehearsal.emulator.sts_web_identity import WebIdentity
from rehearsal.emulator.tagging import Tagging


class Emulator:
    """One emulated AWS account."""

    def __init__(self, settings: Settings, control_plane: ControlPlaneFactory) -> None:
        """Imports ministack; `backend.clean_environment` must have been called in this process."""
        self.settings = settings
        self.backend = Backend(settings)
        self.calls = Calls(self.backend)
        authorization = Authorization(self.backend)
        self.ec2 = Ec2(self.backend, self.calls, authorization)
        LoadBalancing(self.backend, self.calls, self.ec2.interfaces, authorization)
        # After whoever answers the calls of version 2: it takes only its own out of them.
        ClassicBalancers(self.backend, self.calls, self.ec2.interfaces)
        Tagging(self.backend)
        Protection(self.backend)
        self.faults = Faults()
        self.eks = Eks(self.backend, self.calls, self.ec2, control_plane, self.faults.fails_later)
        Iam(self.backend)
        Logs(self.backend)
        web_identity = WebIdentity(self.backend, self.eks.tokens)
        AssumeRole(self.backend, self.calls)
        self.operator = Operator(self.calls, settings)
        self.ended = asyncio.Event()
        own_hosts = frozenset({settings.host, f"localhost:{settings.port}"})
        self.app = Routes(
            Spoiler(SigV4Middleware(self.backend.app, own_hosts, web_identity.answer), self.faults, self.eks.wire),
            settings,
            status=self.status,
            shutdown=self.ended.set,
            operator=self.operator.restore,
            webhook=self.eks.review,
            node=self.eks.pods.answer,
            faults=self.faults,
        )

    async def start(self) -> None:
        """Make the account's contents and the operator's credential files; call in the serving event loop."""
        self.backend.on_start()
        for policy in MANAGED_POLICIES:
            self.backend.add_managed_policy(policy.name, policy.document, policy.description)
        await self.operator.restore()
        await self._make_bucket()

    async def _make_bucket(self) -> None:
        # Where a bucket's name stands in a request is not the serializer's to say, but an endpoint rule's.
        region = self.settings.region
        place = (
            f"<CreateBucketConfiguration><LocationConstraint>{region}</LocationConstraint></CreateBucketConfiguration>"
        )
        authorization = {"Authorization": self.backend.root_authorization("s3", region), "Host": self.settings.host}
        body = b"" if region == "us-east-1" else place.encode()
        made = await self.backend.request("PUT", f"/{BUCKET}", headers=authorization, body=body)
        if made.status != 200:
            raise RuntimeError(f"The bucket {BUCKET} cannot be made: {made.body.decode()}")

    async def stop(self) -> None:
        """Stop every control plane."""
        await self.eks.stop()

    def status(self) -> dict[str, Any]:
        """What runs: {"clusters": {name: {endpoint, version, status, processes, nodes}}, "rss_bytes", "pid"}."""
        return {"pid": os.getpid(), "rss_bytes": rss_bytes(), "clusters": self.eks.status()}


def rss_bytes() -> int:
    """Resident memory of this process now; its peak where the system does not tell what it is now."""
    try:
        found = re.search(r"^VmRSS:\s+(\d+) kB", Path("/proc/self/status").read_text(), re.MULTILINE)
    except OSError:
        found = None
    if found:
        return int(found[1]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
