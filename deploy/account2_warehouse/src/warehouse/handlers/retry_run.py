"""Called by name when somebody presses Retry in the chat channel: has the days of an incident read again."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid5

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import ValidationError

from dataflows.contracts.incidents import RemedyOutcome
from dataflows.contracts.values import first_problem
from warehouse.answers import Answers
from warehouse.appflow import Flows
from warehouse.buttons import Pressed, asked_of, parted
from warehouse.config import RetryConfig
from warehouse.deadline import Deadline
from warehouse.presses import Press, Presses
from warehouse.queues import WatchQueue
from warehouse.retrying import Retrier
from warehouse.sessions import ops_warehouse

logger = Logger(service="retry_run")


def handle(event: dict[str, Any], context: LambdaContext) -> dict[str, str]:
    """Carry out one press and return its `outcome` with the `message` that says what is done, or why nothing is.

    Nobody reads that where it is called asynchronously: the incident's thread and MyApp's timeline are told. A payload
    that no button sends is told to the log alone. What fails for now is raised, and Lambda tries it again twice.
    """
    config, asked = RetryConfig.from_environment(), asked_of(event)
    try:
        press = _press(Pressed.model_validate(event), context)
    except ValidationError as error:
        logger.warning("refused", extra={**asked, "reason": "bad_request", "error": first_problem(error)})
        return {"outcome": RemedyOutcome.REFUSED, "message": first_problem(error)}
    answer = _presses(config, Deadline.of(context)).answer(press, datetime.now(UTC))
    return {"outcome": answer.outcome, "message": answer.message}


def _press(pressed: Pressed, context: LambdaContext) -> Press:
    """Return the press; Lambda's tries of one invocation have one request id, so that it is answered once."""
    ids = parted(pressed.ids)
    incident_id, data_flow_id = UUID(ids["incident_id"]), UUID(ids["data_flow_id"])
    press_id = uuid5(incident_id, context.aws_request_id)
    return Press(press_id, incident_id, data_flow_id, pressed.requested_by, ids.get("run_id"))


def _presses(config: RetryConfig, deadline: Deadline) -> Presses:
    answers = Answers(boto3.client("events"), config.warehouse_bus_name)
    retrier = Retrier.of(
        ops_warehouse(config.warehouse),
        answers,
        WatchQueue(boto3.client("sqs"), config.watch_queue_url),
        Flows(boto3.client("appflow")),
        deadline,
    )
    return Presses(answers, retrier)
