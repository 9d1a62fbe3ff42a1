"""Wakes for AppFlow's events, for runs that may be started, and every quarter of an hour for what was missed."""

from functools import cache, partial
from typing import Any

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.typing import LambdaContext

from message_batches.taking import take_each
from warehouse.answers import Answers
from warehouse.appflow import Flows
from warehouse.config import WatchConfig
from warehouse.deadline import Deadline
from warehouse.incidents import Incidents
from warehouse.missing_days import MissingDays
from warehouse.moments import Moment
from warehouse.queues import RefreshQueue
from warehouse.reconciling import Reconciler
from warehouse.recovery import Recovery
from warehouse.registry import Registry
from warehouse.remediation import Remediation
from warehouse.runs import Runs
from warehouse.scheduled_flows import ScheduledFlows
from warehouse.scheduled_runs import ScheduledRuns
from warehouse.sessions import ops_warehouse
from warehouse.starting import Starter
from warehouse.sweep import Sweeper
from warehouse.watch import Watcher

logger = Logger(service="watch_runs")  # what the modules below log goes through it


def handle(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """Take a batch of messages; those that failed for now are returned for another try."""
    config = WatchConfig.from_environment()
    # Made by the first message: if that fails, so does only the message.
    watcher = cache(partial(_watcher, config, Deadline.of(context)))
    return take_each(event, context, config.queue_url, lambda message: _take(watcher(), message))


def _take(watcher: Watcher, message: dict[str, Any]) -> None:
    if "detail-type" in message:
        watcher.take_event(message["detail-type"], message["detail"], Moment.parse(message["time"]).at)
        return
    at = Moment.parse(message["at"]).at
    if not watcher.starter.registry.exists():
        return  # nothing was ever registered here
    if message.get("sweep"):
        remediation = watcher.remediation
        registry, incidents = remediation.registry, remediation.incidents
        missing_days, reconciler = MissingDays(registry, incidents, remediation), Reconciler(registry, incidents)
        Sweeper(watcher, missing_days, reconciler).sweep(at)
    elif "data_flow_id" in message:
        watcher.starter.start(message["data_flow_id"], at)
        watcher.remediation.look(at, message["data_flow_id"])
    else:
        watcher.starter.start_all(at)
        watcher.remediation.look(at)


def _watcher(config: WatchConfig, deadline: Deadline) -> Watcher:
    ops = ops_warehouse(config.warehouse)
    registry, runs, flows = Registry(ops), Runs(ops), Flows(boto3.client("appflow"))
    answers, incidents = Answers(boto3.client("events"), config.warehouse_bus_name), Incidents(ops)
    remediation = Remediation(answers, registry, incidents, Recovery(registry, incidents, flows), deadline)
    return Watcher(
        answers=answers,
        warehouse=ops,
        runs=runs,
        scheduled_runs=ScheduledRuns(registry, runs),
        flows=flows,
        refresh_queue=RefreshQueue(boto3.client("sqs"), config.refresh_queue_url),
        starter=Starter(config, answers, registry, runs, flows, deadline),
        remediation=remediation,
        scheduled_flows=ScheduledFlows(registry, flows, remediation),
    )
