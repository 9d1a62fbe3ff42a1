"""Reads who signed a request, for which service and region, from its AWS Signature Version 4."""

import re
from dataclasses import dataclass

from werkzeug.wrappers import Request

_HEADER = re.compile(r"AWS4-HMAC-SHA256 Credential=([^,\s]+)")
_CREDENTIAL = re.compile(r"([^/]+)/\d{8}/([a-z0-9-]+)/([a-z0-9-]+)/aws4_request")


@dataclass(frozen=True)
class Signature:
    """The credential scope of a signed request, and the session token that came with it."""

    access_key_id: str
    region: str
    scope: str
    session_token: str | None


def read_signature(request: Request) -> Signature | None:
    """Return the signature of a request, from its header or from a presigned address; None where there is none."""
    header = _HEADER.match(request.headers.get("Authorization", ""))
    credential = header[1] if header else request.args.get("X-Amz-Credential", "")
    parts = _CREDENTIAL.fullmatch(credential)
    if parts is None:
        return None
    carrier = request.headers if header else request.args
    return Signature(parts[1], parts[2], parts[3].lower(), carrier.get("X-Amz-Security-Token"))
