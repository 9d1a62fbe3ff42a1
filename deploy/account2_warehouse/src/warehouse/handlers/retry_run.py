"""Called by name when somebody presses Retry in the chat channel: has the days of an incident read again."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel, ConfigDict, ValidationError

from dataflows.contracts.errors import TerminalError
from dataflows.contracts.values import Requester, RunId, first_problem
from warehouse.answers import Answers
from warehouse.appflow import Flows
from warehouse.button_logs import asked_of
from warehouse.config import RetryConfig
from warehouse.deadline import Deadline
from warehouse.queues import WatchQueue
from warehouse.retrying import Retrier
from warehouse.sessions import ops_warehouse

logger = Logger(service="retry_run")


class RetryRequest(BaseModel):
    """What the button sends: the run and the incident that the message spoke of, and who pressed it."""

    model_config = ConfigDict(extra="forbid", str_max_length=256)

    run_id: RunId
    incident_id: UUID
    requested_by: Requester


def handle(event: dict[str, Any], context: LambdaContext) -> dict[str, str]:
    """Carry out one request and return `outcome` (retried or refused) with the `message` that says what and why.

    Nobody reads that where it is called asynchronously: the log has it too. What fails for now is raised, and
    Lambda tries it again twice.
    """
    config, asked = RetryConfig.from_environment(), asked_of(event)
    try:
        request = RetryRequest.model_validate(event)
        retrier = _retrier(config, Deadline.of(context))
        message = retrier.retry(
            str(request.incident_id), request.requested_by, datetime.now(UTC), run_id=request.run_id
        )
    except ValidationError as error:
        return _refused("bad_request", first_problem(error), asked)
    except TerminalError as error:
        return _refused(error.reason, str(error), asked)
    logger.info("retried", extra=asked)
    return {"outcome": "retried", "message": message}


def _refused(reason: str, message: str, asked: dict[str, str]) -> dict[str, str]:
    logger.warning("refused", extra={**asked, "reason": reason, "error": message})
    return {"outcome": "refused", "message": message}


def _retrier(config: RetryConfig, deadline: Deadline) -> Retrier:
    return Retrier.of(
        ops_warehouse(config.warehouse),
        Answers(boto3.client("events"), config.warehouse_bus_name),
        WatchQueue(boto3.client("sqs"), config.watch_queue_url),
        Flows(boto3.client("appflow")),
        deadline,
    )
