"""Called by name when somebody presses Show status in the chat channel: answers how a data flow's runs stand."""

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import ValidationError

from dataflows.contracts.errors import TerminalError
from dataflows.contracts.values import first_problem
from warehouse.buttons import Pressed, asked_of, parted
from warehouse.config import StatusConfig
from warehouse.incidents import Incidents
from warehouse.registry import Registry
from warehouse.sessions import ops_warehouse
from warehouse.standing import standing_of

logger = Logger(service="show_status")


def handle(event: dict[str, Any], _context: LambdaContext) -> str:
    """Return what is known of the data flow's incidents and runs, as lines of text for the channel."""
    config, asked = StatusConfig.from_environment(), asked_of(event)
    try:
        data_flow_id = parted(Pressed.model_validate(event).ids)["data_flow_id"]
        ops = ops_warehouse(config.warehouse)
        standing = standing_of(data_flow_id, Registry(ops), Incidents(ops))
    except ValidationError as error:
        return _refused("bad_request", first_problem(error), asked)
    except TerminalError as error:
        return _refused(error.reason, str(error), asked)
    logger.info("shown", extra=asked)
    return standing


def _refused(reason: str, message: str, asked: dict[str, str]) -> str:
    logger.warning("refused", extra={**asked, "reason": reason, "error": message})
    return message
