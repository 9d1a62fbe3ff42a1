"""A flow's tasks: which fields are read, kept, checked and mapped."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, Literal

Verdict = Literal["keep", "drop_record", "drop_dataset"]

_NUMBER: Final = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,4})?", re.ASCII)
_ACTIONS: Final[dict[str, Verdict]] = {"DropRecord": "drop_record", "DropDataset": "drop_dataset"}


@dataclass(frozen=True)
class Task:
    """One task, as CreateFlow spells it; `operator` is that of the source connector."""

    kind: str
    operator: str
    source_fields: list[str]
    destination_field: str | None
    properties: dict[str, str]

    @property
    def is_projection(self) -> bool:
        """Whether it names the fields that are read."""
        return self.kind == "Filter" and self.operator == "PROJECTION"

    @property
    def is_filter(self) -> bool:
        """Whether it chooses rows."""
        return self.kind == "Filter" and self.operator != "PROJECTION"

    @property
    def filter_values(self) -> list[str]:
        """The values a filter compares with."""
        return self.properties["VALUES"].split(",") if "VALUES" in self.properties else [self.properties["VALUE"]]


def read_tasks(definition: dict[str, Any]) -> list[Task]:
    """Return the tasks of a flow's definition."""
    return [
        Task(
            kind=one["taskType"],
            operator=one.get("connectorOperator", {}).get("CustomConnector", ""),
            source_fields=one["sourceFields"],
            destination_field=one.get("destinationField"),
            properties=one.get("taskProperties", {}),
        )
        for one in definition["tasks"]
    ]


def projected_fields(tasks: list[Task]) -> list[str]:
    """Return the fields a run reads, each once, in the order of the projection."""
    return list(dict.fromkeys(name for task in tasks if task.is_projection for name in task.source_fields))


def judge(task: Task, value: str) -> Verdict:
    """Tell what a Validate task does with a record whose field has this value."""
    return "keep" if _CHECKS[task.operator](value) else _ACTIONS[task.properties["VALIDATION_ACTION"]]


def _number(value: str) -> Decimal | None:
    return Decimal(value) if _NUMBER.fullmatch(value) else None


# A check of a number lets pass what is no number: that is what VALIDATE_NUMERIC is for.
_CHECKS: Final[dict[str, Callable[[str], bool]]] = {
    "VALIDATE_NON_NULL": lambda value: value != "",
    "VALIDATE_NON_ZERO": lambda value: _number(value) != 0,
    "VALIDATE_NON_NEGATIVE": lambda value: (_number(value) or 0) >= 0,
    "VALIDATE_NUMERIC": lambda value: _number(value) is not None,
}
VALIDATION_OPERATORS: Final = frozenset(_CHECKS)
VALIDATION_ACTIONS: Final = frozenset(_ACTIONS)
