"""Entry point of `pulumi-resource-aws`: the engine starts it with its own address."""

import sys

from rehearsal import collector

if __name__ == "__main__":
    collector.off()
    from rehearsal.plugins.aws.provider import AwsProvider
    from rehearsal.plugins.server import serve

    serve(AwsProvider(), sys.argv[1:])
