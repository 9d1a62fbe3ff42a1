"""MyApp as a person uses it: logs in and fills in forms, over HTTP."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import requests

_TIMEOUT_SECONDS = 30
_CSRF = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')
_ERROR = re.compile(r'<p class="error"[^>]*>([^<]+)</p>')
_EMPTY_FORMSETS = {f"{name}-{part}_FORMS": "0" for name in ("custom", "filter") for part in ("TOTAL", "INITIAL")}


class RefusedError(Exception):
    """MyApp did not take what was filled in; the message holds its words."""


@dataclass
class Visitor:
    """Somebody with a browser; `url` is where MyApp answers."""

    url: str
    session: requests.Session = field(default_factory=requests.Session)

    def log_in(self, username: str, password: str) -> None:
        """Log in. Raises RefusedError for a wrong name or password."""
        self.submit("/accounts/login/", {"username": username, "password": password, "next": "/"})

    def register(self, answers: Mapping[str, Any]) -> str:
        """Fill in the register page; return the address of the data flow's page.

        Raises RefusedError with what the page says when it is not taken.
        """
        return self.submit("/data-flows/register/", {**_EMPTY_FORMSETS, **answers})

    def ask(self, path: str, question: Mapping[str, Any]) -> Any:
        """Return what the API answers to a question, its members as in an address; lists are repeated."""
        answer = self.session.get(f"{self.url}{path}", params=question, timeout=_TIMEOUT_SECONDS)
        answer.raise_for_status()
        return answer.json()

    def submit(self, path: str, answers: Mapping[str, Any]) -> str:
        """Open a page with a form, send the form with these answers, and return where that led."""
        page = self.session.get(f"{self.url}{path}", timeout=_TIMEOUT_SECONDS)
        page.raise_for_status()
        token = _CSRF.search(page.text)
        if token is None:
            raise RefusedError(f"{path} shows no form: it led to {page.url}.")
        body = {**answers, "csrfmiddlewaretoken": token[1]}
        answer = self.session.post(f"{self.url}{path}", data=body, timeout=_TIMEOUT_SECONDS)
        if not answer.history:  # a form that is taken leads to another page
            raise RefusedError(f"{path}: {'; '.join(_ERROR.findall(answer.text)) or answer.status_code}")
        return answer.url
