"""What came of many schedules, as `make fault-schedules` prints it."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final

from tests.faults.loading.judge import KINDS
from tests.faults.loading.plan import KILLED_AT
from tests.faults.loading.rig import Outcome
from tests.faults.loading.spoiling import SPOILT

FAULTS: Final = (
    *(
        "duplicated",
        "delayed",
        "reordered",
        "dropped_and_resent",
        "delivered_again",
        "redriven",
        "two_in_a_batch",
        "unloaded_again",
    ),
    *("mended_in_place", "mended_by_new_unload", "mended_by_next_generation"),
    *("rows_changed", "rows_added", "rows_vanished", "day_emptied"),
    *SPOILT,
    *(f"killed_{point}" for point in KILLED_AT),
    *("killed_running", "session_killed", "waited_for_a_lock", "deadlocked", "two_at_once", "running_freely"),
)
RARE: Final = frozenset({"deadlocked"})  # of the loaders' own accord, once in thousands of schedules


@dataclass
class Tally:
    """Counts over schedules; `failing` has the findings of each seed that has any."""

    schedules: int = 0
    deliveries: int = 0
    found: Counter[str] = field(default_factory=Counter)
    fired: Counter[str] = field(default_factory=Counter)
    failing: dict[int, list[str]] = field(default_factory=dict)

    def add(self, seed: int, outcome: Outcome) -> None:
        """Count one schedule."""
        self.schedules += 1
        self.deliveries += outcome.deliveries
        self.fired.update(outcome.fired)
        self.found.update(finding.kind for finding in outcome.findings)
        if outcome.findings:
            self.failing[seed] = [f"{finding.kind}: {finding.what}" for finding in outcome.findings]

    def as_json(self, seconds: float) -> dict[str, Any]:
        """Return the counts for machines."""
        return {
            "schedules": self.schedules,
            "deliveries": self.deliveries,
            **{kind: self.found[kind] for kind in KINDS},
            "faults_fired": {name: self.fired[name] for name in FAULTS},
            "seconds": round(seconds, 1),
        }
