"""From a data flow's definition to what it needs in Account 2: a pure function, applied elsewhere.

What only the account knows (database users, the connector's entity, buckets, profiles) and what only
the moment knows (the window's dates) stays open in the plan and is filled in when it is applied. So
what an operator approved, what was created and what drift is measured against are one thing.
"""

import hashlib
import json
import string
from collections.abc import Mapping
from dataclasses import dataclass, is_dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from dataflows.contracts import naming, tables
from dataflows.contracts.errors import InvalidDataFlowError
from dataflows.contracts.events import DimensionFilter, FilterOperator, OnInvalid, RegisterDataFlow, today_in
from dataflows.contracts.ga4 import DATE, FieldKind, Ga4Field
from dataflows.contracts.reports import REPORT_TABLES, Report
from dataflows.contracts.tables import WarehouseTable

PLAN_VERSION: Final = 4
BACKFILL_CHUNK_DAYS: Final = 92  # of one OnDemand run; a longer range is cut into several

WINDOW_START: Final = "${window_start}"
WINDOW_END: Final = "${window_end}"

_APPFLOW_OPERATORS: Final = {
    FilterOperator.EQUAL_TO: "EQUAL_TO",
    FilterOperator.NOT_EQUAL_TO: "NOT_EQUAL_TO",
    FilterOperator.CONTAINS: "CONTAINS",
}
_VALIDATION_ACTIONS: Final = {OnInvalid.DROP_RECORD: "DropRecord", OnInvalid.FAIL_RUN: "DropDataset"}

Task = dict[str, Any]  # as AppFlow's CreateFlow spells it


@dataclass(frozen=True)
class DateWindow:
    """A range of property-local dates, both included."""

    start_date: date
    end_date: date

    def chunks(self, days: int = BACKFILL_CHUNK_DAYS) -> tuple["DateWindow", ...]:
        """Return the range cut into pieces of at most `days` days, oldest first."""
        length = (self.end_date - self.start_date).days + 1
        starts = (self.start_date + timedelta(offset) for offset in range(0, length, days))
        return tuple(DateWindow(start, min(start + timedelta(days - 1), self.end_date)) for start in starts)

    def without(self, other: "DateWindow") -> tuple["DateWindow", ...]:
        """Return what is left of the range when the days of another are taken out, oldest first."""
        before = DateWindow(self.start_date, min(self.end_date, other.start_date - timedelta(1)))
        after = DateWindow(max(self.start_date, other.end_date + timedelta(1)), self.end_date)
        return tuple(left for left in (before, after) if left.start_date <= left.end_date)


@dataclass(frozen=True)
class PlannedFlow:
    """An AppFlow flow: its tasks, whose date filter is open, and the landing table it fills."""

    appflow_flow_name: str
    report: str
    landing_table: str
    tasks: tuple[Task, ...]

    def tasks_for(self, window: DateWindow) -> list[Task]:
        """Return the tasks with the date filter's bounds filled in (see `date_bound`)."""
        bounds = {WINDOW_START: date_bound(window.start_date), WINDOW_END: date_bound(window.end_date)}
        return [
            {**task, "taskProperties": {key: bounds.get(value, value) for key, value in task["taskProperties"].items()}}
            for task in self.tasks
        ]


@dataclass(frozen=True)
class Plan:
    """All that a data flow needs in Account 2, and where its rows travel from there."""

    plan_version: int
    property_id: str
    statements: tuple[str, ...]
    tables: tuple[WarehouseTable, ...]
    flows: tuple[PlannedFlow, ...]
    time_zone: str
    refresh_hour_local: int
    lookback_days: int
    backfill_from: date
    unload_prefixes: tuple[str, ...]
    mysql_tables: tuple[str, ...]

    @property
    def hash(self) -> str:
        """SHA-256 (hex) of the plan as canonical JSON: the same definition gives the same hash everywhere."""
        canonical = json.dumps(self, sort_keys=True, separators=(",", ":"), default=_plain)
        return hashlib.sha256(canonical.encode()).hexdigest()


def make_plan(event: RegisterDataFlow) -> Plan:
    """Return what `event`'s data flow needs; nothing outside is read, the same event gives the same plan."""
    reports = event.resolved_reports()
    property_id = event.property.property_id
    report_tables = tuple({report.table.name: report.table for report in reports}.values())
    joined_tables = tuple({name: REPORT_TABLES[name] for table in report_tables for name in table.depends_on}.values())
    planned_tables = (
        *tables.OPS_TABLES,
        *(tables.raw(table) for table in dict.fromkeys((*report_tables, *joined_tables))),
        *(tables.combined(table) for table in report_tables),
        *(tables.landing(property_id, report) for report in reports),
    )
    return Plan(
        plan_version=PLAN_VERSION,
        property_id=property_id,
        statements=(*tables.schema_statements(), *(sql for table in planned_tables for sql in table.statements())),
        tables=planned_tables,
        flows=tuple(_planned_flow(event, report) for report in reports),
        time_zone=event.property.time_zone,
        refresh_hour_local=event.refresh_hour_local,
        lookback_days=event.lookback_days,
        backfill_from=event.start_date,
        unload_prefixes=tuple(f"{table.name}/" for table in report_tables),
        mysql_tables=tuple(table.mysql_name for table in report_tables),
    )


def check_plan_hash(event: RegisterDataFlow, plan: Plan) -> None:
    """Refuse to carry out anything other than what the operator approved.

    Raises InvalidDataFlowError `plan_outdated` when another version of the planning code made the
    approved plan, `plan_hash_changed` when the same version made another plan. An event without a
    hash comes from a sender that shows no plan yet, and passes.
    """
    if event.plan_hash is None:
        return
    if event.plan_version != plan.plan_version:
        raise InvalidDataFlowError(
            "The plan was approved with another version of MyApp: have both accounts deployed alike, then press Edit "
            "and Save on the data flow's page.",
            reason="plan_outdated",
        )
    if event.plan_hash != plan.hash:
        raise InvalidDataFlowError(
            "The plan is not the one that was approved: have both accounts deployed alike, then press Edit and Save on "
            "the data flow's page.",
            reason="plan_hash_changed",
        )


def fill(statement: str, users: Mapping[str, str]) -> str:
    """Return the statement with the open database users filled in, quoted.

    `users` maps each of `tables.DATABASE_USERS` to a user's name. Raises KeyError when one is missing,
    ValueError when a name holds anything unusual.
    """
    quoted = {name: naming.quoted_identifier(user) for name, user in users.items()}
    return string.Template(statement).substitute(quoted)


def daily_window(time_zone: str, lookback_days: int, at: datetime) -> DateWindow:
    """Return what a run at the aware moment `at` re-reads: `lookback_days` back to yesterday, property-local."""
    today = today_in(time_zone, at)
    return DateWindow(today - timedelta(lookback_days), today - timedelta(1))


def next_run_at(time_zone: str, refresh_hour_local: int, after: datetime) -> datetime:
    """Return the first moment (UTC) after `after` at which it is that hour in the property's time zone.

    An hour that a change to summer time skips is run when the clocks have moved on.
    """
    zone = ZoneInfo(time_zone)
    day = after.astimezone(zone).date()
    while True:
        at = datetime(day.year, day.month, day.day, refresh_hour_local, tzinfo=zone).astimezone(UTC)
        if at > after:
            return at
        day += timedelta(1)


def schedule_expression(run_at: datetime) -> str:
    """Return AppFlow's daily schedule at that UTC time of day; it has no time zones, so it follows DST by update."""
    at = run_at.astimezone(UTC)
    return f"cron({at.minute} {at.hour} * * ? *)"


def date_bound(day: date) -> str:
    """Return a date as AppFlow's filters take it: epoch milliseconds of its midnight in UTC.

    No public source confirms the format for the GA4 connector: it is chosen here and nowhere else.
    """
    return str(int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * 1000)


def _plain(value: Any) -> Any:
    # Not dataclasses.asdict: it copies every text of the plan, which takes longer than all the rest of it.
    return vars(value) if is_dataclass(value) else str(value)


def _planned_flow(event: RegisterDataFlow, report: Report) -> PlannedFlow:
    property_id = event.property.property_id
    return PlannedFlow(
        appflow_flow_name=naming.appflow_flow_name(property_id, report.slug),
        report=report.slug,
        landing_table=f"{naming.LANDING_SCHEMA}.{naming.landing_table(property_id, report.slug)}",
        tasks=_tasks(report, event.filters, event.on_invalid),
    )


def _tasks(report: Report, filters: tuple[DimensionFilter, ...], on_invalid: OnInvalid) -> tuple[Task, ...]:
    return (
        _task("Filter", "PROJECTION", [field.api_name for field in report.fields], {}),
        _task(
            "Filter",
            "BETWEEN",
            [DATE],
            {"DATA_TYPE": "datetime", "LOWER_BOUND": WINDOW_START, "UPPER_BOUND": WINDOW_END},
        ),
        *(_filter_task(dimension_filter) for dimension_filter in filters),
        *(_validation_task(field, on_invalid) for field in report.fields if _is_validated(field)),
        *(_map_task(field, column) for field, column in report.columns),
    )


def _task(
    kind: str, operator: str, fields: list[str], properties: dict[str, str], destination: str | None = None
) -> Task:
    task: Task = {
        "taskType": kind,
        "connectorOperator": {"CustomConnector": operator},
        "sourceFields": fields,
        "taskProperties": properties,
    }
    return task if destination is None else {**task, "destinationField": destination}


def _map_task(field: Ga4Field, column: str) -> Task:
    types = {"SOURCE_DATA_TYPE": "String", "DESTINATION_DATA_TYPE": "character varying"}
    return _task("Map", "NO_OP", [field.api_name], types, column)


def _filter_task(dimension_filter: DimensionFilter) -> Task:
    operator = _APPFLOW_OPERATORS[dimension_filter.operator]
    properties = {"DATA_TYPE": "string", "VALUES": ",".join(dimension_filter.values)}
    return _task("Filter", operator, [dimension_filter.dimension], properties)


def _is_validated(field: Ga4Field) -> bool:
    return field.api_name == DATE or field.kind is FieldKind.METRIC


def _validation_task(field: Ga4Field, on_invalid: OnInvalid) -> Task:
    operator = "VALIDATE_NON_NULL" if field.api_name == DATE else "VALIDATE_NUMERIC"
    return _task("Validate", operator, [field.api_name], {"VALIDATION_ACTION": _VALIDATION_ACTIONS[on_invalid]})
