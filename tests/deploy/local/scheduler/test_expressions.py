"""When schedule expressions are due."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from deploy.local.scheduler.expressions import (
    InvalidExpressionError,
    Rate,
    parse_at,
    parse_cron,
    parse_spaced_rate,
    parse_unspaced_rate,
)

BERLIN = ZoneInfo("Europe/Berlin")


def moments(expression: str, zone: ZoneInfo, after: datetime, days: int) -> list[str]:
    due = parse_cron(expression, zone).between(after, after + timedelta(days=days))
    return [one.strftime("%d %H:%M") for one in due]


def test_cron_counts_the_clocks_of_its_time_zone() -> None:
    after = datetime(2026, 7, 1, tzinfo=UTC)
    assert moments("cron(0 1 * * ? *)", BERLIN, after, 2) == ["01 23:00", "02 23:00"]
    assert moments("cron(0/30 9-10 ? * WED *)", ZoneInfo("UTC"), after, 7) == [
        "01 09:00",
        "01 09:30",
        "01 10:00",
        "01 10:30",
    ]


def test_time_that_summer_time_skips_is_skipped() -> None:
    after = datetime(2026, 3, 27, 12, tzinfo=UTC)
    assert moments("cron(30 2 * * ? *)", BERLIN, after, 3) == ["28 01:30", "30 00:30"]


def test_time_that_comes_twice_counts_once() -> None:
    after = datetime(2026, 10, 24, 12, tzinfo=UTC)
    assert moments("cron(30 2 * * ? *)", BERLIN, after, 2) == ["25 00:30", "26 01:30"]


def test_moment_of_the_last_look_is_not_due_again() -> None:
    at = datetime(2026, 7, 1, 23, tzinfo=UTC)
    assert list(parse_cron("cron(0 1 * * ? *)", BERLIN).between(at, at + timedelta(hours=1))) == []


def test_rate_goes_on_from_its_first_moment() -> None:
    first = datetime(2026, 7, 1, 0, 7, tzinfo=UTC)
    rate = Rate(timedelta(minutes=15), first)
    assert list(rate.between(first - timedelta(days=9), first)) == [first]
    assert list(rate.between(first, first + timedelta(minutes=30))) == [
        first + timedelta(minutes=15),
        first + timedelta(minutes=30),
    ]


def test_spellings_of_a_rate() -> None:
    assert parse_spaced_rate("rate(1 day)") == parse_unspaced_rate("rate(1days)") == timedelta(days=1)
    assert parse_spaced_rate("rate(15 minutes)") == parse_unspaced_rate("rate(15minutes)")
    for wrong in ("rate(1 days)", "rate(2 day)", "rate(0 minutes)", "rate(1days)", "rate(-1 days)", "rate(1 second)"):
        with pytest.raises(InvalidExpressionError):
            parse_spaced_rate(wrong)
    for wrong in ("rate(1 days)", "rate(1day)", "rate(0days)", "rate(999999999days)"):
        with pytest.raises(InvalidExpressionError):
            parse_unspaced_rate(wrong)


@pytest.mark.parametrize(
    "wrong",
    [
        "cron(0 1 * * *)",
        "cron(0 1 * * * *)",
        "cron(0 1 ? * ? *)",
        "cron(60 1 * * ? *)",
        "cron(0/0 1 * * ? *)",
        "cron( )",
        "0 1 * * ? *",
        "cron(0 1 LW * ? *)",
    ],
)
def test_cron_that_aws_would_refuse(wrong: str) -> None:
    with pytest.raises(InvalidExpressionError):
        parse_cron(wrong, BERLIN)


def test_at_names_a_time_that_exists() -> None:
    assert parse_at("at(2026-07-01T02:00:00)", BERLIN).at == datetime(2026, 7, 1, tzinfo=UTC)
    for wrong in ("at(2026-03-29T02:30:00)", "at(2026-02-30T02:30:00)", "at(2026-07-01)"):
        with pytest.raises(InvalidExpressionError):
            parse_at(wrong, BERLIN)
