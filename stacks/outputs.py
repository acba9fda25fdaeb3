"""A standing lab's outputs, with the environment in which its AWS and its API server answer.

For the rehearsal both come from the running world; for an AWS stack the outputs
come from the user's own Pulumi backend and the environment is the user's own,
with the profile that the stack's settings name.
"""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rehearsal import paths
from rehearsal.environment import environment
from stacks import pulumi_cli, rehearsal_backend
from stacks.console import Progress
from stacks.errors import NotUp
from stacks.stack import Stack


@contextmanager
def outputs_of(stack: Stack) -> Generator[tuple[Mapping[str, Any], Path]]:
    """The stack's outputs and a directory for files of its shell; raises NotUp when it is not up.

    While the block runs, this process's environment is the one in which the lab's AWS answers.
    """
    if not stack.is_rehearsal:
        directory = paths.cache_dir() / "stacks" / stack.name
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Pulumi's own backend is reached as the user reaches it.
        standing = _standing(stack, pulumi_cli.outputs(stack.name))
        with environment(*stack.aws_environment):
            yield standing, directory
        return
    world = rehearsal_backend.running()
    recorded = rehearsal_backend.stack_in(world, rehearsal_backend.tools(Progress()), stack)
    with environment(recorded.environment(), world.unset()):
        yield _standing(stack, recorded.outputs()), world.dir


def _standing(stack: Stack, outputs: Mapping[str, Any]) -> Mapping[str, Any]:
    if not outputs.get("kubeconfig"):
        raise NotUp(f"Stack {stack.name} is not up. Stand it up with ./lab up{stack.option}.")
    return outputs
