"""Called by name when somebody presses Retry in the chat channel: has the days of an incident read again."""

from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from dataflows.contracts.errors import TerminalError
from dataflows.contracts.values import RunId
from warehouse.answers import Answers
from warehouse.appflow import Flows
from warehouse.config import RetryConfig
from warehouse.incidents import Incidents
from warehouse.queues import WatchQueue
from warehouse.recovery import Recovery
from warehouse.registry import Registry
from warehouse.remediation import Remediation
from warehouse.retrying import Retrier
from warehouse.sessions import ops_warehouse

logger = Logger(service="retry_run")


class RetryRequest(BaseModel):
    """What the button sends: the run and the incident that the message spoke of, and who pressed it."""

    model_config = ConfigDict(extra="forbid", str_max_length=256)

    run_id: RunId
    incident_id: UUID
    requested_by: Annotated[str, Field(min_length=1, max_length=150)]


def handle(event: dict[str, Any], _context: LambdaContext) -> dict[str, str]:
    """Carry out one request and return `outcome` (retried or refused) with the `message` that says what and why.

    Nobody reads that where it is called asynchronously: the log has it too. What fails for now is raised, and
    Lambda tries it again twice.
    """
    config = RetryConfig.from_environment()
    try:
        request = RetryRequest.model_validate(event)
        message = _retrier(config).retry(
            request.run_id, str(request.incident_id), request.requested_by, datetime.now(UTC)
        )
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        return _refused("bad_request", f"{'.'.join(map(str, first['loc']))}: {first['msg']}")
    except TerminalError as error:
        return _refused(error.reason, str(error))
    logger.info("retried", extra={"incident_id": str(request.incident_id), "requested_by": request.requested_by})
    return {"outcome": "retried", "message": message}


def _refused(reason: str, message: str) -> dict[str, str]:
    logger.warning("refused", extra={"reason": reason, "error": message})
    return {"outcome": "refused", "message": message}


def _retrier(config: RetryConfig) -> Retrier:
    ops = ops_warehouse(config.workgroup_name, config.database_name)
    registry, incidents = Registry(ops), Incidents(ops)
    recovery = Recovery(registry, incidents, Flows(boto3.client("appflow")))
    answers = Answers(boto3.client("events"), config.warehouse_bus_name)
    return Retrier(
        registry=registry,
        incidents=incidents,
        recovery=recovery,
        remediation=Remediation(answers, registry, incidents, recovery),
        watch_queue=WatchQueue(boto3.client("sqs"), config.watch_queue_url),
    )
