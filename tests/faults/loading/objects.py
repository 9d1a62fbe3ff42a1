"""What the loader asks of S3 and Secrets Manager, over HTTP, quick enough for many thousand loads.

moto takes longer to answer than the loader takes to load a small unload. This serves only what the loader calls.
"""

import asyncio
import hashlib
import json
import threading
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Self
from urllib.parse import parse_qsl, unquote
from xml.sax.saxutils import escape

_MODIFIED = "Thu, 26 Nov 2026 00:00:00 GMT"
_NO_SUCH_KEY = b"<Error><Code>NoSuchKey</Code><Message>The specified key does not exist.</Message></Error>"
_CHANGED = b"<Error><Code>PreconditionFailed</Code><Message>It is another version.</Message></Error>"
_DENIED = b"<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"


@dataclass
class ObjectServer:
    """Serves `objects`, by `bucket/key`; they are put into the dictionary directly. Also the database's password."""

    owner: str
    secret: str
    objects: dict[str, bytes] = field(default_factory=dict)

    def put_object(self, *, Bucket: str, Key: str, Body: bytes) -> None:
        """Keep an object, as boto3's client would."""
        self.objects[f"{Bucket}/{Key}"] = Body

    def __enter__(self) -> Self:
        self._open: set[asyncio.Transport] = set()
        self._loop = asyncio.new_event_loop()
        self._server = self._loop.run_until_complete(
            self._loop.create_server(lambda: _Connection(self), "127.0.0.1", 0)
        )
        self._thread = threading.Thread(target=self._loop.run_forever, name="objects", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._server.close()
        for transport in self._open:
            transport.abort()
        self._loop.run_until_complete(asyncio.sleep(0))  # so that they are closed
        self._loop.close()

    @property
    def url(self) -> str:
        """The address for AWS_ENDPOINT_URL."""
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    def answer(self, target: str, headers: dict[str, str]) -> tuple[HTTPStatus, bytes]:
        """Return what a request is answered with; `target` is its path and query."""
        if call := headers.get("x-amz-target"):
            return HTTPStatus.OK, json.dumps(self._results()[call]).encode()
        if headers.get("x-amz-expected-bucket-owner") != self.owner:
            return HTTPStatus.FORBIDDEN, _DENIED
        path, _, query = target.partition("?")
        name = unquote(path.strip("/"))
        if "/" not in name:
            return HTTPStatus.OK, self._listing(name, dict(parse_qsl(query)).get("prefix", ""))
        body = self.objects.get(name)
        if body is None:
            return HTTPStatus.NOT_FOUND, _NO_SUCH_KEY
        if headers.get("if-match", _etag(body)) != _etag(body):
            return HTTPStatus.PRECONDITION_FAILED, _CHANGED
        return HTTPStatus.OK, body

    def _results(self) -> dict[str, dict[str, Any]]:
        return {
            "secretsmanager.GetSecretValue": {"SecretString": json.dumps({"password": self.secret})},
            # When a message comes again is the schedule's affair.
            "AmazonSQS.ChangeMessageVisibilityBatch": {"Successful": [], "Failed": []},
        }

    def _listing(self, bucket: str, prefix: str) -> bytes:
        found = {
            key.removeprefix(f"{bucket}/"): body
            for key, body in self.objects.items()
            if key.startswith(f"{bucket}/{prefix}")
        }
        listed = "".join(
            f"<Contents><Key>{key}</Key><Size>{len(body)}</Size><ETag>{escape(_etag(body))}</ETag></Contents>"
            for key, body in found.items()
        )
        return f"<ListBucketResult><IsTruncated>false</IsTruncated>{listed}</ListBucketResult>".encode()


class _Connection(asyncio.Protocol):
    """One keep-alive connection."""

    def __init__(self, server: ObjectServer) -> None:
        self._server = server
        self._unread = b""

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._server._open.add(transport)

    def connection_lost(self, _: Exception | None) -> None:
        self._server._open.discard(self._transport)

    def data_received(self, data: bytes) -> None:
        self._unread += data
        while b"\r\n\r\n" in self._unread:
            head, _, rest = self._unread.partition(b"\r\n\r\n")
            first, *lines = head.decode("latin-1").split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
            length = int(headers.get("content-length", 0))
            if len(rest) < length:
                return
            self._unread = rest[length:]
            method, target, _ = first.split(" ")
            self._send(method, *self._server.answer(target, headers))

    def _send(self, method: str, status: HTTPStatus, body: bytes) -> None:
        head = (
            f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Length: {len(body)}\r\nETag: {_etag(body)}\r\n"
            f"Last-Modified: {_MODIFIED}\r\nContent-Type: application/x-amz-json-1.1\r\n\r\n"
        )
        self._transport.write(head.encode() + (b"" if method == "HEAD" else body))


def _etag(body: bytes) -> str:
    return f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"'
