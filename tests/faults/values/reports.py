"""A report of two texts and two numbers: as Google has it, as MySQL stores it, and as the API tells it."""

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from deploy.local.ga4.properties import PROPERTY_FILE, PropertySettings
from reports.queries import MAX_LIMIT
from tests.faults.values.pairs import Pair
from tests.pipeline.line import Line

Numbers = tuple[int, Decimal]  # sessions, revenue
Report = Mapping[Pair, Numbers]
Row = tuple[tuple[str | None, str | None], Numbers]  # as MySQL has it and the API tells it

DAY: Final = date(2026, 6, 17)  # yesterday, as the emulated clock has it
ANSWERS: Final[Mapping[str, Any]] = {
    "reports": [],
    "custom-TOTAL_FORMS": "1",
    "custom-0-name": "pairs",
    "custom-0-dimensions": ["landingPage", "sessionCampaignName"],
    "custom-0-metrics": ["sessions", "totalRevenue"],
}
_DIMENSIONS: Final = ("landing_page", "session_campaign_name")
_METRICS: Final = ("sessions", "total_revenue")
_TIMEOUT_SECONDS: Final = 30


def measured(pairs: Iterable[Pair]) -> dict[Pair, Numbers]:
    """Give each pair numbers of its own: more sessions than a float tells apart, revenue to the last millionth."""
    random = Random(0)  # noqa: S311 - repeatable, not secret
    return {
        pair: (random.choice((1, 2**53)) + place, Decimal(random.randrange(-(10**9), 10**13)).scaleb(-6))
        for place, pair in enumerate(pairs)
    }


def write_report(google: Path, settings: PropertySettings, report: Report) -> None:
    """Let Google have the report for the day; texts as bytes, which may hold half a character pair."""
    folder = google / settings.property_id
    folder.mkdir(parents=True, exist_ok=True)
    pages, campaigns = ([pair[place].encode(errors="surrogatepass") for pair in report] for place in (0, 1))
    columns = {
        "date": [f"{DAY:%Y%m%d}"] * len(report),
        "landingPage": pages,
        "sessionCampaignName": campaigns,
        "sessions": [sessions for sessions, _ in report.values()],
        "totalRevenue": [float(revenue) for _, revenue in report.values()],
    }
    pq.write_table(pa.table(columns), folder / "pairs.parquet")
    (folder / PROPERTY_FILE).write_text(settings.model_dump_json())


def stored_rows(line: Line, property_id: str) -> list[Row]:
    """Return what MySQL holds of the property."""
    rows = line.mysql("SELECT d1, d2, m1, m2 FROM report_custom WHERE property_id = %s", property_id)
    return [((page, campaign), (int(sessions), revenue)) for page, campaign, sessions, revenue in rows]


def posted_rows(line: Line, property_id: str, page_rows: int) -> Iterator[Row]:
    """Yield what the API answers to a body, page by page."""
    for offset in range(0, 20_000, page_rows):
        pagination = {"limit": page_rows, "offset": offset}
        rows = _rows(line.query(**_asked(property_id), dimensions=_DIMENSIONS, pagination=pagination))
        yield from rows
        if len(rows) < page_rows:
            return


def gotten_rows(line: Line, property_id: str) -> list[Row]:
    """Return what the API answers to an address, as much as one answer may hold."""
    question: dict[str, Any] = {
        "property_id": property_id,
        "report": "custom_pairs",
        "metric": _METRICS,
        "dimension": _DIMENSIONS,
        "start_date": DAY,
        "end_date": DAY,
        "limit": MAX_LIMIT,
    }
    url = f"{line.stack.app_url}/api/v1/query"
    answer = line.operator.session.get(url, params=question, timeout=_TIMEOUT_SECONDS)
    answer.raise_for_status()
    return _rows(json.loads(answer.content, parse_float=Decimal))


def totals(line: Line, property_id: str) -> Numbers:
    """Return what the API says of all rows together."""
    [row] = line.query(**_asked(property_id))["results"]
    return _numbers(row)


def _asked(property_id: str) -> dict[str, Any]:
    days = [DAY.isoformat(), DAY.isoformat()]
    return {"property_ids": [property_id], "report": "custom_pairs", "metrics": _METRICS, "date_range": days}


def _rows(answer: Mapping[str, Any]) -> list[Row]:
    return [(_pair(row), _numbers(row)) for row in answer["results"]]


def _pair(row: Mapping[str, Any]) -> tuple[str | None, str | None]:
    page, campaign = (row["dimensions"][name] for name in _DIMENSIONS)
    return page, campaign


def _numbers(row: Mapping[str, Any]) -> Numbers:
    sessions, revenue = (row["metrics"][name] for name in _METRICS)
    return sessions, revenue
