"""Finds what differs between the places that rows pass through, and keeps one incident a report while it does.

An incident of this kind begins with the comparison that finds a difference, and ends with the one that finds none,
whatever has mended it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import uuid4

from aws_lambda_powertools import Logger

from dataflows.contracts.counts import DataFlowDaysCounted
from dataflows.contracts.incidents import IncidentCause, IncidentKind
from dataflows.contracts.reports import ReportTable
from warehouse.comparing import compared
from warehouse.counted_days import compared_days
from warehouse.differences import IN_MYSQL, IN_WAREHOUSE, Difference, Differences, described
from warehouse.errors import try_each
from warehouse.incidents import UNRESOLVED, Incident, Incidents, Stage
from warehouse.registry import Registration, Registry
from warehouse.runs import cut_message

logger = Logger(child=True)

_RETRY_TAKES: Final = timedelta(hours=2)  # until its days are read, loaded and compared once more


@dataclass(frozen=True)
class Reconciler:
    """Compares, and notes the incidents of the data flows in force; Remediation tells them."""

    registry: Registry
    incidents: Incidents

    @property
    def differences(self) -> Differences:
        """The table of differences."""
        return Differences(self.incidents.warehouse)

    def look(self, at: datetime) -> None:
        """Compare the warehouse with itself at the aware moment `at`. Raises TransientError or TerminalError."""
        if in_force := self.registry.all_in_force():
            known = self.differences.find()
            before = [item for item in known if item.hop in IN_WAREHOUSE]
            found = compared(self.incidents.warehouse, _tables(in_force), before, at)
            self.differences.replace(before, found)
            self._note(in_force, at)

    def take(self, counted: DataFlowDaysCounted, at: datetime) -> bool:
        """Compare what Account 1 counted of days with what was unloaded; return whether any differ, or did before.

        What it says of a data flow that is not in force is passed over, and what comes after a newer statement that
        found something. Raises TransientError or TerminalError.
        """
        registration = self.registry.in_force(str(counted.data_flow_id)) if self.registry.exists() else None
        if registration is None or registration.event.property.property_id != counted.property_id:
            return False
        known = self.differences.find(property_id=counted.property_id)
        in_mysql = [item for item in known if item.hop in IN_MYSQL]
        if any(item.seen_at > counted.occurred_at for item in in_mysql):
            return False
        before, found = compared_days(self.incidents.warehouse, counted, in_mysql)
        self.differences.replace(before, found)
        self._note([registration], at)
        return bool(before or found)

    def _note(self, in_force: Sequence[Registration], at: datetime) -> None:
        """Begin, change and end the incidents of data flows as their differences stand.

        The incidents are read first: one that somebody changes for newer differences than these stays as it is then.
        """
        one = {"data_flow_id": str(in_force[0].event.data_flow_id)} if len(in_force) == 1 else {}
        unresolved = self.incidents.find(state=UNRESOLVED, **one)
        found: dict[tuple[str, str], list[Difference]] = {}
        for item in self.differences.find():
            if item.is_certain:
                found.setdefault((item.property_id, item.report), []).append(item)
        begun = {(item.property_id, item.report) for item in unresolved}
        ours = [item for item in unresolved if item.kind is IncidentKind.COUNTS_DIFFER]
        try_each(ours, lambda item: self._go_on(item, found.get((item.property_id, item.report), []), at))
        new = [(item, days) for item in in_force for days in _of(item, found) if days not in begun]
        try_each(new, lambda pair: self._begin(pair[0], found[pair[1]], at))

    def _begin(self, registration: Registration, differences: Sequence[Difference], at: datetime) -> None:
        incident = _new_incident(registration, differences, at)
        if not self.incidents.change(None, incident):
            return  # somebody else began one just now: the next comparison looks again
        logger.warning("counts differ", extra={**incident.log_keys, "differences": incident.message})

    def _go_on(self, known: Incident, differences: Sequence[Difference], at: datetime) -> None:
        if not differences:
            self.incidents.change(known, known.changed(at, state=Stage.RESOLVED))
            return
        changes = _described(differences)
        if known.state is Stage.RETRYING and at > known.changed_at + _RETRY_TAKES and not self._is_read(known, at):
            changes["state"] = Stage.OPEN
        if any(getattr(known, name) != value for name, value in changes.items()):
            self.incidents.change(known, known.changed(at, **changes))

    def _is_read(self, incident: Incident, at: datetime) -> bool:
        runs = self.incidents.runs.history(incident.property_id, incident.report, at)
        return any(run.is_under_way and not run.is_scheduled for run in runs)


def _tables(in_force: Iterable[Registration]) -> list[ReportTable]:
    """Return the report tables that data flows have; the others may not even be created."""
    return list(
        {report.table.name: report.table for item in in_force for report in item.event.resolved_reports()}.values()
    )


def _of(registration: Registration, found: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return which of the properties' reports are the data flow's."""
    property_id = registration.event.property.property_id
    reports = {report.slug for report in registration.event.resolved_reports()}
    return [days for days in found if days[0] == property_id and days[1] in reports]


def _described(differences: Sequence[Difference]) -> dict[str, Any]:
    return {
        "start_date": min(item.start_date for item in differences),
        "end_date": max(item.end_date for item in differences),
        "message": cut_message(described(differences)),
    }


def _new_incident(registration: Registration, differences: Sequence[Difference], at: datetime) -> Incident:
    incident_id = uuid4()
    return Incident(
        incident_id=str(incident_id),
        correlation_id=str(uuid4()),
        data_flow_id=str(registration.event.data_flow_id),
        property_id=registration.event.property.property_id,
        display_name=registration.event.property.display_name,
        report=differences[0].report,
        kind=IncidentKind.COUNTS_DIFFER,
        cause=IncidentCause.UNKNOWN,
        state=Stage.OPEN,
        run_id=incident_id.hex,  # no run has failed: Retry makes the first
        since=at,
        attempts=0,
        changed_at=at,
        **_described(differences),
    )
