from datetime import UTC, datetime
from typing import Any

import pytest
import requests
from botocore.exceptions import ClientError

from deploy.local.clock import EmulatedClock
from tests.aws import ACCOUNT_1, ACCOUNT_2, REGION_1, aws_client
from tests.deploy.local.aws.buses import APP_BUS, bodies, entry, make_bus, make_queue, make_rule, put


@pytest.fixture
def queue(clean_aws: str) -> str:
    make_bus(APP_BUS)
    arn = make_queue("all")
    make_rule(APP_BUS, {"Arn": arn}, pattern={"account": [ACCOUNT_1]})
    return arn


def test_an_event_has_the_envelope_of_eventbridge_and_the_clocks_time(queue: str, aws_clock: EmulatedClock) -> None:
    aws_clock.set(datetime(2026, 3, 1, 2, 3, 4, tzinfo=UTC))
    answer = put(entry({"revision": 3}, Resources=["arn:aws:s3:::a"]))
    assert answer["FailedEntryCount"] == 0
    assert bodies(queue) == [
        {
            "version": "0",
            "id": answer["Entries"][0]["EventId"],
            "detail-type": "RegisterDataFlow",
            "source": "myapp.dataflows",
            "account": ACCOUNT_1,
            "time": "2026-03-01T02:03:04Z",
            "region": REGION_1,
            "resources": ["arn:aws:s3:::a"],
            "detail": {"revision": 3},
        }
    ]


def test_an_event_keeps_the_time_its_entry_gives(queue: str) -> None:
    put(entry(Time=datetime(2025, 12, 31, 23, 59, 58, tzinfo=UTC)))
    assert bodies(queue)[0]["time"] == "2025-12-31T23:59:58Z"


def test_each_event_has_its_own_id(queue: str) -> None:
    answer = put(entry(), entry())
    ids = [one["EventId"] for one in answer["Entries"]]
    assert len(set(ids)) == 2
    assert [body["id"] for body in bodies(queue)] == ids


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"Source": ""}, "InvalidArgument"),
        ({"DetailType": ""}, "InvalidArgument"),
        ({"Detail": ""}, "InvalidArgument"),
        ({"Detail": "{"}, "MalformedDetail"),
        ({"Detail": "[1]"}, "MalformedDetail"),
        ({"Source": "aws.appflow"}, "NotAuthorizedForSourceException"),
    ],
)
def test_one_wrong_entry_fails_alone(queue: str, wrong: dict[str, Any], code: str) -> None:
    answer = put(entry(), entry(**wrong), entry())
    assert answer["FailedEntryCount"] == 1
    assert [one.get("ErrorCode") for one in answer["Entries"]] == [None, code, None]
    assert len(bodies(queue)) == 2


@pytest.mark.parametrize("member", ["Source", "DetailType", "Detail"])
def test_a_missing_member_fails_the_entry(queue: str, member: str) -> None:
    incomplete = entry()
    del incomplete[member]
    answer = put(incomplete)["Entries"][0]
    assert answer["ErrorCode"] == "InvalidArgument"
    assert member in answer["ErrorMessage"]


def test_more_than_ten_entries_are_refused(queue: str) -> None:
    with pytest.raises(ClientError, match="1 to 10 entries"):
        put(*[entry()] * 11)
    assert bodies(queue) == []


def test_entries_over_256_kilobytes_together_are_refused(queue: str) -> None:
    with pytest.raises(ClientError, match="Total size of the entries in the request is over the limit"):
        put(entry({"text": "x" * 140_000}), entry({"text": "é" * 70_000}))
    assert bodies(queue) == []


def test_an_event_for_a_bus_that_is_not_there_is_accepted_and_lost(clean_aws: str) -> None:
    assert put(entry(EventBusName="missing"))["FailedEntryCount"] == 0
    (lost,) = requests.get(f"{clean_aws}/_local/undelivered", timeout=5).json()
    assert lost["error_code"] == "NO_RESOURCE"
    assert lost["message"]["detail"] == {"revision": 1}


def test_a_client_of_another_account_needs_the_buss_policy(queue: str) -> None:
    answer = aws_client("events", ACCOUNT_2).put_events(Entries=[entry(EventBusName=APP_BUS)])
    assert answer["Entries"][0]["ErrorCode"] == "NotAuthorized"
    aws_client("events").put_permission(
        EventBusName="app", Action="events:PutEvents", Principal=ACCOUNT_2, StatementId="warehouse"
    )
    # A fresh entry from account 2 is matched by a pattern of its own.
    make_rule(APP_BUS, {"Arn": queue}, name="theirs", pattern={"account": [ACCOUNT_2]})
    assert aws_client("events", ACCOUNT_2).put_events(Entries=[entry(EventBusName=APP_BUS)])["FailedEntryCount"] == 0
    assert bodies(queue)[0]["account"] == ACCOUNT_2


def test_faults_fail_the_entries_of_the_next_calls(queue: str, clean_aws: str) -> None:
    requests.post(f"{clean_aws}/_local/faults", json={"put_events_failed_entries": [0b101, 0b010]}, timeout=5)
    calls = [put(entry(), entry(), entry()) for _ in range(3)]
    assert [call["FailedEntryCount"] for call in calls] == [2, 1, 0]
    assert calls[0]["Entries"][0]["ErrorCode"] == calls[0]["Entries"][2]["ErrorCode"] == "InternalFailure"
    assert len(bodies(queue)) == 6


def test_faults_throttle_the_next_calls(queue: str, clean_aws: str) -> None:
    requests.post(f"{clean_aws}/_local/faults", json={"throttle": 1}, timeout=5)
    with pytest.raises(ClientError) as refused:
        put()
    assert refused.value.response["Error"]["Code"] == "ThrottlingException"
    assert put()["FailedEntryCount"] == 0


@pytest.mark.parametrize("wrong", [{"delay": 1}, {"throttle": "1"}, {"put_events_failed_entries": [True]}])
def test_faults_of_another_form_are_refused(clean_aws: str, wrong: dict[str, Any]) -> None:
    assert requests.post(f"{clean_aws}/_local/faults", json=wrong, timeout=5).status_code == 400
