"""What can go wrong in a way that we expect, and the exit code that says to a script which it was."""

from typing import Final

EXIT_CODES: Final = (
    "Exit codes: 0 done; 1 failed; 2 the settings or the command line are wrong, nothing was touched; "
    "3 could not be asked; 130 interrupted."
)


class Failure(Exception):
    """An expected failure: its text says what is wrong and what to do; no traceback is shown."""

    exit_code = 1


class BadInput(Failure):
    """A setting or an argument is wrong; nothing was registered or started."""

    exit_code = 2


class CannotAsk(Failure):
    """The thing that would have to answer is not there, so that nothing can be said either way."""

    exit_code = 3


class NotUp(CannotAsk):
    """The lab is not up, which may be right: it may not have been created yet."""


class Interrupted(Failure):
    """The user stopped it: its text says what that leaves and names the one command that goes on."""

    exit_code = 130
