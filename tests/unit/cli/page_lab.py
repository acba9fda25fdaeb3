"""A lab for the page's tests: what its readings tell, and a command line of which nothing is started."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import pytest

from cli.page import look
from cli.page.app import make
from cli.page.guard import Guard
from cli.page.look import Consent, Overview, Problem, Reader, Standing
from cli.page.runs import Runs
from exercises.catalogue import EXERCISES, OFF
from exercises.progress import Record
from stacks.cluster_facts import Node, Release
from stacks.landscape import Landscape, LoadBalancer, Machine, Network, Peering, Pod, Subnet
from stacks.landscape import Record as DnsRecord
from stacks.status import Addon, Facts
from tests.unit.cli.page_browser import PORT, Browser

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
EVIL = "<script>alert(1)</script>\"&'"
"""A name that a learner may give an object on AWS, or a message that quotes one."""

NOT_UP = Problem("The rehearsal is not up. Start it with ./lab up.", not_up=True)
NODE = "ip-192-168-1-1.ap-northeast-2.compute.internal"
FACTS = Facts(
    stack="rehearsal",
    region="ap-northeast-2",
    cluster="myeks",
    status="ACTIVE",
    version="1.36",
    endpoint="https://127.0.0.1:1",
    up_for_seconds=3700,
    nodes=(
        Node(NODE, "ap-northeast-2a", "t3.medium", ready=True, max_pods=100),
        Node("lost", "ap-northeast-2b", "t3.medium", ready=False, max_pods=100),
    ),
    max_pods=100,
    addons=(Addon("coredns", "v1", "DEGRADED"),),
    releases=(Release("grafana", "monitoring", "kube-prometheus-stack", "88", "failed", 1, change="./lab up"),),
    pages={},
    expires="",
)
SEEN = Landscape(
    networks=(
        Network(
            "vpc-1",
            "myeks-VPC",
            "192.168.0.0/16",
            (
                Subnet(
                    "subnet-1",
                    "public-1",
                    "ap-northeast-2a",
                    "192.168.1.0/24",
                    (Machine("i-1", EVIL, "t3.medium", "running", NODE, "192.168.1.1", "203.0.113.1"),),
                ),
            ),
        ),
        Network("vpc-2", "myeks-OpsVPC", "172.20.0.0/16", ()),
    ),
    peerings=(Peering("pcx-1", "vpc-2", "active"),),
    load_balancers=(LoadBalancer("myeks-ingress-alb", "alb.example.com", "active"),),
    records=(DnsRecord("grafana.example.com", "A", ("alb.example.com",)),),
    pods=(
        Pod("default", f"shop-{EVIL}", "Running", NODE),
        Pod("default", "late", "Pending", ""),
    ),
)
OVERVIEW = Overview("", True, FACTS, SEEN, None, "It stands until ./lab down.", None)


@dataclass
class Lab:
    """Where the exercises stand, what was done by hand, and what the page has started."""

    stages: dict[str, str] = field(default_factory=lambda: dict.fromkeys(EXERCISES, OFF))
    records: dict[str, Record] = field(default_factory=dict[str, Record])
    by_hand: list[str] = field(default_factory=list[str])
    problem: Problem | None = None
    fails: Exception | None = None
    overview: Overview = OVERVIEW
    started: list[Sequence[str]] = field(default_factory=list[Sequence[str]])
    goes_on: bool = False
    """Set: a command goes on until `end`."""

    process: _Process | None = None

    printed: Mapping[str, Any] = field(default_factory=dict[str, Any])
    said: str = ""
    code: int = 0

    def standing(self, _stack: str) -> Standing:
        return Standing("", {} if self.problem else self.stages, self.records, self.problem)

    def look(self, _stack: str) -> Overview:
        problem = self.problem
        return replace(self.overview, facts=None, seen=None, problem=problem) if problem else self.overview

    def consent(self, _stack: str, action: str, exercise: str) -> Consent:
        if self.fails:
            raise self.fails
        play = EXERCISES[exercise].play
        assert play
        found = tuple(self.by_hand)
        stage = play.solved if action == "solution" else play.start
        return Consent(action != "play" or bool(found), stage, found, costs=False, stands=self.problem is None)

    def plays(self, exercise: str, **changes: Any) -> None:
        play = EXERCISES[exercise].play
        assert play
        self.stages[exercise] = play.start
        self.records[exercise] = replace(Record(begun=NOW, is_open=True, since=NOW), **changes)

    async def start(self, *line: str, **options: Any) -> Any:
        assert options["stdin"] == asyncio.subprocess.DEVNULL
        self.started.append(line)
        self.process = _Process(self)
        return self.process

    def end(self) -> None:
        """The command that goes on, if there is one, ends."""
        if self.process:
            self.process.over()


class _Process:
    """What asyncio gives for a process."""

    pid = 4711

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self.stdout, self.stderr = asyncio.StreamReader(), asyncio.StreamReader()
        self.stderr.feed_data(lab.said.encode())
        self.stdout.feed_data(json.dumps(lab.printed).encode() if lab.printed else b"")
        if not lab.goes_on:
            self.over()

    async def wait(self) -> int:
        return self._lab.code

    def over(self) -> None:
        self.stdout.feed_eof()
        self.stderr.feed_eof()


@dataclass
class Opened:
    """The page in a browser."""

    browser: Browser
    runs: Runs

    async def over(self) -> None:
        """The command at work has come to its end."""
        for _ in range(200):
            if not self.runs.current:
                return
            await asyncio.sleep(0.01)
        pytest.fail("the command goes on")


@pytest.fixture
def lab(monkeypatch: pytest.MonkeyPatch) -> Lab:
    made = Lab()
    monkeypatch.setattr(look, "standing", made.standing)
    monkeypatch.setattr(look, "overview", made.look)
    monkeypatch.setattr(look, "consent", made.consent)
    monkeypatch.setattr(asyncio, "create_subprocess_exec", made.start)
    return made


async def opened(stack: str = "rehearsal") -> Opened:
    reader = Reader(stack)
    runs = Runs(lambda words: ["lab", *words], {})
    guard = Guard(make(stack, reader, runs), PORT)
    browser = Browser(guard)
    await browser.enter(guard)
    return Opened(browser, runs)
