"""Permissions that stay though no call on this machine uses them: at most five, each with its reason."""

from dataclasses import dataclass
from typing import Final

MOST: Final = 5


@dataclass(frozen=True)
class Excepted:
    """An action of roles, and why it stays."""

    action: str
    roles: tuple[str, ...]
    reason: str


EXCEPTED: Final[tuple[Excepted, ...]] = (
    Excepted(
        "redshift-data:CancelStatement",
        ("RegisterRole", "WatchRole", "AdvanceRole", "RefreshRole", "RetryRole", "ShowStatusRole", "UnloadCallerRole"),
        "is called when a statement runs for longer than its function waits; here none does",
    ),
)
