"""What a run brings, and what its record and its events say."""

import json
from datetime import date

import pytest
from werkzeug.wrappers import Request

from deploy.local.aws.service import ServiceError
from tests.aws import ACCOUNT_2, REGION_2, aws_client
from tests.deploy.local.appflow.account import (
    COPY_ROLE,
    END_REPORT,
    ERROR_BUCKET,
    INGEST_USER,
    NOW,
    START_REPORT,
    TABLE,
    Account,
    MakeAccount,
    between,
    flow_request,
    make_table,
    mapping,
    projection,
    task,
)

JAPAN_ROWS = [("20261118", "Japan", "5"), ("20261119", "Japan", "7")]


def test_run_without_filter_brings_the_last_thirty_days(account: Account) -> None:
    account.create()
    record = account.run()
    assert record["executionStatus"] == "Successful"
    assert record["executionResult"]["recordsProcessed"] == 4
    assert "errorInfo" not in record["executionResult"]
    assert account.rows() == sorted([*JAPAN_ROWS, ("20261118", "Côte d’Ivoire 🇨🇮", "2"), ("20261119", "", "1")])


def test_run_reads_the_days_of_its_filter_bounds_included(account: Account) -> None:
    request = account.flow()
    request["tasks"].insert(1, between(date(2026, 11, 19), date(2026, 11, 19)))
    account.client.create_flow(**request)
    account.run()
    assert account.rows() == [("20261119", "", "1"), ("20261119", "Japan", "7")]


def test_run_leaves_the_bounds_out_where_that_is_assumed(make_account: MakeAccount) -> None:
    account = make_account(between_excludes_bounds=True).with_profiles()
    request = account.flow()
    request["tasks"].insert(1, between(date(2026, 11, 17), date(2026, 11, 19)))
    account.client.create_flow(**request)
    account.run()
    assert {row[0] for row in account.rows()} == {"20261118"}


def test_run_filters_dimensions(account: Account) -> None:
    request = account.flow()
    request["tasks"].append(task("Filter", "EQUAL_TO", ["country"], DATA_TYPE="string", VALUES="Japan,Chile"))
    account.client.create_flow(**request)
    account.run()
    assert account.rows() == JAPAN_ROWS


def test_run_filters_dimensions_by_what_they_are_not_and_contain(account: Account) -> None:
    request = account.flow()
    request["tasks"].append(task("Filter", "NOT_EQUAL_TO", ["country"], DATA_TYPE="string", VALUE="Japan"))
    request["tasks"].append(task("Filter", "CONTAINS", ["country"], DATA_TYPE="string", VALUE="Ivoire"))
    account.client.create_flow(**request)
    account.run()
    assert account.rows() == [("20261118", "Côte d’Ivoire 🇨🇮", "2")]


def test_run_drops_records_that_are_invalid(account: Account) -> None:
    request = account.flow()
    request["tasks"].append(task("Validate", "VALIDATE_NON_NULL", ["country"], VALIDATION_ACTION="DropRecord"))
    account.client.create_flow(**request)
    record = account.run()
    assert record["executionResult"]["recordsProcessed"] == len(account.rows()) == 3
    assert account.events.of(END_REPORT)[0]["num-of-records-filtered"] == "1"


def test_run_drops_everything_for_one_invalid_record(account: Account) -> None:
    request = account.flow()
    request["tasks"].append(task("Validate", "VALIDATE_NUMERIC", ["country"], VALIDATION_ACTION="DropDataset"))
    account.client.create_flow(**request)
    record = account.run()
    assert record["executionStatus"] == "Error"
    assert "VALIDATE_NUMERIC" in record["executionResult"]["errorInfo"]["executionMessage"]
    assert account.rows() == []


def test_record_that_is_too_long_goes_to_the_error_bucket(account: Account) -> None:
    make_table(account.warehouse, country_bytes=24)
    account.create()
    record = account.run()
    assert record["executionStatus"] == "Successful"
    assert record["executionResult"]["errorInfo"] == {"putFailuresCount": 1}
    assert len(account.rows()) == 3
    assert [one["record"]["sessions"] for one in failed_records()] == ["2"]


def failed_records() -> list[dict[str, dict[str, str]]]:
    s3 = aws_client("s3", ACCOUNT_2)
    objects = s3.list_objects_v2(Bucket=ERROR_BUCKET, Prefix="failed/ga4-daily/").get("Contents", [])
    bodies = [s3.get_object(Bucket=ERROR_BUCKET, Key=one["Key"])["Body"].read() for one in objects]
    return [json.loads(line) for body in bodies for line in body.splitlines()]


def test_run_that_fails_on_the_first_error_brings_nothing(account: Account) -> None:
    account.service.faults.partial_put_failures = 1
    request = account.flow()
    handling = request["destinationFlowConfigList"][0]["destinationConnectorProperties"]["Redshift"]
    handling["errorHandlingConfig"]["failOnFirstDestinationError"] = True
    account.client.create_flow(**request)
    record = account.run()
    assert record["executionStatus"] == "Error"
    assert account.rows() == []


def test_run_brings_more_rows_than_a_page_has(account: Account) -> None:
    table = "ga4_landing.p311_pages"
    account.warehouse.run_as_admin(
        [
            f"DROP TABLE IF EXISTS {table}",
            f"CREATE TABLE {table} (date VARCHAR(8), page VARCHAR(40), views VARCHAR(20))",
            f'GRANT INSERT, SELECT ON TABLE {table} TO "IAMR:appflow-ingest"',
        ]
    )
    fields = {"date": "date", "pagePath": "page", "screenPageViews": "views"}
    account.client.create_flow(**flow_request("ga4-pages", account.entity(), fields, table))
    record = account.run("ga4-pages")
    assert record["executionResult"]["recordsProcessed"] == 100_001
    assert len(set(account.rows(table))) == 100_001


def test_run_with_too_many_dimensions_fails_but_is_accepted(account: Account) -> None:
    metadata = account.client.describe_connector_entity(
        connectorEntityName=account.entity(), connectorType="CustomConnector", connectorProfileName="google"
    )
    names = [one["identifier"] for one in metadata["connectorEntityFields"]]
    dimensions = [name for name in names if name not in ("sessions", "screenPageViews")][:10]
    tasks = [projection(*dimensions), mapping(dimensions[0], "country")]
    account.create(tasks=tasks)
    record = account.run()
    assert record["executionStatus"] == "Error"
    assert "at most 9 dimensions" in record["executionResult"]["errorInfo"]["executionMessage"]


def test_run_fails_when_the_quota_is_used_up(account: Account) -> None:
    account.create()
    account.google.quotas["311"].set_remaining(NOW, 0)
    record = account.run()
    assert "quota" in record["executionResult"]["errorInfo"]["executionMessage"]


def test_run_fails_when_access_was_revoked(account: Account) -> None:
    account.create()
    account.google.tokens.revoke("1//refresh")
    record = account.run()
    message = record["executionResult"]["errorInfo"]["executionMessage"]
    assert message.startswith("ConnectorAuthentication: invalid_grant")


def test_run_survives_two_broken_answers_of_google(account: Account) -> None:
    account.create()
    account.google.fail_next(2)
    assert account.run()["executionStatus"] == "Successful"


def test_run_fails_when_google_stays_broken(account: Account) -> None:
    account.create()
    account.google.fail_next(9)
    record = account.run()
    assert "503" in record["executionResult"]["errorInfo"]["executionMessage"]


def test_run_fails_when_the_bucket_policy_is_gone(account: Account) -> None:
    account.create()
    aws_client("s3", ACCOUNT_2).delete_bucket_policy(Bucket="intermediate")
    assert account.run()["executionStatus"] == "Error"


def test_run_fails_without_the_right_to_insert(account: Account) -> None:
    account.create()
    account.warehouse.run_as_admin([f'REVOKE INSERT ON TABLE {TABLE} FROM "IAMR:appflow-ingest"'])
    record = account.run()
    assert "permission denied" in record["executionResult"]["errorInfo"]["executionMessage"]


def test_run_fails_without_the_right_to_the_role_that_copies(account: Account) -> None:
    account.create()
    account.warehouse.run_as_admin(["REVOKE ASSUMEROLE ON ALL FROM PUBLIC FOR ALL"])
    refused = account.run()
    account.warehouse.run_as_admin([f"GRANT ASSUMEROLE ON '{COPY_ROLE}' TO {INGEST_USER} FOR COPY"])
    granted = account.run()
    account.warehouse.run_as_admin(["GRANT ASSUMEROLE ON ALL TO PUBLIC FOR ALL"])
    assert "does not have ASSUMEROLE permission" in refused["executionResult"]["errorInfo"]["executionMessage"]
    assert granted["executionStatus"] == "Successful"


def test_events_of_a_successful_run(account: Account) -> None:
    account.create()
    record = account.run()
    entity = account.entity()
    flow = {
        "flow-name": "ga4-daily",
        "flow-arn": f"arn:aws:appflow:{REGION_2}:{ACCOUNT_2}:flow/ga4-daily",
        "source": "CUSTOMCONNECTOR",
        "source-object": entity,
        "destination": "REDSHIFT",
        "destination-object": TABLE,
        "trigger-type": "ONDEMAND",
        "execution-id": record["executionId"],
        "start-time": "2026-11-20T09:00:00.000Z[UTC]",
    }
    end = {
        **flow,
        "end-time": "2026-11-20T09:00:00.000Z[UTC]",
        "num-of-records-processed": "4",
        "num-of-records-filtered": "0",
        "num-of-record-failures": "0",
        "data-processed": str(record["executionResult"]["bytesProcessed"]),
        "status": "Execution Successful",
    }
    assert account.events.sent == [(START_REPORT, flow), (END_REPORT, end)]
    assert account.events.envelopes[1] == (ACCOUNT_2, REGION_2, "aws.appflow", [flow["flow-arn"]], NOW)


def test_event_of_a_failed_run_is_not_called_successful(account: Account) -> None:
    account.service.faults.fail_runs = 1
    account.create()
    account.run()
    ended = account.events.of(END_REPORT)[0]
    assert ended["status"] != "Execution Successful"
    assert ended["error"] == account.service.faults.fail_message


def test_run_at_work_is_not_doubled_and_can_be_cancelled(account: Account) -> None:
    account.create()
    with account.warehouse.postgres.connect(account.warehouse.database) as blocker:
        blocker.execute(f"LOCK TABLE {TABLE} IN ACCESS EXCLUSIVE MODE".encode())
        execution_id = account.client.start_flow(flowName="ga4-daily")["executionId"]
        account.events.wait_for(START_REPORT)
        assert account.refusal("start_flow", flowName="ga4-daily")[0] == "ConflictException"
        assert account.refusal("delete_flow", flowName="ga4-daily")[0] == "ConflictException"
        cancelled = account.client.cancel_flow_executions(flowName="ga4-daily", executionIds=[execution_id, "other"])
        assert cancelled["invalidExecutions"] == ["other"]
        assert account.records()[0]["executionStatus"] == "CancelStarted"
    account.events.wait_for(END_REPORT)
    assert account.records()[0]["executionStatus"] == "Canceled"
    assert account.rows() == []


def test_start_is_repeated_by_its_token_only_once(account: Account) -> None:
    account.create()
    first = account.client.start_flow(flowName="ga4-daily", clientToken="again")["executionId"]
    account.events.wait_for(END_REPORT)
    assert account.client.start_flow(flowName="ga4-daily", clientToken="again")["executionId"] == first
    assert len(account.records()) == 1


def test_failed_puts_can_be_asked_for(account: Account) -> None:
    request = Request.from_values(method="POST", json={"partial_put_failures": 2})
    assert account.service.handle_local(request).status_code == 200
    account.create()
    record = account.run()
    assert record["executionResult"]["errorInfo"] == {"putFailuresCount": 2}
    assert account.events.of(END_REPORT)[0]["num-of-record-failures"] == "2"
    assert len(failed_records()) == 2
    with pytest.raises(ServiceError, match="drop_events"):
        account.service.handle_local(Request.from_values(method="POST", json={"drop_events": -1}))
