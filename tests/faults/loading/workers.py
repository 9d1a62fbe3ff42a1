"""A loader at work, as a schedule sees it."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.faults.loading.loaders import Loader, Stop
from tests.faults.loading.messages import Message


@dataclass
class Work:
    """A delivery under way: its messages, and how often its loader stood at each point."""

    messages: list[Message]
    hits: Counter[str] = field(default_factory=Counter)
    may_fail: bool = False


@dataclass
class Worker:
    """A loader and its delivery; it stands at `stop`, or runs, or waits for a lock."""

    loader: Loader
    work: Work | None = None
    stop: Stop | None = None
    is_waiting: bool = False
    waits_for: str | None = None


@dataclass(frozen=True)
class Surroundings:
    """What a schedule needs from the rig."""

    new_loader: Callable[[], Loader]
    kill_session: Callable[[int], None]
    announce: Callable[[Message], str]
