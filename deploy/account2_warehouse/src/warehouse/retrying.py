"""Retry: the days of an incident are read again because a person asks, once however often it is pressed."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from dataflows.contracts.errors import TerminalError, TransientError
from warehouse.incidents import Incident, Incidents
from warehouse.queues import WatchQueue
from warehouse.recovery import Recovery
from warehouse.registry import Registry
from warehouse.remediation import Remediation

_TIMES: Final = 5  # that it is looked at while others change the same incident


@dataclass(frozen=True)
class Retrier:
    """Takes requests for a retry."""

    registry: Registry
    incidents: Incidents
    recovery: Recovery
    remediation: Remediation
    watch_queue: WatchQueue

    def retry(self, run_id: str, incident_id: str, requested_by: str, at: datetime) -> str:
        """Have an incident's days read again, and return what is done, in words.

        Raises TerminalError with the reason when there is nothing to be retried, TransientError when it may work
        next time.
        """
        for _ in range(_TIMES):
            incident = self._find(run_id, incident_id)
            if message := self.recovery.retry(incident, requested_by, at):
                self.remediation.tell(at)
                self.watch_queue.start_waiting_runs(at, incident.data_flow_id)
                return message
        raise TransientError(f"The incident {incident_id} is changed by others all the time")

    def _find(self, run_id: str, incident_id: str) -> Incident:
        found = self.incidents.find(incident_id=incident_id) if self.registry.exists() else []
        if not found:
            raise TerminalError("There is no such incident.", reason="unknown_incident")
        (incident,) = found
        # Where nothing had failed the first message could name no run but one called like the incident.
        own = {incident.run_id, incident.own_run_id}
        if run_id not in own | {run.run_id for run in self.incidents.runs_of(incident)}:
            raise TerminalError("The run is not one of this incident's.", reason="unknown_run")
        return incident
