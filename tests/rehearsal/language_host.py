"""Stands in for `pulumi-language-python`, which a user's Pulumi brings along: runs this lab's program for the CLI.

The charts' own repositories are not reached from here, so releases get their charts as in the rehearsal.
"""

import os
import signal
import sys
import time
from concurrent import futures

import grpc
from google.protobuf import empty_pb2
from pulumi.automation._server import LanguageServer
from pulumi.runtime.proto import language_pb2_grpc, plugin_pb2

from infra.stack import deploy
from rehearsal.charts.directory import Charts
from rehearsal.charts.releases import Releases
from rehearsal.paths import world_dir


def program() -> None:
    Releases(Charts(world_dir() / "charts"), (), ()).around(deploy)


class Host(LanguageServer):
    """Any program that it is asked to run is ours."""

    def GetPluginInfo(self, request: empty_pb2.Empty, context: grpc.ServicerContext) -> plugin_pb2.PluginInfo:  # noqa: N802
        return plugin_pb2.PluginInfo()


def serve() -> None:
    """Serve until the engine is gone; Ctrl-C is the engine's."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    server = grpc.server(futures.ThreadPoolExecutor(8))
    language_pb2_grpc.add_LanguageRuntimeServicer_to_server(Host(program), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    engine = os.getppid()
    while os.getppid() == engine:
        time.sleep(0.2)
    os._exit(0)


if __name__ == "__main__":
    serve()
