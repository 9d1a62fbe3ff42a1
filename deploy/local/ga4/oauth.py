"""Refresh tokens, the access tokens made from them, and what each may read."""

import secrets
import time
from dataclasses import dataclass, field
from threading import Lock
from typing import Final

from deploy.local.ga4.errors import GoogleApiError, OAuthError

LIFETIME_SECONDS: Final = 3599


@dataclass(frozen=True)
class Grant:
    """What a bearer may read: these properties, or all (None)."""

    property_ids: frozenset[str] | None

    def allows(self, property_id: str) -> bool:
        """Say whether the property may be read."""
        return self.property_ids is None or property_id in self.property_ids


@dataclass
class TokenIssuer:
    """Knows the refresh tokens; without any, requests need no token at all.

    Access tokens live by the real clock, because the clients that cache them do.
    """

    grants: dict[str, Grant] = field(default_factory=dict)
    _revoked: set[str] = field(default_factory=set)
    _issued: dict[str, tuple[str, float]] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock, repr=False)

    def issue(self, grant_type: str, refresh_token: str) -> str:
        """Return a new access token; raises OAuthError for another grant type or a token unknown or revoked."""
        if grant_type != "refresh_token":
            raise OAuthError("unsupported_grant_type", f"Invalid grant_type: {grant_type[:40]}")
        with self._lock:
            if refresh_token not in self.grants or refresh_token in self._revoked:
                raise OAuthError("invalid_grant", "Token has been expired or revoked.")
            access_token = f"ya29.{secrets.token_urlsafe(32)}"
            self._issued[access_token] = (refresh_token, time.monotonic() + LIFETIME_SECONDS)
            return access_token

    def revoke(self, refresh_token: str) -> None:
        """Revoke a refresh token and, as Google does, the access tokens made from it."""
        with self._lock:
            self._revoked.add(refresh_token)

    def renew(self, refresh_token: str) -> None:
        """Let a revoked refresh token be good again: what a login that was renewed comes to."""
        with self._lock:
            self._revoked.discard(refresh_token)

    def grant_of(self, authorization: str) -> Grant:
        """Return what the bearer of an Authorization header may read; raises GoogleApiError (UNAUTHENTICATED)."""
        if not self.grants:
            return Grant(None)
        scheme, _, access_token = authorization.partition(" ")
        with self._lock:
            refresh_token, expires_at = self._issued.get(access_token, ("", 0.0))
            is_good = refresh_token not in self._revoked and time.monotonic() < expires_at
        if scheme.lower() != "bearer" or not is_good:
            raise GoogleApiError(
                "UNAUTHENTICATED",
                "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other "
                "valid authentication credential. See https://developers.google.com/identity/sign-in/web/devconsole-project.",
            )
        return self.grants[refresh_token]
