"""What can go wrong between Redshift's SQL and the PostgreSQL that stands in for it."""


class SqlNotSupported(Exception):
    """A statement the stand-in can't run as Redshift would, or that Redshift itself refuses.

    `sql_state` is the SQLSTATE the wire front reports; its default is "feature not supported".
    """

    def __init__(self, message: str, sql_state: str = "0A000") -> None:
        super().__init__(message)
        self.sql_state = sql_state


class StatementFailed(Exception):
    """A statement ended with an error; the text is what Redshift would report after `ERROR: `."""
