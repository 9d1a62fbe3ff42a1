"""Account 2 as its template declares it, at the local endpoint, with the handlers called in this process.

    def test_…(account: Account2): …

Queues, buses, roles and environments are the template's; AppFlow, GA4 and the warehouse are the local ones.
"""

import importlib
import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Any
from unittest.mock import patch
from uuid import uuid4

import boto3
from psycopg.rows import dict_row

from dataflows.contracts.counts import DataFlowDaysCounted
from dataflows.contracts.events import RegisterDataFlow, RunDataFlow
from deploy.local.aws.sts import assume_role_as_service
from deploy.local.templates.account import Account
from deploy.local.templates.deployment import Deployment
from tests.aws import ACCOUNT_2, REGION_2, reset_aws
from tests.queues import FedQueue
from tests.warehouse.requests import AT, envelope
from tests.warehouse.services import ANSWERS_QUEUE, DATABASE, PREFIX, Services, deploy, local_services

LONGEST_WAIT_SECONDS = 60


@dataclass
class Context:
    """What a handler is told of its own call."""

    function_name: str = "test"
    memory_limit_in_mb: int = 512
    invoked_function_arn: str = "arn:aws:lambda:us-east-1:222222222222:function:test"
    aws_request_id: str = "test"
    remaining_millis: int = 60_000

    def get_remaining_time_in_millis(self) -> int:
        return self.remaining_millis


@dataclass
class Account2:
    """The deployed stack, and what a test does to it and sees of it."""

    services: Services
    deployment: Deployment
    calls: list[tuple[str, str]] = field(default_factory=list)
    context: Context = field(default_factory=Context)

    def empty(self) -> None:
        """Remove what an earlier test has left: flows, messages and tables."""
        self.clear()
        with self.services.stand_in.warehouse.postgres.connect(DATABASE, autocommit=True) as connection:
            for schema in ("ga4_landing", "ga4_raw", "ga4_combined", "ga4_ops"):
                connection.execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE".encode())

    def clear(self) -> None:
        """Remove what an earlier test has left outside the warehouse: flows, faults and messages."""
        self.services.clock.set(AT)
        vars(self.services.appflow.faults).update(drop_events=0, fail_runs=0, partial_put_failures=0, refuse_updates=0)
        for name in self.flows():
            self.client("appflow").delete_flow(flowName=name, forceDelete=True)
        self.answers()
        table = self.deployment.physical_ids["NotifiedTable"]
        self.client("dynamodb").delete_item(TableName=table, Key={"id": {"S": "warehouse-outage"}})
        for output in self.deployment.outputs:
            if output.endswith("QueueUrl"):
                self.messages(output)

    def client(self, service: str) -> Any:
        """Return a client of the account's root."""
        return Account(ACCOUNT_2, REGION_2).client(service, self.services.url)

    def call(self, handler: str, *bodies: dict[str, Any]) -> list[str]:
        """Call the function with a batch of messages, as its role, and return the ids of those that failed."""
        answer = self._wake(handler, queue_event(*bodies))
        return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]

    def invoke(self, handler: str, payload: dict[str, Any], context: Context | None = None) -> Any:
        """Call the function by name with a payload, as its role, and return its answer."""
        with self._function(handler) as handle:
            return handle(payload, context or self._context_of_its_own())

    def _context_of_its_own(self) -> Context:
        """Return what an invocation is told of itself: each has a request id of its own."""
        return replace(self.context, aws_request_id=str(uuid4()))

    def invoke_at_once(self, handler: str, payload: dict[str, Any], times: int) -> list[Any]:
        """Call the function so many times at the same time, and return its answers."""
        with self._function(handler) as handle, ThreadPoolExecutor(times) as pool:
            boto3.client("sts")  # a session's first client finds its parts, which only one thread may do
            return list(pool.map(lambda _: handle(payload, self._context_of_its_own()), range(times)))

    def queue(self, output: str) -> FedQueue:
        """Return a queue, named by the stack's output."""
        return FedQueue(self.client("sqs"), self.deployment.outputs[output])

    def hand_over(self, output: str, handler: str) -> list[dict[str, Any]]:
        """Hand what is visible on a queue to the function that it feeds; return the messages' bodies."""
        return [json.loads(body) for body in self.queue(output).hand_over(partial(self._wake, handler))]

    def _wake(self, handler: str, event: dict[str, Any]) -> Any:
        with self._function(handler) as handle:
            return handle(event, self.context)

    @contextmanager
    def _function(self, handler: str) -> Iterator[Callable[[dict[str, Any], Context], Any]]:
        """Give the handler, in its environment."""
        name = f"warehouse.handlers.{handler}.handle"
        function = next(item for item in self.deployment.functions if item.handler == name)
        with self._environment(function.environment, function.role_arn):
            yield importlib.import_module(f"warehouse.handlers.{handler}").handle

    def send(
        self, event: RegisterDataFlow | RunDataFlow | DataFlowDaysCounted, at: datetime = AT, **changes: Any
    ) -> list[str]:
        """Hand an event of Account 1 to the register function; `changes` are to its envelope."""
        detail = event.model_dump(mode="json")
        return self.call("register_data_flow", {**envelope(type(event).__name__, detail, at), **changes})

    def send_at_once(self, events: Sequence[RegisterDataFlow], at_once: int, at: datetime = AT) -> list[int]:
        """Hand each event to a register function of its own, so many at once; return the places of those that failed.

        Production lets one at a time at its queue's only group: this is harder.
        """
        bodies = [envelope(type(event).__name__, event.model_dump(mode="json"), at) for event in events]
        with self._function("register_data_flow") as handle, ThreadPoolExecutor(at_once) as pool:
            boto3.client("sts")  # a session's first client finds its parts, which only one thread may do
            batches = ({"Records": [_record(str(place), body)]} for place, body in enumerate(bodies))
            answers = list(pool.map(lambda batch: handle(batch, self.context), batches))
        return [int(failure["itemIdentifier"]) for answer in answers for failure in answer["batchItemFailures"]]

    def answers(self) -> list[dict[str, Any]]:
        """Return the details of the answers since the last call, in the order they were put."""
        return [event["detail"] for event in self.answer_events()]

    def answer_events(self) -> list[dict[str, Any]]:
        """Return the answers since the last call as EventBridge hands them on."""
        return self._take(ANSWERS_QUEUE)

    def distinct_answers(self) -> list[dict[str, Any]]:
        """Return the details of the answers since the last call, each event id once, as a reader keeps them."""
        return list({answer["event_id"]: answer for answer in reversed(self.answers())}.values())[::-1]

    def statuses(self) -> list[str]:
        """Return the statuses of the answers since the last call."""
        return [answer["status"] for answer in self.answers()]

    def messages(self, output: str, wait_seconds: int = 0) -> list[dict[str, Any]]:
        """Take all messages from a queue, named by the stack's output, and return their bodies."""
        return self._take(self.deployment.outputs[output].rsplit("/", 1)[1], wait_seconds)

    def _take(self, queue_name: str, wait_seconds: int = 0) -> list[dict[str, Any]]:
        sqs = self.client("sqs")
        url = sqs.get_queue_url(QueueName=queue_name)["QueueUrl"]
        bodies: list[dict[str, Any]] = []
        while found := _received(sqs, url, 0 if bodies else wait_seconds):
            for message in found:
                bodies.append(json.loads(message["Body"]))
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return bodies

    def watch(self, ended: int = 0) -> list[str]:
        """Have the watch function take what comes until so many runs have ended; return which messages failed."""
        failed, give_up_at = [], time.monotonic() + LONGEST_WAIT_SECONDS
        while (bodies := self.messages("WatchQueueUrl", wait_seconds=1 if ended > 0 else 0)) or ended > 0:
            assert time.monotonic() < give_up_at, f"{ended} runs did not end"
            ended -= sum(body.get("detail-type") == "AppFlow End Flow Run Report" for body in bodies)
            failed += self.call("watch_runs", *bodies) if bodies else []
        return failed

    def runs(self, columns: str = "report, kind, status", where: str = "true") -> list[tuple[Any, ...]]:
        """Return columns of the runs that meet a condition, in order of these columns."""
        rows = self.rows(f"SELECT {columns} FROM ga4_ops.runs WHERE {where} ORDER BY {columns}")  # noqa: S608
        return [tuple(row.values()) for row in rows]

    def flows(self) -> dict[str, str]:
        """Return the status of each AppFlow flow by name."""
        appflow, call = self.client("appflow"), {"maxResults": 100}
        listed: list[dict[str, Any]] = []
        while True:
            page = appflow.list_flows(**call)
            listed += page["flows"]
            if not (token := page.get("nextToken")):
                return {flow["flowName"]: flow["flowStatus"] for flow in listed}
            call["nextToken"] = token

    def wait_for_message(self, detail_type: str) -> dict[str, Any]:
        """Return the event of that type from the watch queue; what comes before it is dropped."""
        give_up_at = time.monotonic() + LONGEST_WAIT_SECONDS
        while time.monotonic() < give_up_at:
            for body in self.messages("WatchQueueUrl", wait_seconds=1):
                if body.get("detail-type") == detail_type:
                    return body
        raise AssertionError(f"no {detail_type} came")

    def wait_for_execution(self, name_prefix: str) -> None:
        """Wait until the flow whose name begins so has no run at work."""
        appflow, give_up_at = self.client("appflow"), time.monotonic() + LONGEST_WAIT_SECONDS
        name = min(name for name in self.flows() if name.startswith(name_prefix))
        while time.monotonic() < give_up_at:
            records = appflow.describe_flow_execution_records(flowName=name)["flowExecutions"]
            if records and all(record["executionStatus"] != "InProgress" for record in records):
                return
        raise AssertionError(f"the runs of {name} do not end")

    def appflow_event(self, detail_type: str, detail: dict[str, str]) -> dict[str, Any]:
        """Return an event of AppFlow's as its rule hands it on."""
        return {**envelope(detail_type, detail, AT, "aws.appflow"), "account": ACCOUNT_2, "region": REGION_2}

    def execute(self, sql: str) -> None:
        """Change the warehouse as its administrator, in PostgreSQL's SQL."""
        with self.services.stand_in.warehouse.postgres.connect(DATABASE, autocommit=True) as admin:
            admin.execute(sql.encode())

    def consume(self, report: str) -> None:
        """Do what a refresh does with the runs of a report of property 1001 that have landed."""
        self.execute(f"DELETE FROM ga4_landing.p1001_{report}")  # noqa: S608
        self.execute(
            "UPDATE ga4_ops.runs SET status = 'refreshed', consumed_at = ended_at "  # noqa: S608
            f"WHERE status = 'succeeded' AND report = '{report}'"
        )

    def sweep(self, at: datetime = AT) -> list[str]:
        """Have the watch function sweep; return what failed."""
        return self.call("watch_runs", {"sweep": True, "at": at.isoformat()})

    def advance_to(self, at: datetime) -> None:
        """Move the clock to `at`; AppFlow runs what came due."""
        self.services.clock.set(at)
        self.services.appflow.tick()

    def flow(self, name: str) -> dict[str, Any]:
        """Return a flow as AppFlow describes it."""
        described: dict[str, Any] = self.client("appflow").describe_flow(flowName=name)
        return described

    def appflow_calls(self, flow_name_prefix: str = "") -> list[str]:
        """Return the names of the calls that the functions made to AppFlow, in order, of such flows only."""
        return [name for name, flow in self.calls if flow.startswith(flow_name_prefix)]

    def rows(self, sql: str) -> list[dict[str, Any]]:
        """Return the rows of a query, in PostgreSQL's SQL and types."""
        with (
            self.services.stand_in.warehouse.postgres.connect(DATABASE) as connection,
            connection.cursor(row_factory=dict_row) as cursor,
        ):
            return cursor.execute(sql.encode()).fetchall()

    def tables(self) -> set[str]:
        """Return the warehouse's tables as schema.name."""
        named = "SELECT schemaname || '.' || tablename AS name FROM pg_tables WHERE schemaname LIKE 'ga4_%'"
        return {row["name"] for row in self.rows(named)}

    @contextmanager
    def _environment(self, environment: Any, role_arn: str) -> Iterator[None]:
        given = assume_role_as_service("lambda.amazonaws.com", role_arn, "test").as_json()
        values = {
            **environment,
            "AWS_ENDPOINT_URL": self.services.url,
            "AWS_DEFAULT_REGION": REGION_2,
            "AWS_ACCESS_KEY_ID": given["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": given["SecretAccessKey"],
            "AWS_SESSION_TOKEN": given["SessionToken"],
            "SSL_CERT_FILE": str(self.services.certificates.ca_path),
        }
        with patch.dict(os.environ, values), patch.object(boto3, "DEFAULT_SESSION", self._session(role_arn)):
            yield

    def _session(self, role_arn: str) -> "_KeptSession":
        """Return the role's session, which notes what is asked of AppFlow."""
        deployment, session = _sessions.get(role_arn, (None, None))
        if session is None or deployment is not self.deployment:  # roles that were wiped know their sessions no more
            session = _KeptSession()
            _sessions[role_arn] = self.deployment, session
        session.noted = self.calls
        return session


class _KeptSession(boto3.Session):
    """A function's session, kept with its clients: making them takes longer than most functions work."""

    def __init__(self) -> None:
        super().__init__()
        self.events.register("before-parameter-build.appflow", self._note)
        self._clients: dict[str, Any] = {}
        self.noted: list[tuple[str, str]] = []

    def client(self, service_name: str, **options: Any) -> Any:  # type: ignore[override] # no overload for each service
        """Return the service's client, the same at each call unless it has options of its own."""
        if options:
            return super().client(service_name, **options)  # type: ignore[call-overload] # any service's name
        if service_name not in self._clients:
            self._clients[service_name] = super().client(service_name)  # type: ignore[call-overload]
        return self._clients[service_name]

    def _note(self, params: dict[str, Any], model: Any, **_: Any) -> None:
        self.noted.append((model.name, params.get("flowName", "")))


_sessions: dict[str, tuple[Deployment, _KeptSession]] = {}


def deployed_account() -> Account2:
    """Return Account 2 with nothing in it but its stack."""
    account = left_account()
    account.empty()
    return account


def left_account() -> Account2:
    """Return Account 2 as an earlier test left it; its stack is deployed once, unless another test wiped it."""
    services = local_services()
    if not _is_deployed(services.url):
        reset_aws()
        _deployments[services.url] = deploy(services)
    return Account2(services, _deployments[services.url])


_deployments: dict[str, Deployment] = {}


def _is_deployed(url: str) -> bool:
    buses = Account(ACCOUNT_2, REGION_2).client("events", url).list_event_buses(NamePrefix=PREFIX)["EventBuses"]
    return bool(buses)


def _received(sqs: Any, url: str, wait_seconds: int) -> list[dict[str, Any]]:
    answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=wait_seconds)
    received: list[dict[str, Any]] = answer.get("Messages", [])
    return received


def queue_event(*bodies: dict[str, Any]) -> dict[str, Any]:
    """Return what Lambda hands a function with these messages of its queue."""
    return {"Records": [_record(str(number), body) for number, body in enumerate(bodies)]}


def _record(number: str, body: dict[str, Any]) -> dict[str, Any]:
    return {
        "messageId": number,
        "receiptHandle": number,
        "body": json.dumps(body),
        "attributes": {"MessageGroupId": "warehouse", "ApproximateReceiveCount": "1"},
        "messageAttributes": {},
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-east-1:222222222222:test",
        "awsRegion": "us-east-1",
    }
