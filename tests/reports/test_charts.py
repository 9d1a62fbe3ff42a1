"""The charts: scales one can read, lines that break where a day has no data."""

from datetime import date, timedelta

import pytest

from reports.charts import NARROW, WIDE, ChartDay, LineChart, Shape, line_chart, sparkline


def chart_of(*values: int | None, before: tuple[int | None, ...] = (), shape: Shape = WIDE) -> LineChart:
    days = [ChartDay(date(2026, 11, 1) + timedelta(number), value, False) for number, value in enumerate(values)]
    return line_chart(days, before or (None,) * len(values), shape)


@pytest.mark.parametrize(
    ("largest", "top"),
    [(0, 4), (3, 4), (5, 8), (9, 12), (10, 12), (17, 20), (61, 80), (100, 100), (101, 120), (3_500_000_000, 4 * 10**9)],
)
def test_scale_has_whole_steps_and_holds_the_largest_value(largest: int, top: int) -> None:
    values = [line.value for line in chart_of(largest, 0).grid]
    assert values == [0, top // 4, top // 2, top * 3 // 4, top]


def test_scale_holds_the_range_before_too() -> None:
    assert chart_of(1, before=(90,)).grid[-1].value == 100


def test_line_breaks_where_a_day_has_no_data() -> None:
    chart = chart_of(1, None, 2, 3)
    assert chart.path.count("M") == chart.area.count("M") == 2
    assert chart_of(None, None).path == chart_of(None, None).area == ""


def test_day_without_neighbours_is_a_dash_that_can_be_seen() -> None:
    assert chart_of(5, before=(4,)).path.endswith(" h10")
    assert chart_of(5, before=(4,)).path_before.endswith(" h10")
    assert " h10" not in chart_of(1, 2).path


def test_last_day_is_labelled_and_labels_fit() -> None:
    for days in (1, 7, 28, 90, 400):
        for shape in (WIDE, NARROW):
            chart = chart_of(*range(days), shape=shape)
            assert chart.dates[-1] == chart.spots[-1]
            assert len(chart.dates) <= shape.date_labels


def test_band_of_provisional_days_reaches_the_end() -> None:
    days = [ChartDay(date(2026, 11, number), number, number >= 3) for number in (1, 2, 3, 4)]
    chart = line_chart(days, (None,) * 4, WIDE)
    assert chart.provisional_x == chart.spots[2].left
    assert chart.provisional_width == pytest.approx(WIDE.plot_width / 2, abs=0.2)


def test_sparkline_of_equal_values_is_level() -> None:
    assert sparkline([5, 5]) == "M0.0 22.0 L100.0 22.0"


def test_one_value_has_no_sparkline() -> None:
    assert sparkline([5]) == sparkline([]) == ""
