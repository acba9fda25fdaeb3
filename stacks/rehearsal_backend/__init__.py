"""The stack that stands in the rehearsal: the only room of the lab that imports the rehearsal's engine and world."""

from typing import Final

from rehearsal.at_work import AlreadyRunning
from rehearsal.endpoint import WorldError
from rehearsal.outcome import RunFailed
from rehearsal.world import World
from stacks.rehearsal_backend.backend import RehearsalBackend
from stacks.rehearsal_backend.down import end_by_force
from stacks.rehearsal_backend.opening import tools

EXPECTED: Final = (RunFailed, AlreadyRunning, WorldError)
"""What the rehearsal raises with a text for the user; any error that was not shown before ends a command so."""

__all__ = ["EXPECTED", "RehearsalBackend", "World", "end_by_force", "tools"]
