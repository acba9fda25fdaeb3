"""Why a container does not run: words that go into its status, as a kubelet writes them."""


class NotStarted(Exception):
    """The container cannot be started now; `reason` is the status's one word for it.

    `for_good`: it will never be, whatever changes around it.
    """

    def __init__(self, reason: str, message: str, *, for_good: bool = False) -> None:
        super().__init__(message)
        self.reason = reason
        self.for_good = for_good


class NotRunning(Exception):
    """There is no process in which to run a command; the text goes to the client."""
