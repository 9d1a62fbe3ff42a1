"""Text becomes exact numbers, or a reject that says why; different texts stay different rows."""

import unicodedata
from decimal import ROUND_HALF_UP, Context, Decimal

import pytest

from dataflows.contracts.keys import dimension_hash
from dataflows.contracts.reports import REPORTS
from tests.warehouse.refresh_fixtures import Scene, day, scene_fixture, text

__all__ = ["scene_fixture"]

DECIMALS = [
    "0",
    "-0",
    "1",
    "007",
    "12.5",
    "-12.5",
    "0.12345678905",
    "-0.12345678905",
    "0.00000000004",
    "0.00000000005",
    "1e3",
    "1E+03",
    "1.5e-3",
    "-2.25E2",
    "1.2345678901234567E-5",
    "9.87654321E7",
    "0e0",
    "1e-99",
    "123e-12",
    "99999999999999999999.9999999999",
    "-100000000000000000000",
    "1e20",
    "0.0000000001e29",
]
NOT_NUMBERS = [
    "",
    " ",
    "NaN",
    "inf",
    "-Infinity",
    "1,5",
    "1.",
    ".5",
    "+1",
    "1e",
    "e5",
    "0x1F",
    "\N{FULLWIDTH DIGIT ONE}",
    " 1",
    "1 ",
    "1\n",
    "--1",
]
OUT_OF_RANGE = [
    "100000000000000000000.0000000001",
    "-1e27",
    "9999999999999999999999999999.9999999999",
    "1e28",
    "10000000000000000000000000000",
    "1e99",
    "1e100",
    "-1e28",
    "9999999999999999999999999999.99999999999",
]
INTEGERS = ["0", "-5", "007", str(10**17), str(-(10**17))]
LARGE_INTEGERS = [str(10**17 + 1), str(2**63 - 1), str(-(2**63)), str(2**63), str(-(2**63) - 1), "9" * 200]
NOT_INTEGERS = ["", "12.0", "1e3", "NaN", "+1", " 1", "1\n", "\N{ARABIC-INDIC DIGIT THREE}"]

HOSTILE = [
    "Cafe",
    "cafe",
    "Café",
    unicodedata.normalize("NFD", "Café"),
    "Cafe ",
    " Cafe",
    "",
    None,
    "N",
    "V0:",
    "👩‍👩‍👧",
    "👩",
    "it's",
    "it''s",
    "back\\slash",
    "back\\\\slash",
    "line\nbreak",
    "line\\nbreak",
    "tab\t",
    "'; DROP TABLE ga4_raw.events; --",
    "%s :name $1 ${x}",
    "null",
    "é" * 30_000,
    "é" * 29_999 + "e",
    "ﬁ",
    "fi",
    "ß",
    "ss",
]


def test_decimals_are_exact_and_rounded_half_away_from_zero(scene: Scene) -> None:
    rows = [[text(day(0)), str(n), "", value, "1"] for n, value in enumerate(DECIMALS)]
    scene.deliver("custom_two", rows, day(0))
    scene.refresh("custom")
    stored = {DECIMALS[int(row["d1"])]: row["m1"] for row in scene.rows("SELECT d1, m1 FROM ga4_combined.custom")}
    expected = {value: Decimal(value).quantize(Decimal("1e-10"), ROUND_HALF_UP, Context(prec=60)) for value in DECIMALS}
    assert stored == expected


def test_what_is_no_decimal_is_refused_with_its_reason(scene: Scene) -> None:
    values = dict.fromkeys(NOT_NUMBERS, "not_a_number:m1")
    rows: list[list[str | None]] = [[text(day(0)), value, "", value, "1"] for value in values]
    scene.deliver("custom_two", [*rows, [text(day(0)), "null", "", None, "1"]], day(0))
    scene.refresh("custom")
    assert scene.rows("SELECT * FROM ga4_combined.custom") == []
    refused = {row["record"]: row["reason"] for row in scene.rows("SELECT * FROM ga4_raw.rejects")}
    assert len(refused) == len(values) + 1
    for value, reason in values.items():
        assert [found for record, found in refused.items() if f"d1={value} | " in record] == [reason], repr(value)


def test_decimal_out_of_range_is_left_empty_in_its_row_and_told(scene: Scene) -> None:
    scene.deliver("custom_two", [[text(day(0)), value, "", value, "1"] for value in OUT_OF_RANGE], day(0))
    scene.refresh("custom")
    kept = scene.rows("SELECT d1, m1, m2 FROM ga4_combined.custom")
    assert {row["d1"]: (row["m1"], row["m2"]) for row in kept} == dict.fromkeys(OUT_OF_RANGE, (None, 1))
    told = scene.rows("SELECT reason, record FROM ga4_raw.rejects")
    assert [row["reason"] for row in told] == ["out_of_range:m1"] * len(OUT_OF_RANGE)
    assert all(any(f" | m1={value} | " in row["record"] for row in told) for value in OUT_OF_RANGE)


def test_row_of_which_every_metric_is_out_of_range_is_kept_and_all_are_named(scene: Scene) -> None:
    metrics = REPORTS["daily_totals"].metrics
    scene.deliver("daily_totals", [[text(day(0)), *["9" * 40] * len(metrics)]], day(0))
    scene.refresh("daily_totals")
    (row,) = scene.rows("SELECT * FROM ga4_combined.daily_totals")
    assert {row[metric.column_name] for metric in metrics} == {None}
    assert (row["sessions_7d"], row["days_7d"]) == (None, 0)
    (told,) = scene.rows("SELECT reason FROM ga4_raw.rejects")
    assert told["reason"] == ":".join(["out_of_range", *(metric.column_name for metric in metrics)])


def test_of_two_rows_alike_the_one_in_range_is_kept(scene: Scene) -> None:
    scene.deliver("custom_two", [[text(day(0)), "a", "", value, "1"] for value in ("-1e30", "5", "1e30")], day(0))
    scene.refresh("custom")
    assert [row["m1"] for row in scene.rows("SELECT m1 FROM ga4_combined.custom")] == [5]
    assert [row["reason"] for row in scene.rows("SELECT reason FROM ga4_raw.rejects")] == ["duplicate_key"] * 2


def test_integers_are_plain_digits_within_their_range(scene: Scene) -> None:
    values = INTEGERS + NOT_INTEGERS + LARGE_INTEGERS
    rows = [[text(day(0)), str(n), value, "1", "1", "1", "1"] for n, value in enumerate(values)]
    scene.deliver("events", rows, day(0))
    scene.refresh("events")
    stored = {row["event_name"]: row["event_count"] for row in scene.rows("SELECT * FROM ga4_combined.events")}
    first_large = len(INTEGERS + NOT_INTEGERS)
    left_empty = {str(first_large + n): None for n in range(len(LARGE_INTEGERS))}
    assert stored == {str(n): int(value) for n, value in enumerate(INTEGERS)} | left_empty
    reasons = [row["reason"] for row in scene.rows("SELECT reason FROM ga4_raw.rejects")]
    expected = ["not_an_integer:event_count"] * len(NOT_INTEGERS)
    assert sorted(reasons) == expected + ["out_of_range:event_count"] * len(LARGE_INTEGERS)


@pytest.mark.parametrize(
    "date_text",
    ["20260229", "20261301", "00000101", "2026031", "202603011", "20260301 ", "\N{FULLWIDTH DIGIT TWO}0260301"],
)
def test_what_is_no_date_is_refused(scene: Scene, date_text: str) -> None:
    scene.deliver("events", [[date_text, "a", "1", "1", "1", "1", "1"]], day(0))
    scene.refresh("events")
    (row,) = scene.rows("SELECT reason, date_text FROM ga4_raw.rejects")
    assert row == {"reason": "bad_date", "date_text": date_text[:10]}


def test_texts_that_differ_in_a_byte_are_different_rows(scene: Scene) -> None:
    scene.deliver("events", [[text(day(0)), value, "1", "1", "1", "1", "1"] for value in HOSTILE], day(0))
    scene.refresh("events")
    rows = scene.rows("SELECT event_name, dimension_hash FROM ga4_combined.events")
    assert {row["event_name"]: row["dimension_hash"] for row in rows} == {
        value: dimension_hash([value]) for value in HOSTILE
    }
    assert len(rows) == len(HOSTILE)


def test_the_longest_values_are_refused_whole_too(scene: Scene) -> None:
    longest = "'" * 65_535
    scene.deliver("custom_wide", [["x" * 1000, *[longest] * 8, *["€" * 20_000] * 10]], day(0))
    scene.refresh("custom")
    assert [news.message for news in scene.news] == [""]
    (row,) = scene.rows("SELECT reason, octet_length(record) AS bytes FROM ga4_raw.rejects")
    assert row["reason"] == "bad_date"
    assert row["bytes"] < 65_535
