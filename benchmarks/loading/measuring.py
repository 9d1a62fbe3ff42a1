"""Loads of one size, measured in turn: the server's own, then the loader's; into an empty table, then again."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median
from typing import Any, Final

from benchmarks.loading.machine import Machine
from benchmarks.loading.server_limit import seconds_to_load
from benchmarks.loading.states import State
from dataflows.contracts.reports import ReportTable
from deploy.local.state import REPOSITORY

LEDGER_TABLES: Final = ("report_partition", "report_ledger", "report_quarantine")


@dataclass(frozen=True)
class Size:
    """What is loaded: an old state, and what a restatement made of it."""

    old: State
    new: State


@dataclass(frozen=True)
class Round:
    """One turn's seconds: first load and re-upsert by the server itself and by the loader; memory in MB."""

    limit_first: float
    limit_again: float
    first: float
    again: float
    peak_rss_mb: float


def rounds(machine: Machine, table: ReportTable, size: Size, count: int) -> Iterator[Round]:
    """Measure in turn, `count` times. Fails unless the loader's table then holds what the server's own does."""
    contents = {state: _contents_of(machine, table, state) for state in (size.old, size.new)}
    for _ in range(count):
        machine.empty(table.mysql_name, *LEDGER_TABLES)
        limit_first = seconds_to_load(machine, table, size.old.csv_path)
        machine.settle()
        limit_again = seconds_to_load(machine, table, size.new.csv_path)
        machine.empty(table.mysql_name)
        first = loaded(machine, table, size.old)
        assert _contents(machine, table) == contents[size.old]
        machine.settle()
        again = loaded(machine, table, size.new)
        assert _contents(machine, table) == contents[size.new]
        peak = max(first["peak_rss_mb"], again["peak_rss_mb"])
        yield Round(limit_first, limit_again, first["seconds"], again["seconds"], peak)


def _contents_of(machine: Machine, table: ReportTable, state: State) -> tuple[Any, ...]:
    machine.empty(table.mysql_name)
    seconds_to_load(machine, table, state.csv_path)
    return _contents(machine, table)


def _contents(machine: Machine, table: ReportTable) -> tuple[Any, ...]:
    """Return the table's number of rows, the sum of each metric, and a checksum of its keys with their values."""
    sums = ", ".join(f"SUM(`{column.name}`)" for column in table.metrics)
    values = ", ".join(f"COALESCE(`{column.name}`, 'none')" for column in table.value_columns)
    with machine.connect() as session, session.cursor() as cursor:
        cursor.execute(
            f"SELECT COUNT(*), {sums}, BIT_XOR(CRC32(CONCAT_WS('/', date, HEX(dimension_hash), {values}))) "  # noqa: S608
            f"FROM `{table.mysql_name}`"
        )
        found: tuple[Any, ...] = cursor.fetchone() or ()
        return found


def loaded(machine: Machine, table: ReportTable, state: State) -> dict[str, Any]:
    """Load a state in a process of its own; return what that printed. Fails unless the table has its rows."""
    command = [sys.executable, "-m", "benchmarks.loading.loader", state.manifest_key]
    environment = {**os.environ, **machine.environment}
    answer = subprocess.run(command, env=environment, cwd=REPOSITORY, check=False, capture_output=True, text=True)
    if answer.returncode:
        raise RuntimeError(f"The loader stopped: {answer.stdout[-1000:]}{answer.stderr[-3000:]}")
    with machine.connect() as session, session.cursor() as cursor:
        cursor.execute(f"SELECT COUNT(*) FROM `{table.mysql_name}`")  # noqa: S608 - a declared name
        assert cursor.fetchone() == (state.rows,)
    result: dict[str, Any] = json.loads(answer.stdout.splitlines()[-1])
    return result


def ratio(limits: list[float], times: list[float]) -> dict[str, float]:
    """Return the median of the limit's time over ours, turn by turn, and its spread."""
    ratios = [limit / time for limit, time in zip(limits, times, strict=True)]
    return {"median": round(median(ratios), 3), "min": round(min(ratios), 3), "max": round(max(ratios), 3)}
