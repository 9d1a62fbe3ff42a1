"""Hostile values through the whole line: what differs by a byte stays apart, what can't be stored is counted."""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, Final

import pytest

from tests.faults.values.classes import LONG, numbers_by_class
from tests.faults.values.pairs import MAX_BYTES, hostile_pairs
from tests.faults.values.reports import (
    ANSWERS,
    DAY,
    Numbers,
    Report,
    Row,
    gotten_rows,
    measured,
    posted_rows,
    stored_rows,
    totals,
    write_report,
)
from tests.pipeline.line import Line
from tests.pipeline.recorded import recorded_property

# Redshift's text holds none of these; `test_what_cannot_be_stored_is_left_out_and_counted` says what becomes of them.
UNSTORABLE: Final = (
    ("/nul\0", ""),
    ("", "\0"),
    ("/half \ud83d", "high"),
    ("low", "\ude00"),
    ("\ude00\ud83d", "the wrong way round"),
    ("x" * (MAX_BYTES + 1), ""),
    ("", "é" * (MAX_BYTES // 2) + "ab"),
)
LEAST_LONG: Final = 19  # each is moved some twenty times on its way
# Google's API has no null: a value is a text. Whether AppFlow's COPY makes one of an empty text, AWS does not say. So
# the warehouse does here, while the rows land.
MADE_NULL: Final = "/becomes null"
NULLS: Final = """
    CREATE FUNCTION ga4_landing.nulls() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        NEW.d1 := NULLIF(NEW.d1, '{text}');
        NEW.d2 := NULLIF(NEW.d2, '{text}');
        RETURN NEW;
    END $$;
    CREATE TRIGGER nulls BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION ga4_landing.nulls();
"""
UNDELIVERED: Final = f"AppFlow could not deliver {len(UNSTORABLE)} of"


def differences(rows: Iterable[Row], report: Mapping[Any, Numbers]) -> list[str]:
    """Return the first rows that are not the report's, and the first of the report's that are not there, cut short."""
    found = list(rows)
    seen = dict(found)
    extra = [f"extra or wrong: {row!r:.300}" for row in found if report.get(row[0]) != row[1]]
    missing = [f"missing: {pair!r:.300}" for pair in report if pair not in seen]
    repeated = [f"{len(found) - len(seen)} repeated"] * (len(found) != len(seen))
    return [*extra[:5], *missing[:5], *repeated]


@pytest.mark.parametrize(("count", "of_each"), [(300, 5), pytest.param(10_000, 100, marks=pytest.mark.slow)])
def test_what_differs_by_a_byte_stays_apart_and_numbers_keep_their_last_digit(
    line: Line, count: int, of_each: int
) -> None:
    property_id, report = f"4220{count:05}", measured(hostile_pairs(count))
    assert len({(page.encode(), campaign.encode()) for page, campaign in report}) == count
    numbers = numbers_by_class(report)
    assert numbers.pop(LONG) >= LEAST_LONG
    assert {name: number for name, number in numbers.items() if number < of_each} == {}

    register(line, property_id, report)

    assert differences(stored_rows(line, property_id), report) == []
    assert differences(posted_rows(line, property_id, count // 7), report) == []
    assert differences(gotten_rows(line, property_id), report) == []
    sessions, revenue = zip(*report.values(), strict=True)
    assert totals(line, property_id) == (sum(sessions), sum(revenue, Decimal()))
    assert runs(line, property_id) == [("unloaded", count, 0, "")]


def test_what_cannot_be_stored_is_left_out_and_counted(line: Line) -> None:
    property_id, report = "422000001", measured(hostile_pairs(60))

    register(line, property_id, {**measured(UNSTORABLE), **report})

    assert differences(stored_rows(line, property_id), report) == []
    assert differences(gotten_rows(line, property_id), report) == []
    [(*_, refused), (*counted, told)] = runs(line, property_id)
    assert refused == f"Not loaded: {UNDELIVERED} its records. They are read again: {DAY} to {DAY}."
    assert counted == ["unloaded", len(report), len(UNSTORABLE)]
    assert told == f"{UNDELIVERED} the records, twice: they are left out, the others loaded."
    page = line.page(property_id).text
    assert all(f"<bdi>{message}</bdi>" in page for message in (refused, told))
    assert f'data-label="Rejected">{len(UNSTORABLE)}</td>' in page


def test_null_is_one_value_more_beside_the_empty_text_and_the_word(line: Line) -> None:
    property_id = "422000002"
    report = measured(
        [("", ""), ("", MADE_NULL), (MADE_NULL, ""), (MADE_NULL, MADE_NULL), ("null", "NULL"), ("\\N", "")]
    )
    register(line, property_id, report)
    assert differences(stored_rows(line, property_id), report) == []

    line.change_warehouse(NULLS.format(table=f"ga4_landing.p{property_id}_custom_pairs", text=MADE_NULL))
    line.press(property_id, "backfill", start_date=DAY.isoformat(), end_date=DAY.isoformat())

    wanted = {tuple(None if text == MADE_NULL else text for text in pair): report[pair] for pair in report}
    line.wait_for("the nulls", lambda: any(None in pair for pair, _ in stored_rows(line, property_id)))
    assert differences(stored_rows(line, property_id), wanted) == []
    assert differences(posted_rows(line, property_id, len(report)), wanted) == []
    assert differences(gotten_rows(line, property_id), wanted) == []
    assert totals(line, property_id)[0] == sum(sessions for sessions, _ in report.values())


def runs(line: Line, property_id: str) -> list[tuple[str, int, int, str]]:
    """Return what is known of the property's runs: status, rows, rejected rows, message; those that loaded last."""
    statement = """
        SELECT run.status, run.rows, run.rows_rejected, run.message FROM dataflows_run run
        JOIN dataflows_dataflow flow ON flow.id = run.data_flow_id WHERE flow.property_id = %s ORDER BY run.rows
    """
    return line.mysql(statement, property_id)


def register(line: Line, property_id: str, report: Report) -> None:
    """Register a property that has this report, and wait until all that is to be told of its runs is told."""
    settings = recorded_property(property_id)
    write_report(line.google, settings, report)
    line.load_google()
    line.register(settings, DAY, **ANSWERS)
    line.grant(property_id)
    line.wait_until_loaded(property_id, 1, DAY)
    line.wait_for("the news of the unload", lambda: "unloaded" in {run[0] for run in runs(line, property_id)})
