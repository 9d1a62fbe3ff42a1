"""What a later revision may not change."""

import pytest

from dataflows.contracts.changes import redefined_reports
from dataflows.contracts.events import CustomReport

BEFORE = CustomReport(name="x", dimensions=("country", "city"), metrics=("sessions",))


@pytest.mark.parametrize(
    "changes",
    [
        {"dimensions": ("country",)},
        {"dimensions": ("city", "country")},
        {"dimensions": ("country", "city", "language")},
        {"metrics": ("newUsers",)},
        {"metrics": ("sessions", "newUsers")},
    ],
)
def test_custom_report_of_one_name_with_other_fields_is_found(changes: dict[str, tuple[str, ...]]) -> None:
    assert redefined_reports([BEFORE], [BEFORE.model_copy(update=changes)]) == ["x"]


def test_same_and_other_custom_reports_are_no_change() -> None:
    dated = BEFORE.model_copy(update={"dimensions": ("date", "country", "city")})
    other = BEFORE.model_copy(update={"name": "y", "metrics": ("newUsers",)})
    assert redefined_reports([BEFORE], [dated, other]) == []
    assert redefined_reports([BEFORE], []) == []


def test_what_a_report_was_made_of_last_is_what_counts() -> None:
    later = BEFORE.model_copy(update={"metrics": ("newUsers",)})
    assert redefined_reports([BEFORE, later], [later]) == []
    assert redefined_reports([BEFORE, later], [BEFORE]) == ["x"]
