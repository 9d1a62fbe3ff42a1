"""What AppFlow answers with, and what ends a run."""

from deploy.local.aws.service import ServiceError


class ConnectorError(Exception):
    """Google did not do what it was asked; `code` is what an API call answers with."""

    code = "ConnectorServerException"
    status = 400

    def as_service_error(self) -> ServiceError:
        """Return it as the answer of an API call."""
        return ServiceError(self.code, str(self), self.status)


class ConnectorAuthenticationError(ConnectorError):
    """Google does not accept the profile's credentials (any more): somebody has to connect it again."""

    code = "ConnectorAuthenticationException"
    status = 401


class RunFailedError(Exception):
    """A run ends in `Error`; the message goes into its record and its event."""


class RunCanceledError(Exception):
    """Somebody cancelled the run."""


def not_found(kind: str, name: str) -> ServiceError:
    """Return the error for something that is not there."""
    return ServiceError("ResourceNotFoundException", f"The {kind} {name} does not exist.", 404)


def conflict(message: str) -> ServiceError:
    """Return the error for a request that what exists stands against."""
    return ServiceError("ConflictException", message, 409)
