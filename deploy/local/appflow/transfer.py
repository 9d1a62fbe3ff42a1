"""One run of a flow: from Google Analytics, through the flow's tasks, into the warehouse."""

from collections.abc import Iterator
from typing import Any, Final

from deploy.local.appflow.date_filter import date_range, dimension_filter
from deploy.local.appflow.entities import describe_fields, entity_of
from deploy.local.appflow.environment import Environment
from deploy.local.appflow.errors import ConnectorError, RunCanceledError, RunFailedError
from deploy.local.appflow.google import GoogleAnalytics, Page
from deploy.local.appflow.state import CANCEL_STARTED, ConnectorProfile, Execution, Flow
from deploy.local.appflow.tasks import Task, judge, projected_fields, read_tasks
from deploy.local.appflow.warehouse import TableColumn

_MOST_DIMENSIONS: Final = 9
_MOST_METRICS: Final = 10


class Transfer:
    """A run's work; `flow` is the flow as it was when the run became due, `execution` the record it fills."""

    def __init__(
        self,
        environment: Environment,
        flow: Flow,
        source: ConnectorProfile,
        destination: ConnectorProfile,
        execution: Execution,
    ) -> None:
        self._environment = environment
        self._flow = flow
        self._source = source
        self._warehouse = destination
        self._execution = execution
        self._tasks = read_tasks(flow.definition)
        self._mappings = [
            (task.source_fields[0], task.destination_field or "") for task in self._tasks if task.kind == "Map"
        ]
        self._failures: list[dict[str, Any]] = []
        self._sent = 0

    def run(self) -> None:
        """Move the rows. Raises RunFailedError or RunCanceledError; then nothing is in the table."""
        if message := self._environment.faults.take_failure():
            raise RunFailedError(message)
        self._check_intermediate_bucket()
        try:
            with self._environment.google(self._source) as google:
                self._deliver(google)
        except ConnectorError as error:
            raise RunFailedError(str(error)) from error
        self._execution.records_processed = self._sent

    def _deliver(self, google: GoogleAnalytics) -> None:
        table = str(self._flow.redshift["object"])
        columns = self._environment.destination.columns(self._warehouse, table)
        if missing := [name for _, name in self._mappings if name not in columns]:
            raise RunFailedError(f"The destination object {table} has no field {', '.join(missing)}.")
        targets = [columns[name] for _, name in self._mappings]
        rows = self._rows(google, targets)
        self._environment.destination.copy(self._warehouse, table, [one.name for one in targets], rows)

    def _rows(self, google: GoogleAnalytics, targets: list[TableColumn]) -> Iterator[tuple[str, ...]]:
        """Yield the rows to insert; what is filtered and what fails is counted on the way."""
        entity = entity_of(self._flow.entity_name)
        request = self._request(google)
        if request is None:
            return
        for page in google.report_pages(entity.property_id, request):
            self._execution.bytes_processed += page.size_bytes
            if self._execution.status == CANCEL_STARTED:
                raise RunCanceledError
            yield from self._deliverable(page, targets)
        # Before the commit: what failed must not be lost while the rest is there.
        self._write_failures()

    def _request(self, google: GoogleAnalytics) -> dict[str, Any] | None:
        entity = entity_of(self._flow.entity_name)
        if not entity.is_core_report:
            raise RunFailedError("The local AppFlow does not emulate runs of the Real-Time Report.")
        days = date_range(self._tasks, excludes_bounds=self._environment.settings.between_excludes_bounds)
        if days is None:
            return None
        dimensions, metrics = self._fields(google, entity.property_id)
        request: dict[str, Any] = {
            "dimensions": [{"name": name} for name in dimensions],
            "metrics": [{"name": name} for name in metrics],
            "dateRanges": [days],
        }
        chosen = dimension_filter(self._tasks)
        return request if chosen is None else {**request, "dimensionFilter": chosen}

    def _fields(self, google: GoogleAnalytics, property_id: str) -> tuple[list[str], list[str]]:
        known = describe_fields(google, entity_of(self._flow.entity_name))
        wanted = projected_fields(self._tasks)
        if unknown := [name for name in wanted if name not in known]:
            raise RunFailedError(f"Property {property_id} has no field {', '.join(unknown)} any more.")
        dimensions = [name for name in wanted if not known[name].is_metric]
        metrics = [name for name in wanted if known[name].is_metric]
        if len(dimensions) > _MOST_DIMENSIONS or len(metrics) > _MOST_METRICS:
            raise RunFailedError(
                f"A report has at most {_MOST_DIMENSIONS} dimensions and {_MOST_METRICS} metrics, "
                f"not {len(dimensions)} and {len(metrics)}."
            )
        return dimensions, metrics

    def _deliverable(self, page: Page, targets: list[TableColumn]) -> Iterator[tuple[str, ...]]:
        places = {name: place for place, name in enumerate(page.fields)}
        validations = [(places[task.source_fields[0]], task) for task in self._tasks if task.kind == "Validate"]
        mapped = [places[name] for name, _ in self._mappings]
        for row in page.rows:
            if self._is_filtered(row, validations):
                continue
            self._sent += 1
            values = tuple(row[place] for place in mapped)
            problem = self._problem(values, targets)
            if problem is None:
                yield values
            else:
                self._fail(values, targets, problem)

    def _is_filtered(self, row: tuple[str, ...], validations: list[tuple[int, Task]]) -> bool:
        for place, task in validations:
            verdict = judge(task, row[place])
            if verdict == "drop_dataset":
                field = task.source_fields[0]
                raise RunFailedError(f"The dataset was dropped: {task.operator} does not hold for a value of {field}.")
            if verdict == "drop_record":
                self._execution.records_filtered += 1
                return True
        return False

    def _problem(self, values: tuple[str, ...], targets: list[TableColumn]) -> str | None:
        if self._environment.faults.take_put_failure():
            return "The destination failed because somebody asked for it"
        size_bytes = 0
        for value, column in zip(values, targets, strict=True):
            try:
                length = len(value.encode())
            except UnicodeEncodeError:
                return f"The value for {column.name} is not valid UTF-8"
            if "\0" in value:
                return f"The value for {column.name} holds a NUL character"
            if column.max_bytes is not None and length > column.max_bytes:
                return f"The value for {column.name} has {length} bytes, more than {column.max_bytes}"
            size_bytes += length
        self._execution.bytes_written += size_bytes
        return None

    def _fail(self, values: tuple[str, ...], targets: list[TableColumn], problem: str) -> None:
        self._execution.put_failures += 1
        if self._flow.redshift.get("errorHandlingConfig", {}).get("failOnFirstDestinationError"):
            raise RunFailedError(f"A record could not be delivered: {problem}.")
        record = {column.name: value for column, value in zip(targets, values, strict=True)}
        self._failures.append({"errorMessage": problem, "record": record})

    def _check_intermediate_bucket(self) -> None:
        buckets = self._environment.buckets(self._flow.account_id, self._flow.region)
        if problem := buckets.problem(self._flow.redshift["intermediateBucketName"], self._flow.arn):
            raise RunFailedError(f"The intermediate bucket can't be used: {problem}.")

    def _write_failures(self) -> None:
        handling = self._flow.redshift.get("errorHandlingConfig", {})
        if not self._failures or "bucketName" not in handling:
            return
        prefix = f"{handling['bucketPrefix'].rstrip('/')}/" if handling.get("bucketPrefix") else ""
        key = f"{prefix}{self._flow.name}/{self._execution.execution_id}/failed-records.jsonl"
        buckets = self._environment.buckets(self._flow.account_id, self._flow.region)
        buckets.put_json_lines(handling["bucketName"], key, self._failures, self._flow.arn)
