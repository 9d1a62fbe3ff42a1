"""What the log lines of the work at hand are about: the ids of its event, request or task, and its station.

The ids are laid down once, where the work begins; every line that is logged within has them, a library's too
(myapp/logs.py). The functions of both accounts log under the same keys.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType
from typing import Final, Protocol
from uuid import UUID

from dataflows.contracts.events import Station

_ids: Final[ContextVar[Mapping[str, str]]] = ContextVar("ids", default=MappingProxyType({}))


class OfDataFlow(Protocol):
    """An event of a data flow, or what is kept of one."""

    @property
    def event_id(self) -> UUID:
        """The event itself."""
        ...

    @property
    def correlation_id(self) -> UUID:
        """What was asked for."""
        ...

    @property
    def data_flow_id(self) -> UUID:
        """Whose it is."""
        ...


def ids_at(station: Station, event: OfDataFlow) -> dict[str, str | UUID]:
    """Return what lines about an event are logged with while it is at a station."""
    return {
        "station": station,
        "correlation_id": event.correlation_id,
        "data_flow_id": event.data_flow_id,
        "event_id": event.event_id,
    }


@contextmanager
def logged_with(**ids: str | UUID) -> Iterator[None]:
    """Have every line of the block logged with these ids, and with those of the blocks around it."""
    token = _ids.set({**_ids.get(), **{name: str(value) for name, value in ids.items()}})
    try:
        yield
    finally:
        _ids.reset(token)


def logged_ids() -> Mapping[str, str]:
    """Return the ids that lines are logged with just now, by their keys."""
    return _ids.get()
