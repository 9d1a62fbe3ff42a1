"""Wakes every hour: moves the flows that run soon on to the dates of that run."""

from functools import partial
from typing import Any

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.typing import LambdaContext

from message_batches.taking import take_each
from warehouse.answers import Answers
from warehouse.appflow import Flows
from warehouse.config import AdvanceConfig
from warehouse.moments import Moment
from warehouse.registry import Registry
from warehouse.runs import Runs
from warehouse.sessions import ops_warehouse
from warehouse.windows import WindowAdvancer

logger = Logger(service="advance_windows")  # what the modules below log goes through it


def handle(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """Advance the windows as of the moment that each message of the schedule holds."""
    config = AdvanceConfig.from_environment()
    return take_each(event, context, config.queue_url, partial(_advance, config))


def _advance(config: AdvanceConfig, message: dict[str, Any]) -> None:
    _advancer(config).advance(Moment.parse(message["at"]).at)


def _advancer(config: AdvanceConfig) -> WindowAdvancer:
    ops = ops_warehouse(config.warehouse)
    answers = Answers(boto3.client("events"), config.warehouse_bus_name)
    return WindowAdvancer(config, answers, Registry(ops), Runs(ops), Flows(boto3.client("appflow")))
