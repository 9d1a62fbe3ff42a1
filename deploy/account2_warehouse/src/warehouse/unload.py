"""Combined rows to Account 1's bucket: the data first, then the control rows that trigger the load.

S3 does not roll back: nothing is unloaded before it is committed, each unload has a prefix of its own,
and one that broke off is done again under another. The loader knows generations it has seen.
"""

# ruff: noqa: S608 - identifiers are contracts.naming's, checked; values pass through literal()

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import uuid4

from dataflows.contracts import naming, tables
from dataflows.contracts.events import RunStatus
from dataflows.contracts.naming import COMBINED_SCHEMA, OPS_SCHEMA
from dataflows.contracts.reports import MAX_PARTITIONS_PER_UNLOAD, ReportTable
from warehouse import ops
from warehouse.refresh_sql import metric_sum
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
    counts = _pending_by_property(session.keeper, table)
    if not counts:
        return 0  # asked before it is claimed: a write would stand in the way of other tables' refreshes
    run_ids = [_unload_portion(session, table, names[0], names[-1]) for names in _portions(counts)]
    publish(news_of_pending(session.keeper, table, RunStatus.UNLOADED, at))
    session.keeper.execute(ops.update(tables.PARTITIONS, {"unloaded_at": at}, {"unload_run_id": run_ids}))
    return sum(counts.values())


def _pending_by_property(keeper: Warehouse, table: ReportTable) -> dict[str, int]:
    rows = keeper.query(
        f"SELECT property_id, COUNT(*) AS days FROM {OPS_SCHEMA}.partitions "
        f"WHERE report_table = {literal(table.name)} AND unloaded_at IS NULL GROUP BY property_id ORDER BY property_id"
    )
    return {row["property_id"]: int(row["days"]) for row in rows}


def _portions(counts: Mapping[str, int]) -> Iterator[list[str]]:
    """Yield the properties in portions of no more partitions than the loader takes at once."""
    portion: list[str] = []
    size = 0
    for property_id, days in counts.items():
        if portion and size + days > MAX_PARTITIONS_PER_UNLOAD:
            yield portion
            portion, size = [], 0
        portion.append(property_id)
        size += days
    yield portion


def _unload_portion(session: UnloadSession, table: ReportTable, first: str, last: str) -> str:
    """Unload what is pending of the properties from `first` to `last`, and return the id of the run."""
    run_id = uuid4().hex
    pending: dict[str, ops.Condition] = {"report_table": table.name, "unloaded_at": None}
    claim = ops.update(tables.PARTITIONS, {"unload_run_id": run_id}, pending)
    session.keeper.execute(f"{claim} AND property_id BETWEEN {literal(first)} AND {literal(last)}")
    session.unloader.execute(data_statement(table, run_id, session.target))
    session.unloader.execute(control_statement(table, run_id, session.target))
    return run_id


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
    sums = ", ".join(f"{metric_sum(column)} AS sum_{column.name}" for column in table.metrics)
    query = (
        f"SELECT {days}, COUNT(stored.property_id) AS row_count, {sums} FROM {OPS_SCHEMA}.partitions AS days "
        f"LEFT JOIN {COMBINED_SCHEMA}.{table.name} AS stored ON {_same_day(table)} "
        f"WHERE {_claimed(table, run_id)} GROUP BY {days} ORDER BY {days}"
    )
    return _unload(query, naming.unload_control_prefix(table.name, run_id), target)


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
