"""What can go wrong in answering from the reports."""

from dataflows.contracts.errors import TerminalError


class SlowQueryError(TerminalError):
    """A question that takes longer to answer than one may."""

    def __init__(self) -> None:
        super().__init__(
            "This takes too long to answer: ask for fewer days, properties or filter values.", reason="query_too_slow"
        )
