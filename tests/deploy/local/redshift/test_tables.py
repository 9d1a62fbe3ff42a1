"""Tables refuse what Redshift's would refuse, and take what Redshift's would take."""

# ruff: noqa: S608 - the SQL is the test's own.

import psycopg
import pytest

from deploy.local.redshift.translate import translate


def run(connection: psycopg.Connection, sql: str) -> psycopg.Cursor[tuple[object, ...]]:
    return connection.execute(translate(sql).sql.encode())


@pytest.fixture
def table(connection: psycopg.Connection) -> str:
    run(connection, "CREATE TABLE #t (k VARCHAR(5) PRIMARY KEY, n DECIMAL(10,2), s SUPER, w VARCHAR)")
    return "#t"


@pytest.mark.parametrize("text", ["éé€", "abcdef"])
def test_varchar_counts_bytes(connection: psycopg.Connection, table: str, text: str) -> None:
    with pytest.raises(psycopg.Error, match=r"value too long for type character varying\(5\)"):
        run(connection, f"INSERT INTO {table} (k) VALUES ('{text}')")


def test_varchar_without_length_holds_256_bytes(connection: psycopg.Connection, table: str) -> None:
    run(connection, f"INSERT INTO {table} (k, w) VALUES ('a', '{'é' * 128}')")
    with pytest.raises(psycopg.Error, match=r"character varying\(256\)"):
        run(connection, f"INSERT INTO {table} (k, w) VALUES ('a', '{'é' * 129}')")


def test_keys_are_not_enforced_but_are_not_null(connection: psycopg.Connection, table: str) -> None:
    run(connection, f"INSERT INTO {table} (k) VALUES ('a'), ('a')")
    with pytest.raises(psycopg.errors.NotNullViolation):
        run(connection, f"INSERT INTO {table} (n) VALUES (1)")


def test_numeric_refuses_nan(connection: psycopg.Connection, table: str) -> None:
    with pytest.raises(psycopg.Error, match="Invalid value NaN"):
        run(connection, f"INSERT INTO {table} (k, n) VALUES ('a', 'NaN')")


def test_a_longer_varchar_takes_longer_text(connection: psycopg.Connection, table: str) -> None:
    run(connection, f"ALTER TABLE {table} ALTER COLUMN k TYPE VARCHAR(10)")
    run(connection, f"INSERT INTO {table} (k) VALUES ('éé€')")
    with pytest.raises(psycopg.Error, match=r"character varying\(10\)"):
        run(connection, f"INSERT INTO {table} (k) VALUES ('€€€€')")


def test_an_added_column_and_a_copied_table_are_checked_too(connection: psycopg.Connection, table: str) -> None:
    run(connection, f"ALTER TABLE {table} ADD COLUMN c VARCHAR(2) ENCODE zstd DEFAULT ''")
    run(connection, f"CREATE TEMP TABLE copied (LIKE {table})")
    with pytest.raises(psycopg.Error, match=r"character varying\(2\)"):
        run(connection, "INSERT INTO copied (k, c) VALUES ('a', '€')")


def test_merge_replaces_and_adds_rows(connection: psycopg.Connection, table: str) -> None:
    run(connection, f"INSERT INTO {table} (k, n) VALUES ('a', 1)")
    run(connection, "CREATE TEMP TABLE fresh (k VARCHAR(5), n DECIMAL(10,2))")
    run(connection, "INSERT INTO fresh VALUES ('a', 2), ('b', 3)")
    run(
        connection,
        f"MERGE INTO {table} USING fresh ON {table}.k = fresh.k WHEN MATCHED THEN UPDATE SET n = fresh.n "
        "WHEN NOT MATCHED THEN INSERT (k, n) VALUES (fresh.k, fresh.n)",
    )
    rows = run(connection, f"SELECT k, n::INT FROM {table} ORDER BY k").fetchall()
    assert rows == [("a", 2), ("b", 3)]


def test_delete_using_and_update_from_work_across_tables(connection: psycopg.Connection, table: str) -> None:
    run(connection, f"INSERT INTO {table} (k, n) VALUES ('a', 1), ('b', 2)")
    run(connection, f"UPDATE {table} SET n = x.n FROM (SELECT 'a' AS k, 9 AS n) x WHERE {table}.k = x.k")
    run(connection, f"DELETE FROM {table} USING (SELECT 'b' AS k) x WHERE {table}.k = x.k")
    assert run(connection, f"SELECT k, n::INT FROM {table}").fetchall() == [("a", 9)]
