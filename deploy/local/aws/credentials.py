"""Temporary credentials of assumed roles, and who signed a request.

An account's root signs with its account id as the access key id (`111111111111`) and any secret: that is how
the provisioner and MyApp's own processes sign. A role's sessions sign with the credentials STS gave them, the
session token included. Signatures themselves are not verified. The lifetime of a session follows the real clock,
because the programs that hold the credentials do.
"""

import secrets
import string
import threading
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from deploy.local.aws.service import Caller, ServiceError


@dataclass(frozen=True)
class Credentials:
    """What STS hands out for one session of a role; `expires_at` is aware, in UTC."""

    access_key_id: str
    secret_access_key: str
    session_token: str
    expires_at: datetime
    role_arn: str
    session_name: str

    @property
    def account_id(self) -> str:
        """The account the role belongs to."""
        return self.role_arn.split(":")[4]

    @property
    def session_arn(self) -> str:
        """The ARN by which the session is known to GetCallerIdentity."""
        role_name = self.role_arn.rpartition("/")[2]
        return f"arn:aws:sts::{self.account_id}:assumed-role/{role_name}/{self.session_name}"

    def as_json(self) -> dict[str, str]:
        """Return the members of an API's `Credentials` structure."""
        return {
            "AccessKeyId": self.access_key_id,
            "SecretAccessKey": self.secret_access_key,
            "SessionToken": self.session_token,
            "Expiration": self.expires_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        }


# moto's resources belong to the process, not to one endpoint in it; so do the sessions that may use them.
_sessions: dict[str, Credentials] = {}
_lock = threading.Lock()


def issue_credentials(role_arn: str, session_name: str, duration_seconds: int) -> Credentials:
    """Make credentials for a session of a role whose trust policy was checked, and remember them."""
    now = datetime.now(UTC)
    issued = Credentials(
        access_key_id="ASIA" + "".join(secrets.choice(string.ascii_uppercase + "234567") for _ in range(16)),
        secret_access_key=secrets.token_urlsafe(30),
        session_token=secrets.token_urlsafe(96),
        expires_at=now + timedelta(seconds=duration_seconds),
        role_arn=role_arn,
        session_name=session_name,
    )
    with _lock:
        _forget_sessions_before(now - timedelta(hours=1))
        _sessions[issued.access_key_id] = issued
    return issued


def _forget_sessions_before(moment: datetime) -> None:
    for key in [key for key, session in _sessions.items() if session.expires_at < moment]:
        del _sessions[key]


def find_session(access_key_id: str) -> Credentials | None:
    """Return the session these credentials belong to, or None: a root's key, or an unknown one."""
    return _sessions.get(access_key_id)


def identify_caller(access_key_id: str, session_token: str | None, region: str) -> Caller:
    """Return who signed with an access key.

    Raises ServiceError: UnrecognizedClientException for a key nobody has or a missing or wrong session token,
    ExpiredTokenException for a session that is over.
    """
    session = find_session(access_key_id)
    if session is None:
        return _root_of(access_key_id, region)
    if session_token is None or not secrets.compare_digest(session_token.encode(), session.session_token.encode()):
        raise _unrecognized("it belongs to a role's session, and its session token is missing or another one's")
    if session.expires_at <= datetime.now(UTC):
        raise ServiceError("ExpiredTokenException", "The security token included in the request is expired", 403)
    return Caller(session.account_id, region, session.role_arn)


def _root_of(access_key_id: str, region: str) -> Caller:
    if not (len(access_key_id) == 12 and access_key_id.isascii() and access_key_id.isdigit()):
        raise _unrecognized("nobody has this key; an account's root signs with its 12-digit account id as the key id")
    return Caller(access_key_id, region, f"arn:aws:iam::{access_key_id}:root")


def _unrecognized(reason: str) -> ServiceError:
    message = f"The security token included in the request is invalid. (Local stack: {reason}.)"
    return ServiceError("UnrecognizedClientException", message, 403)


def forget_all_sessions() -> None:
    """Make every temporary credential unknown again."""
    with _lock:
        _sessions.clear()
