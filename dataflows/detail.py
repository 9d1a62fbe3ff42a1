"""What the page of one data flow shows: how far it has come, its runs, its definition and its plan."""

from datetime import timedelta
from typing import Any, Final

from django.utils import timezone

from dataflows.contracts.events import RunStatus
from dataflows.contracts.plan import make_plan
from dataflows.definitions import register_event
from dataflows.models import DataFlow
from dataflows.row_forms import filter_words
from dataflows.selectors import failing_runs, registered_reports, timeline_of

SHOWN_RUNS: Final = 100
SHOWN_JOURNEYS: Final = 10
FIRST_RUNS_WITHIN: Final = timedelta(minutes=15)
RUNS_WITHIN: Final = timedelta(hours=2)
LOADS_WITHIN: Final = timedelta(minutes=3)


def detail_of(data_flow: DataFlow) -> dict[str, Any]:
    """Return what the page's template shows of a data flow."""
    reports = registered_reports(data_flow)
    return {
        "data_flow": data_flow,
        "reports": reports,
        "report_labels": {report.slug: report.label for report in reports},
        "filters": [filter_words(asked) for asked in data_flow.filters],
        "failing": failing_runs([data_flow]).get(data_flow.id, []),
        "timeline": timeline_of(data_flow, limit=SHOWN_JOURNEYS),
        "runs": data_flow.runs.all()[:SHOWN_RUNS],
        "plan": make_plan(register_event(data_flow, correlation_id=data_flow.id, requested_by="preview")),
        "is_moving": _is_moving(data_flow),
    }


def _is_moving(data_flow: DataFlow) -> bool:
    """Return whether more is to be seen soon: of a step or a run under way, first runs, rows about to be loaded."""
    if not data_flow.is_settled:
        return True
    now, since = timezone.now(), data_flow.status_changed_at
    if data_flow.status == DataFlow.Status.ACTIVE and since is not None and now - since < FIRST_RUNS_WITHIN:
        return True
    under_way = (RunStatus.STARTED, RunStatus.SUCCEEDED, RunStatus.REFRESHED)
    if data_flow.runs.filter(status__in=under_way, changed_at__gt=now - RUNS_WITHIN).exists():
        return True
    return data_flow.timeline.filter(status=RunStatus.UNLOADED, recorded_at__gt=now - LOADS_WITHIN).exists()
