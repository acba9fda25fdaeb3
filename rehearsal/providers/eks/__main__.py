"""Starts the plugin; the engine runs this through a launcher named `pulumi-resource-eks`."""

from rehearsal import collector

if __name__ == "__main__":
    collector.off()
    from rehearsal.providers.eks.server import main

    main()
