"""How it stands with the days of an incident of differing counts: they are missing as long as they differ."""

from dataclasses import replace

from dataflows.contracts.incidents import IncidentKind
from warehouse.days import left_of, merged
from warehouse.differences import Differences
from warehouse.incidents import Incident
from warehouse.new_runs import gap_runs
from warehouse.outlook import Outlook
from warehouse.registry import Registration
from warehouse.statements import Warehouse


def with_differing_days(
    warehouse: Warehouse, registration: Registration, incident: Incident, outlook: Outlook
) -> Outlook:
    """Return the outlook of an incident of a report in force; of differing counts, with exactly the days that differ.

    No run has failed at these: what Retry makes again is a run that was never made, with the incident's own id.
    Raises TransientError or TerminalError.
    """
    if incident.kind is not IncidentKind.COUNTS_DIFFER:
        return outlook
    found = Differences(warehouse).find(property_id=incident.property_id, report=incident.report)
    days = merged(item.window for item in found if item.is_certain)
    reading = tuple(run for run in outlook.under_way if left_of(days, [run.window]) != days)
    flow = next(flow for flow in registration.plan.flows if flow.report == incident.report)
    (first, *_) = gap_runs(registration.event, flow, incident.window)
    never_made = replace(first, run_id=incident.own_run_id, correlation_id=incident.correlation_id)
    return replace(outlook, missing=tuple(days), failed=(never_made,), under_way=reading)
