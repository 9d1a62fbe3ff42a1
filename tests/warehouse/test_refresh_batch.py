"""The largest refresh fits the Data API's limits."""

from datetime import date

import pytest

from dataflows.contracts.plan import BACKFILL_CHUNK_DAYS
from dataflows.contracts.reports import REPORT_TABLES, ReportTable
from tests.warehouse.refresh_fixtures import AT
from warehouse.delivered_runs import LandedReport
from warehouse.refresh_sql import MAX_REPORTS_PER_BATCH, consume_statements, repair_statements
from warehouse.runs import Run, RunKind, RunState
from warehouse.statements import MAX_STATEMENT_BYTES, MAX_STATEMENTS

RUNS_PER_REPORT = 20  # of disjoint dates; more are never delivered before one is refreshed


def _landed(table: ReportTable, number: int) -> LandedReport:
    property_id = str(10**17 + number)
    slug = "custom_" + "x" * 30 if table.is_custom else table.name
    runs = tuple(
        Run(
            run_id=f"{number:016x}{index:016x}",
            correlation_id="c" * 36,
            data_flow_id="d" * 36,
            property_id=property_id,
            report=slug,
            appflow_flow_name="f",
            kind=RunKind.BACKFILL,
            start_date=date(2026, 1, 1),
            end_date=date(2026, 1, BACKFILL_CHUNK_DAYS % 28),
            requested_by="x",
            status=RunState.SUCCEEDED,
            rows_delivered=10**15,
        )
        for index in range(RUNS_PER_REPORT)
    )
    dimensions = table.dimensions[:8] if table.is_custom else table.dimensions
    return LandedReport(property_id, slug, dimensions, table.metrics, runs)


@pytest.mark.parametrize("table", REPORT_TABLES.values(), ids=REPORT_TABLES)
def test_the_largest_batch_fits(table: ReportTable) -> None:
    landed = [_landed(table, number) for number in range(MAX_REPORTS_PER_BATCH)]
    statements = consume_statements(table, landed, AT)
    assert len(statements) <= MAX_STATEMENTS
    assert max(len(statement.encode()) for statement in statements) <= MAX_STATEMENT_BYTES


@pytest.mark.parametrize("table", [table for table in REPORT_TABLES.values() if table.depends_on], ids=lambda t: t.name)
def test_the_repair_of_dependents_fits(table: ReportTable) -> None:
    statements = repair_statements(table, AT)
    assert len(statements) <= MAX_STATEMENTS
    assert max(len(statement.encode()) for statement in statements) <= MAX_STATEMENT_BYTES
