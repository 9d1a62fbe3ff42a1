"""An emulated AWS account, and how its root signs at the local endpoint."""

import functools
from dataclasses import dataclass
from typing import Any

import boto3


@dataclass(frozen=True)
class Account:
    """An account and the region of its stack."""

    account_id: str
    region: str

    def client(self, service: str, endpoint_url: str) -> Any:
        """Return a boto3 client that signs as the account's root."""
        return _client(service, self, endpoint_url)


@functools.cache
def _client(service: Any, account: Account, endpoint_url: str) -> Any:
    # At the local endpoint the key id of an account's root is the account's id; the secret is not looked at.
    return _session().client(
        service,
        region_name=account.region,
        endpoint_url=endpoint_url,
        aws_access_key_id=account.account_id,
        aws_secret_access_key="any",  # noqa: S106
    )


@functools.cache
def _session() -> boto3.Session:
    # Its own: the loaded service models are kept in it, and reading them is most of the time a client takes.
    return boto3.Session()
