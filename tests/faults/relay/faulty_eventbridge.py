"""EventBridge that fails: it stands before the local AWS and does to PutEvents calls what a test asks for."""

import io
import json
import socket
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from werkzeug.wrappers import Request, Response

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_LONGEST_HANG_SECONDS: Final = 60.0


@dataclass(frozen=True)
class Fault:
    """What becomes of one call: whether its events are taken, and how it is answered.

    `answer` is an HTTP status and AWS's code; None: the connection is cut. A call that `hangs` is not answered
    before the test lets it go.
    """

    is_taken: bool
    answer: tuple[int, str] | None = None
    hangs: bool = False


THROTTLED: Final = Fault(False, (400, "ThrottlingException"))
UNAVAILABLE: Final = Fault(False, (503, "ServiceUnavailable"))
FAILED_BUT_TAKEN: Final = Fault(True, (500, "InternalFailure"))
CUT: Final = Fault(False)
CUT_BUT_TAKEN: Final = Fault(True)
TIMED_OUT: Final = Fault(False, hangs=True)
TIMED_OUT_BUT_TAKEN: Final = Fault(True, hangs=True)


@dataclass
class FaultyEventBridge:
    """A WSGI application in front of another; `lasting` is what becomes of calls, if it is not None.

    While `gate` is closed (cleared), calls wait before it; `waiting` says how many.
    """

    endpoint: "WSGIApplication"
    lasting: Fault | None = None
    has_let_go: threading.Event = field(default_factory=threading.Event)
    gate: threading.Event = field(default_factory=threading.Event)
    waiting: int = 0

    def __post_init__(self) -> None:
        self.gate.set()

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Answer one request."""
        request = Request(environ)
        if not request.headers.get("X-Amz-Target", "").endswith(".PutEvents"):
            return self.endpoint(environ, start_response)
        self._wait_at_the_gate()
        if self.lasting is None:
            return self.endpoint(environ, start_response)
        return self._fail(self.lasting, request, start_response)

    def _wait_at_the_gate(self) -> None:
        self.waiting += 1
        self.gate.wait(_LONGEST_HANG_SECONDS)
        self.waiting -= 1

    def _fail(self, fault: Fault, request: Request, start_response: "StartResponse") -> Iterable[bytes]:
        environ = request.environ
        body = request.get_data()  # read in any case, or the client would see its own sending fail
        if fault.is_taken:
            environ["wsgi.input"] = io.BytesIO(body)
            Response.from_app(self.endpoint, environ)
        if fault.hangs:
            self.has_let_go.wait(_LONGEST_HANG_SECONDS)
        if fault.answer is None:
            environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
        status, code = fault.answer or (500, "InternalFailure")
        answer = Response(json.dumps({"__type": code, "message": "planned"}), status, mimetype="application/json")
        return answer(environ, start_response)
