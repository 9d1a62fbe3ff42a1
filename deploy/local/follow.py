"""Reads from MySQL what has happened on the straight line, in the words of its stations."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Any

import pymysql
from pymysql.connections import Connection
from pymysql.cursors import Cursor

from deploy.local.servers.mariadb import MariadbServer

_TIMELINE = """
SELECT entry.event_id, flow.display_name, entry.station, entry.status, entry.report, entry.`rows`, entry.message
FROM dataflows_timelineentry entry JOIN dataflows_dataflow flow ON flow.id = entry.data_flow_id
ORDER BY entry.recorded_at
"""
_LOADS = """
SELECT ledger.run_id, ledger.report_id, flow.display_name, COUNT(*), SUM(ledger.row_count)
FROM report_ledger ledger JOIN dataflows_dataflow flow ON flow.property_id = ledger.property_id
GROUP BY 1, 2, 3 ORDER BY MAX(ledger.loaded_at)
"""
_PARTITIONS = "SELECT property_id, report_id, MAX(date) FROM report_partition GROUP BY 1, 2"
_STATES = "SELECT property_id, status, status_message FROM dataflows_dataflow"


@dataclass
class Follower:
    """Tells what is new since it was asked last."""

    server: MariadbServer
    _told: set[Any] = field(default_factory=set)

    def news(self) -> Iterator[str]:
        """Yield a line for each thing that happened, in order."""
        for event_id, name, station, status, report, rows, message in self._read(_TIMELINE):
            if self._is_new(event_id):
                count = "" if rows is None else f"{rows} rows"
                yield station_line(station, name, status, report, count, message)
        for run_id, report, name, days, rows in self._read(_LOADS):
            if self._is_new((run_id, report, name, days)):
                yield station_line("upsert", name, "loaded", report, f"{rows} rows", f"{days} days")

    def data_through(self) -> dict[tuple[str, str], date]:
        """Return the last loaded date of each property and report."""
        return {(property_id, report_id): day for property_id, report_id, day in self._read(_PARTITIONS)}

    def states(self) -> dict[str, tuple[str, str]]:
        """Return each property's state, with what is said about it."""
        return {property_id: (status, message) for property_id, status, message in self._read(_STATES)}

    def _is_new(self, identity: Any) -> bool:
        is_new = identity not in self._told
        self._told.add(identity)
        return is_new

    @cached_property
    def _session(self) -> "Connection[Cursor]":
        session = connect(self.server)
        session.autocommit(True)
        return session

    def _read(self, statement: str) -> list[tuple[Any, ...]]:
        with self._session.cursor() as cursor:
            cursor.execute(statement)
            return list(cursor.fetchall())


def connect(server: MariadbServer) -> "Connection[Cursor]":
    """Open a session of MyApp's own database user."""
    return pymysql.connect(
        host=server.host,
        port=server.port,
        user=server.user,
        password=server.password,
        database=server.database,
        ssl_ca=str(server.ca_path),
    )


def station_line(station: str, name: str, *parts: str) -> str:
    """Return the line that says what happened at a station to the property of that name."""
    line = f"{station:>9} | {name} | {' '.join(part for part in parts if part)}"
    return "".join(
        sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in line
    )  # a terminal obeys some
