"""What tests and the local stack tell the service, under `/_local`; Google has no such paths."""

import io
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from pydantic import BaseModel, ConfigDict, Field

from deploy.local.ga4.errors import invalid_argument
from deploy.local.ga4.event_table import EventTable
from deploy.local.ga4.oauth import Grant
from deploy.local.ga4.state import Ga4State


class RemainingTokens(BaseModel):
    """How many tokens a property has left until the hour and the day end."""

    model_config = ConfigDict(extra="forbid")

    property_id: str
    tokens: int = Field(ge=0)


class Faults(BaseModel):
    """What shall go wrong from now on."""

    model_config = ConfigDict(extra="forbid")

    revoke_refresh_token: str | None = None
    renew_refresh_token: str | None = None
    exhaust_quota: str | None = None
    remaining_tokens: RemainingTokens | None = None
    fail_next: int | None = Field(default=None, ge=0)


class LoadRequest(BaseModel):
    """Which folder of properties to load."""

    model_config = ConfigDict(extra="forbid")

    folder: Path


def health_json(state: Ga4State, now: datetime) -> dict[str, Any]:
    """Say that the service is up, what it knows, and what time it thinks it is."""
    return {"status": "ok", "now": now.isoformat(), "properties": sorted(state.properties)}


def apply_faults(state: Ga4State, faults: Faults, now: datetime) -> None:
    """Let the named things go wrong."""
    if faults.revoke_refresh_token is not None:
        state.tokens.revoke(faults.revoke_refresh_token)
    if faults.renew_refresh_token is not None:
        state.tokens.renew(faults.renew_refresh_token)
    if faults.exhaust_quota is not None:
        state.quotas[faults.exhaust_quota].set_remaining(now, 0)
    if faults.remaining_tokens is not None:
        left = faults.remaining_tokens
        state.quotas[left.property_id].set_remaining(now, left.tokens)
    if faults.fail_next is not None:
        state.fail_next(faults.fail_next)


def visible_events(state: Ga4State, property_id: str, now: datetime) -> bytes:
    """Return the events of a property that are visible at `now`, all columns, as a Parquet file.

    Raises GoogleApiError (INVALID_ARGUMENT) for a property that has recorded reports instead.
    """
    source = state.property_for(property_id, Grant(None)).source
    if not isinstance(source, EventTable):
        raise invalid_argument(f"Property {property_id} has recorded reports, no events.")
    content = io.BytesIO()
    pq.write_table(source.visible_rows(now), content)
    return content.getvalue()
