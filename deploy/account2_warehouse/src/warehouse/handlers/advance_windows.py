"""Wakes every hour: moves the flows that run soon on to the dates of that run."""

from typing import Any

import boto3
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from warehouse.answers import Answers
from warehouse.appflow import Flows
from warehouse.config import AdvanceConfig
from warehouse.moments import Moment
from warehouse.registry import Registry
from warehouse.runs import Runs
from warehouse.sessions import ops_warehouse
from warehouse.windows import WindowAdvancer


def handle(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """Advance the windows as of the moment that each message of the schedule holds."""
    processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
    return process_partial_response(event=event, record_handler=_advance, processor=processor, context=context)


def _advance(record: SQSRecord) -> None:
    _advancer(AdvanceConfig.from_environment()).advance(Moment.parse(record.json_body["at"]).at)


def _advancer(config: AdvanceConfig) -> WindowAdvancer:
    ops = ops_warehouse(config.refresh_role_arn, config.workgroup_name, config.database_name)
    answers = Answers(boto3.client("events"), config.warehouse_bus_name)
    return WindowAdvancer(config, answers, Registry(ops), Runs(ops), Flows(boto3.client("appflow")))
