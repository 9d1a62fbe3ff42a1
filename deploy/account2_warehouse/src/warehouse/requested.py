"""Runs that an operator asks for: a past range again, or one that is missing."""

import hashlib
from dataclasses import dataclass
from uuid import uuid5

from dataflows.contracts.errors import TerminalError
from dataflows.contracts.events import DataFlowRunReported, RunDataFlow, RunStatus, today_in
from warehouse.answers import Answers
from warehouse.moments import Moment
from warehouse.new_runs import requested_runs
from warehouse.presses import Press, Presses
from warehouse.queues import WatchQueue
from warehouse.registry import Registration, Registry
from warehouse.runs import Runs


@dataclass(frozen=True)
class RunRequests:
    """Takes requests for runs of registered data flows."""

    answers: Answers
    registry: Registry
    runs: Runs
    watch_queue: WatchQueue
    presses: Presses

    def take(self, request: RunDataFlow, moment: Moment) -> None:
        """Note the runs that are asked for, and have them started; a press of Retry is carried out and answered.

        Raises TerminalError when there can be none, TransientError when it may work next time.
        """
        if request.incident_id is not None:
            who = request.requested_by
            self.presses.answer(Press(request.event_id, request.incident_id, request.data_flow_id, who), moment.now)
            return
        registration = self.registry.in_force(str(request.data_flow_id)) if self.registry.exists() else None
        if registration is None:
            raise TerminalError(
                "The data flow is not active: press Resume on its page, or Edit and Save if it failed. Then ask again.",
                reason="not_active",
            )
        _check(request, registration, moment)
        self.runs.add(requested_runs(request, registration.plan))
        self.watch_queue.start_waiting_runs(moment.now, str(request.data_flow_id))

    def refuse(self, request: RunDataFlow, error: TerminalError, moment: Moment) -> None:
        """Answer that the runs asked for by name will not be made, and why."""
        self.answers.put([_refused(request, report, error, moment) for report in request.reports])


def _check(request: RunDataFlow, registration: Registration, moment: Moment) -> None:
    event, plan = registration.event, registration.plan
    if request.property_id != event.property.property_id:
        raise TerminalError(
            f"The data flow is of property {event.property.property_id}, not {request.property_id}.",
            reason="other_property",
        )
    if unknown := sorted(set(request.reports) - {flow.report for flow in plan.flows}):
        raise TerminalError(
            f"The data flow has no report {', '.join(unknown)}: press Edit and add it first.", reason="unknown_report"
        )
    if request.end_date >= today_in(plan.time_zone, moment.at):
        raise TerminalError(
            f"{request.end_date} is not over yet in {plan.time_zone}: choose a range that ends yesterday or before.",
            reason="range_not_over",
        )


def _refused(request: RunDataFlow, report: str, error: TerminalError, moment: Moment) -> DataFlowRunReported:
    return DataFlowRunReported(
        event_id=uuid5(request.event_id, f"{report} refused"),
        correlation_id=request.correlation_id,
        data_flow_id=request.data_flow_id,
        property_id=request.property_id,
        report=report,
        run_id=hashlib.sha256(f"{request.event_id} {report}".encode()).hexdigest()[:32],
        status=RunStatus.FAILED,
        start_date=request.start_date,
        end_date=request.end_date,
        message=str(error)[:2000],
        occurred_at=moment.now,
    )
