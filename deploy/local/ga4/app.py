"""The WSGI application: routes requests to the emulated APIs and writes their answers."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

from pydantic import BaseModel, ValidationError
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule
from werkzeug.wrappers import Request, Response

from deploy.local.clock import EmulatedClock
from deploy.local.ga4 import admin_api, control_api, data_api
from deploy.local.ga4.errors import GoogleApiError, OAuthError, invalid_argument
from deploy.local.ga4.oauth import LIFETIME_SECONDS, Grant
from deploy.local.ga4.state import Ga4State
from deploy.local.own_addresses import PREFIX, is_from_this_machine

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

Model = TypeVar("Model", bound=BaseModel)

_PROPERTY: Final = "/v1beta/properties/<property_id>"
_PARQUET: Final = "application/vnd.apache.parquet"
_REPORTS: Final = {"run_report": data_api.run_report_json, "batch_run_reports": data_api.batch_run_reports_json}

_ROUTES: Final = Map(
    [
        Rule(f"{_PROPERTY}:runReport", endpoint="run_report", methods=["POST"]),
        Rule(f"{_PROPERTY}:batchRunReports", endpoint="batch_run_reports", methods=["POST"]),
        Rule(f"{_PROPERTY}:checkCompatibility", endpoint="check_compatibility", methods=["POST"]),
        Rule(f"{_PROPERTY}/metadata", endpoint="metadata", methods=["GET"]),
        Rule(_PROPERTY, endpoint="get_property", methods=["GET"]),
        Rule("/v1beta/properties", endpoint="list_properties", methods=["GET"]),
        Rule("/v1beta/accountSummaries", endpoint="account_summaries", methods=["GET"]),
        Rule("/token", endpoint="token", methods=["POST"]),
        Rule("/_local/health", endpoint="local_health", methods=["GET"]),
        Rule("/_local/load", endpoint="local_load", methods=["POST"]),
        Rule("/_local/faults", endpoint="local_faults", methods=["POST"]),
        Rule("/_local/events", endpoint="local_events", methods=["GET"]),
    ]
)


@dataclass(frozen=True)
class _Endpoints:
    """One method for every endpoint of the routes."""

    state: Ga4State
    clock: EmulatedClock

    def handler(self, endpoint: str) -> Callable[..., Response]:
        """Return the method for an endpoint."""
        if endpoint in _REPORTS:
            return lambda request, property_id: self.report(endpoint, request, property_id)
        method: Callable[..., Response] = getattr(self, endpoint)
        return method

    def report(self, endpoint: str, request: Request, property_id: str) -> Response:
        prop = self.state.property_for(property_id, self._grant(request))
        quota = self.state.quotas[property_id]
        return _json(_REPORTS[endpoint](prop, quota, request.get_data(), self.clock.now()))

    def check_compatibility(self, request: Request, property_id: str) -> Response:
        prop = self.state.property_for(property_id, self._grant(request))
        return _json(data_api.check_compatibility_json(prop, request.get_data()))

    def metadata(self, request: Request, property_id: str) -> Response:
        grant = self._grant(request)
        if property_id == "0":
            return _json(data_api.universal_metadata_json())
        return _json(data_api.property_metadata_json(self.state.property_for(property_id, grant)))

    def get_property(self, request: Request, property_id: str) -> Response:
        return _json(admin_api.property_json(self.state.property_for(property_id, self._grant(request))))

    def list_properties(self, request: Request) -> Response:
        properties = self.state.readable(self._grant(request))
        return _json(admin_api.properties_json(properties, request.args.get("filter", ""), *_paging(request)))

    def account_summaries(self, request: Request) -> Response:
        properties = self.state.readable(self._grant(request))
        return _json(admin_api.account_summaries_json(properties, *_paging(request)))

    def token(self, request: Request) -> Response:
        form = request.form
        access_token = self.state.tokens.issue(form.get("grant_type", ""), form.get("refresh_token", ""))
        scope = "https://www.googleapis.com/auth/analytics.readonly"
        return _json(
            {
                "access_token": access_token,
                "expires_in": LIFETIME_SECONDS,
                "scope": scope,
                "token_type": "Bearer",
            }
        )

    def local_health(self, request: Request) -> Response:  # noqa: ARG002
        return _json(control_api.health_json(self.state, self.clock.now()))

    def local_load(self, request: Request) -> Response:
        wanted = _body(request, control_api.LoadRequest)
        try:
            return _json({"properties": self.state.load(wanted.folder)})
        except (ValueError, OSError) as error:
            raise invalid_argument(f"Cannot load {wanted.folder}: {error}") from error

    def local_faults(self, request: Request) -> Response:
        control_api.apply_faults(self.state, _body(request, control_api.Faults), self.clock.now())
        return _json({})

    def local_events(self, request: Request) -> Response:
        property_id = request.args.get("property_id", "")
        content = control_api.visible_events(self.state, property_id, self.clock.now())
        return Response(content, mimetype=_PARQUET)

    def _grant(self, request: Request) -> Grant:
        grant = self.state.tokens.grant_of(request.headers.get("Authorization", ""))
        self.state.fail_if_told()
        return grant


def create_ga4_app(state: Ga4State, clock: EmulatedClock) -> "WSGIApplication":
    """Return the service as a WSGI application that lives by `clock`."""
    endpoints = _Endpoints(state, clock)

    @Request.application
    def application(request: Request) -> Response:
        if request.path.startswith(PREFIX) and not is_from_this_machine(request):
            return Response("These addresses answer this machine only.", 403)
        try:
            endpoint, arguments = _ROUTES.bind_to_environ(request.environ).match()
            return endpoints.handler(endpoint)(request, **arguments)
        except GoogleApiError as error:
            return _json(error.body(), error.http_status)
        except OAuthError as error:
            return _json({"error": error.error, "error_description": str(error)}, 400)
        except HTTPException as error:
            return _unrouted(error)

    return application


def _unrouted(error: HTTPException) -> Response:
    if error.code == 404:
        return _json(GoogleApiError("NOT_FOUND", "Requested entity was not found: no such path.").body(), 404)
    return Response(error.description, error.code)


def _paging(request: Request) -> tuple[str, str]:
    return request.args.get("pageSize", ""), request.args.get("pageToken", "")


def _body(request: Request, model: type[Model]) -> Model:
    if not request.is_json:  # a web page can send anything else from another site
        raise invalid_argument("The body must be JSON, sent as application/json.")
    try:
        return model.model_validate_json(request.get_data())
    except ValidationError as error:
        raise invalid_argument(str(error)) from error


def _json(content: dict[str, Any], status: int = 200) -> Response:
    # What UTF-8 can't carry, half a surrogate pair, is escaped as JSON escapes it: a client reads it back as it was.
    body = json.dumps(content, ensure_ascii=False).encode(errors="backslashreplace")
    return Response(body, status, mimetype="application/json")
