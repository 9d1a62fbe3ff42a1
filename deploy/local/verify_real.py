"""`make verify-real DATA=folder`: real GA4 tables through the whole line, compared row by row with their source.

Every property folder of DATA is loaded into the emulated Google, registered through the service the form uses
with one custom report per table, run through both accounts, and then MySQL is read by plain SQL and compared
with an own reading of the Parquet files. The last line is a JSON object; the exit code is 0 only if all agrees,
2 if the data can't be used.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import ValidationError

from dataflows.contracts.events import today_in
from deploy.local.accounts import GA4_PROFILE
from deploy.local.clock import EmulatedClock
from deploy.local.follow import Follower, connect
from deploy.local.ga4.properties import PROPERTY_FILE, PropertySettings
from deploy.local.processes import ChildDied, stop_when_told
from deploy.local.servers.errors import ServerError
from deploy.local.stack import LocalStack, NotReadyError
from deploy.local.state import REPOSITORY, LocalState
from deploy.local.templates.errors import TemplateError

METRIC: Final = "sessions"
_LOOK_SECONDS: Final = 0.5
_PATIENCE_SECONDS: Final = 900.0


class DataError(Exception):
    """The folder can't be used; the message says why."""


class VerificationError(Exception):
    """The line did not come to its end; the message says where it stopped."""


@dataclass(frozen=True)
class SourceTable:
    """One recorded report: its dimensions beside `date`, and its rows as (date, *dimensions) → sessions."""

    name: str
    dimensions: tuple[str, ...]
    rows: Mapping[tuple[str, ...], int]

    @property
    def days(self) -> list[date]:
        """The dates it has, in order."""
        written = {key[0] for key in self.rows}
        return sorted(datetime.strptime(day, "%Y%m%d").replace(tzinfo=UTC).date() for day in written)


@dataclass(frozen=True)
class SourceProperty:
    """A property with its recorded reports."""

    settings: PropertySettings
    tables: tuple[SourceTable, ...]


def read_source(folder: Path) -> list[SourceProperty]:
    """Return every property of a folder, read with nothing of the line's own code.

    Raises DataError when there is none, or a file can't be read.
    """
    files = sorted(folder.glob(f"*/{PROPERTY_FILE}"))
    if not files:
        raise DataError(f"{folder} has no property: expected folders with {PROPERTY_FILE} and Parquet tables.")
    return [_read_property(file) for file in files]


def _read_property(file: Path) -> SourceProperty:
    try:
        settings = PropertySettings.model_validate_json(file.read_text())
    except (ValidationError, OSError, UnicodeDecodeError) as error:
        raise DataError(f"{file} can't be read: {error}") from error
    tables = tuple(_read_table(table) for table in sorted(file.parent.glob("*.parquet")))
    if not tables:
        raise DataError(f"{file.parent} has no Parquet table.")
    return SourceProperty(settings, tables)


def _read_table(file: Path) -> SourceTable:
    try:
        table = pq.read_table(file)
        dimensions = tuple(name for name in table.column_names if name not in ("date", METRIC))
        columns = [table[name].to_pylist() for name in ("date", *dimensions)]
        sessions = table[METRIC].to_pylist()
    except (pa.ArrowException, OSError, KeyError) as error:
        raise DataError(f"{file} can't be read: {error}") from error
    rows: Counter[tuple[str, ...]] = Counter()
    for key, count in zip(zip(*columns, strict=True), sessions, strict=True):
        rows[key] += count
    return SourceTable(file.stem, dimensions, rows)


@dataclass
class Verification:
    """The check on a running stack."""

    stack: LocalStack
    source: list[SourceProperty]
    follower: Follower

    def run(self) -> dict[str, int]:
        """Register everything, wait until it is loaded, and return what the comparison found."""
        self.stack.start_myapp(has_pages=False)
        register(self.stack.environment, self.source)
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while unfinished := self._unfinished():
            self._look(deadline, unfinished)
        return compare(self.source, stored_rows(self.follower))

    def _unfinished(self) -> list[str]:
        """Return the reports whose last day is not loaded; an unload's days are loaded in order."""
        through, now = self.follower.data_through(), self.stack.clock.now()
        return [
            f"{one.settings.property_id} {table.name}"
            for one in self.source
            for table in one.tables
            if through.get((one.settings.property_id, f"custom_{table.name}"), date.min)
            < today_in(one.settings.time_zone, now) - timedelta(1)
        ]

    def _look(self, deadline: float, unfinished: list[str]) -> None:
        self.stack.supervisor.raise_if_dead()
        for line in self.follower.news():
            self.stack.progress(line)
        for property_id, (status, message) in self.follower.states().items():
            if status in ("failed", "undelivered"):
                raise VerificationError(f"Property {property_id}: {message}")
        if time.monotonic() > deadline:
            raise VerificationError(f"Never loaded: {', '.join(unfinished[:5])} and so on; {len(unfinished)} in all.")
        time.sleep(_LOOK_SECONDS)


def register(environment: Mapping[str, str], source: list[SourceProperty]) -> None:
    """Register the properties in a process of MyApp's, through its own service."""
    wanted = [_definition(one) for one in source]
    command = [sys.executable, "-m", "deploy.local.registrar"]
    subprocess.run(command, input=json.dumps(wanted), env=dict(environment), cwd=REPOSITORY, check=True, text=True)


def _definition(one: SourceProperty) -> dict[str, Any]:
    reports = [
        {"custom": {"name": table.name, "dimensions": list(table.dimensions), "metrics": [METRIC]}}
        for table in one.tables
    ]
    start_date = min(table.days[0] for table in one.tables)
    settings = one.settings
    return {
        "property_id": settings.property_id,
        "display_name": settings.display_name,
        "time_zone": settings.time_zone,
        "currency_code": settings.currency_code,
        "connector_profile": GA4_PROFILE,
        "reports": reports,
        "start_date": start_date.isoformat(),
        "lookback_days": 4,
        "refresh_hour_local": 4,
        "on_invalid": "drop_record",
    }


RowKey = tuple[str | None, ...]
StoredRows = Mapping[tuple[str, str], Mapping[RowKey, int]]


def stored_rows(follower: Follower) -> StoredRows:
    """Return what MySQL holds, by property and report: (date, slots d1…d9) → sessions."""
    found: dict[tuple[str, str], dict[RowKey, int]] = {}
    slots = ", ".join(f"d{number}" for number in range(1, 10))
    with connect(follower.server) as session, session.cursor() as cursor:
        cursor.execute(f"SELECT property_id, report_id, date, m1, {slots} FROM report_custom")  # noqa: S608 - own names
        for property_id, report_id, day, sessions, *dimensions in cursor.fetchall():
            rows = found.setdefault((property_id, report_id), {})
            rows[f"{day:%Y%m%d}", *dimensions] = int(sessions)
    return found


def compare(source: list[SourceProperty], stored: StoredRows) -> dict[str, int]:
    """Count rows that are missing from MySQL, that should not be there, and whose number is another."""
    counts: Counter[str] = Counter(properties=len(source), reports=sum(len(one.tables) for one in source))
    for one in source:
        for table in one.tables:
            counts.update(_compare_table(table, stored.get((one.settings.property_id, f"custom_{table.name}"), {})))
    names = ("properties", "reports", "rows_source", "rows_mysql", "rows_missing", "rows_extra", "rows_wrong")
    return {name: counts[name] for name in (*names, "sessions_source", "sessions_mysql")}


def _compare_table(table: SourceTable, stored: Mapping[RowKey, int]) -> dict[str, int]:
    empty_slots = (None,) * (9 - len(table.dimensions))
    wanted: dict[RowKey, int] = {(*key, *empty_slots): count for key, count in table.rows.items()}
    return {
        "rows_source": len(wanted),
        "rows_mysql": len(stored),
        "rows_missing": len(wanted.keys() - stored.keys()),
        "rows_extra": len(stored.keys() - wanted.keys()),
        "rows_wrong": sum(stored[key] != wanted[key] for key in wanted.keys() & stored.keys()),
        "sessions_source": sum(wanted.values()),
        "sessions_mysql": sum(stored.values()),
    }


def _noon_after(source: list[SourceProperty]) -> datetime:
    """Return noon UTC of the day after the last one there is: yesterday is then that day in most time zones."""
    last = max(table.days[-1] for one in source for table in one.tables)
    return datetime(last.year, last.month, last.day, 12, tzinfo=UTC) + timedelta(1)


def verify(folder: Path, state: LocalState) -> dict[str, int]:
    """Run the whole check with the local state given; see `compare` for the counts."""
    source = read_source(folder)
    state.root.mkdir(mode=0o700, parents=True)
    EmulatedClock(state.clock).set(_noon_after(source), rate=1)  # before the schedules, which count from there
    with LocalStack(state, lambda text: print(text, flush=True), is_durable=False) as stack:
        stack.load_properties(folder.resolve())
        return Verification(stack, source, Follower(stack.servers.mariadb)).run()


def main(folder: Path) -> int:
    """Verify, print the counts as JSON, and return the exit code."""
    stop_when_told()
    started_at = time.monotonic()
    state = LocalState(Path(tempfile.mkdtemp(prefix="verify-")) / "state")
    try:
        counts = verify(folder, state)
    except DataError as error:
        print(f"make verify-real: {error}", file=sys.stderr)
        return 2
    except (VerificationError, NotReadyError, ChildDied, ServerError, TemplateError) as error:
        print(f"make verify-real: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("make verify-real: stopped before its end.", file=sys.stderr)
        return 130
    finally:
        state.remove()
    print(json.dumps({**counts, "seconds": round(time.monotonic() - started_at, 1)}))
    faults = ("rows_missing", "rows_extra", "rows_wrong")
    return 0 if not any(counts[name] for name in faults) else 1


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
