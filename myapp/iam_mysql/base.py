"""Django's MySQL backend, logging in with an IAM token in place of a password, as RDS Proxy asks for it."""

from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
from django.core.exceptions import ImproperlyConfigured
from django.db.backends.mysql import base

if TYPE_CHECKING:
    from mypy_boto3_rds import RDSClient


class DatabaseWrapper(base.DatabaseWrapper):
    """A connection whose password is made when it is opened: a token is good for 15 minutes."""

    def get_connection_params(self) -> dict[str, Any]:
        """Return what Django's own backend returns, with a fresh token as the password.

        The token is sent as it is (MySQL's `mysql_clear_password`), so raises ImproperlyConfigured without TLS.
        """
        parameters: dict[str, Any] = super().get_connection_params()
        if "ssl" not in parameters:
            raise ImproperlyConfigured("Set MYAPP_DATABASE_CA_BUNDLE: an IAM token is sent over TLS only.")
        parameters["password"] = _rds().generate_db_auth_token(
            DBHostname=parameters["host"], Port=parameters["port"], DBUsername=parameters["user"]
        )
        return parameters


@cache
def _rds() -> "RDSClient":
    return boto3.client("rds")  # signs by itself, calls nothing
