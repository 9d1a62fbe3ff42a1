"""Wakes when runs have been delivered: takes their rows into a combined table and unloads what changed."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import AwareDatetime, BaseModel

from dataflows.contracts.errors import TerminalError
from dataflows.contracts.events import DataFlowRunReported, RunStatus, Station
from dataflows.contracts.reports import REPORT_TABLES
from message_batches.metrics import count, lag_since
from message_batches.taking import take_each
from warehouse.answers import Answers
from warehouse.config import RefreshConfig
from warehouse.incidents import UNRESOLVED, Incidents
from warehouse.queues import RefreshQueue, WatchQueue
from warehouse.refresh import refresh
from warehouse.run_news import news_of_pending
from warehouse.sessions import assumed_warehouse
from warehouse.statements import Warehouse
from warehouse.unload import UnloadSession, UnloadTarget, unload

logger = Logger(service="refresh_reports")


class RefreshRequest(BaseModel):
    """A message of the refresh queue: look at this report table, with what has landed by that moment."""

    report_table: str
    at: AwareDatetime


def handle(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """Refresh and unload the tables a batch of messages names; those that failed for now are returned."""
    config = RefreshConfig.from_environment()
    return take_each(event, context, config.queue_url, partial(_refresh, config))


def _refresh(config: RefreshConfig, message: dict[str, Any]) -> None:
    request = RefreshRequest.model_validate(message)
    keeper = Warehouse(boto3.client("redshift-data"), config.warehouse)
    answers = Answers(boto3.client("events"), config.warehouse_bus_name)
    try:
        _refresh_and_unload(config, request, keeper, answers)
    except TerminalError as error:
        cause = {"report_table": request.report_table, "reason": error.reason, "error": str(error)}
        count("RefreshesRefused")
        logger.error("refused", extra={"station": "refresh", **cause})  # noqa: TRY400 - a known case, told in words
        table = REPORT_TABLES[request.report_table]
        _tell(answers, news_of_pending(keeper, table, RunStatus.FAILED, request.at, message=str(error)))


def _refresh_and_unload(config: RefreshConfig, request: RefreshRequest, keeper: Warehouse, answers: Answers) -> None:
    table = REPORT_TABLES[request.report_table]
    refreshed = refresh(keeper, table, request.at, partial(_tell, answers))
    if refreshed.runs or refreshed.has_new_runs:  # a landing table is free again, or asked for
        WatchQueue(boto3.client("sqs"), config.watch_queue_url).start_waiting_runs(request.at)
    for dependent in refreshed.dependents:
        RefreshQueue(boto3.client("sqs"), config.queue_url).refresh(dependent, request.at)
    partitions = unload(_unload_session(config, keeper), table, request.at, partial(_tell, answers))
    if partitions and Incidents(keeper).find(state=UNRESOLVED):  # these days may be what one of them misses
        WatchQueue(boto3.client("sqs"), config.watch_queue_url).start_waiting_runs(request.at)
    logger.info(
        "refreshed",
        extra={"station": "unload", "report_table": table.name, "runs": refreshed.runs, "partitions": partitions},
    )
    if partitions:
        lag_since("UnloadLagSeconds", request.at)


def _tell(answers: Answers, news: Sequence[DataFlowRunReported]) -> None:
    """Answer with the news of runs, and log each run's under the ids by which it is followed."""
    answers.put(news)
    for item in news:
        station = Station.UNLOAD if item.status is RunStatus.UNLOADED else Station.REFRESH
        ids = item.model_dump(mode="json", include={"correlation_id", "data_flow_id", "run_id", "report", "rows"})
        if item.status is RunStatus.UNLOADED:
            count("RowsUnloaded", item.rows)
            count("RowsRejected", item.rows_rejected)
        logger.info(item.status, extra={"station": station, **ids})


def _unload_session(config: RefreshConfig, keeper: Warehouse) -> UnloadSession:
    unloader = assumed_warehouse(config.unload_caller_role_arn, "unload", config.warehouse)
    target = UnloadTarget(config.unload_bucket, config.unload_bucket_region, config.unload_role_chain)
    return UnloadSession(keeper, unloader, target)
