"""What the buttons in the chat channel hand to their functions, and what the log says of who pressed them.

A command of the chat service holds 100 characters before its variables are filled in, so one value holds all ids: run,
incident and data flow with dots between; without the run where there is none.
"""

import re
from collections.abc import Iterable
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

from dataflows.contracts.values import Requester

CHANNEL: Final = "Slack"  # the service does not hand on who pressed
_LONGEST: Final = 150
_UUID: Final = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_IDS: Final = rf"^(?:(?P<run_id>[0-9a-f]{{32}})\.)?(?P<incident_id>{_UUID})\.(?P<data_flow_id>{_UUID})$"


class Pressed(BaseModel):
    """What a button sends; whoever invokes the function by hand gives a name."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ids: Annotated[str, Field(pattern=_IDS, max_length=120)]
    requested_by: Requester = CHANNEL


def joined(ids: Iterable[str | None]) -> str:
    """Return ids as the value that a button sends; what is None is left out."""
    return ".".join(part for part in ids if part)


def parted(ids: str) -> dict[str, str]:
    """Return what `run_id`, `incident_id` and `data_flow_id` are in such a value; nothing of what is none."""
    found = re.match(_IDS, ids)
    return {name: part for name, part in found.groupdict().items() if part} if found else {}


def asked_of(payload: object) -> dict[str, str]:
    """Return what a payload says of who asks for what, checked or not: cut, since it may hold anything."""
    said = payload if isinstance(payload, dict) else {}
    texts = {name: str(said[name])[:_LONGEST] for name in ("ids", "requested_by") if name in said}
    return {"requested_by": CHANNEL, **texts, **parted(texts.get("ids", ""))}
