"""Wakes for AppFlow's events, for runs that may be started, and every quarter of an hour for what was missed."""

from datetime import datetime
from functools import cache, partial
from typing import Any

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.typing import LambdaContext

from dataflows.contracts.errors import TerminalError, TransientError
from message_batches.taking import take_each
from warehouse.answers import Answers
from warehouse.appflow import Flows
from warehouse.config import WatchConfig
from warehouse.deadline import Deadline
from warehouse.incidents import Incidents
from warehouse.missing_days import MissingDays
from warehouse.moments import Moment
from warehouse.outages import Outages
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
    answers = Answers(boto3.client("events"), config.warehouse_bus_name)
    outages = Outages(boto3.client("dynamodb"), config.notified_table, answers)
    # Made by the first message: if that fails, so does only the message.
    watcher = cache(partial(_watcher, config, answers, Deadline.of(context)))
    return take_each(event, context, config.queue_url, lambda message: _take(watcher(), outages, message))


def _take(watcher: Watcher, outages: Outages, message: dict[str, Any]) -> None:
    is_sweep = bool(message.get("sweep"))
    at = Moment.parse(message["time"] if "detail-type" in message else message["at"]).at
    try:
        is_registered = watcher.starter.registry.exists()
    except (TransientError, TerminalError) as error:
        if outages.note(error, at) if is_sweep else outages.is_told():
            return  # the first sweep after it finds whatever this message was about
        raise
    if is_sweep:
        has_been_away = outages.end(at)
        if is_registered:
            _sweeper(watcher).sweep(at, is_catching_up=has_been_away)
    elif "detail-type" in message:
        watcher.take_event(message["detail-type"], message["detail"], at)
    elif is_registered:
        _look(watcher, message.get("data_flow_id"), at)


def _sweeper(watcher: Watcher) -> Sweeper:
    remediation = watcher.remediation
    registry, incidents = remediation.registry, remediation.incidents
    return Sweeper(watcher, MissingDays(registry, incidents, remediation), Reconciler(registry, incidents))


def _look(watcher: Watcher, data_flow_id: str | None, at: datetime) -> None:
    if data_flow_id is None:
        watcher.starter.start_all(at)
    else:
        watcher.starter.start(data_flow_id, at)
    watcher.remediation.look(at, data_flow_id)


def _watcher(config: WatchConfig, answers: Answers, deadline: Deadline) -> Watcher:
    ops = ops_warehouse(config.warehouse)
    registry, runs, flows = Registry(ops), Runs(ops), Flows(boto3.client("appflow"))
    incidents = Incidents(ops)
    remediation = Remediation(answers, registry, incidents, Recovery(answers, registry, incidents, flows), deadline)
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
