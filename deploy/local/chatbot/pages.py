"""The page of a channel, and its server."""

import secrets
import threading
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from jinja2 import Environment, FileSystemLoader
from werkzeug.exceptions import HTTPException, NotFound
from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.utils import redirect
from werkzeug.wrappers import Request, Response

from deploy.local.chatbot.channel import Channel, Post
from deploy.local.chatbot.mrkdwn import shown
from deploy.local.own_addresses import is_from_this_machine
from deploy.local.state import REPOSITORY

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

HOST: Final = "127.0.0.1"
_STATIC: Final = {
    "/static/myapp.css": (REPOSITORY / "templates/static/myapp.css", "text/css"),
    "/static/icon.svg": (REPOSITORY / "templates/static/icon.svg", "image/svg+xml"),
}
_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
_templates: Final = Environment(loader=FileSystemLoader(Path(__file__).parent), autoescape=True, trim_blocks=True)


def create_page(channel: Channel) -> "WSGIApplication":
    """Return the page as a WSGI application; who presses a button must hold the page's own token."""
    token = secrets.token_urlsafe(24)

    def answer(request: Request) -> Response:
        if not is_from_this_machine(request):
            return Response("This page answers this machine only.", 403)
        match request.method, request.path:
            case "GET", "/":
                return _page(channel, token)
            case "GET", path if path in _STATIC:
                file, kind = _STATIC[path]
                return Response(file.read_bytes(), content_type=kind)
            case "POST", "/press":
                return _pressed(channel, token, request)
        return Response("There is no such page.", 404)

    @Request.application
    def application(request: Request) -> Response:
        try:
            response = answer(request)
        except HTTPException as error:
            response = Response(error.description or error.name, error.code or 500)
        response.headers.extend(_HEADERS)
        return response

    return application


def _page(channel: Channel, token: str) -> Response:
    text = _templates.get_template("page.html").render(
        channel=channel, threads=threads(channel.posts), token=token, shown=shown
    )
    return Response(text, content_type="text/html; charset=utf-8")


def threads(posts: list[Post]) -> list[list[Post]]:
    """Return the posts by thread, each in order; the thread that was last added to first."""
    found: dict[str, list[Post]] = {}
    for post in posts:
        found[post.thread_id] = [*found.pop(post.thread_id, []), post]
    return list(reversed(found.values()))


def _pressed(channel: Channel, token: str, request: Request) -> Response:
    if not secrets.compare_digest(request.form.get("token", "").encode(), token.encode()):
        return Response("The page is out of date: open it again.", 403)
    try:
        channel.press(request.form.get("post", ""), request.form.get("action", ""))
    except KeyError as error:
        raise NotFound(str(error)) from error
    return redirect("/", 303)


class _QuietHandler(WSGIRequestHandler):
    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Log nothing: what is heard and pressed stands on the page."""


class ChatPage:
    """A channel that hears its topics, and its page: `with ChatPage(channel, port) as page: page.url`."""

    def __init__(self, channel: Channel, port: int = 0) -> None:
        self.channel = channel
        self._server = make_server(HOST, port, create_page(channel), threaded=True, request_handler=_QuietHandler)
        self._thread = threading.Thread(target=self._server.serve_forever, name="chat page", daemon=True)

    @property
    def url(self) -> str:
        """Where the page is."""
        return f"http://{HOST}:{self._server.server_port}"

    def __enter__(self) -> Self:
        self.channel.start()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self.channel.stop()
