"""Which lists of tasks CreateFlow and UpdateFlow accept, given the source's fields and the table's columns."""

from collections.abc import Mapping
from typing import Any, Final, NoReturn

from deploy.local.appflow.date_filter import read_day
from deploy.local.appflow.entities import DATE, EntityField
from deploy.local.appflow.tasks import VALIDATION_ACTIONS, VALIDATION_OPERATORS, Task, projected_fields, read_tasks
from deploy.local.appflow.warehouse import TableColumn
from deploy.local.scheduler.service_model import validation_error

_FIELD_TYPE: Final = "string"
_DATE_TYPES: Final = frozenset({"date", "datetime"})
_FILTER_VALUES: Final = (frozenset({"VALUE"}), frozenset({"VALUES"}))
_BETWEEN_VALUES: Final = frozenset({"LOWER_BOUND", "UPPER_BOUND"})


def check_tasks(
    definition: dict[str, Any], fields: Mapping[str, EntityField], columns: Mapping[str, TableColumn]
) -> None:
    """Raise ServiceError ValidationException for the first task that AppFlow would refuse."""
    tasks = read_tasks(definition)
    if not tasks or not tasks[0].is_projection:
        raise validation_error("The first task must be a Filter with the operator PROJECTION and every source field.")
    for number, task in enumerate(tasks, 1):
        _TaskCheck(number, task, fields, columns).run()
    _check_projection(tasks)
    _check_destinations(tasks)


def _check_projection(tasks: list[Task]) -> None:
    if sum(task.is_projection for task in tasks) > 1:
        raise validation_error("Only the first task may have the operator PROJECTION.")
    projected = set(projected_fields(tasks))
    used = {name for task in tasks if task.kind in ("Map", "Validate") for name in task.source_fields}
    if missing := sorted(used - projected):
        raise validation_error(f"The PROJECTION task must name every source field: {', '.join(missing)} is missing.")


def _check_destinations(tasks: list[Task]) -> None:
    destinations = [task.destination_field for task in tasks if task.kind == "Map"]
    if not destinations:
        raise validation_error("A flow needs at least one Map task.")
    if twice := sorted({str(name) for name in destinations if destinations.count(name) > 1}):
        raise validation_error(f"More than one Map task has the destinationField {', '.join(twice)}.")


class _TaskCheck:
    def __init__(
        self, number: int, task: Task, fields: Mapping[str, EntityField], columns: Mapping[str, TableColumn]
    ) -> None:
        self._number = number
        self._task = task
        self._fields = fields
        self._columns = columns

    def run(self) -> None:
        checks = {"Filter": self._check_filter, "Map": self._check_map, "Validate": self._check_validate}
        if self._task.kind == "Map_all":
            self._refuse("Map_all would silently read default fields instead of those asked for: map each field")
        if self._task.kind not in checks:
            self._refuse(f"the local AppFlow does not emulate {self._task.kind} tasks")
        if not self._task.source_fields:
            self._refuse("sourceFields is empty")
        if unknown := [name for name in self._task.source_fields if name not in self._fields]:
            self._refuse(f"the source entity has no field {', '.join(unknown)}")
        checks[self._task.kind]()

    def _check_filter(self) -> None:
        if self._task.is_projection:
            return
        field = self._only_field()
        if self._task.operator not in field.filter_operators:
            offered = ", ".join(field.filter_operators)
            self._refuse(f"{field.name} can't be filtered by {self._task.operator}; its filterOperators are {offered}")
        allowed_types = _DATE_TYPES if field.name == DATE else {_FIELD_TYPE}
        if self._property("DATA_TYPE").lower() not in allowed_types:
            self._refuse(f"DATA_TYPE of {field.name} must be one of {', '.join(sorted(allowed_types))}")
        self._check_filter_values(field)

    def _check_filter_values(self, field: EntityField) -> None:
        given = self._task.properties.keys() - {"DATA_TYPE"}
        if self._task.operator == "BETWEEN":
            allowed: tuple[frozenset[str], ...] = (_BETWEEN_VALUES,)
        else:
            allowed = _FILTER_VALUES[:1] if field.name == DATE else _FILTER_VALUES
        if given not in allowed:
            self._refuse(f"{self._task.operator} needs {' or '.join(' and '.join(sorted(one)) for one in allowed)}")
        if field.name == DATE:
            for name in sorted(given):
                self._check_day(name)

    def _check_day(self, name: str) -> None:
        try:
            read_day(self._task.properties[name])
        except ValueError as error:
            self._refuse(f"{name} must be epoch milliseconds of a midnight in UTC: {error}")

    def _check_map(self) -> None:
        self._only_field()
        if self._task.operator != "NO_OP":
            self._refuse("a Map task of this connector has the operator NO_OP")
        column = self._columns.get(self._task.destination_field or "")
        if column is None:
            self._refuse(f"the destination object has no field {self._task.destination_field}")
        if self._property("SOURCE_DATA_TYPE").lower() != _FIELD_TYPE:
            self._refuse("SOURCE_DATA_TYPE of this connector's fields is String")
        if self._property("DESTINATION_DATA_TYPE") != column.data_type:
            self._refuse(f"DESTINATION_DATA_TYPE of {column.name} is {column.data_type}")

    def _check_validate(self) -> None:
        self._only_field()
        if self._task.operator not in VALIDATION_OPERATORS:
            self._refuse(f"a Validate task has one of the operators {', '.join(sorted(VALIDATION_OPERATORS))}")
        if self._property("VALIDATION_ACTION") not in VALIDATION_ACTIONS:
            self._refuse(f"VALIDATION_ACTION is one of {', '.join(sorted(VALIDATION_ACTIONS))}")

    def _only_field(self) -> EntityField:
        if len(self._task.source_fields) != 1:
            self._refuse(f"{self._task.operator} takes exactly one source field")
        return self._fields[self._task.source_fields[0]]

    def _property(self, name: str) -> str:
        if name not in self._task.properties:
            self._refuse(f"taskProperties must hold {name}")
        return self._task.properties[name]

    def _refuse(self, reason: str) -> NoReturn:
        raise validation_error(f"Task {self._number} ({self._task.kind} {self._task.operator}): {reason}.")
