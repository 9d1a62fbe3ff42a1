"""Tokens, quotas and faults."""

from typing import Any

import pytest
from werkzeug.test import Client, TestResponse

from deploy.local.ga4.__main__ import parse_grant
from deploy.local.ga4.quota import PropertyQuota
from tests.deploy.local.ga4.building import NOW, Service, event, write_events

REPORT = {"dateRanges": [{"startDate": "2026-03-01", "endDate": "today"}], "metrics": [{"name": "sessions"}]}


@pytest.fixture
def client(service: Service) -> Client:
    for property_id in ("42", "43"):
        write_events(service.folder, [event("2026-03-01T10:00")], property_id=property_id)
    service.load()
    service.state.tokens.grants.update(map(parse_grant, ("all", "one=43")))
    return service.client()


def token(client: Client, refresh_token: str = "all", grant_type: str = "refresh_token") -> TestResponse:  # noqa: S107
    form = {"grant_type": grant_type, "refresh_token": refresh_token, "client_id": "x", "client_secret": "y"}
    return client.post("/token", data=form)


def run(client: Client, access_token: str, property_id: str = "42") -> tuple[int, str]:
    headers = {"Authorization": f"Bearer {access_token}"}
    response = client.post(f"/v1beta/properties/{property_id}:runReport", json=REPORT, headers=headers)
    return response.status_code, response.get_json().get("error", {}).get("status", "")


def fault(client: Client, **members: Any) -> None:
    assert client.post("/_local/faults", json=members).status_code == 200


def access_token(client: Client, refresh_token: str = "all") -> str:  # noqa: S107
    return str(token(client, refresh_token).get_json()["access_token"])


def test_a_refresh_token_buys_an_access_token(client: Client) -> None:
    answer = token(client).get_json()
    assert answer["token_type"] == "Bearer"
    assert answer["expires_in"] == 3599
    assert run(client, answer["access_token"]) == (200, "")


@pytest.mark.parametrize("wrong", ["", "nonsense", "all"])
def test_a_wrong_access_token_is_unauthenticated(client: Client, wrong: str) -> None:
    assert run(client, wrong) == (401, "UNAUTHENTICATED")
    assert client.get("/v1beta/accountSummaries").status_code == 401


def test_a_token_reads_only_its_properties(client: Client) -> None:
    one = access_token(client, "one")
    assert run(client, one, "42") == (403, "PERMISSION_DENIED")
    assert run(client, one, "43") == (200, "")
    answer = client.get("/v1beta/accountSummaries", headers={"Authorization": f"Bearer {one}"}).get_json()
    summaries = answer["accountSummaries"][0]["propertySummaries"]
    assert [summary["property"] for summary in summaries] == ["properties/43"]


def test_a_revoked_refresh_token_and_its_access_tokens_are_dead(client: Client) -> None:
    earlier = access_token(client)
    fault(client, revoke_refresh_token="all")
    response = token(client)
    assert (response.status_code, response.get_json()["error"]) == (400, "invalid_grant")
    assert run(client, earlier) == (401, "UNAUTHENTICATED")


def test_a_refresh_token_that_is_renewed_is_good_again(client: Client) -> None:
    fault(client, revoke_refresh_token="all")
    fault(client, renew_refresh_token="all")
    assert run(client, access_token(client)) == (200, "")


def test_an_unknown_refresh_token_or_grant_type_is_refused(client: Client) -> None:
    assert token(client, "unknown").get_json()["error"] == "invalid_grant"
    assert token(client, grant_type="password").get_json()["error"] == "unsupported_grant_type"


def test_an_exhausted_quota_refuses_that_property_until_the_day_ends(client: Client, service: Service) -> None:
    bearer = access_token(client)
    fault(client, exhaust_quota="42")
    assert run(client, bearer, "42") == (429, "RESOURCE_EXHAUSTED")
    assert run(client, bearer, "43") == (200, "")
    service.clock.set(NOW.replace(day=11))
    assert run(client, bearer, "42") == (200, "")


def test_tokens_are_used_up_by_requests(client: Client) -> None:
    bearer = access_token(client)
    fault(client, remaining_tokens={"property_id": "42", "tokens": 2})
    assert [run(client, bearer)[0] for _ in range(3)] == [200, 200, 429]


def test_ten_requests_run_at_once_and_no_more(client: Client, service: Service) -> None:
    quota: PropertyQuota = service.state.quotas["42"]
    quota.running = 10
    assert run(client, access_token(client)) == (429, "RESOURCE_EXHAUSTED")
    quota.running = 9
    assert run(client, access_token(client)) == (200, "")


def test_the_next_requests_fail_when_told_so(client: Client) -> None:
    bearer = access_token(client)
    fault(client, fail_next=2)
    assert [run(client, bearer)[0] for _ in range(3)] == [503, 503, 200]


def test_an_unknown_fault_is_refused(client: Client) -> None:
    assert client.post("/_local/faults", json={"explode": True}).status_code == 400


def test_properties_are_loaded_while_it_runs(client: Client, service: Service) -> None:
    write_events(service.folder / "more", [event("2026-03-01T10:00")], property_id="44")
    answer = client.post("/_local/load", json={"folder": str(service.folder / "more")})
    assert answer.get_json() == {"properties": ["44"]}
    assert client.get("/_local/health").get_json()["properties"] == ["42", "43", "44"]


def test_a_folder_without_properties_is_refused(client: Client, service: Service) -> None:
    answer = client.post("/_local/load", json={"folder": str(service.folder / "nowhere")})
    assert answer.status_code == 400
    assert "no property.json" in answer.get_json()["error"]["message"]


def test_accounts_come_in_pages(service: Service) -> None:
    for number in range(3):
        write_events(service.folder, [], property_id=f"5{number}", account_id=f"90{number}")
    service.load()
    client, names, page = service.client(), [], ""
    for _ in range(3):
        answer = client.get(f"/v1beta/accountSummaries?pageSize=1&pageToken={page}").get_json()
        names += [summary["account"] for summary in answer["accountSummaries"]]
        page = answer.get("nextPageToken", "")
    assert (names, page) == (["accounts/900", "accounts/901", "accounts/902"], "")


@pytest.mark.parametrize(
    "foreign",
    [
        {"json": {"fail_next": 1}, "headers": {"Host": "shop.example"}},
        {"data": '{"fail_next": 1}', "content_type": "text/plain"},
        {"json": {"fail_next": 1}, "environ_overrides": {"REMOTE_ADDR": "192.0.2.1"}},
    ],
)
def test_own_addresses_take_nothing_from_a_web_page(client: Client, foreign: dict[str, Any]) -> None:
    assert client.post("/_local/faults", **foreign).status_code in (400, 403)
    assert run(client, access_token(client))[0] == 200
