"""A world of a test's own for the aws stand-in, and the checks that every program goes through."""

import json
import os
import sys
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3

from rehearsal import world
from rehearsal.providers.aws.base import DEFAULTS
from rehearsal.providers.aws.provider import AwsProvider
from rehearsal.providers.properties import Properties
from rehearsal.providers.protocol import Context
from rehearsal.toolchain.cache import ensure
from tests.rehearsal.plugin_engine import Engine, Run

REGION = "ap-northeast-2"
PLUGIN = [sys.executable, "-m", "rehearsal.providers.aws"]

# Outputs that tell of other resources, or of when they were looked at.
_LIVE = {
    "attachmentCount",
    "associationId",
    "egress",
    "ingress",
    "inlinePolicies",
    "managedPolicyArns",
    "modifiedAt",
    "networkInterface",
    "privateDns",
    "privateIp",
    "publicDns",
    "publicIp",
    "routes",
}


@contextmanager
def running(directory: Path) -> Generator[world.World]:
    """An emulator in that directory; ended, with everything of it, however the tests went."""
    before = os.environ.get("MYEKS_LAB_WORLD")
    os.environ["MYEKS_LAB_WORLD"] = str(directory)
    try:
        made = world.start(REGION, ensure(lambda _line: None), lambda _line: None)
        try:
            yield made
        finally:
            world.stop(made)
    finally:
        os.environ.pop("MYEKS_LAB_WORLD")
        if before is not None:
            os.environ["MYEKS_LAB_WORLD"] = before


@contextmanager
def environment(of: world.World) -> Generator[None]:
    """AWS settings of the world in this process, for boto3 and for handlers called without an engine."""
    saved = {name: value for name, value in os.environ.items() if name.startswith(("AWS_", "MYEKS_"))}
    for name in saved:
        if name in of.unset():
            del os.environ[name]
    os.environ.update(of.env())
    boto3.DEFAULT_SESSION = None  # it keeps the credentials of the world before
    try:
        yield
    finally:
        boto3.DEFAULT_SESSION = None
        for name in of.env():
            os.environ.pop(name, None)
        os.environ.update(saved)


def engine(directory: Path, of: world.World, **more: str) -> Engine:
    """An engine whose aws provider is the stand-in in that world."""
    made = Engine(directory, {"aws": PLUGIN}, {**of.env(), **more})
    for name in of.unset():
        made.env.pop(name, None)
    return made


def changed(run: Run) -> set[tuple[str, str]]:
    """Operation and logical name of what was not left alone; a replacement only by its name."""
    parts = ("same", "refresh", "create-replacement", "delete-replaced")
    return {(op, urn.rpartition("::")[2]) for op, urn in run.steps if op not in parts}


def imported(made: Engine, of: world.World) -> Iterable[tuple[str, list[tuple[str, bool]], set[str]]]:
    """What each resource looks like when nothing but its id is known.

    Name, the changes that the next update would show (with whether they
    replace), and the outputs that differ from those of its creation.
    """
    with environment(of):
        provider = AwsProvider()
        provider.configure(Context(), {"region": of.region})
        for known in decrypted(made.export()):
            if not known["type"].startswith("aws:"):
                continue
            name = known["urn"].rpartition("::")[2]
            resource = provider.resource(known["type"])
            ctx = Context(name=name, type=known["type"], random_seed=b"another")
            state = resource.read(ctx, known["id"], None)
            if state is None:
                yield name, [("not found by its id", True)], set()
                continue
            new = resource.check(ctx, state.inputs, given(known["inputs"]))
            changes = [(c.name, c.replace) for c in resource.diff(ctx, state, new).changes]
            differing = {key for key, value in known["outputs"].items() if state.outputs.get(key) != value}
            yield name, changes, differing - _LIVE


def decrypted(value: Any) -> Any:
    """A part of an exported state with plain values where it has secrets."""
    if isinstance(value, dict):
        return json.loads(value["plaintext"]) if "plaintext" in value else {k: decrypted(v) for k, v in value.items()}
    return [decrypted(item) for item in value] if isinstance(value, list) else value


def given(inputs: Properties) -> Properties:
    """What the program said, of inputs with the provider's defaults in them."""
    made: list[str] = inputs.get(DEFAULTS, [])
    return {key: value for key, value in inputs.items() if key not in made and not key.startswith("__")}


def goes_there_and_back(
    made: Engine, program: Callable[..., Callable[[], None]], change: Any, expected: set[tuple[str, str]]
) -> None:
    """A changed program shows exactly these changes, then none; and the old program again leads back."""
    assert changed(made.up(program(**change))) == expected
    assert changed(made.preview(program(**change))) == set()
    assert {name for _, name in changed(made.up(program()))} == {name for _, name in expected}
    assert changed(made.preview(program())) == set()
