"""An unmodified redshift_connector and psycopg, over TLS, against the wire front."""

# ruff: noqa: S608 - the SQL is the test's own.

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from redshift_connector.error import ProgrammingError

from deploy.local.servers.certificates import ensure_certificates
from tests.deploy.local.redshift.conftest import Cloud

# redshift_connector 2.2.0 makes its TLS context the old way.
pytestmark = pytest.mark.filterwarnings(
    r"ignore:ssl\.(SSLContext\(\) without protocol|PROTOCOL_TLS):DeprecationWarning"
)


@pytest.fixture
def session(cloud: Cloud, role: str) -> Iterator[Any]:
    connection = cloud.connect(role)
    yield connection
    connection.close()


def ask(session: Any, sql: str, values: list[Any] | None = None) -> list[list[Any]]:
    with session.cursor() as cursor:
        cursor.execute(sql, values)
        return [list(row) for row in cursor.fetchall()] if cursor.description else []


def test_a_role_logs_in_with_temporary_credentials_over_verified_tls(session: Any, role: str) -> None:
    assert ask(session, "SELECT CURRENT_USER") == [[f"IAMR:{role}"]]


def test_a_client_that_does_not_trust_the_certificate_stays_out(cloud: Cloud, role: str, tmp_path: Path) -> None:
    others = ensure_certificates(tmp_path / "tls").ca_path
    with pytest.raises(psycopg.OperationalError, match="certificate verify failed"):
        _psycopg(cloud, role, sslmode="verify-full", sslrootcert=str(others))


def test_a_client_without_tls_stays_out(cloud: Cloud, role: str) -> None:
    with pytest.raises(psycopg.OperationalError, match="requires SSL"):
        _psycopg(cloud, role, sslmode="disable")


def test_sql_is_translated_with_parameters_bound(session: Any) -> None:
    sql = "SELECT DATEDIFF(day, %s::date, %s::date), LEN(%s)"
    assert ask(session, sql, ["2024-01-01", "2024-01-03", "é"]) == [[2, 1]]


def test_tables_and_rows_last_beyond_the_commit(cloud: Cloud, session: Any, role: str, schema: str) -> None:
    ask(session, f"CREATE TABLE {schema}.t (a VARCHAR(10) ENCODE zstd, b DECIMAL(38,10)) DISTSTYLE AUTO SORTKEY(a)")
    with session.cursor() as cursor:
        cursor.executemany(f"INSERT INTO {schema}.t VALUES (%s, %s)", [["x", 1], ["y", None]])
    session.commit()
    other = cloud.connect(role)
    assert ask(other, f"SELECT COUNT(*) FROM {schema}.t") == [[2]]
    other.close()


def test_a_refused_statement_leaves_the_session_usable(session: Any) -> None:
    for _ in range(2):
        with pytest.raises(ProgrammingError, match="doesn't support RETURNING"):
            ask(session, "INSERT INTO t VALUES (1) RETURNING a")
        session.rollback()
    assert ask(session, "SELECT 1 AS one") == [[1]]


def test_unload_and_truncate_in_a_transaction_are_refused(session: Any, schema: str) -> None:
    with pytest.raises(ProgrammingError, match="Data API only"):
        ask(session, "UNLOAD ('SELECT 1') TO 's3://b/p' IAM_ROLE 'x'")
    session.rollback()
    ask(session, f"CREATE TABLE {schema}.t (a INT)")
    with pytest.raises(ProgrammingError, match="commits the transaction"):
        ask(session, f"TRUNCATE {schema}.t")


def test_truncate_works_with_autocommit(cloud: Cloud, role: str, schema: str) -> None:
    session = cloud.connect(role)
    session.autocommit = True
    ask(session, f"CREATE TABLE {schema}.t AS SELECT 1 AS a")
    ask(session, f"TRUNCATE TABLE {schema}.t")
    assert ask(session, f"SELECT COUNT(*) FROM {schema}.t") == [[0]]
    session.close()


def test_concurrent_changes_of_a_row_end_in_error_1023(cloud: Cloud, session: Any, role: str, schema: str) -> None:
    ask(session, f"CREATE TABLE {schema}.t AS SELECT 1 AS a")
    session.commit()
    ask(session, f"SELECT a FROM {schema}.t")  # the snapshot
    assert cloud.run(role, f"UPDATE {schema}.t SET a = 2")["Status"] == "FINISHED"
    with pytest.raises(ProgrammingError, match="Serializable isolation violation"):
        ask(session, f"UPDATE {schema}.t SET a = 3")


def test_system_views_describe_what_was_created(session: Any, schema: str) -> None:
    ask(session, f"CREATE TABLE {schema}.t (a VARCHAR(300), b DECIMAL(38,10), c SUPER)")
    columns = ask(
        session,
        "SELECT column_name, data_type, character_maximum_length, numeric_scale FROM svv_columns "
        "WHERE table_schema = %s ORDER BY ordinal_position",
        [schema],
    )
    assert columns == [["a", "character varying", 300, None], ["b", "numeric", None, 10], ["c", "super", None, None]]
    tables = ask(session, "SELECT table_name FROM svv_all_tables WHERE schema_name = %s", [schema])
    assert tables == [["t"]]


def test_grants_bind(cloud: Cloud, session: Any, schema: str) -> None:
    ask(session, f"CREATE TABLE {schema}.t AS SELECT 1 AS a")
    cloud.run("reader", "SELECT 1")  # makes the user
    ask(session, f'GRANT USAGE ON SCHEMA {schema} TO "IAMR:reader"')
    ask(session, f'GRANT SELECT ON {schema}.t TO "IAMR:reader"')
    session.commit()
    reader = cloud.connect("reader")
    assert ask(reader, f"SELECT a FROM {schema}.t") == [[1]]
    with pytest.raises(ProgrammingError, match="permission denied"):
        ask(reader, f"DELETE FROM {schema}.t")
    reader.close()


def test_several_statements_in_one_simple_query_are_all_translated(cloud: Cloud, role: str, schema: str) -> None:
    with _psycopg(cloud, role, sslmode="require", autocommit=True) as session:
        session.execute(f"CREATE TABLE {schema}.t (a DATE SORTKEY); INSERT INTO {schema}.t VALUES (GETDATE())".encode())
        row = session.execute(f"SELECT COUNT(*) FROM {schema}.t".encode()).fetchone()
        assert row == (1,)
        assert session.info.parameter_status("server_version") == "8.0.2"


def test_large_results_and_large_statements_pass(session: Any) -> None:
    text = "é" * 40_000
    assert ask(session, f"SELECT '{text}' AS t") == [[text]]
    digits = " UNION ALL ".join(f"SELECT {n} AS n" for n in range(10))
    sql = f"WITH d AS ({digits}) SELECT a.n FROM d a, d b, d c, d e, d f"
    assert len(ask(session, sql)) == 100_000


def test_faults_fail_the_next_statement_only(cloud: Cloud, session: Any) -> None:
    cloud.stand_in.faults.fail_next_statements.append("Internal error: the disk is on fire")
    with pytest.raises(ProgrammingError, match="disk is on fire"):
        ask(session, "SELECT 2 AS two")
    session.rollback()
    assert ask(session, "SELECT 3 AS three") == [[3]]


def test_a_paused_warehouse_lets_nobody_in(cloud: Cloud, role: str) -> None:
    cloud.stand_in.faults.is_paused = True
    with pytest.raises(psycopg.OperationalError, match="paused"):
        _psycopg(cloud, role, sslmode="require")


def _psycopg(cloud: Cloud, role: str, **options: Any) -> psycopg.Connection:
    serverless = cloud.client("redshift-serverless", role)
    workgroup = serverless.get_workgroup(workgroupName="warehouse")["workgroup"]
    credentials = serverless.get_credentials(workgroupName="warehouse", dbName=cloud.database)
    return psycopg.connect(
        host="localhost",
        port=workgroup["endpoint"]["port"],
        user=credentials["dbUser"],
        password=credentials["dbPassword"],
        dbname=cloud.database,
        cursor_factory=psycopg.ClientCursor,
        **options,
    )
