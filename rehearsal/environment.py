"""This process's environment, changed for a while: the engine, boto3 and the Kubernetes client are led by it."""

import os
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Final

PREVIEW: Final = {"PULUMI_K8S_ENABLE_SERVER_SIDE_APPLY": "false"}
"""Environment of a preview that is to show every creation. With server-side apply the Kubernetes provider tries each at
the API server, and ends the preview where an object of that name has other fields."""


@contextmanager
def environment(values: Mapping[str, str], unset: frozenset[str] | set[str]) -> Generator[None]:
    """This process's environment with `values` set and `unset` removed, put back afterwards."""
    before = dict(os.environ)
    for name in unset:
        os.environ.pop(name, None)
    os.environ.update(values)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
