"""What the log says of whoever presses a button in the chat channel, refused or not."""

from typing import Final

_NAMES: Final = ("incident_id", "run_id", "data_flow_id", "requested_by")
_LONGEST: Final = 150


def asked_of(payload: object) -> dict[str, str]:
    """Return what a payload says of who asks for what, checked or not: cut, since it may hold anything."""
    said = payload if isinstance(payload, dict) else {}
    return {name: str(said[name])[:_LONGEST] for name in _NAMES if name in said}
