"""Starts the plugin; the engine runs this through a launcher named `pulumi-resource-eks`."""

from rehearsal.plugins.eks.server import main

main()
