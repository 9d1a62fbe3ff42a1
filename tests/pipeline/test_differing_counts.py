"""Rows that vanish from MySQL are found, told in the channel and on the page, and read again by Retry."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest

from deploy.local.follow import connect
from deploy.local.ga4.properties import PropertySettings
from deploy.local.state import REPOSITORY
from tests.pipeline.line import Line
from tests.pipeline.test_channel import page, press

SHOP: Final = PropertySettings(
    property_id="421000010", display_name="Gaps", time_zone="Europe/Berlin", currency_code="EUR"
)
IS_REAL_TIME: Final = True  # who presses a button in the channel does so then
_COUNT: Final = "import django; django.setup(); from myapp.reconciling import state_days; print(state_days())"


def count_days(line: Line) -> None:
    """Have MyApp count and state what MySQL holds, as Celery beat does every hour."""
    environment = {**line.stack.environment, "DJANGO_SETTINGS_MODULE": "myapp.settings"}
    subprocess.run([sys.executable, "-c", _COUNT], env=environment, cwd=REPOSITORY, check=True)


@pytest.mark.slow
def test_rows_that_vanish_from_mysql_are_told_and_mended_by_retry(line: Line) -> None:
    today = datetime.now(UTC).date()
    first, last = today - timedelta(5), today - timedelta(2)  # whatever the hour, over everywhere
    gap = first + timedelta(1)
    line.have_visited(SHOP, first, days=5, events_per_day=200)
    line.register(SHOP, first, reports=["pages"])
    line.wait_until_loaded(SHOP.property_id, 1, last)
    line.wait_for_status(SHOP.property_id, "active")
    rows = f"SELECT * FROM report_pages WHERE property_id = '{SHOP.property_id}' ORDER BY date, dimension_hash"  # noqa: S608
    before = line.mysql(rows)
    with connect(line.stack.servers.mariadb) as session, session.cursor() as cursor:
        gone = cursor.execute("DELETE FROM report_pages WHERE date = %s LIMIT 1", (gap,))
        session.commit()

    count_days(line)
    line.wait_for("the incident in the channel", lambda: "Counts differ: pages" in page(line))

    assert gone == 1
    loaded = sum(row[1] == gap for row in before)
    words = f"{gap}: the loader loaded {loaded} rows, MySQL holds {loaded - 1} row"
    assert words in page(line)
    shown = line.page(SHOP.property_id).text
    assert words in shown
    assert "Press Retry: these days are read" in shown

    press(line, "Retry run")
    line.wait_for("the rows being back", lambda: line.mysql(rows) == before)
    line.wait_for("the new generation", lambda: _generation(line, gap) > 1)
    count_days(line)
    line.wait_for("the recovery in the channel", lambda: "Recovered: Counts differ: pages" in page(line))

    assert _generation(line, last) == 1  # no other day was read again
    assert page(line).count('aria-label="Thread"') == 1


def _generation(line: Line, day: object) -> int:
    statement = "SELECT generation FROM report_partition WHERE property_id = %s AND date = %s"
    return int(line.mysql(statement, SHOP.property_id, day)[0][0])
