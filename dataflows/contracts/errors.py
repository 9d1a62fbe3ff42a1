"""The two kinds of error: one that passes by itself, and one that somebody has to mend."""


class TransientError(Exception):
    """Something that may work next time: the work is retried, with the same input."""


class TerminalError(Exception):
    """Something that fails each time until somebody changes it: shown, never retried blindly.

    `reason` is a stable word for machines (`invalid_property_id`); the message is for people and
    says what happened, to what, and what to do next.
    """

    def __init__(self, message: str, *, reason: str) -> None:
        super().__init__(message)
        self.reason = reason


class InvalidDataFlowError(TerminalError):
    """A data flow's definition that cannot be carried out as it is asked."""
