"""What a host finds in AWS: the services at their own names, over TLS, and the metadata of its instance."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

from werkzeug.wrappers import Request, Response

from deploy.local.aws.answers import query_answer
from deploy.local.aws.service import Caller, ServiceError
from deploy.local.aws.sts import assume_role_as_service

INSTANCE: Final = "i-0123456789abcdef0"
_TOKEN: Final = "a-token-of-the-metadata"


class Signals:
    """The part of CloudFormation that a host speaks to: it keeps what it is told of which instance."""

    scope = "cloudformation"

    def __init__(self) -> None:
        self.told: list[tuple[str, str, str, str]] = []  # stack, resource, instance, status

    def handle(self, request: Request, _: Caller) -> Response:
        """Answer SignalResource."""
        form = request.form
        if form.get("Action") != "SignalResource":
            raise ServiceError("InvalidAction", f"A host has no business with {form.get('Action')}.")
        self.told.append((form["StackName"], form["LogicalResourceId"], form["UniqueId"], form["Status"]))
        return query_answer("SignalResource", {})


@contextmanager
def instance_metadata(role_arn: str) -> Iterator[int]:
    """Serve an instance's metadata, version 2 only, on a loopback port; the credentials in it are a role's."""
    role = role_arn.rpartition("/")[2]
    credentials = f"/latest/meta-data/iam/security-credentials/{role}"

    class Handler(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            is_asked = self.path == "/latest/api/token" and "X-aws-ec2-metadata-token-ttl-seconds" in self.headers
            self._answer(_TOKEN if is_asked else None, {"X-aws-ec2-metadata-token-ttl-seconds": "21600"})

        def do_GET(self) -> None:
            if self.headers.get("X-aws-ec2-metadata-token") != _TOKEN:
                self.send_error(401)
                return
            answers = {
                "/latest/meta-data/instance-id": INSTANCE,
                "/latest/meta-data/iam/security-credentials/": role,
                credentials: _credentials(role_arn),
            }
            self._answer(answers.get(self.path))

        def _answer(self, text: str | None, headers: dict[str, str] | None = None) -> None:
            self.send_response(404 if text is None else 200)
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len((text or "").encode())))
            self.end_headers()
            self.wfile.write((text or "").encode())

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _credentials(role_arn: str) -> str:
    issued = assume_role_as_service("ec2.amazonaws.com", role_arn, INSTANCE).as_json()
    return json.dumps(
        {
            "Code": "Success",
            "Type": "AWS-HMAC",
            "LastUpdated": "2026-01-01T00:00:00Z",
            "AccessKeyId": issued["AccessKeyId"],
            "SecretAccessKey": issued["SecretAccessKey"],
            "Token": issued["SessionToken"],
            "Expiration": issued["Expiration"],
        }
    )
