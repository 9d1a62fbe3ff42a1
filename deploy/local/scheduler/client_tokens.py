"""Client tokens: a repeated request is answered as the first was, another one under the same token is refused."""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from deploy.local.aws.service import ServiceError
from deploy.local.scheduler.service_model import Members

_LIFETIME: Final = timedelta(hours=8)


@dataclass(frozen=True)
class UsedToken:
    """What a token was used for; `subject` is the resource's name."""

    subject: str
    fingerprint: str
    answer: Members
    used_at: datetime


Tokens = dict[str, UsedToken]


def fingerprint(members: Members) -> str:
    """Return the hash (hex) of a request apart from its token."""
    canonical = {name: value for name, value in members.items() if name.lower() != "clienttoken"}
    return hashlib.sha256(json.dumps(canonical, sort_keys=True).encode()).hexdigest()


def earlier_answer(
    tokens: Tokens, operation: str, token: str | None, members: Members, now: datetime
) -> Members | None:
    """Return what the same request was answered before, or None for a new one.

    Raises ServiceError ConflictException when the token was used with other parameters.
    """
    used = tokens.get(_key(operation, token)) if token else None
    if used is None or not timedelta(0) <= now - used.used_at < _LIFETIME:
        return None
    if used.fingerprint != fingerprint(members):
        message = (
            f"The client token {token!r} was used before with other parameters for {operation}: send another token."
        )
        raise ServiceError("ConflictException", message, 409)
    return used.answer


def remember(
    tokens: Tokens, operation: str, token: str | None, members: Members, subject: str, answer: Members, now: datetime
) -> None:
    """Keep what a request was answered, if it came with a token."""
    if token:
        tokens[_key(operation, token)] = UsedToken(subject, fingerprint(members), answer, now)


def forget_subject(tokens: Tokens, subject: str) -> None:
    """Forget the tokens of a resource that is deleted, so that it can be made again."""
    for key in [key for key, used in tokens.items() if used.subject == subject]:
        del tokens[key]


def _key(operation: str, token: str | None) -> str:
    return f"{operation}:{token}"
