"""Serves the endpoint over HTTP on the loopback interface."""

import threading
from types import TracebackType
from typing import TYPE_CHECKING, Self

from moto.moto_server.werkzeug_app import MotoRequestHandler
from werkzeug.serving import make_server

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

HOST = "127.0.0.1"


class _QuietRequestHandler(MotoRequestHandler):
    """moto's handler (it keeps underscores in S3 metadata names) without a log line for each request."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Log nothing: consumers poll all the time, and what breaks is logged by the endpoint."""


def serve(app: "WSGIApplication", port: int) -> None:
    """Answer requests until the process is told to stop."""
    server = make_server(HOST, port, app, threaded=True, request_handler=_QuietRequestHandler)
    try:
        server.serve_forever()
    finally:
        server.server_close()


class EndpointServer:
    """The endpoint in a thread of this process, for tests: `with EndpointServer(app) as server: server.url`."""

    def __init__(self, app: "WSGIApplication", port: int = 0) -> None:
        self._server = make_server(HOST, port, app, threaded=True, request_handler=_QuietRequestHandler)
        self._thread = threading.Thread(target=self._server.serve_forever, name="aws-endpoint", daemon=True)

    @property
    def url(self) -> str:
        """The address for boto3's `endpoint_url`; port 0 became a free one."""
        return f"http://{HOST}:{self._server.server_port}"

    def start(self) -> None:
        """Begin to answer requests."""
        self._thread.start()

    def stop(self) -> None:
        """Answer no more requests and give the port back."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()
