"""Google's side of the connector: tokens, and the Analytics APIs over REST."""

from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

import requests
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from deploy.local.appflow.errors import ConnectorAuthenticationError, ConnectorError

PAGE_ROWS: Final = 100_000
_TIMEOUT_SECONDS: Final = (5, 120)
_SUMMARIES_A_PAGE: Final = 200
# As often as the connector tries a broken answer again; a used-up quota stays used up for an hour.
_RETRY: Final = Retry(
    total=2,
    status_forcelist=(500, 502, 503, 504),
    allowed_methods=None,
    backoff_factor=0.1,
    raise_on_status=False,
    respect_retry_after_header=False,
)


@dataclass(frozen=True)
class Page:
    """One page of a report: the names of its columns, its rows, and the size of the answer."""

    fields: tuple[str, ...]
    rows: list[tuple[str, ...]]
    size_bytes: int


class GoogleAnalytics:
    """The Analytics APIs as one Google identity sees them; close it after use (it is a context manager).

    `oauth` holds the profile's tokens: when Google refuses the access token a fresh one is fetched and stored there.
    Every method raises ConnectorError; ConnectorAuthenticationError when Google does not accept the credentials.
    """

    def __init__(self, ga4_url: str, oauth: dict[str, str]) -> None:
        self._url = ga4_url.rstrip("/")
        self._oauth = oauth
        self._session = requests.Session()
        self._session.trust_env = False
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, HTTPAdapter(max_retries=_RETRY))

    def __enter__(self) -> "GoogleAnalytics":
        return self

    def __exit__(self, *_: object) -> None:
        self._session.close()

    def properties(self) -> list[tuple[str, str]]:
        """Return (property id, display name) of every property the identity can read."""
        found: list[tuple[str, str]] = []
        parameters: dict[str, str] = {"pageSize": str(_SUMMARIES_A_PAGE)}
        while True:
            answer = self._call("GET", "/v1beta/accountSummaries", params=parameters).json()
            for account in answer.get("accountSummaries", []):
                found += [
                    (one["property"].removeprefix("properties/"), one.get("displayName", ""))
                    for one in account.get("propertySummaries", [])
                ]
            if not answer.get("nextPageToken"):
                return found
            parameters["pageToken"] = answer["nextPageToken"]

    def metadata(self, property_id: str) -> dict[str, Any]:
        """Return the property's dimensions and metrics, as the Data API describes them."""
        answer: dict[str, Any] = self._call("GET", f"/v1beta/properties/{property_id}/metadata").json()
        return answer

    def report_pages(self, property_id: str, request: dict[str, Any]) -> Iterator[Page]:
        """Yield a report page by page; `request` is runReport's body without limit and offset."""
        offset = 0
        while True:
            body = {**request, "limit": str(PAGE_ROWS), "offset": str(offset)}
            response = self._call("POST", f"/v1beta/properties/{property_id}:runReport", json=body)
            answer = response.json()
            page = _page(answer, len(response.content))
            yield page
            offset += len(page.rows)
            if not page.rows or offset >= answer.get("rowCount", 0):
                return

    def _call(self, method: str, path: str, **options: Any) -> requests.Response:
        response = self._send(method, path, options)
        if response.status_code == HTTPStatus.UNAUTHORIZED and self._oauth.get("refreshToken"):
            self._refresh()
            response = self._send(method, path, options)
        _check(response)
        return response

    def _send(self, method: str, path: str, options: dict[str, Any]) -> requests.Response:
        headers = {"Authorization": f"Bearer {self._oauth.get('accessToken', '')}"}
        try:
            return self._session.request(
                method, self._url + path, headers=headers, timeout=_TIMEOUT_SECONDS, allow_redirects=False, **options
            )
        except requests.RequestException as error:
            raise ConnectorError(f"Google Analytics can't be reached: {error}") from error

    def _refresh(self) -> None:
        form = {
            "grant_type": "refresh_token",
            "refresh_token": self._oauth["refreshToken"],
            "client_id": self._oauth.get("clientId", ""),
            "client_secret": self._oauth.get("clientSecret", ""),
        }
        try:
            response = self._session.post(f"{self._url}/token", data=form, timeout=_TIMEOUT_SECONDS)
        except requests.RequestException as error:
            raise ConnectorError(f"Google's token endpoint can't be reached: {error}") from error
        if response.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise ConnectorError(f"Google's token endpoint answered {response.status_code}.")
        if response.status_code != HTTPStatus.OK:
            raise ConnectorAuthenticationError(f"ConnectorAuthentication: {_oauth_error(response)}")
        self._oauth["accessToken"] = str(response.json()["access_token"])


def _page(answer: dict[str, Any], size_bytes: int) -> Page:
    headers = [*answer.get("dimensionHeaders", []), *answer.get("metricHeaders", [])]
    rows = [
        tuple(value.get("value", "") for value in (*row.get("dimensionValues", []), *row.get("metricValues", [])))
        for row in answer.get("rows", [])
    ]
    return Page(tuple(header["name"] for header in headers), rows, size_bytes)


def _check(response: requests.Response) -> None:
    if response.status_code == HTTPStatus.OK:
        return
    status, message = _google_error(response)
    if response.status_code in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        raise ConnectorAuthenticationError(f"ConnectorAuthentication: {status}: {message}")
    if response.status_code == HTTPStatus.TOO_MANY_REQUESTS:
        raise ConnectorError(f"The quota of the Google Analytics property is used up: {status}: {message}")
    raise ConnectorError(f"Google Analytics answered {response.status_code} {status}: {message}")


def _google_error(response: requests.Response) -> tuple[str, str]:
    try:
        error = response.json()["error"]
        return str(error["status"]), str(error["message"])
    except (ValueError, KeyError, TypeError):
        return "UNKNOWN", response.text[:200]


def _oauth_error(response: requests.Response) -> str:
    try:
        answer = response.json()
        return f"{answer['error']}: {answer.get('error_description', '')}"
    except (ValueError, KeyError, TypeError):
        return f"the token endpoint answered {response.status_code}"
