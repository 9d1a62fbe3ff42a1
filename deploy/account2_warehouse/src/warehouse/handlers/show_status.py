"""Called by name when somebody presses Show status in the chat channel: answers how a data flow's runs stand."""

from typing import Any
from uuid import UUID

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel, ConfigDict, ValidationError

from dataflows.contracts.errors import TerminalError
from warehouse.config import StatusConfig
from warehouse.incidents import Incidents
from warehouse.registry import Registry
from warehouse.sessions import ops_warehouse
from warehouse.standing import standing_of

logger = Logger(service="show_status")


class StatusRequest(BaseModel):
    """What the button sends: the incident that the message spoke of, and its data flow."""

    model_config = ConfigDict(extra="forbid", str_max_length=256)

    data_flow_id: UUID
    incident_id: UUID | None = None
    requested_by: str = ""


def handle(event: dict[str, Any], _context: LambdaContext) -> str:
    """Return what is known of the data flow's incidents and runs, as lines of text for the channel."""
    config = StatusConfig.from_environment()
    try:
        request = StatusRequest.model_validate(event)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        logger.warning("refused", extra={"error": first["msg"]})
        return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    ops = ops_warehouse(config.workgroup_name, config.database_name)
    try:
        return standing_of(str(request.data_flow_id), Registry(ops), Incidents(ops))
    except TerminalError as error:
        logger.warning("refused", extra={"reason": error.reason, "error": str(error)})
        return str(error)
