"""Numbers for CloudWatch, as it reads them from a function's log."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from message_batches.metrics import count, lag_since


@pytest.fixture(autouse=True)
def _service(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "upsert_report")


def written(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_number_is_a_line_with_namespace_service_and_unit(capsys: pytest.CaptureFixture[str]) -> None:
    count("RowsLoaded", 3)

    (line,) = written(capsys)
    (directive,) = line["_aws"]["CloudWatchMetrics"]
    assert directive["Namespace"] == "myapp"
    assert directive["Metrics"] == [{"Name": "RowsLoaded", "Unit": "Count"}]
    assert (line["RowsLoaded"], line["service"], directive["Dimensions"]) == ([3.0], "upsert_report", [["service"]])


def test_nothing_is_written_for_none(capsys: pytest.CaptureFixture[str]) -> None:
    count("RowsLoaded", 0)

    assert written(capsys) == []


def test_a_lag_is_in_seconds_and_never_negative(capsys: pytest.CaptureFixture[str]) -> None:
    for seconds in (90, -90):
        lag_since("LoadLagSeconds", datetime.now(UTC) - timedelta(seconds=seconds))

    first, second = (line["LoadLagSeconds"][0] for line in written(capsys))
    assert 90 <= first < 100
    assert second == 0
