"""Which report tables have something waiting: rows landed, days not unloaded, days computed with what has changed."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from dataflows.contracts import tables
from dataflows.contracts.reports import REPORT_TABLES, ReportTable
from warehouse import ops
from warehouse.runs import Runs, RunState
from warehouse.statements import Warehouse
from warehouse.watch import report_table

# A refresh has its dependents looked at by a message; this long, a sweep does the same.
_DEPENDENTS_GRACE: Final = timedelta(hours=1)

_PARTITIONS: Final = f"""SELECT report_table, MAX(refreshed_at) AS refreshed_at,
  SUM(CASE WHEN unloaded_at IS NULL THEN 1 ELSE 0 END) AS days_to_unload
FROM {tables.PARTITIONS.qualified_name} GROUP BY report_table"""  # noqa: S608 - the name is a constant


def waiting_tables(warehouse: Warehouse, at: datetime) -> Iterator[ReportTable]:
    """Yield the report tables that a refresh at the aware moment `at` may have work in.

    An empty refresh costs as many statements as a small one. Raises TransientError or TerminalError.
    """
    landed = {report_table(run.report) for run in Runs(warehouse).find(status=RunState.SUCCEEDED, consumed_at=None)}
    rows = warehouse.query(_PARTITIONS)
    landed |= {row["report_table"] for row in rows if row["days_to_unload"]}
    refreshed = {row["report_table"] for row in rows if _is_recent(row["refreshed_at"], at)}
    for table in REPORT_TABLES.values():
        if table.name in landed or not refreshed.isdisjoint(table.depends_on):
            yield table


def _is_recent(refreshed_at: str | None, at: datetime) -> bool:
    moment = ops.moment(refreshed_at)
    return moment is not None and moment >= at - _DEPENDENTS_GRACE
