"""Why a run failed, from its words; when it is worth another try by itself; and what a person can do.

AppFlow hands on the words of Google and of Redshift, with its own around them. Nobody promises their form, so
they are told apart by what their makers document, and anything else is unknown, not guessed.
"""

import re
from datetime import datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from dataflows.contracts.incidents import IncidentCause, IncidentKind

# The first that is found counts: a refusal of Google comes in AppFlow's words for failed authentication.
_PATTERNS: Final = (
    # google.rpc.Code, https://cloud.google.com/apis/design/errors#handling_errors; and AWS's AccessDeniedException
    (
        IncidentCause.PERMISSION,
        r"PERMISSION_DENIED|AccessDenied|[Pp]ermission denied|not authorized to perform|\b403\b",
    ),
    # Redshift's GRANT ASSUMEROLE, which bootstrap.sql gives
    (IncidentCause.PERMISSION, r"does not have ASSUMEROLE permission"),
    # ours: connector.py, errors.py
    (IncidentCause.PERMISSION, r"core reports of property|shows no property|its role lacks a right"),
    # RFC 6749, 5.2, https://developers.google.com/identity/protocols/oauth2#expiration; AppFlow's API reference
    (IncidentCause.AUTHENTICATION, r"invalid_grant|invalid_client|unauthorized_client|expired or revoked"),
    (IncidentCause.AUTHENTICATION, r"UNAUTHENTICATED|ConnectorAuthentication|\b401\b"),
    # ours: what AppFlow answers when the connection itself is gone
    (IncidentCause.AUTHENTICATION, r"connector profile .* does not exist"),
    # https://developers.google.com/analytics/devguides/reporting/data/v1/quotas
    (IncidentCause.QUOTA, r"RESOURCE_EXHAUSTED|Exhausted .* quota|quota of the Google Analytics property|\b429\b"),
    # https://developers.google.com/analytics/devguides/reporting/data/v1/errors (INVALID_ARGUMENT); Redshift, COPY
    (IncidentCause.SCHEMA, r"INVALID_ARGUMENT|not a valid (?:dimension|metric)|are incompatible"),
    (IncidentCause.SCHEMA, r"has no (?:field|report)|no longer has the report|(?:relation|column) .* does not exist"),
    (IncidentCause.SCHEMA, r"value too long|dataset was dropped|gone from AppFlow"),
    # https://docs.aws.amazon.com/redshift/latest/mgmt/rs-mgmt-pause-resume-cluster.html
    (IncidentCause.WAREHOUSE, r"Redshift|warehouse|\bcluster\b|\bworkgroup\b"),
    # google.rpc.Code again, HTTP's server errors, and sockets
    (IncidentCause.TRANSIENT, r"UNAVAILABLE|DEADLINE_EXCEEDED|INTERNAL|ABORTED|\b50[0234]\b|[Tt]hrottl|rate exceeded"),
    (IncidentCause.TRANSIENT, r"[Tt]imed? ?out|[Cc]onnection (?:\w+ )?(?:reset|refused|closed|aborted)|be reached"),
    # ours: sweep.py; and AppFlow's, of runs that were at work when it was stopped
    (IncidentCause.TRANSIENT, r"did not start the flow|began before its flow|no record of the run|was stopped"),
)
_BY_CAUSE: Final = tuple((cause, re.compile(pattern)) for cause, pattern in _PATTERNS)

_SOON: Final = (timedelta(minutes=5), timedelta(minutes=30), timedelta(hours=2))
# What passes by itself is tried again after so long, each try counted from the failure before it.
_WAITS: Final = {
    IncidentCause.TRANSIENT: _SOON,
    IncidentCause.WAREHOUSE: _SOON,
    IncidentCause.UNKNOWN: _SOON[1:2],
}
_QUOTA_TRIES: Final = 2
_GOOGLES_TIME_ZONE: Final = ZoneInfo("America/Los_Angeles")  # where its quota days begin, says the page on quotas
_AFTER_RESET: Final = timedelta(minutes=10)

_REMEDIES: Final = {
    IncidentCause.AUTHENTICATION: (
        "Renew the connection profile's Google login: docs/runbook.md says how under Incidents. The days are then read "
        "by themselves within half an hour; Retry does it at once."
    ),
    IncidentCause.PERMISSION: (
        "Give the connection's Google account the role Viewer on the property in Google Analytics, or deploy the "
        "warehouse's stack again if the message names a role of AWS. The days are then read by themselves within half "
        "an hour; Retry does it at once."
    ),
    IncidentCause.SCHEMA: (
        "The report asks for what is not there, or its table differs. Press Edit on the data flow's page, take out or "
        "rename what the message names, Save, then press Retry."
    ),
    IncidentCause.QUOTA: (
        "Google's quota of the property was still used up after its reset. See which other programs read the "
        "property, or take reports out of the data flow; then press Retry."
    ),
    IncidentCause.WAREHOUSE: "See whether Redshift is paused, full or unreachable, and mend that; then press Retry.",
    IncidentCause.TRANSIENT: "It failed at every try. See whether Google or AWS has an outage, then press Retry.",
    IncidentCause.UNKNOWN: "Look at the flow's run history in AppFlow, mend what it says, then press Retry.",
}
OUTAGE_REMEDY: Final = (
    "See whether Redshift is paused, full, at its limit of use or unreachable, and mend that; resume it if it is "
    "paused. Nothing has to be retried: what fails until then is read again by itself within an hour."
)
# By what a late day's cause is taken to be (lateness.py).
_LATE_REMEDIES: Final = {
    IncidentCause.UNKNOWN: (
        "Look at the flow's run history in AppFlow: a run is at work for too long, or none begins. Then look in the "
        "log of the watch function for why, and Back-fill the days on the data flow's page."
    ),
    IncidentCause.TRANSIENT: (
        "The unload is tried again every quarter of an hour. Look in the log of the refresh function for what refuses "
        "it: Redshift, a role of the chain, the bucket. docs/runbook.md says under Data is late what to do."
    ),
}
_REFRESH_REMEDY: Final = (
    "The refresh is tried again every quarter of an hour. Look in the log of the refresh function for why it does not "
    "take the rows; docs/runbook.md says under Warehouse what to do."
)
_DIFFERING_REMEDY: Final = (
    "Press Retry: these days are read, unloaded and loaded again, and compared once more. If an unload lies in "
    "quarantine, Load again on the data flow's page is enough. If it comes back, somebody else changes the tables: "
    "docs/runbook.md says under Counts that differ where to look."
)


def cause_of(message: str) -> IncidentCause:
    """Return why a run failed, from what AppFlow, Google, Redshift or we said of it."""
    return next((cause for cause, pattern in _BY_CAUSE if pattern.search(message)), IncidentCause.UNKNOWN)


def next_try_at(cause: IncidentCause, attempt: int, message: str, at: datetime) -> datetime | None:
    """Return when to try again what failed at the aware moment `at`; None: not by itself.

    `attempt` counts the tries made already beside the first.
    """
    if cause is IncidentCause.QUOTA:
        return _quota_reset(message, at) + _AFTER_RESET if attempt < _QUOTA_TRIES else None
    waits = _WAITS.get(cause, ())
    return at + waits[attempt] if attempt < len(waits) else None


def remedy_of(kind: IncidentKind, cause: IncidentCause) -> str:
    """Return what a person can do about it."""
    if kind is IncidentKind.DATA_LATE:
        return _LATE_REMEDIES.get(cause, _REFRESH_REMEDY)
    return _DIFFERING_REMEDY if kind is IncidentKind.COUNTS_DIFFER else _REMEDIES[cause]


def _quota_reset(message: str, at: datetime) -> datetime:
    """Return when Google refills the quota that the message names: hourly ones with the hour, others by the day."""
    if "per hour" in message or "concurrent" in message:
        return at.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    local = at.astimezone(_GOOGLES_TIME_ZONE)
    return datetime.combine(local.date() + timedelta(1), time(), _GOOGLES_TIME_ZONE).astimezone(at.tzinfo)
