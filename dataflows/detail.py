"""What the page of one data flow shows: how far it has come, its runs, its definition and its plan."""

import logging
from collections.abc import Iterable
from datetime import timedelta
from typing import Any, Final

from django.utils import timezone
from pydantic import ValidationError

from dataflows.contracts.events import DataFlowState, RunStatus
from dataflows.contracts.incidents import IncidentState
from dataflows.contracts.plan import Plan, make_plan
from dataflows.definitions import register_event
from dataflows.models import DataFlow, DataFlowIncident
from dataflows.row_forms import filter_words
from dataflows.selectors import (
    failing_runs,
    outages_under_way,
    registered_reports,
    timeline_of,
    unresolved_incidents,
)
from dataflows.services import RETRY_ANSWERED_WITHIN, is_retryable

logger = logging.getLogger(__name__)

SHOWN_RUNS: Final = 100
SHOWN_JOURNEYS: Final = 10
FIRST_RUNS_WITHIN: Final = timedelta(minutes=15)
RUNS_WITHIN: Final = timedelta(hours=2)
LOADS_WITHIN: Final = timedelta(minutes=3)


def detail_of(data_flow: DataFlow) -> dict[str, Any]:
    """Return what the page's template shows of a data flow."""
    reports = registered_reports(data_flow)
    incidents = unresolved_incidents([data_flow]).get(data_flow.id, [])
    told = {incident.report for incident in incidents}
    return {
        "data_flow": data_flow,
        "reports": reports,
        "report_labels": {report.slug: report.label for report in reports},
        "filters": [filter_words(asked) for asked in data_flow.filters],
        "outages": outages_under_way() if data_flow.desired_state == DataFlowState.ACTIVE else [],
        "incidents": [(incident, is_retryable(incident)) for incident in incidents],
        "failing": [run for run in failing_runs([data_flow]).get(data_flow.id, []) if run.report not in told],
        "timeline": timeline_of(data_flow, limit=SHOWN_JOURNEYS),
        "runs": data_flow.runs.all()[:SHOWN_RUNS],
        "plan": _plan(data_flow),
        "is_moving": _is_moving(data_flow, incidents),
    }


def _plan(data_flow: DataFlow) -> Plan | None:
    """Return what the data flow needs in Account 2; None for a definition of before, which is no longer taken."""
    try:
        return make_plan(register_event(data_flow, correlation_id=data_flow.id, requested_by="preview"))
    except ValidationError:
        about = {"data_flow_id": str(data_flow.id)}
        logger.warning(
            "the definition of data flow %s is no longer one that can be asked for", data_flow.id, extra=about
        )
        return None


def _is_moving(data_flow: DataFlow, incidents: Iterable[DataFlowIncident]) -> bool:
    """Return whether more is to be seen soon: of a step or a run under way, first runs, rows about to be loaded."""
    if not data_flow.is_settled or any(_is_read_again(incident) for incident in incidents):
        return True
    now, since = timezone.now(), data_flow.status_changed_at
    if data_flow.status == DataFlow.Status.ACTIVE and since is not None and now - since < FIRST_RUNS_WITHIN:
        return True
    under_way = (RunStatus.STARTED, RunStatus.SUCCEEDED, RunStatus.REFRESHED)
    if data_flow.runs.filter(status__in=under_way, changed_at__gt=now - RUNS_WITHIN).exists():
        return True
    return data_flow.timeline.filter(status=RunStatus.UNLOADED, recorded_at__gt=now - LOADS_WITHIN).exists()


def _is_read_again(incident: DataFlowIncident) -> bool:
    has_asked = incident.asked_at is not None and timezone.now() - incident.asked_at < RETRY_ANSWERED_WITHIN
    return incident.state == IncidentState.RETRYING or has_asked
