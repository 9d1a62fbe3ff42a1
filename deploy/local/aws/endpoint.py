"""The one HTTP endpoint that answers for AWS, for every account and region.

Requests are told apart by their signature: its access key says who asks, its credential scope which service and
region. Services of our own answer first; everything else is moto's. State lives in memory: when the process ends,
buckets, queues, messages and roles are gone, and the stack is provisioned again at the next start. What lasts is in
MariaDB and PostgreSQL.
"""

import io
import logging
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from moto.core.base_backend import BackendDict
from moto.core.model_instances import reset_model_data
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.wrappers import Request, Response

from deploy.local.aws import eventbridge, queues, s3_notifications, s3_permissions
from deploy.local.aws.answers import error_answer
from deploy.local.aws.calls import record_request
from deploy.local.aws.credentials import forget_all_sessions, identify_caller
from deploy.local.aws.faults import set_faults
from deploy.local.aws.local_routes import answer_local
from deploy.local.aws.service import Caller, Service, ServiceError
from deploy.local.aws.signature import Signature, read_signature
from deploy.local.aws.sts import Sts
from deploy.local.aws.undelivered import forget_undelivered
from deploy.local.clock import EmulatedClock
from deploy.local.own_addresses import PREFIX

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

logger = logging.getLogger(__name__)


def create_endpoint(services: Sequence[Service], clock: EmulatedClock) -> "Endpoint":
    """Return the WSGI application that answers for AWS: by `services` where one fits, by moto otherwise.

    moto's state belongs to the process: several endpoints in one process share it, and the clock given last.
    """
    s3_notifications.install()
    s3_permissions.install()
    queues.install()
    eventbridge.use_clock(clock)
    return Endpoint(services)


def reset_state() -> None:
    """Forget every resource, session, lost message and fault of the process, as if it had just started."""
    BackendDict.reset()
    reset_model_data()
    forget_all_sessions()
    forget_undelivered()
    set_faults({})


class Endpoint:
    """A WSGI application; see `create_endpoint`."""

    def __init__(self, services: Sequence[Service]) -> None:
        self._moto: WSGIApplication = _dispatcher()
        ours: list[Service] = [Sts(), eventbridge.EventBridge(self._forward), *services]
        self._services = {service.scope: service for service in ours}

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Answer one request; an error that nobody foresaw is logged and answered as AWS does, by InternalFailure."""
        request = Request(environ)
        signature = read_signature(request)
        scope = signature.scope if signature else None
        try:
            return self._answer(request, signature)(environ, start_response)
        except ServiceError as error:
            answer = error_answer(error, request, scope)
        except Exception as error:
            logger.exception("%s %s of %s broke", request.method, request.path, scope)
            message = f"The local {scope} broke: {error!r}. The traceback is in the endpoint's log."
            answer = error_answer(ServiceError("InternalFailure", message, 500), request, scope)
        return answer(environ, start_response)

    def _answer(self, request: Request, signature: Signature | None) -> "WSGIApplication":
        if request.path.startswith(PREFIX):
            return answer_local(request, self._services)
        if signature is None:
            raise ServiceError("MissingAuthenticationToken", "Request is missing Authentication Token", 403)
        caller = identify_caller(signature.access_key_id, signature.session_token, signature.region)
        record_request(request, caller, signature.scope)
        service = self._services.get(signature.scope)
        if service is not None:
            return service.handle(request, caller)
        _name_account(request, caller)
        if signature.scope != "s3":  # what is uploaded stays a stream
            _rewind(request)
        return self._moto

    def _forward(self, request: Request, caller: Caller) -> Response:
        """Let moto answer a request whose body one of our services has already read."""
        _name_account(request, caller)
        _rewind(request)
        return Response.from_app(self._moto, request.environ)


def _dispatcher() -> DomainDispatcherApplication:
    dispatcher = DomainDispatcherApplication(create_backend_app)
    # moto looks through all of its folders to find out which service a host is, at every request.
    dispatcher.get_backend_for_host = lru_cache(dispatcher.get_backend_for_host)  # type: ignore[method-assign]
    return dispatcher


def _rewind(request: Request) -> None:
    """Let moto read a body that may have been read before."""
    request.environ["wsgi.input"] = io.BytesIO(request.get_data())


def _name_account(request: Request, caller: Caller) -> None:
    # moto would derive the account from keys it issued itself; this header of its own names it, whatever came in.
    request.environ["HTTP_X_MOTO_ACCOUNT_ID"] = caller.account_id
