"""Stacks on AWS, in the user's own Pulumi backend."""

from stacks.aws_backend.backend import AwsBackend

__all__ = ["AwsBackend"]
