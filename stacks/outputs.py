"""A standing lab's outputs, with the environment in which its AWS and its API server answer."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from stacks import backend
from stacks.stack import Stack


def outputs_of(stack: Stack) -> AbstractContextManager[tuple[Mapping[str, Any], Path]]:
    """The stack's outputs and a directory for files of its shell; raises NotUp when it is not up.

    While the block runs, this process's environment is the one in which the lab's AWS answers.
    """
    return backend.of(stack).outputs()
