"""What was made by hand: taken over where it is as the lab makes it, else replaced with consent, or named."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any, cast

import pytest
import typer
from botocore.exceptions import ClientError

from exercises.catalogue import EXERCISES
from exercises.made import made as every_object
from infra.config.loading import parse
from stacks import made_by_hand, pending_operations
from stacks.console import Progress
from stacks.errors import CannotAsk, Failure
from stacks.in_cluster import Cluster
from stacks.made_by_hand import Takeover
from stacks.object_differences import differences, known
from stacks.stack import Stack

Object = dict[str, Any]
ARN = "arn:aws:iam::111122223333:user/testuser"
PROVIDER = "urn:pulumi:x::myeks::pulumi:providers:kubernetes::cluster-kubernetes"
AWS_PROVIDER = "urn:pulumi:x::myeks::pulumi:providers:aws::default"
STACK = "urn:pulumi:x::myeks::pulumi:pulumi:Stack::x"
COMPONENT = "urn:pulumi:x::myeks::myeks:components:RbacExercise::rbac"
USER = "aws:iam/user:User"
ENTRY = "aws:eks/accessEntry:AccessEntry"
TAGS = {"myeks:lab": "ap-northeast-2/myeks"}


def manifest(kind: str, name: str, namespace: str = "", **more: Any) -> Object:
    made = next(each for each in every_object() if (each.kind, each.name, each.namespace) == (kind, name, namespace))
    return {**deepcopy(made.manifest), **more}


def of(kind: str, inputs: Object, parent: str = COMPONENT) -> Object:
    provider = f"{AWS_PROVIDER if kind.startswith('aws:') else PROVIDER}::id"
    name = inputs.get("name") or inputs.get("principalArn") or inputs["metadata"]["name"]
    urn = f"urn:pulumi:x::myeks::{kind}::{name}"
    resource = {"urn": urn, "type": kind, "custom": True, "inputs": inputs, "parent": parent, "provider": provider}
    # As `pulumi preview --json` has it: some of it is still to be made.
    return {**resource, "dependencies": [f"{urn}-policy"], "propertyDependencies": {"tags": [f"{urn}-policy"]}}


def namespace() -> Object:
    return of("kubernetes:core/v1:Namespace", manifest("Namespace", "dev-team"))


def pod(**spec: Any) -> Object:
    inputs = manifest("Pod", "dev-kubectl", "dev-team", spec={"serviceAccountName": "dev-k8s", **spec})
    return of("kubernetes:core/v1:Pod", inputs)


def account(**meta: Any) -> Object:
    inputs = manifest("ServiceAccount", "dev-k8s", "dev-team")
    return of("kubernetes:core/v1:ServiceAccount", {**inputs, "metadata": {**inputs["metadata"], **meta}})


def user(**inputs: Any) -> Object:
    return of(USER, {"name": "testuser", "path": "/", "tags": TAGS, **inputs})


class Engine:
    """A state, and what an update would create beside it."""

    def __init__(self, *creates: Object) -> None:
        self.creates = list(creates)
        component = {"urn": COMPONENT, "type": "myeks:components:RbacExercise", "custom": False, "parent": STACK}
        self.component = component
        self.previews = 0
        self.on_restore: list[Object] = []
        self.deployment: Object = {
            "resources": [
                {"urn": STACK, "type": "pulumi:pulumi:Stack", "custom": False},
                {"urn": PROVIDER, "type": "pulumi:providers:kubernetes", "id": "id", "custom": True},
                {"urn": AWS_PROVIDER, "type": "pulumi:providers:aws", "id": "id", "custom": True},
            ]
        }

    def to_create(self) -> list[Object]:
        self.previews += 1
        there = {each["urn"] for each in self.deployment["resources"]}
        return [each for each in (self.component, *self.creates) if each["urn"] not in there]

    def export(self) -> Object:
        return {"version": 3, "deployment": deepcopy(self.deployment)}

    def restore(self, kept: Mapping[str, Any]) -> None:
        self.deployment = kept["deployment"]
        self.creates += self.on_restore

    @property
    def taken(self) -> list[str]:
        return [each["id"] for each in self.deployment["resources"][3:] if each.get("custom")]


class Inside:
    """A cluster with these objects in it."""

    def __init__(self, *objects: Object) -> None:
        self.objects = [self.made(each) for each in objects]
        self.removed: list[str] = []

    @staticmethod
    def made(inputs: Object) -> Object:
        found = deepcopy(inputs)
        found["metadata"] |= {"uid": "1", "managedFields": [{"manager": "kubectl-create"}]}
        if found["kind"] == "Pod":
            found["spec"] |= {"nodeName": "ip-1", "volumes": [{"name": "kube-api-access-x1y2z"}]}
        return found

    def read(self, inputs: Object) -> Object | None:
        key = (inputs["kind"], inputs["metadata"]["name"])
        return next((each for each in self.objects if (each["kind"], each["metadata"]["name"]) == key), None)

    def would_be(self, inputs: Object) -> Object:
        made = self.made(inputs)
        if made["kind"] == "Pod":
            del made["spec"]["nodeName"]
            made["spec"]["volumes"] = [{"name": "kube-api-access-a9b8c"}]
        return made

    def manager(self, _inputs: Object) -> str:
        return ""

    def remove(self, inputs: Object) -> None:
        self.removed.append(inputs["metadata"]["name"])
        self.objects = [each for each in self.objects if each["metadata"]["name"] != inputs["metadata"]["name"]]


class Iam:
    """An account with or without the user."""

    def __init__(self, *, has: bool = False, entry: bool = False, **more: Any) -> None:
        self.has, self.entry, self.more = has, entry, more

    def __call__(self, _service: str) -> Iam:
        return self

    @staticmethod
    def none() -> ClientError:
        return ClientError({"Error": {"Code": "NoSuchEntity", "Message": "none"}}, "GetUser")

    def get_user(self, **_: Any) -> Object:
        if not self.has:
            raise self.none()
        return {"User": {"UserName": "testuser", "Path": "/", "Arn": ARN, **self.more}}

    def list_attached_user_policies(self, **_: Any) -> Object:
        return {"AttachedPolicies": [{"PolicyArn": "arn:admin"}]}

    def list_access_keys(self, **_: Any) -> Object:
        return {"AccessKeyMetadata": [{"AccessKeyId": "AKIA1"}]}

    def describe_access_entry(self, **_: Any) -> Object:
        if not self.entry:
            raise ClientError({"Error": {"Code": "ResourceNotFoundException", "Message": "none"}}, "Describe")
        return {"accessEntry": {"type": "STANDARD", "tags": {}}}

    def list_pod_identity_associations(self, **_: Any) -> Object:
        return {"associations": []}


ALL = {"exercises": {"rbac": "after", "identityMapping": "entry"}}


def run(
    engine: Engine, inside: Inside | None = None, iam: Iam | None = None, *, agrees: bool | None = None, **settings: Any
) -> list[str]:
    """Look and take over; the questions that were asked."""
    asked: list[str] = []

    def agree(question: str) -> bool:
        asked.append(question)
        if agrees is None:
            pytest.fail("asked")
        return agrees

    stack = Stack("x", Path("Pulumi.x.yaml"), parse(settings or ALL, "ap-northeast-2"))
    cluster = cast("Cluster | None", inside)
    Takeover(stack, engine, iam or Iam(), lambda *_: cluster, Progress(), agree).run(engine.deployment)
    return asked


def test_what_is_as_the_lab_makes_it_is_taken_over_unasked(capsys: pytest.CaptureFixture[str]):
    engine = Engine(namespace(), account(), pod(image="x"))
    inside = Inside(*(each["inputs"] for each in engine.creates))
    run(engine, inside)
    assert engine.taken == ["dev-team", "dev-team/dev-k8s", "dev-team/dev-kubectl"]
    urns = [each["urn"] for each in engine.deployment["resources"]]
    # The engine takes no state in which a resource comes before the component around it.
    assert urns.index(COMPONENT) == 3
    made = engine.deployment["resources"][-1]
    assert made["refreshBeforeUpdate"] is True
    # Nor one that names what is not in it.
    assert not {"dependencies", "propertyDependencies"} & made.keys()
    assert not engine.deployment["pending_operations"]
    assert inside.removed == []
    assert engine.previews == 1
    assert "Made by hand, and taken over: Namespace dev-team, ServiceAccount" in capsys.readouterr().err


@pytest.mark.parametrize("settings", [{"exercises": {}}, {"exercises": {"identityMapping": "unmapped"}}])
def test_nothing_in_the_way_costs_no_preview(settings: Object):
    engine = Engine(namespace())
    run(engine, Inside(namespace()["inputs"]), **settings)
    run(engine, Inside(), Iam())
    run(engine, None, Iam())
    assert engine.previews == 0
    assert engine.taken == []


def test_what_the_state_has_already_is_in_nobody_s_way():
    engine = Engine()
    engine.deployment["resources"].append({**namespace(), "id": "dev-team"})
    run(engine, Inside(namespace()["inputs"]))
    assert engine.previews == 0


def test_what_differs_is_replaced_after_a_yes(capsys: pytest.CaptureFixture[str]):
    engine = Engine(namespace(), pod(image="lab"), account())
    inside = Inside(namespace()["inputs"], pod(image="mine")["inputs"], account()["inputs"])
    assert run(engine, inside, agrees=True) == ["Made by hand; replace?"]
    assert inside.removed == ["dev-kubectl"]
    assert engine.taken == ["dev-team", "dev-team/dev-k8s"]
    assert "Pod dev-team/dev-kubectl (spec.image)" in capsys.readouterr().err


def test_after_a_no_everything_stays_and_the_commands_are_named():
    engine = Engine(namespace(), pod(image="lab"), user())
    inside = Inside(namespace()["inputs"], pod(image="mine")["inputs"])
    with pytest.raises(Failure, match="Add --yes to replace it") as error:
        run(engine, inside, Iam(has=True), agrees=False)
    assert [line.strip() for line in str(error.value).splitlines()[1:]] == [
        "aws iam detach-user-policy --user-name testuser --policy-arn arn:admin",
        "aws iam delete-access-key --user-name testuser --access-key-id AKIA1",
        "aws iam delete-user --user-name testuser",
        "kubectl delete pod dev-kubectl --namespace dev-team",
    ]
    assert inside.removed == []
    assert engine.taken == []


def test_what_eksctl_made_eksctl_deletes():
    label = {"labels": {"app.kubernetes.io/managed-by": "eksctl"}}
    annotations = {"eks.amazonaws.com/role-arn": pending_operations.UNKNOWN}
    engine = Engine(account(annotations=annotations))
    with pytest.raises(Failure, match=r"eksctl delete iamserviceaccount --cluster .* --name dev-k8s"):
        run(engine, Inside(account(**label)["inputs"]), agrees=False)


def test_a_pod_is_no_better_than_its_account():
    """Its token, and a role that it was given, are of the account that goes."""
    engine = Engine(pod(image="x"), account(annotations={"eks.amazonaws.com/role-arn": pending_operations.UNKNOWN}))
    inside = Inside(pod(image="x")["inputs"], account()["inputs"])
    run(engine, inside, agrees=True)
    assert inside.removed == ["dev-k8s", "dev-kubectl"]
    alone = Inside(pod(image="x")["inputs"])
    run(Engine(pod(image="x"), account()), alone, agrees=True)
    assert alone.removed == ["dev-kubectl"]


def test_a_user_stays_and_is_changed():
    engine = Engine(user(permissionsBoundary=pending_operations.UNKNOWN))
    assert run(engine, Inside(), Iam(has=True), agrees=True) == ["Made by hand; replace?"]
    (found,) = [each for each in engine.deployment["resources"] if each["type"] == USER]
    assert (found["id"], found["inputs"]) == ("testuser", {"name": "testuser", "path": "/", "tags": TAGS})


def test_somebody_s_user_is_asked_about_even_when_it_is_alike():
    tags = [{"Key": key, "Value": value} for key, value in TAGS.items()]
    assert run(Engine(user()), Inside(), Iam(has=True, Tags=tags), agrees=True) == ["Made by hand; replace?"]


def test_a_name_that_is_known_later_is_looked_for_later():
    engine = Engine(user(), of(ENTRY, {"clusterName": "myeks", "principalArn": pending_operations.UNKNOWN}))
    engine.on_restore = [of(ENTRY, {"clusterName": "myeks", "principalArn": ARN, "type": "STANDARD", "tags": TAGS})]
    run(engine, Inside(), Iam(has=True, entry=True), agrees=True)
    assert engine.taken == ["testuser", f"myeks:{ARN}"]
    assert engine.previews <= made_by_hand.ROUNDS


def test_without_a_state_to_take_it_into_the_command_is_named():
    engine = Engine(user())
    engine.deployment["resources"] = []
    with pytest.raises(Failure, match=r"Delete it, then run this again: .*aws iam delete-user --user-name testuser"):
        run(engine, None, Iam(has=True))


def test_what_cannot_be_asked_is_left_to_the_engine():
    class Silent(Inside):
        def read(self, inputs: Object) -> Object | None:
            raise CannotAsk("The cluster does not answer.")

    engine = Engine(namespace())
    run(engine, Silent())
    assert engine.previews == 0


def test_what_is_being_deleted_is_waited_for(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("tenacity.nap.time.sleep", lambda _: inside.objects.clear())
    inside = Inside(namespace()["inputs"])
    inside.objects[0]["metadata"]["deletionTimestamp"] = "2026-11-29T00:00:00Z"
    engine = Engine(namespace())
    run(engine, inside)
    assert (engine.taken, inside.objects) == ([], [])


def test_the_label_of_the_preview_is_nobody_s():
    labelled = namespace()
    labelled["inputs"]["metadata"]["labels"] = {"app.kubernetes.io/managed-by": "pulumi"}
    engine = Engine(labelled)
    run(engine, Inside(namespace()["inputs"]))
    assert engine.deployment["resources"][-1]["inputs"] == namespace()["inputs"]


LIVE: Object = {"metadata": {"name": "p", "annotations": {"a": "1", "kubectl.kubernetes.io/last-applied": "{}"}}}


@pytest.mark.parametrize(
    ("wanted", "live", "found"),
    [
        ({}, {}, []),
        ({"annotations": {"a": "1", "pulumi.com/skipAwait": "true"}}, {}, []),
        ({"annotations": {"a": "2"}}, {}, ["metadata.annotations.a"]),
        ({"labels": {"b": "1"}}, {}, ["metadata.labels.b"]),
        (
            {},
            {"annotations": {"eks.amazonaws.com/role-arn": "arn"}},
            ["metadata.annotations.eks.amazonaws.com/role-arn"],
        ),
    ],
)
def test_labels_and_annotations_that_the_lab_gives_are_compared(wanted: Object, live: Object, found: list[str]):
    asked = {"metadata": {"name": "p", **wanted}}
    there = {"metadata": {**LIVE["metadata"], **live}}
    assert list(differences(asked, there, there)) == found


def test_everything_that_the_api_server_would_make_is_compared():
    def rules(*verbs: str) -> Object:
        return {"metadata": {"name": "r"}, "rules": [{"verbs": list(verbs)}]}

    assert list(differences(rules("*"), rules("*"), rules("*"))) == []
    assert list(differences(rules("*"), rules("get"), rules("*"))) == ["rules[0].verbs[0]"]
    assert list(differences(rules("*"), rules("*", "get"), rules("*"))) == ["rules[0].verbs"]
    assert list(differences(rules("*"), rules("*"), None)) != []


def test_what_is_not_known_yet_is_left_out():
    inputs = {
        "a": pending_operations.UNKNOWN,
        "__defaults": ["x"],
        "b": {"c": f"arn:{pending_operations.UNKNOWN}", "d": [pending_operations.UNKNOWN, 1]},
    }
    assert known(inputs) == {"b": {"d": [1]}}


def test_consent_is_given_at_the_terminal_or_before(monkeypatch: pytest.MonkeyPatch):
    def confirm(_question: str, *, err: bool) -> bool:
        assert err
        raise typer.Abort

    monkeypatch.setattr(typer, "confirm", confirm)
    assert made_by_hand.confirmed(yes=True)("?")
    assert not made_by_hand.confirmed(yes=False)("?")
    monkeypatch.setattr(typer, "confirm", lambda _, err: True)
    assert made_by_hand.confirmed(yes=False)("?")
    assert not made_by_hand.nobody("?")


def test_the_list_of_what_is_made_names_stages_that_there_are():
    assert all(set(each.stages) <= set(EXERCISES[each.exercise].stages) for each in every_object())
    (after,) = [each for each in every_object() if each.name == "roleB-dev-team"]
    assert after.stages == ("after", "least")
    assert next(each for each in every_object() if each.name == "my-sa").stages == ("account", "on", "wide")
