"""EventBridge in a process of its own: `python -m benchmarks.registering.eventbridge PORT FOLDER`.

It is the local AWS, and keeps count: `GET /calls` answers how many PutEvents calls carried how many entries.
"""

import io
import json
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from werkzeug.wrappers import Request, Response

from deploy.local.aws.endpoint import create_endpoint
from deploy.local.aws.server import serve
from deploy.local.clock import EmulatedClock

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


class CountingCalls:
    """A WSGI application that hands everything on to another one and counts what is put on buses."""

    def __init__(self, endpoint: "WSGIApplication") -> None:
        self._endpoint = endpoint
        self._calls: Counter[int] = Counter()

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Answer one request."""
        request = Request(environ)
        if request.path == "/calls":
            return Response(json.dumps(self._calls), mimetype="application/json")(environ, start_response)
        if request.headers.get("X-Amz-Target", "").endswith(".PutEvents"):
            body = request.get_data()
            self._calls[len(json.loads(body)["Entries"])] += 1
            environ["wsgi.input"] = io.BytesIO(body)
        return self._endpoint(environ, start_response)


def main(port: int, folder: Path) -> None:
    """Answer until the process is told to stop; nobody sets the clock in `folder`, so it is the real time."""
    serve(CountingCalls(create_endpoint([], EmulatedClock(folder / "clock.json"))), port)


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
