"""Why a run failed is told from its words, and so is when to try again."""

from datetime import UTC, datetime, timedelta

import pytest

from dataflows.contracts.incidents import MAX_REMEDY_LENGTH, IncidentCause, IncidentKind
from warehouse.causes import cause_of, next_try_at, remedy_of

AT = datetime(2026, 3, 11, 4, 20, tzinfo=UTC)
QUOTA = "The quota of the Google Analytics property is used up: RESOURCE_EXHAUSTED: Exhausted property tokens per "


@pytest.mark.parametrize(
    ("message", "cause"),
    [
        ("ConnectorAuthentication: invalid_grant: Token has been expired or revoked.", "authentication"),
        ("ConnectorAuthentication: UNAUTHENTICATED: Request had invalid authentication credentials.", "authentication"),
        ("Could not list what the profile offers: The connector profile x does not exist.", "authentication"),
        ("ConnectorAuthentication: PERMISSION_DENIED: User does not have sufficient permissions.", "permission"),
        ("The connection profile google shows no property 1001.", "permission"),
        ("Could not start the flow: User is not authorized to perform: appflow:StartFlow", "permission"),
        ("Amazon Redshift refused the rows: permission denied for table p1001_events", "permission"),
        (f"{QUOTA}day quota.", "quota"),
        (f"{QUOTA}hour quota.", "quota"),
        ("Google Analytics answered 400 INVALID_ARGUMENT: Field x is not a valid dimension.", "schema"),
        ("Property 1001 has no field customEvent:x any more.", "schema"),
        ("The data flow no longer has the report pages.", "schema"),
        ('Amazon Redshift refused the rows: relation "ga4_landing.p1001_events" does not exist', "schema"),
        ("Amazon Redshift can't be asked for the columns of x: the warehouse is paused: resume it first", "warehouse"),
        ("Google Analytics answered 503 UNAVAILABLE: The service is currently unavailable.", "transient"),
        ("Google Analytics can't be reached: Read timed out.", "transient"),
        ("Connection reset by peer", "transient"),
        ("AppFlow did not start the flow ga4-1001-events at its hour.", "transient"),
        ("Amazon Redshift refused the rows: user x does not have ASSUMEROLE permission on IAM role y", "permission"),
        ("Row 403000 of 500123 was odd", "unknown"),
        ("", "unknown"),
    ],
)
def test_cause_is_told_from_the_words(message: str, cause: str) -> None:
    assert cause_of(message) == cause


def test_what_passes_is_tried_later_and_later_and_then_no_more() -> None:
    tries = [next_try_at(IncidentCause.TRANSIENT, attempt, "", AT) for attempt in range(4)]
    assert tries == [AT + timedelta(minutes=5), AT + timedelta(minutes=30), AT + timedelta(hours=2), None]
    assert next_try_at(IncidentCause.UNKNOWN, 0, "", AT) == AT + timedelta(minutes=30)
    assert next_try_at(IncidentCause.UNKNOWN, 1, "", AT) is None


@pytest.mark.parametrize("cause", ["authentication", "permission", "schema"])
def test_what_somebody_must_mend_is_not_tried_blindly(cause: str) -> None:
    assert next_try_at(IncidentCause(cause), 0, "", AT) is None


@pytest.mark.parametrize(
    ("per", "at", "reset"),
    [
        ("hour", AT, datetime(2026, 3, 11, 5, 10, tzinfo=UTC)),
        ("day", AT, datetime(2026, 3, 11, 7, 10, tzinfo=UTC)),  # midnight at -07:00
        ("day", datetime(2026, 3, 11, 8, 0, tzinfo=UTC), datetime(2026, 3, 12, 7, 10, tzinfo=UTC)),
        ("day", datetime(2026, 1, 11, 4, 0, tzinfo=UTC), datetime(2026, 1, 11, 8, 10, tzinfo=UTC)),  # -08:00
        ("day", datetime(2026, 3, 8, 9, 0, tzinfo=UTC), datetime(2026, 3, 9, 7, 10, tzinfo=UTC)),  # the clocks change
    ],
)
def test_quota_is_tried_once_google_has_refilled_it(per: str, at: datetime, reset: datetime) -> None:
    assert next_try_at(IncidentCause.QUOTA, 0, f"{QUOTA}{per} quota.", at) == reset


@pytest.mark.parametrize("kind", IncidentKind)
@pytest.mark.parametrize("cause", IncidentCause)
def test_every_incident_says_what_to_do(kind: IncidentKind, cause: IncidentCause) -> None:
    assert 20 < len(remedy_of(kind, cause)) <= MAX_REMEDY_LENGTH
