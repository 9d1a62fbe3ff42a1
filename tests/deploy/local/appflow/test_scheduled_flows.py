"""Flows that run by the emulated clock, and what stops them."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from tests.deploy.local.appflow.account import (
    END_REPORT,
    NOW,
    START_REPORT,
    Account,
    MakeAccount,
    between,
    scheduled,
)

NAME = {"flowName": "ga4-daily"}


def status(account: Account) -> str:
    return str(account.client.describe_flow(**NAME)["flowStatus"])


def start_scheduled(account: Account, expression: str, **members: Any) -> None:
    account.create(triggerConfig=scheduled(expression, **members))
    account.client.start_flow(**NAME)


def starts(account: Account, count: int) -> list[str]:
    account.events.wait_for(END_REPORT, count)
    return [detail["start-time"] for detail in account.events.of(START_REPORT)]


def test_flow_runs_by_cron_in_utc_once_it_is_started(account: Account) -> None:
    account.create(triggerConfig=scheduled("cron(30 10 * * ? *)", timezone="Asia/Tokyo"))
    assert status(account) == "Draft"
    account.advance(hours=2)
    assert account.events.sent == []
    account.client.start_flow(**NAME)
    assert status(account) == "Active"
    account.advance(hours=23)
    assert account.events.sent == []
    account.advance(hours=1)
    assert starts(account, 1) == ["2026-11-21T11:00:00.000Z[UTC]"]
    assert account.records()[0]["executionStatus"] == "Successful"


def test_every_due_moment_of_a_leap_runs_once(account: Account) -> None:
    start_scheduled(account, "rate(6hours)")
    account.advance(days=1)
    account.advance(minutes=1)
    assert len(starts(account, 4)) == 4


def test_clock_that_is_set_back_repeats_nothing(account: Account) -> None:
    start_scheduled(account, "cron(0 12 * * ? *)")
    account.advance(hours=4)
    account.advance(hours=-1)
    account.advance(hours=0.5)
    assert len(starts(account, 1)) == 1
    account.advance(days=1)
    assert len(starts(account, 2)) == 2


def test_flow_runs_between_its_start_and_its_end(account: Account) -> None:
    first, last = datetime(2026, 11, 22, 1, tzinfo=UTC), datetime(2026, 11, 24, tzinfo=UTC)
    start_scheduled(account, "rate(1days)", scheduleStartTime=first, scheduleEndTime=last)
    account.advance(days=30)
    assert len(starts(account, 2)) == 2


def test_stopped_flow_runs_no_more(account: Account) -> None:
    start_scheduled(account, "rate(1hours)")
    assert account.client.stop_flow(**NAME)["flowStatus"] == "Suspended"
    account.advance(hours=5)
    assert account.records() == []
    account.client.start_flow(**NAME)
    account.advance(hours=1)
    assert len(starts(account, 1)) == 1


def test_on_demand_flow_cannot_be_stopped(account: Account) -> None:
    account.create()
    assert account.refusal("stop_flow", **NAME)[:2] == ("UnsupportedOperationException", 400)


def test_active_flow_can_be_updated_and_runs_what_was_due_before_by_the_old_definition(account: Account) -> None:
    start_scheduled(account, "cron(0 12 * * ? *)")
    account.clock.set(NOW.replace(hour=13))
    request = account.flow(triggerConfig=scheduled("cron(0 14 * * ? *)"))
    request["tasks"].insert(1, between(date(2026, 11, 19), date(2026, 11, 19)))
    assert account.client.update_flow(**request)["flowStatus"] == "Active"
    account.events.wait_for(END_REPORT, 1)
    assert len(account.rows()) == 4
    account.advance(hours=2)
    account.events.wait_for(END_REPORT, 2)
    assert len(account.rows()) == 6


def test_active_flow_cannot_be_updated_where_that_is_assumed(make_account: MakeAccount) -> None:
    account = make_account(update_active_flow_allowed=False).with_profiles()
    start_scheduled(account, "rate(1days)")
    request = account.flow(triggerConfig=scheduled("rate(2days)"))
    assert account.refusal("update_flow", **request)[0] == "ConflictException"
    account.client.stop_flow(**NAME)
    account.client.update_flow(**request)
    account.client.start_flow(**NAME)
    assert status(account) == "Active"


def test_update_of_an_active_flow_is_refused_when_asked_for(account: Account) -> None:
    start_scheduled(account, "rate(1days)")
    request = account.flow(triggerConfig=scheduled("rate(2days)"))
    account.service.faults.refuse_updates = 1
    assert account.refusal("update_flow", **request)[0] == "ConflictException"
    account.client.update_flow(**request)
    assert status(account) == "Active"


def test_flow_that_fails_too_often_is_suspended(account: Account) -> None:
    account.service.faults.fail_runs = 3
    start_scheduled(account, "rate(1days)", flowErrorDeactivationThreshold=2)
    account.advance(days=1)
    account.events.wait_for(END_REPORT, 1)
    account.advance(days=1)
    deactivated = account.events.wait_for("AppFlow Scheduled Flow Deactivated")[0]
    assert deactivated["flow-name"] == "ga4-daily"
    assert deactivated["deactivation-time"] == "2026-11-22T09:00:00.000Z[UTC]"
    assert account.service.faults.fail_message in deactivated["deactivation-reason"]
    assert status(account) == "Suspended"


def test_lost_event_leaves_the_record(account: Account) -> None:
    account.service.faults.drop_events = 1
    account.create()
    account.client.start_flow(**NAME)
    account.events.wait_for(END_REPORT)
    assert account.events.of(START_REPORT) == []
    assert account.records()[0]["executionStatus"] == "Successful"


def test_records_come_in_pages_the_latest_first(account: Account) -> None:
    start_scheduled(account, "rate(1hours)")
    account.advance(hours=3)
    account.events.wait_for(END_REPORT, 3)
    first = account.client.describe_flow_execution_records(**NAME, maxResults=2)
    second = account.client.describe_flow_execution_records(**NAME, maxResults=2, nextToken=first["nextToken"])
    assert "nextToken" not in second
    found = [one["executionId"] for one in first["flowExecutions"] + second["flowExecutions"]]
    assert found == [detail["execution-id"] for detail in account.events.of(START_REPORT)][::-1]
    code, _, _ = account.refusal("describe_flow_execution_records", **NAME, nextToken="cGFnZTotMQ==")
    assert code == "ValidationException"


def test_active_flow_is_deleted_by_force_only(account: Account) -> None:
    start_scheduled(account, "rate(1hours)")
    assert account.refusal("delete_flow", **NAME)[0] == "ConflictException"
    account.client.delete_flow(**NAME, forceDelete=True)
    account.advance(hours=2)
    assert account.events.sent == []


def test_restarted_service_goes_on_from_its_snapshot(make_account: MakeAccount, tmp_path: Path) -> None:
    before = make_account().with_profiles()
    start_scheduled(before, "rate(1days)")
    before.advance(days=1)
    before.events.wait_for(END_REPORT)
    before.service.snapshot(tmp_path / "appflow.json")
    assert (tmp_path / "appflow.json").stat().st_mode & 0o777 == 0o600

    after = make_account()
    after.service.restore(tmp_path / "appflow.json")
    assert status(after) == "Active"
    assert len(after.records()) == 1
    after.advance(days=1)
    after.events.wait_for(END_REPORT)
    assert len(after.records()) == 2


def test_ticker_runs_due_flows_by_itself(account: Account) -> None:
    start_scheduled(account, "rate(1days)")
    account.service.start()
    account.clock.set(account.clock.now().replace(day=21))
    account.events.wait_for(END_REPORT)


def test_tags(account: Account) -> None:
    account.create(tags={"stage": "test"})
    arn = account.client.describe_flow(**NAME)["flowArn"]
    account.client.tag_resource(resourceArn=arn, tags={"owner": "analytics"})
    account.client.untag_resource(resourceArn=arn, tagKeys=["stage"])
    assert account.client.list_tags_for_resource(resourceArn=arn)["tags"] == {"owner": "analytics"}


def test_entities_are_found_by_label_only(account: Account) -> None:
    entity = account.entity()
    assert entity not in ("ga4_core_report/properties-311", "properties/311")
    described = account.client.describe_connector_entity(
        connectorEntityName=entity, connectorType="CustomConnector", connectorProfileName="google", apiVersion="v1beta"
    )
    fields = {one["identifier"]: one for one in described["connectorEntityFields"]}
    assert "BETWEEN" in fields["date"]["supportedFieldTypeDetails"]["v1"]["filterOperators"]
    assert fields["date"]["sourceProperties"]["isTimestampFieldForIncrementalQueries"]
    assert not fields["sessions"]["sourceProperties"]["isTimestampFieldForIncrementalQueries"]
