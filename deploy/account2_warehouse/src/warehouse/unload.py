"""Combined rows to Account 1's bucket: the data first, then the control rows that trigger the load.

S3 does not roll back: nothing is unloaded before it is committed, each unload has a prefix of its own,
and one that broke off is done again under another. The loader knows generations it has seen.
"""

# ruff: noqa: S608 - identifiers are contracts.naming's, checked; values pass through literal()

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import uuid4

from dataflows.contracts import naming, tables
from dataflows.contracts.events import RunStatus
from dataflows.contracts.naming import COMBINED_SCHEMA, OPS_SCHEMA
from dataflows.contracts.reports import ReportTable
from warehouse import ops
from warehouse.run_news import Publish, news_of_pending
from warehouse.statements import Warehouse, literal

MAX_FILE_MEGABYTES: Final = 64


@dataclass(frozen=True)
class UnloadTarget:
    """Account 1's bucket, its region, and the roles that lead there, first the one in this account."""

    bucket: str
    region: str
    role_chain: str


@dataclass(frozen=True)
class UnloadSession:
    """Who does what: `keeper` writes ga4_ops, `unloader` only reads and unloads."""

    keeper: Warehouse
    unloader: Warehouse
    target: UnloadTarget


def unload(session: UnloadSession, table: ReportTable, at: datetime, publish: Publish) -> int:
    """Unload every partition of a table that has not been, and return how many there were.

    Only one call per table may run at a time. Raises TransientError or TerminalError; what was claimed
    and not recorded as unloaded is then unloaded again by the next call.
    """
    pending: dict[str, ops.Condition] = {"report_table": table.name, "unloaded_at": None}
    if not _count_pending(session.keeper, table):
        return 0  # asked before it is claimed: a write would stand in the way of other tables' refreshes
    run_id = uuid4().hex
    claimed = session.keeper.execute(ops.update(tables.PARTITIONS, {"unload_run_id": run_id}, pending))
    session.unloader.execute(data_statement(table, run_id, session.target))
    session.unloader.execute(control_statement(table, run_id, session.target))
    publish(news_of_pending(session.keeper, table, RunStatus.UNLOADED, at))
    session.keeper.execute(ops.update(tables.PARTITIONS, {"unloaded_at": at}, {"unload_run_id": run_id}))
    return claimed


def data_statement(table: ReportTable, run_id: str, target: UnloadTarget) -> str:
    """Return the UNLOAD of the claimed partitions' rows, in the order of the loader's primary key."""
    columns = ", ".join(f"stored.{name}" for name, _ in tables.combined(table).columns)
    keys = ", ".join(f"stored.{name}" for name in table.key_columns)
    query = (
        f"SELECT {columns} FROM {COMBINED_SCHEMA}.{table.name} AS stored JOIN {OPS_SCHEMA}.partitions AS days "
        f"ON {_same_day(table)} WHERE {_claimed(table, run_id)} ORDER BY {keys}"
    )
    return _unload(query, naming.unload_data_prefix(table.name, run_id), target)


def control_statement(table: ReportTable, run_id: str, target: UnloadTarget) -> str:
    """Return the UNLOAD of one row per claimed partition: generation, ids, row count and the sum of each metric."""
    days = ", ".join(
        f"days.{name}" for name in (*table.partition_columns, "generation", "data_flow_id", "correlation_id")
    )
    sums = ", ".join(
        f"CAST(COALESCE(SUM(stored.{column.name}), 0) AS DECIMAL(38,10)) AS sum_{column.name}"
        for column in table.metrics
    )
    query = (
        f"SELECT {days}, COUNT(stored.property_id) AS row_count, {sums} FROM {OPS_SCHEMA}.partitions AS days "
        f"LEFT JOIN {COMBINED_SCHEMA}.{table.name} AS stored ON {_same_day(table)} "
        f"WHERE {_claimed(table, run_id)} GROUP BY {days} ORDER BY {days}"
    )
    return _unload(query, naming.unload_control_prefix(table.name, run_id), target)


def _count_pending(keeper: Warehouse, table: ReportTable) -> int:
    rows = keeper.query(
        f"SELECT COUNT(*) AS days FROM {OPS_SCHEMA}.partitions "
        f"WHERE report_table = {literal(table.name)} AND unloaded_at IS NULL"
    )
    return int(rows[0]["days"])


def _same_day(table: ReportTable) -> str:
    return " AND ".join(f"stored.{column} = days.{column}" for column in table.partition_columns)


def _claimed(table: ReportTable, run_id: str) -> str:
    return f"days.report_table = {literal(table.name)} AND days.unload_run_id = {literal(run_id)}"


def _unload(query: str, prefix: str, target: UnloadTarget) -> str:
    return (
        f"UNLOAD ({literal(query)}) TO {literal(f's3://{target.bucket}/{prefix}')} "
        f"IAM_ROLE {literal(target.role_chain)} REGION {literal(target.region)} FORMAT PARQUET "
        f"PARALLEL OFF MANIFEST VERBOSE MAXFILESIZE {MAX_FILE_MEGABYTES} MB"
    )
