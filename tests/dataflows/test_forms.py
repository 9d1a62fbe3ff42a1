"""What the register page takes and refuses, sent as a browser without scripts sends it."""

import html
import re
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.contrib.auth.models import User
from django.test import Client

from dataflows.contracts import ga4
from dataflows.contracts.ga4 import FieldKind
from dataflows.models import DataFlow, OutboxEvent
from tests.dataflows.conftest import unsaved_data_flow
from tests.dataflows.contracts.definitions import filters_of
from tests.dataflows.pages import REGISTER, custom, errors_beside, fields_with_errors, filled, filters, only_where

DIMENSIONS = [
    field.api_name for field in ga4.FIELDS.values() if field.kind is FieldKind.DIMENSION and field.api_name != ga4.DATE
]
METRICS = [field.api_name for field in ga4.FIELDS.values() if field.kind is FieldKind.METRIC]


@pytest.fixture
def page(client: Client, operator: User) -> Client:
    client.force_login(operator)
    return client


def refused(page: Client, **changes: Any) -> str:
    """Send the page with these fields changed; return the answer, which must be the page again."""
    response = page.post(REGISTER, filled(**changes))
    assert response.status_code == 422
    assert not DataFlow.objects.filter(property_id="987654321").exists()
    assert not OutboxEvent.objects.exists()
    return response.content.decode()


def registered(page: Client, **changes: Any) -> DataFlow:
    response = page.post(REGISTER, filled(**changes))
    assert response.status_code == 302, response.content.decode()
    return DataFlow.objects.get()


def test_sound_page_registers_the_property_and_its_event(page: Client) -> None:
    data_flow = registered(page)
    assert (data_flow.property_id, data_flow.status, data_flow.created_by.username) == (
        "987654321",
        "queued",
        "operator",
    )
    assert OutboxEvent.objects.get().data_flow == data_flow


@pytest.mark.parametrize(
    ("property_id", "words"),
    [
        ("G-ABC123", "measurement id"),
        ("g-abc123", "measurement id"),
        ("UA-1-1", "Universal Analytics"),
        ("1; DROP TABLE x", "1 to 18 digits and nothing else"),
        ("0123", "1 to 18 digits"),
        ("١٢٣", "1 to 18 digits"),
        ("1" * 19, "1 to 18 digits"),
        ("9" * 41, "Write the property's number"),
        ("<script>alert(1)</script>", "1 to 18 digits"),
        ("", "Write the property's number"),
    ],
)
def test_what_is_no_property_id_is_refused_with_help(page: Client, property_id: str, words: str) -> None:
    answer = refused(page, property_id=property_id)
    assert words in errors_beside(answer, "property_id")
    assert fields_with_errors(answer) == {"property_id"}


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("display_name", "", "Write a name"),
        ("time_zone", "", "such as Europe/Berlin"),
        ("time_zone", "Berlin", "such as Europe/Berlin"),
        ("time_zone", "../etc/passwd", "such as Europe/Berlin"),
        ("currency_code", "", "three letters"),
        ("currency_code", "euro", "three letters"),
        ("currency_code", "€€€", "three letters"),
        ("connector_profile", "a b", "letters, digits"),
        ("reports", [], "Choose at least one report"),
        ("reports", ["nothing"], "There is no report 'nothing'"),
        ("start_date", "", "Choose a day"),
        ("start_date", "31.12.", "Choose a day"),
        ("start_date", "2014-01-01", "Choose 2015-08-14 or later"),
        ("lookback_days", "0", "from 1 to 30"),
        ("lookback_days", "31", "from 1 to 30"),
        ("lookback_days", "many", "from 1 to 30"),
        ("refresh_hour_local", "24", "from 0 to 23"),
        ("refresh_hour_local", "", "from 0 to 23"),
        ("on_invalid", "ignore", "Choose what becomes"),
    ],
)
def test_each_error_stands_beside_its_field_and_says_what_to_do(
    page: Client, field: str, value: Any, words: str
) -> None:
    answer = refused(page, **{field: value})
    assert words in errors_beside(answer, field)
    assert fields_with_errors(answer) == {field}


def test_first_day_must_be_over_in_the_property_s_own_time_zone(page: Client) -> None:
    for time_zone in ("Pacific/Kiritimati", "Pacific/Pago_Pago"):
        today = datetime.now(ZoneInfo(time_zone)).date()
        for day in (today, today + timedelta(1), date(2999, 1, 1)):
            answer = refused(page, time_zone=time_zone, start_date=day.isoformat())
            assert "Choose a day before today" in errors_beside(answer, "start_date")


def test_lower_case_currency_is_taken_as_capitals(page: Client) -> None:
    assert registered(page, currency_code=" eur ").currency_code == "EUR"


def test_nothing_typed_is_lost_on_an_error(page: Client) -> None:
    answer = refused(
        page,
        property_id="G-ABC123",
        display_name='Käse & "Brot" <i>',
        time_zone="Asia/Tokyo",
        reports=["events"],
        lookback_days="9",
        on_invalid="fail_run",
        **custom(("by_city", ["city"], ["sessions", "newUsers"]), ("by_browser", ["browser"], [])),
        **only_where("eventName", "purchase, refund", "contains"),
    )
    for typed in (
        'value="G-ABC123"',
        'value="Käse &amp; &quot;Brot&quot; &lt;i&gt;"',
        'value="Asia/Tokyo"',
        'value="9"',
        'value="by_city"',
        'value="by_browser"',
        'value="purchase, refund"',
        '<option value="fail_run" selected>',
        '<option value="eventName" selected>',
        '<option value="contains" selected>',
    ):
        assert typed in answer
    checked = [tag for tag in answer.split("<input") if " checked" in tag.partition(">")[0]]
    assert len(checked) == len(["events", "city", "sessions", "newUsers", "browser"])


def test_page_opens_at_the_first_field_to_mend_and_lists_them_all(page: Client) -> None:
    answer = refused(page, time_zone="Berlin", lookback_days="0")
    [focused] = [tag for tag in answer.split("<input") if " autofocus" in tag.partition(">")[0]]
    assert 'name="time_zone"' in focused
    assert 'aria-describedby="id_time_zone_helptext id_time_zone_error"' in focused
    assert 'href="#id_time_zone"' in answer
    assert 'href="#id_lookback_days"' in answer


def test_registered_property_is_refused_with_the_way_to_it(page: Client, operator: User) -> None:
    there = unsaved_data_flow(property_id="42", display_name="<b>First</b>", created_by=operator)
    there.save(force_insert=True)
    answer = refused(page, property_id="42")
    assert "registered already, as <b>First</b>" in errors_beside(answer, "property_id")
    assert f'href="/data-flows/{there.id}/"' in answer
    assert f'href="/data-flows/{there.id}/edit/"' in answer
    assert "<b>First" not in answer
    DataFlow.objects.update(desired_state="removed")
    assert "Edit it" not in refused(page, property_id="42")


def test_page_sent_twice_ends_in_words(page: Client) -> None:
    data_flow = registered(page)
    again = page.post(REGISTER, filled())
    assert again.status_code == 422
    assert "registered already" in errors_beside(again.content.decode(), "property_id")
    assert DataFlow.objects.get() == data_flow
    assert OutboxEvent.objects.count() == 1


def test_custom_reports_are_registered_beside_the_declared_ones(page: Client) -> None:
    data_flow = registered(page, reports=["events"], **custom(("by_city", ["city"], ["sessions"]), ("", [], [])))
    assert data_flow.reports == [
        {"slug": "events"},
        {"custom": {"name": "by_city", "dimensions": ["city"], "metrics": ["sessions"]}},
    ]


def test_report_of_one_s_own_is_enough(page: Client) -> None:
    assert len(registered(page, reports=[], **custom(("by_city", ["city"], ["sessions"]))).reports) == 1


@pytest.mark.parametrize(
    ("name", "dimensions", "metrics", "field", "words"),
    [
        ("wide", DIMENSIONS[:9], METRICS[:1], "dimensions", "at most 9 dimensions, the date among them"),
        ("tall", DIMENSIONS[:1], METRICS[:11], "metrics", "10 metrics"),
        ("bare", ["city"], [], "metrics", "1 to 10 metrics"),
        ("", ["city"], ["sessions"], "name", "Give the report a name"),
        ("By City", ["city"], ["sessions"], "name", "Start with a letter"),
        ("x" * 31, ["city"], ["sessions"], "name", "at most 30"),
        ("odd", ["sessions"], ["sessions"], "dimensions", "There is no dimension 'sessions'"),
        ("odd", ["city"], ["1; DROP TABLE x"], "metrics", "There is no metric"),
    ],
)
def test_custom_report_that_cannot_be_is_refused(
    page: Client, name: str, dimensions: list[str], metrics: list[str], field: str, words: str
) -> None:
    answer = refused(page, **custom((name, dimensions, metrics)))
    assert words in errors_beside(answer, f"custom-0-{field}")
    assert fields_with_errors(answer) == {f"custom-0-{field}"}


def test_fields_that_a_property_defines_itself_are_written_out(page: Client) -> None:
    typed = {"custom_dimensions": "customEvent:author,  customUser:plan,", "custom_metrics": "customEvent:minutes"}
    data_flow = registered(page, **custom(("by_author", ["city"], ["sessions"]), **typed))
    assert data_flow.reports[-1]["custom"] == {
        "name": "by_author",
        "dimensions": ["city", "customEvent:author", "customUser:plan"],
        "metrics": ["sessions", "customEvent:minutes"],
    }


@pytest.mark.parametrize(
    ("typed", "field", "words"),
    [
        ({"custom_dimensions": "author"}, "custom_dimensions", "'author' is no such field: write customEvent:name"),
        ({"custom_dimensions": "country"}, "custom_dimensions", "'country' is no such field"),
        ({"custom_dimensions": "customEvent:a; DROP"}, "custom_dimensions", "'customEvent:a;' is no such field"),
        ({"custom_dimensions": f"customEvent:{'aB' * 20}"}, "custom_dimensions", "is no such field"),
        ({"custom_dimensions": "customEvent:aB,customEvent:a_b"}, "custom_dimensions", "are both custom_event_a_b"),
        ({"custom_metrics": "customEvent:"}, "custom_metrics", "'customEvent:' is no such field"),
        ({"custom_metrics": "customEvent:<b>"}, "custom_metrics", "'customEvent:<b>' is no such field"),
        ({"custom_dimensions": "customEvent:a", "custom_metrics": "customEvent:a"}, "custom_metrics", "are both"),
        ({"custom_dimensions": ",".join(f"customEvent:d{n}" for n in range(8))}, "dimensions", "at most 9 dimensions"),
        ({"custom_metrics": ",".join(f"customEvent:m{n}" for n in range(10))}, "metrics", "10 metrics"),
    ],
)
def test_field_of_the_property_that_cannot_be_is_refused_and_kept(
    page: Client, typed: dict[str, str], field: str, words: str
) -> None:
    answer = refused(page, **custom(("odd", ["city"], ["sessions"]), **typed))
    assert words in errors_beside(answer, f"custom-0-{field}")
    assert fields_with_errors(answer) == {f"custom-0-{field}"}
    assert all(f'value="{html.escape(text)}"' in answer for text in typed.values())


def test_largest_custom_report_is_taken(page: Client) -> None:
    registered(page, **custom(("large", DIMENSIONS[:8], METRICS[:10])))


def test_second_custom_report_of_one_name_is_refused(page: Client) -> None:
    answer = refused(page, **custom(("twice", ["city"], ["sessions"]), ("twice", ["country"], ["sessions"])))
    assert "named twice" in errors_beside(answer, "custom-1-name")


def test_filter_is_registered(page: Client) -> None:
    data_flow = registered(page, reports=["events"], **only_where("eventName", " purchase ,refund,", "not_equal_to"))
    assert data_flow.filters == [
        {"dimension": "eventName", "operator": "not_equal_to", "values": ["purchase", "refund"]}
    ]


@pytest.mark.parametrize(
    ("dimension", "values", "comparison", "field", "words"),
    [
        ("country", "Germany", "equal_to", "dimension", "country is not one of events"),
        ("eventName", "", "equal_to", "values", "Write at least one value"),
        ("eventName", " , ,", "equal_to", "values", "Write at least one value"),
        ("", "purchase", "equal_to", "dimension", "Choose the dimension"),
        ("nothing", "purchase", "equal_to", "dimension", "There is no dimension 'nothing'"),
        ("eventName", "purchase", "like", "operator", "Choose a comparison"),
        ("eventName", "purchase", "", "operator", "Choose a comparison"),
        ("eventName", "x" * 201, "equal_to", "values", "at most 200 characters"),
        ("eventName", "a\u0001b", "equal_to", "values", "plain text"),
        ("eventName", ",".join(map(str, range(21))), "equal_to", "values", "at most 20 values"),
    ],
)
def test_filter_that_cannot_be_is_refused(
    page: Client, dimension: str, values: str, comparison: str, field: str, words: str
) -> None:
    answer = refused(page, reports=["events"], **only_where(dimension, values, comparison))
    assert words in errors_beside(answer, f"filter-0-{field}")
    assert fields_with_errors(answer) == {f"filter-0-{field}"}


def test_definition_too_large_to_be_sent_is_refused_beside_its_longest_filter(page: Client) -> None:
    short, *long = filters_of(20_000)
    short["values"] = ["purchase"]
    answer = refused(page, reports=["events"], **filters([short, *long]))
    assert "too large to be sent" in errors_beside(answer, "filter-1-values")
    assert fields_with_errors(answer) == {"filter-1-values"}


def test_definition_too_large_for_the_warehouse_is_refused_beside_its_longest_filter(page: Client) -> None:
    short, *long = filters_of(29_000, "\\")
    short["values"] = ["purchase"]
    answer = refused(page, reports=["events"], **filters([short, *long]))
    assert "too large to be kept" in errors_beside(answer, "filter-1-values")
    assert fields_with_errors(answer) == {"filter-1-values"}


@pytest.mark.parametrize("prefix", ["custom", "filter"])
def test_page_whose_rows_cannot_be_counted_is_refused_in_words(page: Client, prefix: str) -> None:
    for count in (None, "x", "11"):
        answer = refused(page, **{f"{prefix}-TOTAL_FORMS": count})
        assert "Load it anew" in answer or "at most 10" in answer


@pytest.mark.parametrize("name", ["a\x1b[2Jb", "turned \u202egnp.exe"])
def test_name_that_does_not_read_as_it_is_written_is_refused_beside_its_field(page: Client, name: str) -> None:
    assert "visible characters" in str(errors_beside(refused(page, display_name=name), "display_name"))


def test_null_character_is_refused_in_words(page: Client) -> None:
    assert errors_beside(refused(page, display_name="a\x00b"), "display_name")


def test_reports_of_ones_own_are_folded_away_until_one_is_begun(page: Client) -> None:
    assert re.search(r'<details class="own-reports"\s*>', page.get(REGISTER).content.decode())
    assert re.search(r'<details class="own-reports"\s*>', refused(page, property_id=""))
    begun = custom(("", [], []), custom_metrics="customEvent:a")
    assert re.search(r'<details class="own-reports"\s*open>', refused(page, **begun))


def test_time_zone_is_an_input_with_suggestions(page: Client) -> None:
    answer = page.get(REGISTER).content.decode()
    assert 'list="time-zones"' in answer
    assert '<datalist id="time-zones"><option value="Africa/Abidjan">' in answer.replace("\n", "").replace("  ", "")
