"""UNLOAD writes what a loader relies on: typed parts, a manifest that is right, refusals where Redshift refuses."""

# ruff: noqa: S608 - the SQL is the test's own.

import io
import json
from datetime import date
from decimal import Decimal
from typing import Any

import pyarrow.parquet as pq
import pytest

from deploy.local.redshift.errors import SqlNotSupported
from deploy.local.redshift.unload_statement import parse_unload
from tests.aws import REGION_1
from tests.deploy.local.redshift.conftest import FIRST_ROLE, SECOND_ROLE, Cloud

ROLES = f"IAM_ROLE '{FIRST_ROLE},{SECOND_ROLE}'"
PARQUET = f"{ROLES} REGION '{REGION_1}' FORMAT AS PARQUET MANIFEST VERBOSE PARALLEL OFF"


@pytest.fixture
def table(cloud: Cloud, role: str, schema: str) -> str:
    done = cloud.run(
        role,
        [
            f"CREATE TABLE {schema}.t (k VARCHAR(20), d DATE, n BIGINT, m DECIMAL(38,10), b BOOLEAN, f FLOAT8)",
            f"INSERT INTO {schema}.t VALUES ('é,\"x\"', '2024-01-02', 3500000000, 1.5, true, 0.1), "
            "('', '2024-01-01', 1, -2, false, 1e300), (NULL, NULL, NULL, NULL, NULL, NULL)",
        ],
    )
    assert done["Status"] == "FINISHED", done
    return f"{schema}.t"


def keys(cloud: Cloud, bucket: str) -> list[str]:
    return [item["Key"] for item in cloud.s3().list_objects_v2(Bucket=bucket).get("Contents", [])]


def body(cloud: Cloud, bucket: str, key: str) -> bytes:
    content: bytes = cloud.s3().get_object(Bucket=bucket, Key=key)["Body"].read()
    return content


def test_parquet_keeps_every_value_and_its_type(cloud: Cloud, role: str, table: str, bucket: str) -> None:
    done = cloud.run(role, f"UNLOAD ($$SELECT * FROM {table} ORDER BY n$$) TO 's3://{bucket}/run/data/' {PARQUET}")
    assert (done["Status"], done["ResultRows"], done["HasResultSet"]) == ("FINISHED", 3, False), done
    assert keys(cloud, bucket) == ["run/data/000.parquet", "run/data/manifest"]
    written = pq.read_table(io.BytesIO(body(cloud, bucket, "run/data/000.parquet")))
    assert [str(kind) for kind in written.schema.types] == [
        "string",
        "date32[day]",
        "int64",
        "decimal128(38, 10)",
        "bool",
        "double",
    ]
    assert [tuple(row.values()) for row in written.to_pylist()] == [
        ("", date(2024, 1, 1), 1, Decimal("-2.0000000000"), False, 1e300),
        ('é,"x"', date(2024, 1, 2), 3_500_000_000, Decimal("1.5000000000"), True, 0.1),
        (None, None, None, None, None, None),
    ]


def test_the_verbose_manifest_lists_parts_columns_and_totals(cloud: Cloud, role: str, table: str, bucket: str) -> None:
    cloud.run(role, f"UNLOAD ('SELECT k, m, d FROM {table} WHERE k <> ''x''') TO 's3://{bucket}/p/' {PARQUET}")
    manifest = json.loads(body(cloud, bucket, "p/manifest"))
    size = len(body(cloud, bucket, "p/000.parquet"))
    meta = {"content_length": size, "record_count": 2}
    assert manifest["entries"] == [{"url": f"s3://{bucket}/p/000.parquet", "meta": meta}]
    assert manifest["meta"] == meta
    assert manifest["schema"]["elements"] == [
        {"name": "k", "type": {"base": "character varying", "max_length": 20}},
        {"name": "m", "type": {"base": "numeric", "precision": 38, "scale": 10}},
        {"name": "d", "type": {"base": "date"}},
    ]
    assert manifest["author"]["name"] == "Amazon Redshift"


def test_a_parallel_unload_deals_rows_over_slices(cloud: Cloud, role: str, bucket: str) -> None:
    wide = "REPEAT('x', 200) AS t"
    digits = " UNION ALL ".join(f"SELECT {n} AS n" for n in range(10))
    query = f"WITH d AS ({digits}) SELECT a.n, {wide} FROM d a, d b, d c, d e, d f"
    done = cloud.run(
        role, f"UNLOAD ($${query}$$) TO 's3://{bucket}/' {ROLES} REGION '{REGION_1}' PARQUET MANIFEST VERBOSE"
    )
    assert done["ResultRows"] == 100_000, done
    assert keys(cloud, bucket) == ["0000_part_00.parquet", "0001_part_00.parquet", "manifest"]


def test_a_full_part_is_followed_by_the_next(cloud: Cloud, role: str, bucket: str) -> None:
    digits = " UNION ALL ".join(f"SELECT {n} AS n" for n in range(10))
    noise = "MD5(RANDOM()::VARCHAR(30)) || MD5(RANDOM()::VARCHAR(30)) AS t"
    query = f"WITH d AS ({digits}) SELECT {noise} FROM d a, d b, d c, d e, d f, (SELECT 1 UNION ALL SELECT 2) g"
    done = cloud.run(role, f"UNLOAD ($${query}$$) TO 's3://{bucket}/' {PARQUET} MAXFILESIZE 5 MB")
    assert done["Status"] == "FINISHED", done
    parts = [key for key in keys(cloud, bucket) if key.endswith(".parquet")]
    assert parts[:2] == ["000.parquet", "001.parquet"]
    counts = [pq.read_metadata(io.BytesIO(body(cloud, bucket, part))).num_rows for part in parts]
    assert sum(counts) == done["ResultRows"] == 200_000


def test_csv_has_a_header_on_request(cloud: Cloud, role: str, table: str, bucket: str) -> None:
    options = f"{ROLES} REGION '{REGION_1}' FORMAT CSV HEADER PARALLEL OFF"
    cloud.run(role, f"UNLOAD ('SELECT k, n FROM {table} WHERE n > 1') TO 's3://{bucket}/x-' {options}")
    assert body(cloud, bucket, "x-000").decode() == 'k,n\n"é,""x""",3500000000\n'


def test_no_rows_write_a_manifest_without_parts(cloud: Cloud, role: str, table: str, bucket: str) -> None:
    done = cloud.run(role, f"UNLOAD ('SELECT k FROM {table} WHERE 1 = 0') TO 's3://{bucket}/' {PARQUET}")
    assert done["ResultRows"] == 0
    assert json.loads(body(cloud, bucket, "manifest"))["entries"] == []


@pytest.mark.parametrize(
    ("options", "status", "left"),
    [
        ("", "FAILED", ["run/000.parquet", "run/old"]),
        (" ALLOWOVERWRITE", "FINISHED", ["run/000.parquet", "run/old"]),
        (" CLEANPATH", "FINISHED", ["run/000.parquet"]),
    ],
)
def test_a_prefix_in_use_is_respected(
    cloud: Cloud, role: str, table: str, bucket: str, options: str, status: str, left: list[str]
) -> None:
    for key in ("run/old", "run/000.parquet"):
        cloud.s3().put_object(Bucket=bucket, Key=key, Body=b"x")
    without_manifest = PARQUET.replace("MANIFEST VERBOSE", "")
    done = cloud.run(role, f"UNLOAD ('SELECT k FROM {table}') TO 's3://{bucket}/run/' {without_manifest}{options}")
    assert done["Status"] == status
    assert keys(cloud, bucket) == left


def test_unload_in_a_batch_sees_the_batch_and_stays_when_it_fails(
    cloud: Cloud, role: str, table: str, bucket: str
) -> None:
    unload = f"UNLOAD ('SELECT n FROM {table}') TO 's3://{bucket}/' {PARQUET}"
    failed = cloud.run(role, [f"DELETE FROM {table} WHERE n IS NULL", unload, "SELECT 1/0"])
    assert failed["Status"] == "FAILED"
    assert failed["SubStatements"][1]["ResultRows"] == 2
    assert keys(cloud, bucket) == ["000.parquet", "manifest"]


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        ("SELECT k FROM {table} LIMIT 1", "Limit clause is not supported"),
        ("SELECT SUM(n) AS s FROM {table}", r"cast it to DECIMAL\(p, s\)"),
        ("SELECT * FROM nowhere", "does not exist"),
        ("DELETE FROM {table}", "UNLOAD takes a SELECT"),
    ],
)
def test_queries_that_can_not_be_unloaded_fail(
    cloud: Cloud, role: str, table: str, bucket: str, sql: str, reason: str
) -> None:
    done = cloud.run(role, f"UNLOAD ($${sql.format(table=table)}$$) TO 's3://{bucket}/' {PARQUET}")
    assert done["Status"] == "FAILED"
    with pytest.raises(AssertionError, match=reason):
        raise AssertionError(done["Error"])


def test_the_region_of_a_bucket_elsewhere_must_be_named(cloud: Cloud, role: str, table: str, bucket: str) -> None:
    done = cloud.run(role, f"UNLOAD ('SELECT k FROM {table}') TO 's3://{bucket}/' {ROLES} FORMAT PARQUET")
    assert "name it with REGION" in done["Error"]


def test_a_role_that_does_not_trust_redshift_ends_the_unload(cloud: Cloud, role: str, table: str, bucket: str) -> None:
    swapped = PARQUET.replace(ROLES, f"IAM_ROLE '{SECOND_ROLE},{FIRST_ROLE}'")
    done = cloud.run(role, f"UNLOAD ('SELECT k FROM {table}') TO 's3://{bucket}/' {swapped}")
    assert "Not authorized to get credentials of role" in done["Error"]
    assert keys(cloud, bucket) == []


def test_unload_needs_select_rights(cloud: Cloud, table: str, bucket: str) -> None:
    done = cloud.run("stranger", f"UNLOAD ('SELECT k FROM {table}') TO 's3://{bucket}/' {PARQUET}")
    assert "permission denied" in done["Error"]
    assert keys(cloud, bucket) == []


@pytest.mark.parametrize(
    "options",
    [
        f"IAM_ROLE '{FIRST_ROLE}, {SECOND_ROLE}' FORMAT PARQUET",
        "IAM_ROLE default FORMAT PARQUET",
        "FORMAT PARQUET",
        f"{ROLES}",
        f"{ROLES} FORMAT PARQUET GZIP",
        f"{ROLES} FORMAT PARQUET CLEANPATH ALLOWOVERWRITE",
        f"{ROLES} FORMAT PARQUET MAXFILESIZE 1 MB",
        f"{ROLES} FORMAT PARQUET PARTITION BY (a)",
        f"{ROLES} FORMAT PARQUET FORMAT CSV",
    ],
)
def test_options_redshift_or_the_stand_in_refuse(options: str) -> None:
    with pytest.raises(SqlNotSupported):
        parse_unload(f"UNLOAD ('SELECT 1 AS a') TO 's3://b/p' {options}")


def test_options_are_read_in_any_order() -> None:
    options: Any = (
        f"PARALLEL FALSE MAXFILESIZE AS 1 GB CLEANPATH {ROLES} MANIFEST FORMAT AS CSV GZIP REGION AS 'eu-west-1';"
    )
    read = parse_unload(f"unload ('SELECT ''x'' AS a') to 's3://b/p/q' {options}")
    assert (read.query, read.bucket, read.prefix) == ("SELECT 'x' AS a", "b", "p/q")
    assert (read.format, read.region, read.is_parallel) == ("CSV", "eu-west-1", False)
    assert (read.has_manifest, read.is_verbose, read.max_file_bytes) == (True, False, 1 << 30)
    assert read.roles == (FIRST_ROLE, SECOND_ROLE)
