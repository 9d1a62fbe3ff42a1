"""How numbers and values are written on pages."""

from decimal import Decimal

import pytest

from dataflows.contracts.ga4 import Unit
from reports.measures import Measure
from reports.templatetags.numbers import change, direction, figure, headline, visible, words


def measure(unit: Unit) -> Measure:
    return Measure("any", "Any", unit, {})


@pytest.mark.parametrize(
    ("value", "unit", "written"),
    [
        (None, Unit.COUNT, "–"),
        (1_234_567, Unit.COUNT, "1,234,567"),
        (Decimal("12.5"), Unit.COUNT, "12.50"),
        (Decimal("0.1235"), Unit.RATIO, "12.4 %"),
        (Decimal("1234.5"), Unit.CURRENCY, "1,234.50"),
        (Decimal(59), Unit.SECONDS, "59 s"),
        (Decimal(125), Unit.SECONDS, "2 min 05 s"),
        (Decimal(3_600_000), Unit.SECONDS, "1,000 h 00 min"),
    ],
)
def test_figures_are_written_in_their_unit(value: Decimal | int | None, unit: Unit, written: str) -> None:
    assert figure(value, measure(unit)) == written


def test_large_amounts_stand_on_cards_without_cents() -> None:
    assert headline(Decimal("2822685.51"), measure(Unit.CURRENCY)) == "2,822,686"
    assert headline(Decimal("-12345.6"), measure(Unit.CURRENCY)) == "-12,346"
    assert headline(Decimal("99.5"), measure(Unit.CURRENCY)) == "99.50"
    assert headline(None, measure(Unit.CURRENCY)) == "–"


@pytest.mark.parametrize(
    ("value", "written", "way"),
    [
        (None, "no comparison", "level"),
        (Decimal("0.0425"), "+4.2 %", "up"),
        (Decimal("-0.5"), "−50.0 %", "down"),
        (Decimal("-0.0001"), "±0.0 %", "level"),
        (Decimal("12.345"), "+1,234.5 %", "up"),
        (Decimal("9999.99"), "+999,999.0 %", "up"),
        (Decimal("9999.9901"), "more than +999,999 %", "up"),
        (Decimal("1e60"), "more than +999,999 %", "up"),
        (Decimal("-1e60"), "more than −999,999 %", "down"),
    ],
)
def test_change_and_its_direction_agree(value: Decimal | None, written: str, way: str) -> None:
    assert (change(value), direction(value)) == (written, way)


def test_change_of_a_rate_is_in_percentage_points() -> None:
    assert change(Decimal("0.013"), True) == "+1.3 pp"


def test_values_are_written_without_what_cannot_be_seen() -> None:
    assert visible("a\u202eb\u200bc\nd") == "a b c d"
    assert visible("") == visible(None) == visible("\u200b") == "(empty)"
    assert words("flows_created") == "Flows created"
