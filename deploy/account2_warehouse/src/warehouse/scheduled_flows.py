"""Watches over AppFlow's scheduled flows: one that AppFlow has deactivated reads nothing any more, and says so once."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from aws_lambda_powertools import Logger

from warehouse.appflow import ACTIVE, Flows, ListedFlow, stopped_at
from warehouse.errors import try_each
from warehouse.registry import Registration, Registry
from warehouse.remediation import Remediation

logger = Logger(child=True)

_CHANGE_GRACE: Final = timedelta(minutes=30)  # a function that changes a flow has ended by then, or died
_REGISTRATION_GRACE: Final = timedelta(hours=2)  # within which a registration is carried out or given up


@dataclass(frozen=True)
class ScheduledFlows:
    """The scheduled flows of the data flows in force."""

    registry: Registry
    flows: Flows
    remediation: Remediation

    def deactivated(self, name: str, reason: str, at: datetime) -> None:
        """Take AppFlow's word that it has deactivated a flow, unless that is over by now."""
        logger.error("deactivated", extra={"station": "ingest", "appflow_flow_name": name, "reason": reason})
        flow = self.flows.describe(name)
        if flow is None or flow["flowStatus"] == ACTIVE:
            return
        for registration, flow_name in self._in_force(at):
            if flow_name == name:
                self.remediation.deactivated(registration, name, reason, at)

    def look(self, at: datetime) -> None:
        """Find flows that do not run any more although AppFlow's event never came, and start those we had stopped."""
        listed = {flow.name: flow for flow in self.flows.listed()}
        ours = [(registration, listed[name]) for registration, name in self._in_force(at) if name in listed]
        try_each(ours, lambda item: self._look_at(*item, at))

    def _look_at(self, registration: Registration, flow: ListedFlow, at: datetime) -> None:
        if flow.is_active and flow.stopped_at is None:
            return
        described = self.flows.describe(flow.name) or {}  # nobody promises that lists hold tags
        since = stopped_at(described.get("tags", {}))
        if since is None:
            reason = described.get("flowStatusMessage") or flow.last_message
            self.remediation.deactivated(registration, flow.name, reason, at)
        elif since < at - _CHANGE_GRACE:
            logger.warning("started again", extra={"station": "ingest", "appflow_flow_name": flow.name})
            self.flows.resume(flow.name)

    def _in_force(self, at: datetime) -> Iterator[tuple[Registration, str]]:
        """Yield the flows that have to run; not those that a registration is just about to stop or to make."""
        being_changed = self.registry.being_changed(at - _REGISTRATION_GRACE)
        for registration in self.registry.all_in_force():
            if str(registration.event.data_flow_id) not in being_changed:
                yield from ((registration, flow.appflow_flow_name) for flow in registration.plan.flows)
