"""Starts the plugin; the engine runs this through a launcher named `pulumi-resource-kubernetes`."""

import sys

from rehearsal.plugins.kubernetes.provider import KubernetesProvider
from rehearsal.plugins.server import serve

serve(KubernetesProvider(), sys.argv[1:])
