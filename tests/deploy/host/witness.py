"""Writes down what a role asks of AWS, as IAM would judge it: which action on which resource."""

import io
import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from werkzeug.wrappers import Request

from deploy.local.accounts import APP
from deploy.local.aws.signature import read_signature

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_PLACE = f"{APP.region}:{APP.account_id}"


class Witness:
    """A WSGI application in front of the endpoint; `seen` are the actions and resources a role's sessions asked for."""

    def __init__(self, endpoint: "WSGIApplication") -> None:
        self._endpoint = endpoint
        self.seen: set[tuple[str, str]] = set()

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """Note the request, and let the endpoint answer it."""
        request = Request(environ)
        signature = read_signature(request)
        if signature and signature.session_token:
            body = request.get_data()
            environ["wsgi.input"] = io.BytesIO(body)
            self.seen.add(_asked(signature.scope, request, body))
        return self._endpoint(environ, start_response)


def _asked(scope: str, request: Request, body: bytes) -> tuple[str, str]:
    if scope == "s3":
        bucket = request.host.partition(".s3.")[0]
        return (
            "s3:GetObject" if request.method in {"GET", "HEAD"} else "s3:PutObject"
        ), f"arn:aws:s3:::{bucket}{request.path}"
    if scope == "cloudformation":
        form = dict(pair.split("=", 1) for pair in body.decode().split("&"))
        return f"cloudformation:{form['Action']}", f"arn:aws:cloudformation:{_PLACE}:stack/{form['StackName']}/id"
    action = request.headers["X-Amz-Target"].rpartition(".")[2]
    return f"{scope}:{action}", _resource(scope, json.loads(body))


def _resource(scope: str, body: dict[str, Any]) -> str:
    if scope == "secretsmanager":
        return str(body["SecretId"])
    if scope == "sqs":
        return f"arn:aws:sqs:{_PLACE}:{body['QueueUrl'].rpartition('/')[2]}"
    if scope == "events":
        return f"arn:aws:events:{_PLACE}:event-bus/{body['Entries'][0]['EventBusName']}"
    raise AssertionError(f"Nothing is known of what a host asks of {scope}: {body}")
