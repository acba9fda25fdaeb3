"""The Kubernetes provider that is built here: the real one, with the schema and the refusal that are ours."""

import json
import subprocess
from collections.abc import Generator
from importlib.metadata import version

import grpc
import pytest
from google.protobuf.empty_pb2 import Empty
from pulumi.runtime.proto import provider_pb2 as wire
from pulumi.runtime.proto.provider_pb2_grpc import ResourceProviderStub

from rehearsal.toolchain.cache import ensure


@pytest.fixture(scope="module")
def provider() -> Generator[ResourceProviderStub]:
    program = ensure(print) / "pulumi-resource-kubernetes"
    # No engine listens there; the provider speaks to it only when it has something to log.
    process = subprocess.Popen([program, "127.0.0.1:9"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            yield ResourceProviderStub(channel)
    finally:
        process.kill()
        process.communicate()


def test_it_is_as_new_as_the_programs_sdk(provider: ResourceProviderStub) -> None:
    assert provider.GetPluginInfo(Empty()).version == version("pulumi-kubernetes")


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("core/v1:ConfigMap", {"data", "binaryData", "immutable"}),
        ("core/v1:Secret", {"data", "stringData", "type", "immutable"}),
        ("apps/v1:Deployment", {"spec"}),
        ("rbac.authorization.k8s.io/v1:RoleBinding", {"roleRef", "subjects"}),
        ("storage.k8s.io/v1:StorageClass", {"provisioner", "parameters", "reclaimPolicy", "volumeBindingMode"}),
        ("networking.k8s.io/v1:Ingress", {"spec"}),
    ],
)
def test_its_schema_names_what_an_import_takes_as_inputs(
    provider: ResourceProviderStub, kind: str, fields: set[str]
) -> None:
    schema = json.loads(provider.GetSchema(wire.GetSchemaRequest(version=0)).schema)
    inputs = schema["resources"][f"kubernetes:{kind}"]["inputProperties"].keys()
    assert inputs >= fields | {"apiVersion", "kind", "metadata"}
    assert "status" not in inputs


def test_a_component_is_refused_by_its_name(provider: ResourceProviderStub) -> None:
    request = wire.ConstructRequest(type="kubernetes:helm.sh/v4:Chart", name="chart", project="any", stack="any")
    with pytest.raises(grpc.RpcError, match=r"kubernetes:helm\.sh/v4:Chart is one\. Use helm\.sh/v3:Release"):
        provider.Construct(request)
