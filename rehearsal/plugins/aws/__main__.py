"""Entry point of `pulumi-resource-aws`: the engine starts it with its own address."""

import sys

from rehearsal.plugins.aws.provider import AwsProvider
from rehearsal.plugins.server import serve

if __name__ == "__main__":
    serve(AwsProvider(), sys.argv[1:])
