"""What the contract refuses, and that its schemas are the ones that are deployed."""

import json
from bisect import bisect
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from dataflows.contracts.errors import InvalidDataFlowError
from dataflows.contracts.events import EVENTS, MAX_DETAIL_BYTES, parse_register_data_flow, parse_run_data_flow
from tests.dataflows.contracts.definitions import filters_of, property_with, register_detail, run_detail

NINE_DIMENSIONS = [f"customEvent:d{number}" for number in range(9)]  # and the date
ELEVEN_METRICS = [f"customEvent:m{number}" for number in range(11)]
SCHEMAS = Path(__file__).parents[3] / "deploy" / "schemas"


def test_sound_event_survives_the_trip_as_json() -> None:
    event = parse_register_data_flow(register_detail())
    assert parse_register_data_flow(json.loads(event.model_dump_json())) == event


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"property": property_with(property_id="G-ABC123")}, "invalid_property_id"),
        ({"property": property_with(property_id="UA-1-1")}, "invalid_property_id"),
        ({"property": property_with(property_id="1; DROP TABLE x")}, "invalid_property_id"),
        ({"property": property_with(property_id="0123")}, "invalid_property_id"),
        ({"property": property_with(property_id="१२३")}, "invalid_property_id"),
        ({"property": property_with(property_id="123\n")}, "invalid_property_id"),
        ({"property": property_with(display_name="a\x1b[2Jb")}, "unprintable_name"),
        ({"property": property_with(display_name="two\nlines")}, "unprintable_name"),
        ({"property": property_with(display_name="turned \u202egnp.exe")}, "unprintable_name"),
        ({"property": property_with(time_zone="Mars/Olympus")}, "unknown_time_zone"),
        ({"property": property_with(time_zone="../../etc/passwd")}, "unknown_time_zone"),
        ({"property": property_with(currency_code="eur")}, "string_pattern_mismatch"),
        ({"revision": 0}, "greater_than_equal"),
        ({"lookback_days": 31}, "less_than_equal"),
        ({"refresh_hour_local": 24}, "less_than_equal"),
        ({"reports": []}, "too_short"),
        ({"reports": [{"slug": "nothing"}]}, "unknown_report"),
        ({"reports": [{"slug": "pages"}, {"slug": "pages"}]}, "repeated_report"),
        ({"reports": [{}]}, "one_of_slug_custom"),
        ({"start_date": "2015-08-13"}, "start_date_too_early"),
        ({"secret": "x"}, "extra_forbidden"),
        ({"schema_version": 2}, "literal_error"),
        ({"connector_profile": "ga4'; --"}, "string_pattern_mismatch"),
    ],
)
def test_unsound_event_is_refused_with_a_reason(changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(InvalidDataFlowError) as refused:
        parse_register_data_flow(register_detail(**changes))
    assert refused.value.reason == reason


@pytest.mark.parametrize("name", ["Käse & <Brot>", "می‌خواهم", "👩‍👩‍👧 Shop", "店　東京", "a\u00a0b"])
def test_name_in_any_script_is_taken(name: str) -> None:
    assert (
        parse_register_data_flow(register_detail(property=property_with(display_name=name))).property.display_name
        == name
    )


def test_earliest_start_date_is_the_day_ga4_begins_at() -> None:
    assert parse_register_data_flow(register_detail(start_date="2015-08-14")).start_date == date(2015, 8, 14)
    assert parse_run_data_flow(run_detail(start_date="2015-08-14")).start_date == date(2015, 8, 14)
    with pytest.raises(InvalidDataFlowError, match="Choose 2015-08-14 or later") as refused:
        parse_run_data_flow(run_detail(start_date="2015-08-13"))
    assert refused.value.reason == "start_date_too_early"


def test_measurement_id_is_explained() -> None:
    with pytest.raises(InvalidDataFlowError, match=r"measurement id.*Admin > Property settings"):
        parse_register_data_flow(register_detail(property=property_with(property_id="G-ABC123")))


@pytest.mark.parametrize(
    ("custom", "reason"),
    [
        ({"name": "x", "dimensions": ["country"] * 2, "metrics": ["sessions"]}, "repeated_field"),
        ({"name": "x", "dimensions": ["customEvent:a"], "metrics": ["customEvent:a"]}, "repeated_field"),
        ({"name": "x", "dimensions": ["customEvent:aB", "customEvent:a_b"], "metrics": ["sessions"]}, "repeated_field"),
        ({"name": "x", "dimensions": ["nothing"], "metrics": ["sessions"]}, "unknown_dimension"),
        ({"name": "x", "dimensions": [f"customEvent:{'aB' * 20}"], "metrics": ["sessions"]}, "unknown_dimension"),
        ({"name": "x", "dimensions": ["country"], "metrics": []}, "too_many_fields"),
        (
            {"name": "x", "dimensions": [f"customEvent:d{n}" for n in range(9)], "metrics": ["sessions"]},
            "too_many_fields",
        ),
        ({"name": "x", "dimensions": [], "metrics": [f"customEvent:m{n}" for n in range(11)]}, "too_many_fields"),
        ({"name": "X; --", "dimensions": [], "metrics": ["sessions"]}, "string_pattern_mismatch"),
    ],
)
def test_custom_report_beyond_what_ga4_answers_is_refused(custom: dict[str, Any], reason: str) -> None:
    with pytest.raises(InvalidDataFlowError) as refused:
        parse_register_data_flow(register_detail(reports=[{"custom": custom}]))
    assert refused.value.reason == reason


def test_definition_too_large_to_be_sent_is_refused() -> None:
    with pytest.raises(InvalidDataFlowError, match="Shorten the filters") as refused:
        parse_register_data_flow(filtered_detail(40_000))
    assert refused.value.reason == "definition_too_large"


def test_definition_too_large_to_be_kept_in_the_warehouse_is_refused() -> None:
    """Where a backslash takes four bytes: what fits into an event need not fit into a statement."""
    values = [f"{number:03}" + "\\" * 197 for number in range(140)]
    filters = [
        {"dimension": "browser", "operator": "equal_to", "values": values[start : start + 20]}
        for start in range(0, 140, 20)
    ]
    with pytest.raises(InvalidDataFlowError, match="A backslash takes four") as refused:
        parse_register_data_flow(register_detail(reports=[{"slug": "devices"}], filters=filters))
    assert refused.value.reason == "definition_too_large"


def test_definition_that_is_taken_fits_into_an_event_whoever_asks_for_it() -> None:
    too_many = bisect(range(40_000), False, key=is_refused)
    largest = parse_register_data_flow(filtered_detail(too_many - 1))
    rest = {"requested_by": "\x01" * 150, "revision": 2**31 - 1, "plan_version": 10**6, "plan_hash": "f" * 64}
    asked = len(largest.model_copy(update=rest).model_dump_json().encode())
    assert MAX_DETAIL_BYTES - 1500 < asked <= MAX_DETAIL_BYTES


def filtered_detail(letters: int) -> dict[str, Any]:
    return register_detail(reports=[{"slug": "events"}], filters=filters_of(letters))


def is_refused(letters: int) -> bool:
    try:
        parse_register_data_flow(filtered_detail(letters))
    except InvalidDataFlowError:
        return True
    return False


def test_filter_must_be_on_a_dimension_of_every_report() -> None:
    asked = {"dimension": "country", "operator": "equal_to", "values": ["Vietnam"]}
    parse_register_data_flow(register_detail(reports=[{"slug": "traffic_acquisition"}], filters=[asked]))
    with pytest.raises(InvalidDataFlowError, match="daily_totals") as refused:
        parse_register_data_flow(
            register_detail(reports=[{"slug": "traffic_acquisition"}, {"slug": "daily_totals"}], filters=[asked])
        )
    assert refused.value.reason == "filter_not_in_report"


@pytest.mark.parametrize("name", EVENTS)
def test_deployed_schema_is_the_contracts(name: str) -> None:
    """`manage.py write_event_schemas` writes them."""
    assert json.loads((SCHEMAS / f"{name}.json").read_text()) == EVENTS[name].model_json_schema()
