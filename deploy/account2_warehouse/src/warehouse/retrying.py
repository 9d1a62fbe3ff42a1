"""Retry: the days of an incident are read again because a person asks, once however often it is pressed."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Self
from uuid import UUID

from dataflows.contracts.errors import TerminalError, TransientError
from warehouse.answers import Answers
from warehouse.appflow import Flows
from warehouse.deadline import Deadline
from warehouse.incidents import Incident, Incidents
from warehouse.queues import WatchQueue
from warehouse.recovery import Recovery
from warehouse.registry import Registry
from warehouse.remediation import Remediation
from warehouse.statements import Warehouse

_TIMES: Final = 5  # that it is looked at while others change the same incident


@dataclass(frozen=True)
class Retrier:
    """Takes requests for a retry."""

    registry: Registry
    incidents: Incidents
    recovery: Recovery
    remediation: Remediation
    watch_queue: WatchQueue

    @classmethod
    def of(
        cls, warehouse: Warehouse, answers: Answers, watch_queue: WatchQueue, flows: Flows, deadline: Deadline
    ) -> Self:
        """Return one that works on the warehouse's `ga4_ops`."""
        registry, incidents = Registry(warehouse), Incidents(warehouse)
        recovery = Recovery(answers, registry, incidents, flows)
        remediation = Remediation(answers, registry, incidents, recovery, deadline)
        return cls(registry, incidents, recovery, remediation, watch_queue)

    def find(self, incident_id: UUID, data_flow_id: UUID) -> Incident:
        """Return an incident of a data flow. Raises TerminalError when there is none, TransientError."""
        found = self.incidents.find(incident_id=str(incident_id)) if self.registry.exists() else []
        if not found or found[0].data_flow_id != str(data_flow_id):
            raise TerminalError("There is no such incident.", reason="unknown_incident")
        return found[0]

    def retry(self, incident: Incident, requested_by: str, at: datetime, *, run_id: str | None = None) -> str:
        """Have an incident's days read again, and return what is done, in words.

        It must be one of this run, where one is given. Raises TerminalError with the reason when there is nothing to
        be retried, TransientError when it may work next time.
        """
        for _ in range(_TIMES):
            if run_id is not None and not self._is_run_of(run_id, incident):
                raise TerminalError("The run is not one of this incident's.", reason="unknown_run")
            if message := self.recovery.retry(incident, requested_by, at):
                self.remediation.tell(at)
                self.watch_queue.start_waiting_runs(at, incident.data_flow_id)
                return message
            incident = self.find(UUID(incident.incident_id), UUID(incident.data_flow_id))
        raise TransientError(f"The incident {incident.incident_id} is changed by others all the time")

    def _is_run_of(self, run_id: str, incident: Incident) -> bool:
        # Where nothing had failed the first message could name no run but one called like the incident.
        own = {incident.run_id, incident.own_run_id}
        return run_id in own or any(run.run_id == run_id for run in self.incidents.runs_of(incident))
