"""The endpoint's own addresses beside those of AWS: `/_local/…`, for the other local processes and for tests.

GET  /_local/health                 {"status": "ok", "services": […]}
POST /_local/assume-role            {"service": "lambda.amazonaws.com", "role_arn": …, "session_name"?, "source_arn"?}
GET  /_local/undelivered            what no queue received
POST /_local/record-use             {"role_arn", "service", "action", "resource"}: see calls.py
POST /_local/faults                 see faults.py
POST /_local/<scope>/faults         those of a service of our own, such as appflow
"""

from collections.abc import Mapping
from typing import Any

from werkzeug.wrappers import Request, Response

from deploy.local.aws.answers import json_answer
from deploy.local.aws.calls import record_use
from deploy.local.aws.faults import set_faults
from deploy.local.aws.service import FaultyService, Service, ServiceError
from deploy.local.aws.sts import assume_role_as_service
from deploy.local.aws.undelivered import list_undelivered
from deploy.local.own_addresses import PREFIX, is_from_this_machine


def answer_local(request: Request, services: Mapping[str, Service]) -> Response:
    """Answer a private request; `services` are those of our own, by scope. Raises ServiceError for what is refused."""
    if not is_from_this_machine(request):
        raise ServiceError("AccessDeniedException", "These addresses answer this machine only.", 403)
    path = request.path.removeprefix(PREFIX)
    match request.method, path:
        case "GET", "health":
            return json_answer({"status": "ok", "services": sorted(services)})
        case "GET", "undelivered":
            return json_answer(list_undelivered())
        case "POST", "assume-role":
            return _assume_role(_json_object(request))
        case "POST", "record-use":
            return _record_use(_json_object(request))
        case "POST", "faults":
            set_faults(_json_object(request))
            return json_answer({})
    if request.method == "POST" and (service := _faulty_service(services, path)):
        _json_object(request)  # what a web page could send is refused
        return service.handle_local(request)
    raise ServiceError("UnknownOperationException", f"There is no {request.method} {request.path}.", 404)


def _faulty_service(services: Mapping[str, Service], path: str) -> FaultyService | None:
    scope, _, rest = path.partition("/")
    service: object = services.get(scope)
    return service if rest == "faults" and isinstance(service, FaultyService) else None


def _assume_role(wanted: dict[str, Any]) -> Response:
    if not wanted.keys() >= {"service", "role_arn"} or not all(isinstance(value, str) for value in wanted.values()):
        raise ServiceError("ValidationException", "Needed: service and role_arn; possible: session_name, source_arn.")
    session_name = wanted.get("session_name", "local-service")
    issued = assume_role_as_service(wanted["service"], wanted["role_arn"], session_name, wanted.get("source_arn"))
    return json_answer(issued.as_json())


def _record_use(used: dict[str, Any]) -> Response:
    names = ("role_arn", "service", "action", "resource")
    if used.keys() != set(names) or not all(isinstance(value, str) for value in used.values()):
        raise ServiceError("ValidationException", f"Needed: {', '.join(names)}.")
    record_use(*(used[name] for name in names))
    return json_answer({})


def _json_object(request: Request) -> dict[str, Any]:
    body = request.get_json(silent=True) if request.is_json else None
    if not isinstance(body, dict):
        raise ServiceError("ValidationException", "The body must be a JSON object, sent as application/json.")
    return body
