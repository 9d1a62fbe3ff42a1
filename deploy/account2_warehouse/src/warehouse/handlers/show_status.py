"""Called by name when somebody presses Show status in the chat channel: answers how a data flow's runs stand."""

from typing import Any
from uuid import UUID

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel, ConfigDict, ValidationError

from dataflows.contracts.errors import TerminalError
from dataflows.contracts.values import Requester, first_problem
from warehouse.button_logs import asked_of
from warehouse.config import StatusConfig
from warehouse.incidents import Incidents
from warehouse.registry import Registry
from warehouse.sessions import ops_warehouse
from warehouse.standing import standing_of

logger = Logger(service="show_status")


class StatusRequest(BaseModel):
    """What the button sends: the data flow, the incident that the message spoke of, and who pressed it."""

    model_config = ConfigDict(extra="forbid", str_max_length=256)

    data_flow_id: UUID
    incident_id: UUID
    requested_by: Requester


def handle(event: dict[str, Any], _context: LambdaContext) -> str:
    """Return what is known of the data flow's incidents and runs, as lines of text for the channel."""
    config, asked = StatusConfig.from_environment(), asked_of(event)
    try:
        request = StatusRequest.model_validate(event)
        ops = ops_warehouse(config.warehouse)
        standing = standing_of(str(request.data_flow_id), Registry(ops), Incidents(ops))
    except ValidationError as error:
        return _refused("bad_request", first_problem(error), asked)
    except TerminalError as error:
        return _refused(error.reason, str(error), asked)
    logger.info("shown", extra=asked)
    return standing


def _refused(reason: str, message: str, asked: dict[str, str]) -> str:
    logger.warning("refused", extra={**asked, "reason": reason, "error": message})
    return message
