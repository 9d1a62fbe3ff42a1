"""The warehouse's tables: what the plan creates, what registration verifies, who may do what.

Statements are Redshift SQL. Database users are left open as `${ingest_user}` and so on: only the
account knows them, and `plan.fill` puts them in.
"""

from dataclasses import dataclass
from typing import Final

from dataflows.contracts.ga4 import FieldType
from dataflows.contracts.naming import (
    COMBINED_SCHEMA,
    LANDING_SCHEMA,
    OPS_SCHEMA,
    RAW_SCHEMA,
    checked_identifier,
    landing_table,
)
from dataflows.contracts.reports import Column, Report, ReportTable

# The functions that keep `ga4_ops`, each as the database user of its own role; `status_user` only reads it.
_KEEPERS: Final = ("refresh_user", "register_user", "watch_user", "advance_user", "retry_user")
DATABASE_USERS: Final = ("ingest_user", "unload_user", *_KEEPERS, "status_user")
# What the watch function counts to compare it with `ga4_ops`.
_COMPARED: Final = ("SELECT", ("watch_user",))

_TEXT: Final = "VARCHAR(65535)"
_SQL_TYPES: Final = {
    FieldType.TEXT: _TEXT,
    FieldType.DATE: "DATE",
    FieldType.INTEGER: "BIGINT",
    FieldType.DECIMAL: "DECIMAL(38,10)",
}
_KEY_TYPES: Final = {
    "property_id": "VARCHAR(18)",
    "report_id": "VARCHAR(40)",
    "date": "DATE",
    "dimension_hash": "CHAR(64)",
}


@dataclass(frozen=True)
class WarehouseTable:
    """A table with its columns as (name, SQL type) in order, and its grants as (rights, open users)."""

    schema: str
    name: str
    columns: tuple[tuple[str, str], ...]
    grants: tuple[tuple[str, tuple[str, ...]], ...]
    sort_key: tuple[str, ...] = ()

    @property
    def qualified_name(self) -> str:
        """`schema.table`, as AppFlow's destination and SQL write it."""
        return f"{checked_identifier(self.schema)}.{checked_identifier(self.name)}"

    def statements(self) -> tuple[str, ...]:
        """Return what creates the table and its grants; each may run again without harm."""
        columns = ", ".join(f"{checked_identifier(name)} {sql_type}" for name, sql_type in self.columns)
        sort_key = f" SORTKEY ({', '.join(self.sort_key)})" if self.sort_key else ""
        create = f"CREATE TABLE IF NOT EXISTS {self.qualified_name} ({columns}) DISTSTYLE AUTO{sort_key}"
        grants = (f"GRANT {rights} ON TABLE {self.qualified_name} TO {_open(users)}" for rights, users in self.grants)
        return (create, *grants)


def schema_statements() -> tuple[str, ...]:
    """Return what creates the four schemas and opens each to the users that work in it."""
    users = {
        LANDING_SCHEMA: ("ingest_user", "refresh_user"),
        RAW_SCHEMA: ("refresh_user", "watch_user"),
        COMBINED_SCHEMA: ("refresh_user", "unload_user", "watch_user"),
        OPS_SCHEMA: (*_KEEPERS, "status_user", "unload_user"),
    }
    creates = tuple(f"CREATE SCHEMA IF NOT EXISTS {schema}" for schema in users)
    grants = tuple(f"GRANT USAGE ON SCHEMA {schema} TO {_open(names)}" for schema, names in users.items())
    return creates + grants


def _open(users: tuple[str, ...]) -> str:
    return ", ".join(f"${{{name}}}" for name in users)


def landing(property_id: str, report: Report) -> WarehouseTable:
    """Return what AppFlow inserts one report of one property into: all text, exactly the mapped columns."""
    return WarehouseTable(
        LANDING_SCHEMA,
        landing_table(property_id, report.slug),
        tuple((name, _TEXT) for _, name in report.columns),
        (("INSERT, SELECT", ("ingest_user",)), ("SELECT, DELETE", ("refresh_user",))),
    )


def raw(table: ReportTable) -> WarehouseTable:
    """Return the typed table of one report, all properties: one row per key."""
    columns = _stored_columns(table, (*table.dimensions, *table.metrics))
    rights = (("SELECT, INSERT, DELETE", ("refresh_user",)), _COMPARED)
    return WarehouseTable(RAW_SCHEMA, table.name, columns, rights, table.partition_columns)


def combined(table: ReportTable) -> WarehouseTable:
    """Return the joined and computed table that is unloaded."""
    columns = _stored_columns(table, table.value_columns)
    rights = (("SELECT, INSERT, DELETE", ("refresh_user",)), ("SELECT", ("unload_user",)), _COMPARED)
    return WarehouseTable(COMBINED_SCHEMA, table.name, columns, rights, table.partition_columns)


def _stored_columns(table: ReportTable, values: tuple[Column, ...]) -> tuple[tuple[str, str], ...]:
    keys = tuple((name, _KEY_TYPES[name]) for name in table.key_columns)
    return keys + tuple((column.name, _SQL_TYPES[column.type]) for column in values)


_KEPT: Final = (("SELECT, INSERT, UPDATE, DELETE", _KEEPERS), ("SELECT", ("status_user",)))

REJECTS: Final = WarehouseTable(
    RAW_SCHEMA,
    "rejects",
    (
        ("property_id", "VARCHAR(18)"),
        ("report_id", "VARCHAR(40)"),
        ("date_text", "VARCHAR(40)"),
        ("reason", "VARCHAR(200)"),
        ("record", _TEXT),
        ("rejected_at", "TIMESTAMP"),
    ),
    (("SELECT, INSERT, UPDATE, DELETE", ("refresh_user",)), _COMPARED),
)
DATA_FLOWS: Final = WarehouseTable(
    OPS_SCHEMA,
    "data_flows",
    (
        ("data_flow_id", "VARCHAR(36)"),
        ("property_id", "VARCHAR(18)"),
        ("revision", "INTEGER"),
        ("state", "VARCHAR(10)"),
        ("definition", _TEXT),
        ("plan_hash", "CHAR(64)"),
        ("step", "VARCHAR(20)"),
        ("updated_at", "TIMESTAMP"),
    ),
    _KEPT,
)
RUNS: Final = WarehouseTable(
    OPS_SCHEMA,
    "runs",
    (
        ("run_id", "CHAR(32)"),
        ("correlation_id", "VARCHAR(36)"),
        ("data_flow_id", "VARCHAR(36)"),
        ("property_id", "VARCHAR(18)"),
        ("report", "VARCHAR(40)"),
        ("appflow_flow_name", "VARCHAR(256)"),
        ("execution_id", "VARCHAR(64)"),
        ("kind", "VARCHAR(10)"),
        ("start_date", "DATE"),
        ("end_date", "DATE"),
        ("status", "VARCHAR(10)"),
        ("rows_delivered", "BIGINT"),
        ("rows_failed", "BIGINT"),
        ("message", "VARCHAR(2000)"),
        ("requested_by", "VARCHAR(150)"),
        ("due_at", "TIMESTAMP"),
        ("prepared_at", "TIMESTAMP"),
        ("started_at", "TIMESTAMP"),
        ("ended_at", "TIMESTAMP"),
        ("consumed_at", "TIMESTAMP"),
    ),
    _KEPT,
)
PARTITIONS: Final = WarehouseTable(
    OPS_SCHEMA,
    "partitions",
    (
        ("report_table", "VARCHAR(40)"),
        ("property_id", "VARCHAR(18)"),
        ("report_id", "VARCHAR(40)"),
        ("date", "DATE"),
        ("generation", "BIGINT"),
        ("row_count", "BIGINT"),
        ("refreshed_at", "TIMESTAMP"),
        ("unload_run_id", "CHAR(32)"),
        ("unloaded_at", "TIMESTAMP"),
        ("data_flow_id", "VARCHAR(36)"),
        ("correlation_id", "VARCHAR(36)"),
        ("sums", "VARCHAR(2000)"),
    ),
    (*_KEPT, ("SELECT", ("unload_user",))),
)
# Empty: who notes or claims runs locks it first. A lock on the runs would wait for every refresh that reads them.
RUN_TURNS: Final = WarehouseTable(OPS_SCHEMA, "run_turns", (("turn", "INTEGER"),), _KEPT)
INCIDENTS: Final = WarehouseTable(
    OPS_SCHEMA,
    "incidents",
    (
        ("incident_id", "VARCHAR(36)"),
        ("correlation_id", "VARCHAR(36)"),
        ("data_flow_id", "VARCHAR(36)"),
        ("property_id", "VARCHAR(18)"),
        ("display_name", "VARCHAR(400)"),
        ("report", "VARCHAR(40)"),
        ("kind", "VARCHAR(20)"),
        ("cause", "VARCHAR(20)"),
        ("state", "VARCHAR(10)"),
        ("run_id", "CHAR(32)"),
        ("start_date", "DATE"),
        ("end_date", "DATE"),
        ("since", "TIMESTAMP"),
        ("message", "VARCHAR(2000)"),
        ("attempts", "INTEGER"),
        ("requested_by", "VARCHAR(150)"),
        ("next_try_at", "TIMESTAMP"),
        ("changed_at", "TIMESTAMP"),
        ("told_at", "TIMESTAMP"),
    ),
    _KEPT,
)
# What was decided of each run that failed, and of which incident the runs are that were made instead.
INCIDENT_RUNS: Final = WarehouseTable(
    OPS_SCHEMA,
    "incident_runs",
    (
        ("run_id", "CHAR(32)"),
        ("incident_id", "VARCHAR(36)"),
        ("attempt", "INTEGER"),
        ("decided_at", "TIMESTAMP"),
    ),
    _KEPT,
)
# Where two places do not hold the same of a report's days: as long as they do not.
DIFFERENCES: Final = WarehouseTable(
    OPS_SCHEMA,
    "differences",
    (
        ("property_id", "VARCHAR(18)"),
        ("report", "VARCHAR(40)"),
        ("hop", "VARCHAR(20)"),
        ("start_date", "DATE"),
        ("end_date", "DATE"),
        ("generation", "BIGINT"),
        ("rows_expected", "BIGINT"),
        ("rows_found", "BIGINT"),
        ("first_seen_at", "TIMESTAMP"),
        ("seen_at", "TIMESTAMP"),
    ),
    _KEPT,
)
OPS_TABLES: Final = (REJECTS, DATA_FLOWS, RUNS, RUN_TURNS, PARTITIONS, INCIDENTS, INCIDENT_RUNS, DIFFERENCES)
