"""What can be wrong with an unload."""

from dataflows.contracts.errors import TerminalError


class QuarantineError(TerminalError):
    """An unload that must not be loaded: nothing of it becomes visible, and its objects are kept."""
