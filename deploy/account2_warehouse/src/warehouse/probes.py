"""Whether a connection works again: asked once a look, whatever hangs on it."""

from dataclasses import dataclass, field

from aws_lambda_powertools import Logger

from dataflows.contracts.errors import TerminalError, TransientError
from dataflows.contracts.incidents import IncidentCause
from warehouse.appflow import Flows
from warehouse.causes import cause_of
from warehouse.connector import Connector
from warehouse.registry import Registration

logger = Logger(child=True)


@dataclass(frozen=True)
class Probes:
    """Asks AppFlow whether a data flow's connection shows its property and fields just now, and keeps the answers."""

    flows: Flows
    _answers: dict[str, bool] = field(default_factory=dict)  # by data flow
    _asked_profiles: set[str] = field(default_factory=set)
    _refused_profiles: set[str] = field(default_factory=set)  # Google takes their login for no property

    def answers(self, registration: Registration) -> bool:
        """Return whether it does: what a flow needs before it can work again."""
        event = registration.event
        data_flow_id = str(event.data_flow_id)
        if event.connector_profile in self._refused_profiles:
            return False
        if data_flow_id not in self._answers:
            self._answers[data_flow_id] = self._ask(registration)
        return self._answers[data_flow_id]

    def _ask(self, registration: Registration) -> bool:
        event = registration.event
        connector = Connector(self.flows.client, event.connector_profile)
        if event.connector_profile not in self._asked_profiles:
            self._asked_profiles.add(event.connector_profile)
            connector.forget()
        try:
            connector.probe(event)
        except (TerminalError, TransientError) as error:
            if cause_of(str(error)) is IncidentCause.AUTHENTICATION:
                self._refused_profiles.add(event.connector_profile)
            logger.info("the connection does not answer yet", extra={"error": str(error)})
            return False
        return True
