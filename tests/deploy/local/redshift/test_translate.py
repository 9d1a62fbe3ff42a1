"""Statements are told apart, translated or refused; nothing unknown is passed on."""

import pytest

from deploy.local.redshift.errors import SqlNotSupported
from deploy.local.redshift.translate import Kind, translate, translate_all


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (
            "CREATE TABLE t (a INT ENCODE az64 PRIMARY KEY, b INT REFERENCES x(y), UNIQUE (b)) "
            "DISTSTYLE KEY DISTKEY(a) COMPOUND SORTKEY(a, b) BACKUP NO",
            "CREATE TABLE t (a INT NOT NULL, b INT)",
        ),
        ("CREATE TABLE t (a DATE SORTKEY, b INT DISTKEY)", "CREATE TABLE t (a DATE, b INT)"),
        ("CREATE TABLE t DISTSTYLE ALL SORTKEY AUTO AS SELECT 1 AS a", "CREATE TABLE t AS SELECT 1 AS a"),
        ("CREATE TABLE #t (a INT)", 'CREATE TEMPORARY TABLE "#t" (a INT)'),
        ("SELECT a INTO #t FROM u", 'SELECT a INTO TEMPORARY "#t" FROM u'),
        ("ALTER TABLE s.t ALTER SORTKEY (a)", "ALTER TABLE s.t SET (fillfactor = 100)"),
        ("ALTER TABLE s.t ADD PRIMARY KEY (a)", "ALTER TABLE s.t SET (fillfactor = 100)"),
        ('ALTER TABLE s.t OWNER TO "IAMR:Load"', 'ALTER TABLE s.t OWNER TO "IAMR:Load"'),
        ('SELECT "Foo" FROM "T"', 'SELECT "foo" FROM "t"'),
        ('GRANT USAGE ON SCHEMA "Raw" TO "IAMR:Load"', 'GRANT USAGE ON SCHEMA "raw" TO "IAMR:Load"'),
        ('CREATE USER "IAMR:Load" PASSWORD DISABLE', 'CREATE ROLE "IAMR:Load" LOGIN'),
        ('CREATE USER "Load-By-Name" PASSWORD DISABLE', 'CREATE ROLE "load-by-name" LOGIN'),
        ("CREATE VIEW v AS SELECT 1 AS a WITH NO SCHEMA BINDING", "CREATE VIEW v AS SELECT 1 AS a"),
        ("DELETE t WHERE a = 1", "DELETE FROM t WHERE a = 1"),
        ("SELECT TOP 2 a FROM t", "SELECT a FROM t LIMIT 2"),
        ("SELECT a FROM t MINUS SELECT a FROM u", "SELECT a FROM t EXCEPT SELECT a FROM u"),
        ("SET query_group TO 'x'", "SET redshift.query_group TO 'x'"),
        ("VACUUM FULL s.t TO 99 PERCENT", "ANALYZE s.t"),
        ("LOCK s.t", "LOCK s.t IN ACCESS EXCLUSIVE MODE"),
        ("END TRANSACTION", "COMMIT"),
    ],
)
def test_statement_becomes_postgresql(written: str, expected: str) -> None:
    assert translate(written).sql == expected


@pytest.mark.parametrize(
    "written",
    [
        "COPY t FROM 's3://b/k' IAM_ROLE 'x'",
        "CALL p()",
        "CREATE INDEX i ON t (a)",
        "CREATE MATERIALIZED VIEW v AS SELECT 1",
        "CREATE FUNCTION f() RETURNS int STABLE AS $$ SELECT 1 $$ LANGUAGE sql",
        "DO $$ BEGIN END $$",
        "SET SESSION AUTHORIZATION postgres",
        "SET ROLE postgres",
        "RESET ALL",
        "SHOW ALL",
        "INSERT INTO t VALUES (1) ON CONFLICT DO NOTHING",
        "INSERT INTO t VALUES (1) RETURNING a",
        "SELECT * FROM (VALUES (1)) AS v(a)",
        "MERGE INTO t USING (SELECT 1 AS a) s ON t.a = s.a WHEN MATCHED THEN DELETE",
        "MERGE INTO t USING s ON t.a = s.a REMOVE DUPLICATES",
        "GRANT SELECT ON t TO ROLE r",
        "GRANT ROLE r TO u",
        "GRANT ASSUMEROLE ON DEFAULT TO u FOR COPY",
        "GRANT ASSUMEROLE ON 'arn:aws:iam::111111111111:role/r' TO ROLE u FOR COPY",
        "GRANT ASSUMEROLE ON 'arn:aws:iam::111111111111:role/r' TO u FOR CREATE MODEL",
        "CREATE USER u PASSWORD 'secret'",
        "ALTER TABLE t APPEND FROM u",
        "CREATE TABLE t (a INT CHECK (a > 0))",
        "CREATE TABLE t (a JSON)",
        "CREATE TABLE t (a VARCHAR(65536))",
        "SELECT 1; SELECT 2",
        "SELECT :p",
        "",
    ],
)
def test_what_is_not_known_is_refused(written: str) -> None:
    with pytest.raises(SqlNotSupported):
        translate(written)


def test_long_identifiers_are_refused_with_the_reason() -> None:
    with pytest.raises(SqlNotSupported, match="narrower than Redshift"):
        translate(f"SELECT 1 AS {'a' * 64}")
    with pytest.raises(SqlNotSupported, match="exceeds Redshift's 127"):
        translate(f'SELECT 1 AS "{"é" * 64}"')


def test_statements_are_split_outside_quotes_and_comments() -> None:
    statements = translate_all("SELECT ';'; -- a;b\nTRUNCATE t; /* ; */ BEGIN;")
    assert [statement.kind for statement in statements] == [Kind.PLAIN, Kind.TRUNCATE, Kind.TRANSACTION]
