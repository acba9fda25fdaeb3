"""A load balancer controller that is gone: what it made is deleted in its place, and its finalizers are taken off."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from infra.config.loading import parse
from infra.lab_tag import lab_tags
from operations.cleanup import LabIdentity
from rehearsal.environment import environment
from rehearsal.toolchain import cache
from stacks import ingresses
from stacks.aws_lab import LabSession
from stacks.console import Progress
from stacks.errors import Failure
from stacks.stack import Stack
from stacks.state import StackState
from tests.rehearsal.load_balancer_world import INGRESSES, NAME, World, build, install, until
from tests.rehearsal.played_emulator import REGION, Emulator

AGAIN = "./lab down --yes"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    directory = tmp_path_factory.mktemp("lbc")
    emulator = Emulator(directory / "world", "tests.rehearsal.pod_emulator", cache.ensure(print))
    try:
        made = build(emulator, directory)
        made.aws.ec2.create_tags(
            Resources=[made.aws.vpc],
            Tags=[{"Key": key, "Value": value} for key, value in lab_tags(REGION, NAME).items()],
        )
        arn = made.aws.eks.describe_cluster(name=NAME)["cluster"]["arn"]
        made.aws.eks.tag_resource(resourceArn=arn, tags=lab_tags(REGION, NAME))
        install(made)
        yield made
    finally:
        emulator.stop()


def opened(world: World) -> LabSession:
    cluster = world.aws.eks.describe_cluster(name=NAME)["cluster"]
    place = {"server": cluster["endpoint"], "certificate-authority-data": cluster["certificateAuthority"]["data"]}
    kubeconfig = {
        "current-context": NAME,
        "contexts": [{"name": NAME, "context": {"cluster": NAME, "user": NAME}}],
        "clusters": [{"name": NAME, "cluster": place}],
        "users": [{"name": NAME, "user": {}}],
    }
    stack = Stack("rehearsal", Path("Pulumi.rehearsal.yaml"), parse({}, REGION))
    return LabSession(stack, LabIdentity(NAME, REGION), world.emulator.client, StackState(kubeconfig=kubeconfig))


def clear(world: World, *, yes: bool) -> None:
    variables = {
        "AWS_ACCESS_KEY_ID": world.emulator.key,
        "AWS_SECRET_ACCESS_KEY": world.emulator.secret,
        "AWS_ENDPOINT_URL": world.emulator.endpoint,
        "AWS_REGION": REGION,
    }
    with environment(variables, {"AWS_PROFILE", "AWS_SESSION_TOKEN"}):
        ingresses.clear(opened(world), Progress(), yes=yes, again=AGAIN)


def finalizers(world: World, name: str) -> Any:
    return world.ingress(name)["metadata"].get("finalizers")


def test_what_the_controller_made_goes_with_consent_alone(
    world: World, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, group in (("grafana", "study"), ("shop", None)):
        world.page(name, group)
    for name in ("grafana", "shop"):
        world.host(name)
    until(lambda: len(world.left()["rules"]) >= 1, "a rule for the pods")
    # A controller that works takes its finalizers off itself.
    clear(world, yes=True)
    assert capsys.readouterr().err == ""
    assert finalizers(world, "grafana") == ["group.ingress.k8s.aws/study"]

    world.scale(0)
    world.delete("grafana")
    with pytest.raises(Failure, match=r"run \./lab down --yes: it deletes its load balancers"):
        clear(world, yes=False)
    assert "finalizer group.ingress.k8s.aws/study" in capsys.readouterr().err
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr(typer, "confirm", lambda _: False)
    with pytest.raises(typer.Exit):
        clear(world, yes=False)
    assert len(world.left()["balancers"]) == 2
    assert not world.is_gone("grafana")

    clear(world, yes=True)
    said = capsys.readouterr().err
    assert world.is_clean(), world.left()
    assert world.is_gone("grafana")
    # Nobody told this one to go: it stays, and nothing keeps it.
    assert not finalizers(world, "shop")
    assert "deleted: load balancer myeks-study" in said
    assert [each["metadata"]["name"] for each in world.get(INGRESSES)["items"]] == ["shop"]
    # Its webhooks went too, or no Ingress could be changed any more.
    world.kubernetes.request("DELETE", f"{INGRESSES}/shop")
    assert world.is_gone("shop")
