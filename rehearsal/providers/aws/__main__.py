"""Entry point of `pulumi-resource-aws`: the engine starts it with its own address."""

import sys

from rehearsal import collector

if __name__ == "__main__":
    collector.off()
    from rehearsal.providers.aws.provider import AwsProvider
    from rehearsal.providers.server import serve

    serve(AwsProvider(), sys.argv[1:])
