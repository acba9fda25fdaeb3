"""The kubernetes stand-in's configuration, its way to the cluster, and recorded Helm releases."""

import json
from pathlib import Path
from typing import Any

import pytest
from pulumi import _types  # pyright: ignore[reportPrivateUsage]  # knows the names on the wire
from pulumi_kubernetes.helm.v3 import ReleaseArgs, RepositoryOptsArgs
from pulumi_kubernetes.provider import ProviderArgs

from rehearsal.plugins.kubernetes import release, settings
from rehearsal.plugins.kubernetes.client import Client
from rehearsal.plugins.kubernetes.credentials import Credentials
from rehearsal.plugins.kubernetes.objects import KubernetesObject
from rehearsal.plugins.kubernetes.provider import KubernetesProvider
from rehearsal.plugins.kubernetes.release import Release
from rehearsal.plugins.properties import UNKNOWN, Properties
from rehearsal.plugins.protocol import (
    Context,
    InvalidPropertiesError,
    ProviderError,
    State,
    UnknownTokenError,
)

CTX = Context(urn="urn:x", name="r", type="t", random_seed=b"seed")


def kubeconfig(server: str = "https://127.0.0.1:6443", namespace: str | None = None) -> dict[str, Any]:
    context = {"cluster": "c", "user": "u", **({"namespace": namespace} if namespace else {})}
    return {
        "clusters": [
            {"name": "c", "cluster": {"server": server}},
            {"name": "d", "cluster": {"server": "https://[::1]"}},
        ],
        "contexts": [{"name": "x", "context": context}, {"name": "y", "context": {"cluster": "d"}}],
        "users": [{"name": "u", "user": {"token": "t"}}],
        "current-context": "x",
    }


def access(**changes: Any) -> settings.Access:
    return settings.access(settings.parse({"kubeconfig": json.dumps(kubeconfig()), **changes}))


def test_the_current_context_is_taken() -> None:
    found = access()
    assert (found.server, found.user, found.namespace) == ("https://127.0.0.1:6443", {"token": "t"}, "default")


def test_context_cluster_and_namespace_can_be_chosen() -> None:
    assert access(context="y").server == "https://[::1]"
    assert access(cluster="d").server == "https://[::1]"
    assert access(namespace="n").namespace == "n"
    own = json.dumps(kubeconfig(namespace="m"))
    assert access(kubeconfig=own).namespace == "m"
    assert access(kubeconfig=own, namespace="n").namespace == "n"


def test_yaml_and_files_do_as_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "clusters: [{name: c, cluster: {server: https://127.0.0.1}}]\ncontexts: [{name: x, context: {cluster: c}}]\n"
    assert access(kubeconfig=text, context="x").server == "https://127.0.0.1"
    file = tmp_path / "config"
    file.write_text(json.dumps(kubeconfig()))
    assert access(kubeconfig=str(file)).server == "https://127.0.0.1:6443"
    monkeypatch.setenv("KUBECONFIG", str(file))
    assert access(kubeconfig="").server == "https://127.0.0.1:6443"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"context": "z"}, "no context 'z'"),
        ({"cluster": "z"}, "no cluster 'z'"),
        ({"kubeconfig": "/nowhere/config"}, "/nowhere/config cannot be read"),
        ({"kubeconfig": "{"}, "neither JSON nor YAML"),
        ({"kubeconfig": "[]\n"}, "holds no clusters"),
    ],
)
def test_a_kubeconfig_that_leads_nowhere_says_why(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ProviderError, match=said):
        access(**changes)


@pytest.mark.parametrize(
    "server",
    [
        "https://ABC.gr7.ap-northeast-2.eks.amazonaws.com",
        "https://10.0.0.1:6443",
        "https://localhost:6443",
        "https://127.0.0.1.example.com",
        "127.0.0.1:6443",
        "",
    ],
)
def test_a_cluster_that_may_be_elsewhere_is_not_entered(server: str) -> None:
    with pytest.raises(ProviderError, match="is not on this machine"):
        Client(settings.Access(server, {}, {}, "default"))


@pytest.mark.parametrize("server", ["https://127.0.0.1:6443", "https://127.3.2.1", "https://[::1]:6443"])
def test_loopback_is_entered(server: str) -> None:
    Client(settings.Access(server, {}, {}, "default"))


@pytest.mark.parametrize("name", sorted(_types.input_type_py_to_pulumi_names(ProviderArgs).values()))
def test_every_setting_of_the_sdk_is_played_or_refused(name: str) -> None:
    assert (name in settings.PLAYED) != (name in settings.UNPLAYED)
    if name in settings.UNPLAYED:
        with pytest.raises(InvalidPropertiesError, match=f"does not play '{name}'"):
            settings.check({name: "true"})
    else:
        settings.check({name: "true"})


def test_what_is_no_setting_is_refused() -> None:
    with pytest.raises(InvalidPropertiesError, match="'kubeConfig' is not a setting"):
        settings.check({"kubeConfig": ""})
    with pytest.raises(InvalidPropertiesError, match="server-side apply alone"):
        settings.check({"enableServerSideApply": "false"})
    settings.check({"version": "4.34.2", "__internal": {}})


def test_switches_come_from_the_program_and_else_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not settings.parse({}).delete_unreachable
    monkeypatch.setenv("PULUMI_K8S_DELETE_UNREACHABLE", "true")
    monkeypatch.setenv("PULUMI_K8S_ENABLE_CONFIGMAP_MUTABLE", "true")
    assert settings.parse({}).delete_unreachable
    assert not settings.parse({"deleteUnreachable": "false"}).delete_unreachable
    assert settings.parse({"enableConfigMapMutable": True}).mutable_config_maps


def config(server: str, **more: Any) -> Properties:
    return {"kubeconfig": json.dumps(kubeconfig(server)), **more}


@pytest.mark.parametrize(
    ("old", "new", "replaced"),
    [
        (config("https://127.0.0.1:1"), config("https://127.0.0.1:2"), {"kubeconfig"}),
        (config("https://127.0.0.1:1"), config("https://127.0.0.1:1", namespace="n"), set()),
        (config("https://127.0.0.1:1"), {"kubeconfig": UNKNOWN}, {"kubeconfig"}),
        (
            config("https://127.0.0.1:1", clusterIdentifier="a"),
            config("https://127.0.0.1:2", clusterIdentifier="a"),
            set(),
        ),
        (
            config("https://127.0.0.1:1", clusterIdentifier="a"),
            config("https://127.0.0.1:1", clusterIdentifier="b"),
            {"clusterIdentifier"},
        ),
        (config("https://127.0.0.1:1"), config("https://127.0.0.1:1", context="y"), {"context"}),
    ],
)
def test_another_cluster_replaces_the_provider(old: Properties, new: Properties, replaced: set[str]) -> None:
    found = KubernetesProvider().diff_config(CTX, old, new)
    assert found.changes
    assert {change.name for change in found.changes if change.replace} == replaced


def test_another_user_of_the_same_cluster_does_not() -> None:
    other = kubeconfig()
    other["users"][0]["user"]["token"] = "u"
    found = KubernetesProvider().diff_config(CTX, config("https://127.0.0.1:6443"), {"kubeconfig": json.dumps(other)})
    assert [change.replace for change in found.changes] == [False]


def test_types_and_functions_that_are_not_played_are_named() -> None:
    provider = KubernetesProvider()
    assert isinstance(provider.resource("kubernetes:core/v1:Pod"), KubernetesObject)
    assert isinstance(provider.resource("kubernetes:helm.sh/v3:Release"), Release)
    with pytest.raises(UnknownTokenError, match=r"resource type kubernetes:helm.sh/v4:Chart"):
        provider.resource("kubernetes:helm.sh/v4:Chart")
    with pytest.raises(UnknownTokenError, match=r"function kubernetes:yaml:decode"):
        provider.invoke(CTX, "kubernetes:yaml:decode", {})


def test_without_a_kubeconfig_no_namespace_is_known(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    assert KubernetesProvider().default_namespace() == ""


def test_other_credentials_of_a_kubeconfig(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("from-file\n")
    assert Credentials({"token": "t"}).header() == {"Authorization": "Bearer t"}
    assert Credentials({"tokenFile": str(file)}).header() == {"Authorization": "Bearer from-file"}
    assert Credentials({"username": "a", "password": "b"}).header() == {"Authorization": "Basic YTpi"}
    assert Credentials({}).header() == {}
    assert not Credentials({"token": "t"}).forget({})
    with pytest.raises(ProviderError, match="cannot be read"):
        Credentials({"tokenFile": str(tmp_path / "none")}).header()


# -- releases

RELEASE: Properties = {
    "chart": "external-dns",
    "version": "1.21.1",
    "namespace": "kube-system",
    "repositoryOpts": {"repo": "https://kubernetes-sigs.github.io/external-dns/"},
    "values": {"policy": "sync"},
    "compat": "true",
}


def releases() -> Release:
    provider = KubernetesProvider()
    provider.configure(CTX, config("https://127.0.0.1:6443"))
    return Release(provider)


def test_every_input_of_the_sdks_release_is_known() -> None:
    assert set(_types.input_type_py_to_pulumi_names(ReleaseArgs).values()) == release.KNOWN
    assert set(_types.input_type_py_to_pulumi_names(RepositoryOptsArgs).values()) == release.REPOSITORY


def test_a_release_gets_name_namespace_and_timeout() -> None:
    checked = releases().check(CTX, None, RELEASE)
    assert checked["name"].startswith("r-")
    assert checked["timeout"] == 300
    assert "compat" not in checked
    assert releases().check(CTX, checked, RELEASE)["name"] == checked["name"]
    assert releases().check(CTX, None, {**RELEASE, "namespace": None})["namespace"] == "default"
    assert "timeout" not in releases().check(CTX, None, {**RELEASE, "skipAwait": True})


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"chart": None}, "chart"),
        ({"version": None}, "version"),
        ({"repositoryOpts": None}, "repositoryOpts.repo"),
        ({"repositoryOpts": {"repo": "eks"}}, "repositoryOpts.repo"),
        ({"repositoryOpts": {"url": "https://x"}}, "repositoryOpts.url"),
        ({"chart": "eks/aws-load-balancer-controller"}, "chart"),
        ({"value": {}}, "value"),
        ({"valueYamlFiles": ["x"]}, "valueYamlFiles"),
    ],
)
def test_what_helm_could_not_install_is_refused(changes: Properties, path: str) -> None:
    with pytest.raises(InvalidPropertiesError) as error:
        releases().check(CTX, None, {**RELEASE, **changes})
    assert path in {failure.property for failure in error.value.failures}


def test_unknown_values_are_no_problem_in_a_preview() -> None:
    unknown = {**RELEASE, "chart": UNKNOWN, "version": UNKNOWN, "repositoryOpts": UNKNOWN, "values": UNKNOWN}
    assert releases().check(CTX, None, unknown)["chart"] is UNKNOWN
    previewed = releases().preview(CTX, None, RELEASE)
    assert previewed["status"] is UNKNOWN
    assert previewed["resourceNames"] is UNKNOWN


def test_values_update_a_release_and_its_name_replaces_it() -> None:
    checked = releases().check(CTX, None, RELEASE)
    old = State("id", checked, {**checked, "status": {"revision": 4}})
    same = releases().diff(CTX, old, checked)
    assert not same.changes
    changed = {**checked, "values": {"policy": "upsert-only"}, "namespace": "other"}
    found = {change.name: change.replace for change in releases().diff(CTX, old, changed).changes}
    assert found == {"values.policy": False, "namespace": True}
    updated = releases().update(CTX, old, {**checked, "version": "1.22.0"})
    assert updated["status"] == {
        "appVersion": "",
        "chart": "external-dns",
        "name": checked["name"],
        "namespace": "kube-system",
        "revision": 5,
        "status": "recorded",
        "version": "1.22.0",
    }
