"""Why a container does not run: words that go into its status, as a kubelet writes them."""


class NotStarted(Exception):
    """The container cannot be started now; `reason` is the status's one word for it."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class NotRunning(Exception):
    """There is no process in which to run a command; the text goes to the client."""
