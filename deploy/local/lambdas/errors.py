"""What can keep a function from running, or from ending well."""


class FunctionError(Exception):
    """An invocation failed; the message is what Lambda would say, `error_type` its kind."""

    def __init__(self, error_type: str, message: str) -> None:
        super().__init__(message)
        self.error_type = error_type


class RoleNotAssumed(Exception):
    """A function's role is missing, or its trust policy does not admit Lambda."""
