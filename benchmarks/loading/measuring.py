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
    """Measure in turn, `count` times, and check after each load that the table holds the state that was loaded."""
    for _ in range(count):
        machine.empty(table.mysql_name, *LEDGER_TABLES)
        limit_first = seconds_to_load(machine, table, size.old.csv_path)
        machine.settle()
        limit_again = seconds_to_load(machine, table, size.new.csv_path)
        machine.empty(table.mysql_name)
        first = loaded(machine, table, size.old)
        machine.settle()
        again = loaded(machine, table, size.new)
        peak = max(first["peak_rss_mb"], again["peak_rss_mb"])
        yield Round(limit_first, limit_again, first["seconds"], again["seconds"], peak)


def loaded(machine: Machine, table: ReportTable, state: State) -> dict[str, Any]:
    """Load a state in a process of its own; return what that printed. Fails unless the table holds the state."""
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
