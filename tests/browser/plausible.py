"""A property as it looks after months of service: its numbers, runs, timeline and loads."""

import math
import uuid
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.contrib.auth.models import User
from django.db.models import F
from django.utils import timezone

from dataflows.contracts.keys import dimension_hash
from dataflows.contracts.reports import REPORT_TABLES, REPORTS
from dataflows.models import DataFlow, Run, TimelineEntry
from reports.models import REPORT_MODELS, Partition
from tests.dataflows.conftest import unsaved_data_flow
from tests.reports.conftest import add_load

CHANNELS = (
    ("Organic Search", "google", "organic", "(not set)", "Germany", 0.41),
    ("Direct", "(direct)", "(none)", "(not set)", "Germany", 0.24),
    ("Paid Search", "google", "cpc", "autumn_sale_2026", "Austria", 0.17),
    ("Email", "newsletter", "email", "weekly-42", "Switzerland", 0.09),
    ("Referral", "price-comparison.example", "referral", "(not set)", "(other)", 0.06),
    ("Organic Social", "m.facebook.com", "social", "(not set)", "", 0.03),
)
_STEPS = (
    ("submit", "queued", "revision 1, active"),
    ("publish", "published", ""),
    ("forward", "received", ""),
    ("register", "schema_ready", "6 tables"),
    ("register", "flows_created", "5 AppFlow flows"),
    ("register", "active", ""),
)


def registered_shop(operator: User, **changes: Any) -> DataFlow:
    """Register a property that is active, with its timeline and the runs of the last days."""
    fields = {
        "display_name": "Alpenblick Shop – Deutschland",
        "time_zone": "Europe/Berlin",
        "currency_code": "EUR",
        "reports": [{"slug": slug} for slug in REPORTS],
        "status": DataFlow.Status.ACTIVE,
        "status_revision": 1,
        "created_by": operator,
    }
    data_flow = unsaved_data_flow(**{**fields, **changes})
    data_flow.save(force_insert=True)
    _add_timeline(data_flow)
    TimelineEntry.objects.update(recorded_at=F("occurred_at"))
    _add_runs(data_flow)
    return data_flow


def load_days(data_flow: DataFlow, days: int) -> None:
    """Write whole days up to yesterday, as the loader would."""
    yesterday = timezone.now().date() - timedelta(1)
    dates = [yesterday - timedelta(back) for back in range(days)]
    for day in dates:
        _add_row(data_flow, "daily_totals", day, (), _numbers(day, 1.0))
        for *dimensions, share in CHANNELS:
            _add_row(data_flow, "traffic_acquisition", day, tuple(dimensions), _numbers(day, share))
    _add_partitions(data_flow, dates)


def _numbers(day: date, share: float) -> dict[str, int | Decimal]:
    """Return a day's numbers: a week's rhythm over slow growth."""
    rhythm = 1 - 0.28 * (day.weekday() >= 5) + 0.06 * math.sin(day.toordinal())
    sessions = int(41_800 * (1 + day.timetuple().tm_yday / 900) * rhythm * share)
    return {
        "sessions": sessions,
        "engaged_sessions": int(sessions * 0.617),
        "total_users": int(sessions * 0.84),
        "active_users": int(sessions * 0.81),
        "new_users": int(sessions * 0.33),
        "screen_page_views": int(sessions * 3.4),
        "event_count": int(sessions * 11.2),
        "key_events": Decimal(int(sessions * 0.021)),
        "user_engagement_duration": Decimal(sessions * 74),
        "total_revenue": (Decimal(sessions) * Decimal("1.937")).quantize(Decimal("0.01")),
    }


def _add_row(
    data_flow: DataFlow, table_name: str, day: date, dimensions: tuple[str, ...], numbers: dict[str, Any]
) -> None:
    table = REPORT_TABLES[table_name]
    stored = {column.name for column in table.metrics}
    REPORT_MODELS[table_name]._default_manager.create(
        property_id=data_flow.property_id,
        date=day,
        dimension_hash=bytes.fromhex(dimension_hash(dimensions)),
        **dict(zip((column.name for column in table.dimensions), dimensions, strict=True)),
        **{name: number for name, number in numbers.items() if name in stored},
    )


def _add_partitions(data_flow: DataFlow, dates: list[date]) -> None:
    correlation_id = data_flow.timeline.values_list("correlation_id", flat=True).earliest("recorded_at")
    for slug, rows in (("daily_totals", 1), ("traffic_acquisition", len(CHANNELS))):
        for day in dates:
            Partition.objects.create(
                property_id=data_flow.property_id,
                report_id=slug,
                date=day,
                generation=1,
                row_count=rows,
                run_id="b" * 32,
                loaded_at=datetime.now(UTC),
            )
            add_load(data_flow.property_id, correlation_id, report_id=slug, date=day, row_count=rows * 3_512)


def _add_timeline(data_flow: DataFlow) -> None:
    correlation_id, at = uuid.uuid4(), timezone.now() - timedelta(minutes=6)
    for number, (station, status, message) in enumerate(_STEPS):
        TimelineEntry.objects.create(
            data_flow=data_flow,
            correlation_id=correlation_id,
            station=station,
            status=status,
            message=message,
            occurred_at=at + timedelta(seconds=7 * number),
        )
    for number, slug in enumerate(("daily_totals", "traffic_acquisition")):
        for step, (station, status, rows) in enumerate(
            (("ingest", "started", None), ("ingest", "succeeded", 128_640), ("unload", "unloaded", 128_640))
        ):
            TimelineEntry.objects.create(
                data_flow=data_flow,
                correlation_id=correlation_id,
                station=station,
                status=status,
                report=slug,
                rows=rows,
                occurred_at=at + timedelta(seconds=60 + 5 * number + 20 * step),
            )


def _add_runs(data_flow: DataFlow) -> None:
    now = timezone.now()
    for number, slug in enumerate(REPORTS):
        has_failed = slug == "devices"
        Run.objects.create(
            run_id=f"{number:x}" * 32,
            data_flow=data_flow,
            correlation_id=uuid.uuid4(),
            report=slug,
            status="failed" if has_failed else "unloaded",
            start_date=now.date() - timedelta(90),
            end_date=now.date() - timedelta(1),
            rows=0 if has_failed else 128_640 * (number + 1),
            rows_rejected=1_204 if number == 2 else 0,
            message="Google answered 429: the property's tokens of this hour are used up." if has_failed else "",
            started_at=now - timedelta(minutes=2),
            changed_at=now - timedelta(minutes=1),
        )
