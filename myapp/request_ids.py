"""One id for each request: in every log line of it, in nginx's line of it, and in the answer, for whoever asks why."""

import re
import uuid
from collections.abc import Callable
from typing import Final

from django.http import HttpRequest, HttpResponseBase

from dataflows.tracing import logged_with
from myapp.logs import META_KEY

HEADER: Final = "X-Request-ID"
# As nginx makes them. It lets no other through; where there is no nginx, anybody may have written one.
_FORM: Final = re.compile(r"[0-9a-f]{32}")


def request_ids(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """Return the middleware that logs each request's work with its id."""

    def answer(request: HttpRequest) -> HttpResponseBase:
        request_id = request.META[META_KEY] = _id_of(request)
        with logged_with(request_id=request_id):
            response = get_response(request)
        response[HEADER] = request_id
        return response

    return answer


def _id_of(request: HttpRequest) -> str:
    given = request.headers.get(HEADER, "")
    return given if _FORM.fullmatch(given) else uuid.uuid4().hex
