"""Temporary passwords of database users, as GetCredentials and GetClusterCredentialsWithIAM give them."""

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from threading import Lock

from deploy.local.redshift.json_protocol import validation_error
from deploy.local.redshift.provision import Warehouse

DEFAULT_DURATION_SECONDS = 900
_DURATION_LIMITS_SECONDS = (900, 3600)


@dataclass(frozen=True)
class TemporaryPassword:
    """What a caller is given to log in with."""

    user: str
    password: str
    expires_at: datetime
    next_refresh_at: datetime


class TemporaryPasswords:
    """The passwords that the APIs of one warehouse have given.

    AWS keeps every password it gave valid for its own time; PostgreSQL has one per user. A new one while
    the last is still valid would lock out whoever holds that, so the last one is prolonged instead.
    """

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse
        self._given: dict[str, tuple[str, datetime]] = {}
        self._lock = Lock()

    def give(self, user: str, seconds: int) -> TemporaryPassword:
        """Return a password of the user, who is made if missing. Raises ServiceError for a time that AWS refuses."""
        if not _DURATION_LIMITS_SECONDS[0] <= seconds <= _DURATION_LIMITS_SECONDS[1]:
            raise validation_error("durationSeconds must be between 900 and 3600.")
        now = datetime.now(UTC)
        with self._lock:
            password, expires_at = self._given.get(user, ("", now))
            if expires_at <= now:
                password = secrets.token_urlsafe(32)
            expires_at = max(expires_at, now + timedelta(seconds=seconds))
            self._warehouse.set_password(user, password, expires_at)
            self._given[user] = (password, expires_at)
        ends_at = now + timedelta(seconds=seconds)
        return TemporaryPassword(user, password, ends_at, ends_at - timedelta(seconds=seconds / 2))
