"""A program that leads its Kubernetes provider to a cluster that is not the rehearsal's: nobody there is called."""

from __future__ import annotations

import json
import select
import socket
from collections.abc import Iterator
from pathlib import Path

import pulumi
import pytest
from pulumi_kubernetes import Provider
from pulumi_kubernetes.core.v1 import Namespace

from rehearsal import transforms
from rehearsal.outcome import RunFailed
from rehearsal.stack import RehearsalStack
from rehearsal.toolchain.cache import ensure
from rehearsal.world import World
from tests.rehearsal import plugin_aws_world
from tests.rehearsal.plugin_engine import Program


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with plugin_aws_world.running(tmp_path_factory.mktemp("world") / "w") as made:
        yield made


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as made:
        yield made


def was_called(listener: socket.socket) -> bool:
    return bool(select.select([listener], [], [], 0.2)[0])


def foreign(server: str) -> Program:
    """A program with one namespace in that cluster."""
    cluster = {"name": "c", "cluster": {"server": server, "insecure-skip-tls-verify": True}}
    context = {"name": "c", "context": {"cluster": "c", "user": "u"}}
    config = {
        "clusters": [cluster],
        "contexts": [context],
        "users": [{"name": "u", "user": {}}],
        "current-context": "c",
    }

    def program() -> None:
        # As the real one comes: known only when the cluster is there, and maybe a secret.
        kubeconfig = pulumi.Output.secret(json.dumps(config))
        provider = Provider("foreign", kubeconfig=kubeconfig)
        Namespace("there", metadata={"name": "there"}, opts=pulumi.ResourceOptions(provider=provider))

    return program


def stack(world: World, directory: Path, program: Program) -> RehearsalStack:
    (directory / "Pulumi.yaml").write_text("name: foreign\nruntime: python\n")
    (directory / "Pulumi.test.yaml").write_text("config:\n  aws:region: ap-northeast-2\n")
    return RehearsalStack(
        world,
        ensure(lambda _: None),
        project_file=directory / "Pulumi.yaml",
        stack_file=directory / "Pulumi.test.yaml",
        program=program,
    )


def test_it_is_refused_before_a_connection_is_made(world: World, listener: socket.socket, tmp_path: Path):
    server = f"https://127.0.0.1:{listener.getsockname()[1]}"
    made = stack(world, tmp_path, foreign(server))
    for run in (made.preview, made.up):
        with pytest.raises(RunFailed) as refused:
            run()
        assert str(refused.value).startswith(f"foreign: Its kubeconfig leads to {server}, which is no cluster of")
        assert "Traceback" not in str(refused.value)
    assert not was_called(listener)


def test_without_the_refusal_there_is_no_way_to_another_host(
    world: World, listener: socket.socket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(transforms, "prove_own", lambda *_: None)
    port = listener.getsockname()[1]
    # To the provider an address like that of any host; here it leads to the listener.
    with pytest.raises(RunFailed, match="unreachable"):
        stack(world, tmp_path, foreign(f"https://0.0.0.0:{port}")).up()
    assert not was_called(listener)
    # It would be called: the same provider reaches what is on loopback.
    with pytest.raises(RunFailed):
        stack(world, tmp_path, foreign(f"https://127.0.0.1:{port}")).up()
    assert was_called(listener)


def test_a_run_after_refused_ones_ends_well(world: World, tmp_path: Path):
    for _ in range(3):
        with pytest.raises(RunFailed, match="no cluster of the rehearsal"):
            stack(world, tmp_path, foreign("https://127.0.0.1:1")).up()
    assert stack(world, tmp_path, lambda: None).up().changes
