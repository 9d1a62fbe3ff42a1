"""The Data API as boto3 sees it."""

# ruff: noqa: S608 - the SQL is the test's own.

import threading
from typing import Any

import psycopg
import pytest
from botocore.exceptions import ClientError

from tests.aws import ACCOUNT_2, REGION_2
from tests.deploy.local.redshift.conftest import WORKGROUP, Cloud


def target(cloud: Cloud) -> dict[str, str]:
    return {"WorkgroupName": WORKGROUP.name, "Database": cloud.database}


def rows(cloud: Cloud, role: str, described: dict[str, Any]) -> list[list[Any]]:
    records = cloud.client("redshift-data", role).get_statement_result(Id=described["Id"])["Records"]
    return [[next(iter(field.values())) for field in record] for record in records]


def test_a_result_comes_typed(cloud: Cloud, role: str) -> None:
    sql = "SELECT 1::BIGINT AS a, 1.50::DECIMAL(10,2) AS b, 'x' AS c, NULL AS d, 1.5::FLOAT8 AS e, true AS f"
    described = cloud.run(role, sql + ", '2024-01-02'::DATE AS g")
    assert (described["Status"], described["HasResultSet"], described["ResultRows"]) == ("FINISHED", True, 1)
    assert described["Duration"] > 0
    result = cloud.client("redshift-data", role).get_statement_result(Id=described["Id"])
    assert result["Records"] == [
        [
            {"longValue": 1},
            {"stringValue": "1.50"},
            {"stringValue": "x"},
            {"isNull": True},
            {"doubleValue": 1.5},
            {"booleanValue": True},
            {"stringValue": "2024-01-02"},
        ]
    ]
    types = [column["typeName"] for column in result["ColumnMetadata"]]
    assert types == ["int8", "numeric", "varchar", "varchar", "float8", "bool", "date"]


def test_results_come_in_pages(cloud: Cloud, role: str) -> None:
    digits = " UNION ALL ".join(f"SELECT {n} AS n" for n in range(10))
    described = cloud.run(role, f"WITH d AS ({digits}) SELECT a.n FROM d a, d b, d c, d e")
    pages = cloud.client("redshift-data", role).get_paginator("get_statement_result").paginate(Id=described["Id"])
    assert sum(len(page["Records"]) for page in pages) == 10_000


def test_parameters_are_bound_by_name_and_never_inside_quotes(cloud: Cloud, role: str) -> None:
    described = cloud.run(
        role,
        "SELECT :a::INT + 1, ':b', :b || '!', :a::VARCHAR(9)",
        Parameters=[{"name": "a", "value": "4"}, {"name": "b", "value": "'; --"}],
    )
    assert described["Status"] == "FINISHED", described
    assert rows(cloud, role, described) == [[5, ":b", "'; --!", "4"]]
    assert described["QueryParameters"][0] == {"name": "a", "value": "4"}


def test_a_batch_is_one_transaction(cloud: Cloud, role: str, schema: str) -> None:
    cloud.run(role, f"CREATE TABLE {schema}.t (a INT)")
    failed = cloud.run(role, [f"INSERT INTO {schema}.t VALUES (1)", "SELECT 1/0", f"INSERT INTO {schema}.t VALUES (2)"])
    assert failed["Status"] == "FAILED"
    assert "Query #2 failed with ERROR: division by zero" in failed["Error"]
    assert [part["Status"] for part in failed["SubStatements"]] == ["FINISHED", "FAILED", "ABORTED"]
    done = cloud.run(role, [f"INSERT INTO {schema}.t VALUES (3), (4)", f"SELECT a FROM {schema}.t ORDER BY a"])
    assert [part["ResultRows"] for part in done["SubStatements"]] == [2, 2]
    assert rows(cloud, role, done["SubStatements"][1]) == [[3], [4]]


def test_truncate_commits_what_came_before_it(cloud: Cloud, role: str, schema: str) -> None:
    cloud.run(role, [f"CREATE TABLE {schema}.t (a INT)", f"INSERT INTO {schema}.t VALUES (1)"])
    cloud.run(role, [f"TRUNCATE {schema}.t", "SELECT 1/0"])
    assert rows(cloud, role, cloud.run(role, f"SELECT COUNT(*) FROM {schema}.t")) == [[0]]


def test_a_failure_shows_only_when_the_statement_is_described(cloud: Cloud, role: str) -> None:
    described = cloud.run(role, "SELECT * FROM nowhere")
    assert described["Status"] == "FAILED"
    assert described["Error"] == 'ERROR: relation "nowhere" does not exist'
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        cloud.client("redshift-data", role).get_statement_result(Id=described["Id"])


def test_a_serialization_failure_has_redshifts_wording(cloud: Cloud, role: str, schema: str) -> None:
    cloud.run(role, f"CREATE TABLE {schema}.t AS SELECT 1 AS a")
    with cloud.stand_in.warehouse.postgres.connect(cloud.database) as other:
        other.execute(f"UPDATE {schema}.t SET a = 2".encode())
        answer = cloud.client("redshift-data", role).batch_execute_statement(
            Sqls=[f"SELECT a FROM {schema}.t", f"UPDATE {schema}.t SET a = 3"], **target(cloud)
        )
        while not other.execute("SELECT 1 FROM pg_locks WHERE NOT granted").fetchone():
            pass
        other.commit()
    described = cloud.client("redshift-data", role).describe_statement(Id=answer["Id"], WaitTimeSeconds=30)
    assert "ERROR: 1023 DETAIL: Serializable isolation violation" in described["Error"]


def test_rights_are_those_of_the_callers_role(cloud: Cloud, role: str, schema: str) -> None:
    cloud.run(role, f"CREATE TABLE {schema}.t AS SELECT 1 AS a")
    described = cloud.run("stranger", f"SELECT a FROM {schema}.t")
    assert described["DbUser"] == "IAMR:stranger"
    assert described["Error"] == f"ERROR: permission denied for schema {schema}"


def test_the_same_token_gives_the_same_statement(cloud: Cloud, role: str) -> None:
    data = cloud.client("redshift-data", role)
    first = data.execute_statement(Sql="SELECT 1", ClientToken="t-1", **target(cloud))
    again = data.execute_statement(Sql="SELECT 1", ClientToken="t-1", **target(cloud))
    assert again["Id"] == first["Id"]
    with pytest.raises(ClientError, match="ClientToken was used before"):
        data.execute_statement(Sql="SELECT 2", ClientToken="t-1", **target(cloud))


@pytest.mark.parametrize("sql", ["SELECT 7 AS a", "SELECT 1/0"])
def test_a_completion_event_is_published_on_request(cloud: Cloud, role: str, sql: str) -> None:
    described = cloud.run(role, sql, WithEvent=True, StatementName="refresh")
    event = cloud.events.wait()
    assert event["source"] == "aws.redshift-data"
    assert event["kind"] == "Redshift Data Statement Status Change"
    assert (event["account"], event["region"], event["arns"]) == (ACCOUNT_2, REGION_2, [WORKGROUP.arn])
    assert event["detail"]["statementId"] == described["Id"]
    assert event["detail"]["state"] == described["Status"]
    assert event["detail"]["statementName"] == "refresh"


def test_a_running_statement_can_be_cancelled(cloud: Cloud, role: str, schema: str) -> None:
    cloud.run(role, f"CREATE TABLE {schema}.t AS SELECT 1 AS a")
    data = cloud.client("redshift-data", role)
    with cloud.stand_in.warehouse.postgres.connect(cloud.database) as blocker:
        blocker.execute(f"LOCK TABLE {schema}.t".encode())
        answer = data.execute_statement(Sql=f"SELECT a FROM {schema}.t", **target(cloud))
        while not blocker.execute("SELECT 1 FROM pg_locks WHERE NOT granted").fetchone():
            pass
        assert data.cancel_statement(Id=answer["Id"])["Status"] is True
        assert data.describe_statement(Id=answer["Id"], WaitTimeSeconds=30)["Status"] == "ABORTED"
    with pytest.raises(ClientError, match="already in ABORTED state"):
        data.cancel_statement(Id=answer["Id"])


def test_statements_are_listed_to_their_own_caller_only(cloud: Cloud, role: str) -> None:
    described = cloud.run(role, "SELECT 1", StatementName="nightly-1")
    data = cloud.client("redshift-data", role)
    listed = data.list_statements(StatementName="nightly", Status="FINISHED")["Statements"]
    assert [(one["Id"], one["QueryString"]) for one in listed] == [(described["Id"], "SELECT 1")]
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        cloud.client("redshift-data", "stranger").describe_statement(Id=described["Id"])


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"WorkgroupName": "other"}, "other"),
        ({"Database": "other"}, "Database other does not exist"),
        ({"ClusterIdentifier": "c"}, "Either WorkgroupName or ClusterIdentifier"),
        ({"DbUser": "somebody"}, "nobody but the caller's own user"),
        ({"Sql": " "}, "must not be empty"),
        ({"Sql": "SELECT '" + "x" * 100_000 + "'"}, "the limit is 100000"),
        ({"Sql": "SELECT :a"}, "Cannot find parameter: a"),
        ({"Parameters": [{"name": "a", "value": "1"}]}, "unused parameters"),
        ({"Sql": "SELECT :a", "Parameters": [{"name": "a b", "value": "1"}]}, "must match"),
    ],
)
def test_wrong_requests_are_refused_at_once(cloud: Cloud, role: str, change: dict[str, Any], reason: str) -> None:
    request = {"Sql": "SELECT 1", **target(cloud), **change}
    with pytest.raises(ClientError, match=reason):
        cloud.client("redshift-data", role).execute_statement(**request)


def test_a_cluster_runs_statements_as_the_callers_own_user(cloud: Cloud, role: str) -> None:
    data, cluster = cloud.client("redshift-data", role), WORKGROUP.cluster
    place = {"ClusterIdentifier": cluster.identifier, "Database": cloud.database}
    answer = data.execute_statement(Sql="SELECT current_user AS me", WithEvent=True, **place)

    described = data.describe_statement(Id=answer["Id"], WaitTimeSeconds=30)

    assert {**answer, **described}.items() >= {"DbUser": f"IAMR:{role}", **place}.items()
    assert "WorkgroupName" not in {*answer, *described}
    assert data.get_statement_result(Id=answer["Id"])["Records"] == [[{"stringValue": f"IAMR:{role}"}]]
    assert cloud.events.wait()["arns"] == [cluster.arn]


def test_another_cluster_is_not_there(cloud: Cloud, role: str) -> None:
    with pytest.raises(ClientError, match="cluster other"):
        cloud.client("redshift-data", role).execute_statement(
            Sql="SELECT 1", ClusterIdentifier="other", Database=cloud.database
        )


def test_a_batch_of_more_than_forty_is_refused(cloud: Cloud, role: str) -> None:
    with pytest.raises(ClientError, match="1 to 40 statements"):
        cloud.client("redshift-data", role).batch_execute_statement(Sqls=["SELECT 1"] * 41, **target(cloud))


@pytest.mark.parametrize("sql", ["BEGIN", "COMMIT", "SELECT 1; SELECT 2", "SET SESSION AUTHORIZATION postgres"])
def test_what_would_leave_the_transaction_or_the_user_fails(cloud: Cloud, role: str, sql: str) -> None:
    assert cloud.run(role, ["SELECT 1", sql])["Status"] == "FAILED"


def test_statements_run_side_by_side(cloud: Cloud, role: str) -> None:
    ended: list[str] = []
    threads = [threading.Thread(target=lambda: ended.append(cloud.run(role, "SELECT 1")["Status"])) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ended == ["FINISHED"] * 12


def test_faults_fail_statements_as_asked(cloud: Cloud, role: str) -> None:
    cloud.stand_in.faults.fail_next_statements.append("1023 DETAIL: Serializable isolation violation on table - 1")
    assert cloud.run(role, "SELECT 1")["Error"].startswith("ERROR: 1023 DETAIL: Serializable")
    assert cloud.run(role, "SELECT 1")["Status"] == "FINISHED"
    cloud.stand_in.faults.is_paused = True
    assert "paused" in cloud.run(role, "SELECT 1")["Error"]
    with pytest.raises(psycopg.OperationalError, match="paused"):
        cloud.stand_in.connect_as_user(f"IAMR:{role}")
