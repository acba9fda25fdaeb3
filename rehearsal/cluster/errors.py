"""What can go wrong with a control plane, in one type that callers can catch."""


class ControlPlaneError(Exception):
    """The control plane could not do what was asked: what is wrong, then what to do."""
