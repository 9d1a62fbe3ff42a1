"""What tests fill in on the register page, and how they read its answer."""

import html
import re
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from dataflows.contracts.reports import REPORTS

REGISTER = "/data-flows/register/"


def filled(**changes: Any) -> dict[str, Any]:
    """Return a register page filled in soundly, with these fields changed; `None` leaves a field out."""
    fields = {
        "property_id": "987654321",
        "display_name": "Second shop",
        "time_zone": "Europe/Berlin",
        "currency_code": "EUR",
        "connector_profile": "ga4",
        "reports": list(REPORTS),
        "start_date": "2026-01-02",
        "lookback_days": "4",
        "refresh_hour_local": "5",
        "on_invalid": "drop_record",
        **_rows("custom", {"name": "", "dimensions": None, "metrics": None}),
        **_rows("filter", {"dimension": "", "operator": "equal_to", "values": ""}),
    }
    return {name: value for name, value in {**fields, **changes}.items() if value is not None}


def custom(*reports: tuple[str, list[str], list[str]], **typed: str) -> dict[str, Any]:
    """Return the fields of custom reports: name, dimensions and metrics of each, and what is typed in all."""
    return _rows("custom", *({"name": name, "dimensions": by, "metrics": of, **typed} for name, by, of in reports))


def only_where(dimension: str, values: str, operator: str = "equal_to") -> dict[str, Any]:
    """Return the fields of one filter."""
    return _rows("filter", {"dimension": dimension, "operator": operator, "values": values})


def filters(asked: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """Return the fields of filters as a data flow has them."""
    return _rows("filter", *({**one, "values": ", ".join(one["values"])} for one in asked))


def errors_beside(page: str, field: str) -> str:
    """Return what the page says of a field, as text; nothing when it has no errors there."""
    found = re.search(rf'<div id="id_{field}_error">(.*?)</div>', page, flags=re.DOTALL)
    return _text(found[1]) if found else ""


def fields_with_errors(page: str) -> set[str]:
    """Return the names of all fields with errors."""
    return set(re.findall(r'<div id="id_([\w-]+)_error">', page))


def journeys_on(page: str) -> dict[UUID, list[str]]:
    """Return the timeline on a data flow's page: by correlation id what each hop says, its time left out."""
    found = re.findall(r'aria-label="Correlation id (.{36})">(.*?)</section>', page, flags=re.DOTALL)
    return {
        UUID(name): [_text(hop) for hop in re.findall(r"<li.*?>(.*?)<time", journey, flags=re.DOTALL)]
        for name, journey in found
    }


def _text(markup: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", "", markup)).split())


def _rows(prefix: str, *rows: dict[str, Any]) -> dict[str, Any]:
    fields = {f"{prefix}-{number}-{name}": value for number, row in enumerate(rows) for name, value in row.items()}
    counts = {f"{prefix}-TOTAL_FORMS": len(rows), f"{prefix}-INITIAL_FORMS": 0, f"{prefix}-MAX_NUM_FORMS": 10}
    return {**counts, **fields}
