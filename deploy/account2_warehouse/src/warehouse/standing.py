"""How a data flow stands, in words for people: its incidents that are not over, and the last run of each report."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Final

from dataflows.contracts.errors import TerminalError
from warehouse.causes import remedy_of
from warehouse.chat_text import code, lines_within, words
from warehouse.incidents import UNRESOLVED, Incident, Incidents, Stage
from warehouse.registry import Registry
from warehouse.runs import Run

_LONGEST: Final = 3000  # a message of Slack's holds 4,000 characters
_MESSAGE_LENGTH: Final = 600
_NAME_LENGTH: Final = 150
_EVER: Final = datetime.min.replace(tzinfo=UTC)
_STAGES: Final = {
    Stage.TRYING: "is tried again by itself",
    Stage.OPEN: "needs somebody",
    Stage.RETRYING: "is being read again",
}


def standing_of(data_flow_id: str, registry: Registry, incidents: Incidents) -> str:
    """Return the lines. Raises TerminalError for a data flow that is not registered, TransientError."""
    registered = registry.revisions(data_flow_id) if registry.exists() else []
    if not registered:
        raise TerminalError("There is no such data flow.", reason="unknown_data_flow")
    event = registered[-1].event
    runs = incidents.runs.find(data_flow_id=data_flow_id)
    lines = [
        f"{code(event.property.display_name, _NAME_LENGTH)} ({event.property.property_id}), {event.state}",
        *_incident_lines(incidents.find(data_flow_id=data_flow_id, state=UNRESOLVED)),
        *_run_lines(runs),
    ]
    return lines_within(lines, _LONGEST)


def _incident_lines(found: Iterable[Incident]) -> Iterator[str]:
    for incident in found:
        asked = f" ({words(incident.requested_by, _NAME_LENGTH)} pressed Retry)" if incident.requested_by else ""
        yield (
            f"{incident.report}, {incident.start_date} to {incident.end_date}: {_STAGES[incident.state]}{asked} "
            f"since {incident.since:%Y-%m-%d %H:%M} UTC, tried again {incident.attempts} times. "
            f"{code(incident.message, _MESSAGE_LENGTH)} {words(remedy_of(incident.kind, incident.cause), 600)}"
        )


def _run_lines(runs: Iterable[Run]) -> Iterator[str]:
    """Yield a line for the last run of each report that has begun, and one for what waits."""
    by_report: dict[str, list[Run]] = {}
    for run in runs:
        by_report.setdefault(run.report, []).append(run)
    for report, of_report in sorted(by_report.items()):
        begun = [run for run in of_report if run.started_at or run.ended_at]
        waiting = sum(run.is_under_way and run not in begun for run in of_report)
        yield f"{report}: {_last_run(begun)}{f' {waiting} wait.' if waiting else ''}"


def _last_run(begun: Iterable[Run]) -> str:
    last = max(begun, key=lambda run: run.ended_at or run.started_at or _EVER, default=None)
    if last is None:
        return "no run has begun."
    state = "loaded" if last.has_read else last.status.value
    message = f" {code(last.message, _MESSAGE_LENGTH)}" if last.message else ""
    return f"the last run, {last.start_date} to {last.end_date}, is {state}.{message}"
