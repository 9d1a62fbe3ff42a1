"""What Account 1 states of its days, made from what the warehouse has unloaded of them."""

import uuid
from collections.abc import Collection, Mapping
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import Any

from dataflows.contracts.counts import CountedReport, DataFlowDaysCounted
from tests.faults.remediation.scene import Scene
from tests.warehouse.requests import data_flow


def state(
    scene: Scene,
    at: datetime,
    *,
    lost: Collection[date] = (),
    differing: Mapping[date, tuple[int, int]] | None = None,
    property_id: str = "1001",
) -> None:
    """Let Account 1 state that it holds all that is unloaded, and what follows from it be done.

    But for the days that are `lost`; of a day that is `differing` it has other rows: (loaded, held).
    """
    statement = _statement(scene, at, lost, differing or {})
    scene.account.send(statement.model_copy(update={"property_id": property_id}), at)
    scene.settle()


def _statement(
    scene: Scene, at: datetime, lost: Collection[date], differing: Mapping[date, tuple[int, int]]
) -> DataFlowDaysCounted:
    rows = scene.account.rows("SELECT * FROM ga4_ops.partitions ORDER BY report_id, date")
    reports = [
        _report(report, [row for row in days if row["date"] not in lost], differing, at.date())
        for report, days in groupby(rows, key=lambda row: str(row["report_id"]))
    ]
    return DataFlowDaysCounted(
        event_id=uuid.uuid4(),
        correlation_id=uuid.uuid4(),
        data_flow_id=data_flow().data_flow_id,
        property_id="1001",
        reports=tuple(reports),
        occurred_at=at,
    )


def _report(
    report: str, days: list[dict[str, Any]], differing: Mapping[date, tuple[int, int]], today: date
) -> CountedReport:
    held = [
        {"start_date": row["date"], "end_date": row["date"], "generation": row["generation"], "is_counted": True}
        for row in days
    ]
    found = [
        {"date": row["date"], "generation": row["generation"], "rows_loaded": loaded, "rows_held": found}
        for row in days
        if row["date"] in differing
        for loaded, found in [differing[row["date"]]]
    ]
    window = {"start_date": date(2015, 8, 14), "end_date": today + timedelta(1)}
    return CountedReport.model_validate({"report": report, **window, "held": held, "differing": found})
