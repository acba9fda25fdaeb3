"""`python -m rehearsal.cluster.controllers.load_balancer --cluster-name … [--aws-region …] [--aws-vpc-id …]`."""

import os
import signal
import socket
import sys
import uuid
from typing import Any

from kubernetes.leaderelection import electionconfig
from kubernetes.leaderelection.leaderelection import LeaderElection
from kubernetes.leaderelection.resourcelock.leaselock import LeaseLock

from rehearsal.cluster.controllers.load_balancer.aws import Aws
from rehearsal.cluster.controllers.load_balancer.cluster import Cluster, connect
from rehearsal.cluster.controllers.load_balancer.controller import Controller, knows_bindings
from rehearsal.cluster.controllers.load_balancer.metadata import completed
from rehearsal.cluster.controllers.load_balancer.settings import parse
from rehearsal.cluster.controllers.load_balancer.webhook import serve

LEASE_SECONDS, RENEW_SECONDS, RETRY_SECONDS = 15, 10, 2
"""As the real controller's library has them."""


def main() -> None:
    """Serve the webhooks, and act while this process holds the lease; ends with an error when it loses it."""
    settings = parse(sys.argv[1:])
    try:
        settings = completed(settings)
    except OSError as error:
        sys.exit(f"The node does not tell its region and VPC: {error}. Set --aws-region and --aws-vpc-id.")
    signal.signal(signal.SIGTERM, _end)
    namespace = connect()
    cluster = Cluster()
    if not knows_bindings(cluster):
        sys.exit("The cluster does not know TargetGroupBindings. Install the chart with its definitions.")
    try:
        serve(cluster, settings)
    except OSError as error:
        sys.exit(f"The webhooks cannot be served: {error}. Look at the Secret with their certificate.")
    controller = Controller(cluster, Aws(settings), settings)
    identity = f"{socket.gethostname()}_{uuid.uuid4()}"
    lock: Any = LeaseLock(settings.lease, settings.lease_namespace or namespace, identity)
    election = electionconfig.Config(
        lock,
        lease_duration=LEASE_SECONDS,
        renew_deadline=RENEW_SECONDS,
        retry_period=RETRY_SECONDS,
        onstarted_leading=controller.run,
        onstopped_leading=lambda: sys.exit("The lease is lost: another may act now."),
    )
    LeaderElection(election).run()


def _end(number: int, frame: object) -> None:
    # At once, wherever it stands: threads that wait for the API server would keep the process.
    del number, frame
    os._exit(0)


if __name__ == "__main__":
    main()
