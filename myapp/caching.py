"""What browsers and proxies may keep: nothing that was made for one user."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponseBase


def private_pages(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """Return the middleware that marks each answer as private, unless the view has said how long it may be kept."""

    def answer(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        response.setdefault("Cache-Control", "private, no-store")
        return response

    return answer
