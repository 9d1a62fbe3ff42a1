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
        """Take AppFlow's word that it has deactivated a flow, unless that is over by now, or our own doing."""
        for registration, flow_name in self._in_force(at):
            if flow_name == name:
                self._look_at(registration, name, (reason, ""), at)

    def look(self, at: datetime) -> None:
        """Find flows that do not run any more although AppFlow's event never came, and start those we had stopped."""
        listed = {flow.name: flow for flow in self.flows.listed() if not flow.is_active or flow.stopped_at}
        ours = [(registration, listed[name]) for registration, name in self._in_force(at) if name in listed]

        def look_at(item: tuple[Registration, ListedFlow]) -> None:
            registration, flow = item
            self._look_at(registration, flow.name, ("", flow.last_message), at)

        try_each(ours, look_at, self.remediation.deadline.is_near)

    def _look_at(self, registration: Registration, name: str, reasons: tuple[str, str], at: datetime) -> None:
        """Look at a flow as it is by now: what woke this, or a list, may be older than what was done to it since.

        `reasons` are what is told of it before what AppFlow says now, and after.
        """
        flow = self.flows.describe(name)
        if flow is None:
            return
        since = stopped_at(flow.get("tags", {}))
        if since and since < at - _CHANGE_GRACE:
            logger.warning("started again", extra={"station": "ingest", "appflow_flow_name": name})
            self.flows.resume(name)
        elif since is None and flow["flowStatus"] != ACTIVE and self._has_to_run(registration, at):
            reason = reasons[0] or flow.get("flowStatusMessage") or reasons[1]
            logger.error("deactivated", extra={"station": "ingest", "appflow_flow_name": name, "reason": reason})
            self.remediation.deactivated(registration, name, reason, at)

    def _has_to_run(self, registration: Registration, at: datetime) -> bool:
        """Return whether no registration has begun since the data flows were read: it would have stopped the flow."""
        return any(known.event == registration.event for known, _ in self._in_force(at))

    def _in_force(self, at: datetime) -> Iterator[tuple[Registration, str]]:
        """Yield the flows that have to run; not those that a registration is just about to stop or to make."""
        being_changed = self.registry.being_changed(at - _REGISTRATION_GRACE)
        for registration in self.registry.all_in_force():
            if str(registration.event.data_flow_id) not in being_changed:
                yield from ((registration, flow.appflow_flow_name) for flow in registration.plan.flows)
