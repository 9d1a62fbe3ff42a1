"""What is registered: `ga4_ops.data_flows`, one row for each revision that is not yet overtaken.

While a newer revision is carried out, the one before stays in force beside it; when it is done, the
older rows go. So a crash in between loses neither what is wanted nor what there was before.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from aws_lambda_powertools import Logger
from pydantic import ValidationError

from dataflows.contracts.events import DataFlowState, RegisterDataFlow
from dataflows.contracts.naming import OPS_SCHEMA
from dataflows.contracts.plan import Plan, make_plan
from dataflows.contracts.tables import DATA_FLOWS, OPS_TABLES
from warehouse import ops
from warehouse.statements import Warehouse, literal

logger = Logger(child=True)


class Step(StrEnum):
    """Whether a revision has been carried out."""

    STARTED = "started"
    DONE = "done"


@dataclass(frozen=True)
class Registration:
    """One revision of a data flow as it is registered."""

    event: RegisterDataFlow
    step: Step
    updated_at: datetime | None = None

    @property
    def is_in_force(self) -> bool:
        """Whether its flows run: carried out, and neither paused nor removed."""
        return self.step is Step.DONE and self.event.state is DataFlowState.ACTIVE

    @property
    def plan(self) -> Plan:
        """What was planned for it."""
        return make_plan(self.event)

    @classmethod
    def from_row(cls, row: dict[str, Any]) -> "Registration":
        """Return the registration of a row as the Data API gives it."""
        event = RegisterDataFlow.model_validate_json(row["definition"])
        return cls(event, Step(row["step"]), ops.moment(row["updated_at"]))


class Registry:
    """The table of data flows."""

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse
        self._was_there = False  # once made, the tables stay

    def exists(self) -> bool:
        """Return whether it, and the tables beside it, have been created and may be used."""
        self._was_there = self._was_there or self._is_there()
        return self._was_there

    def _is_there(self) -> bool:
        names = [table.name for table in OPS_TABLES if table.schema == OPS_SCHEMA]
        sql = (
            f"SELECT COUNT(*) AS found FROM svv_tables WHERE table_schema = {literal(OPS_SCHEMA)} "  # noqa: S608
            f"AND table_name IN ({', '.join(map(literal, names))})"
        )
        found = self._warehouse.query(sql)[0]["found"]
        if 0 < found < len(names):
            logger.error("tables of this version are missing: Edit and Save any data flow, which makes them")
        return bool(found == len(names))

    def revisions(self, data_flow_id: str) -> list[Registration]:
        """Return a data flow's registered revisions, the newest last."""
        return self._find(data_flow_id=data_flow_id)

    def is_known(self, data_flow_id: str) -> bool:
        """Return whether a data flow was registered here, removed since or not."""
        return self.exists() and bool(self.revisions(data_flow_id))

    def in_force(self, data_flow_id: str) -> Registration | None:
        """Return the revision whose flows run, or None."""
        done = [registration for registration in self.revisions(data_flow_id) if registration.step is Step.DONE]
        return done[-1] if done and done[-1].is_in_force else None

    def all_in_force(self) -> list[Registration]:
        """Return every data flow's revision whose flows run; none before the first registration."""
        if not self.exists():
            return []
        rows = self._warehouse.query(ops.select(DATA_FLOWS, {"step": Step.DONE}, ("data_flow_id", "revision")))
        newest = {row["data_flow_id"]: row for row in rows}
        return [item for row in newest.values() if (item := _readable(row)) and item.is_in_force]

    def being_changed(self, since: datetime) -> set[str]:
        """Return the data flows of which a revision was begun after `since` and is not carried out yet."""
        rows = self._warehouse.query(ops.select(DATA_FLOWS, {"step": Step.STARTED}))
        moments = ((row["data_flow_id"], ops.moment(row["updated_at"])) for row in rows)
        return {data_flow_id for data_flow_id, begun_at in moments if begun_at and begun_at > since}

    def is_removed(self, data_flow_id: str) -> bool:
        """Return whether the newest revision of a data flow is that it is removed, or there is none."""
        known = self.revisions(data_flow_id)
        return not known or known[-1].event.state is DataFlowState.REMOVED

    def of_property(self, property_id: str) -> list[Registration]:
        """Return what is carried out and not removed for a property: at most one, if all is well."""
        found = self._find(property_id=property_id, step=Step.DONE)
        return [item for item in found if item.event.state is not DataFlowState.REMOVED]

    def start(self, event: RegisterDataFlow, plan: Plan, at: datetime) -> None:
        """Note that a revision is being carried out; noted twice, it stands there once."""
        row: dict[str, ops.Value] = {
            "data_flow_id": str(event.data_flow_id),
            "property_id": event.property.property_id,
            "revision": event.revision,
            "state": event.state,
            "definition": event.model_dump_json(),
            "plan_hash": plan.hash,
            "step": Step.STARTED,
            "updated_at": at,
        }
        noted = ops.insert(DATA_FLOWS, [row], ("data_flow_id", "revision"))
        self._warehouse.execute_together([ops.lock(DATA_FLOWS), noted])

    def finish(self, event: RegisterDataFlow, at: datetime) -> None:
        """Note that a revision is carried out, which ends those before it."""
        flow: dict[str, ops.Condition] = {"data_flow_id": str(event.data_flow_id)}
        revisions = [registration.event.revision for registration in self.revisions(str(event.data_flow_id))]
        older = [revision for revision in revisions if revision < event.revision]
        done = ops.update(DATA_FLOWS, {"step": Step.DONE, "updated_at": at}, {**flow, "revision": event.revision})
        self._warehouse.execute_together([done, ops.delete(DATA_FLOWS, {**flow, "revision": older})])

    def _find(self, **where: ops.Condition) -> list[Registration]:
        rows = self._warehouse.query(ops.select(DATA_FLOWS, where, ("data_flow_id", "revision")))
        return [Registration.from_row(row) for row in rows]


def _readable(row: dict[str, Any]) -> Registration | None:
    """Return a row's registration; one that today's contract refuses must not hold up the others."""
    try:
        return Registration.from_row(row)
    except ValidationError:
        logger.exception("unreadable registration", extra={"data_flow_id": row["data_flow_id"]})
        return None
