"""The Data API client: exact values, whole transactions, and errors told apart."""

# ruff: noqa: S608 - the tests' own names

from datetime import UTC, date, datetime, timedelta, timezone
from threading import Barrier, Thread

import boto3
import pytest
from botocore.config import Config
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dataflows.contracts.errors import TerminalError, TransientError
from tests.warehouse.refresh_fixtures import LOCATION, REFRESH_ROLE, Scene, data_api, scene_fixture
from warehouse.statements import MAX_STATEMENT_BYTES, FailedStatementError, Warehouse, literal

__all__ = ["scene_fixture"]

_TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=40)
_INSERT = "INSERT INTO ga4_ops.partitions (report_table, generation) VALUES"


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts=st.lists(_TEXT | st.text("'\\n\n$:%-/*", max_size=20), min_size=1, max_size=20))
def test_text_reads_back_as_it_was(scene: Scene, texts: list[str]) -> None:
    columns = ", ".join(f"{literal(text)} AS t{n}" for n, text in enumerate(texts))
    (row,) = scene.refresher.query(f"SELECT {columns}")
    assert list(row.values()) == texts


def test_other_values_read_back_as_they_were(scene: Scene) -> None:
    moment = datetime(2026, 3, 1, 23, 30, 15, 250_000, timezone(timedelta(hours=-5)))
    (row,) = scene.refresher.query(
        f"SELECT {literal(None)} AS nothing, {literal(-(2**62))} AS number, {literal(date(2026, 3, 1))} AS day, "
        f"{literal(moment)} AS moment"
    )
    assert (row["nothing"], row["number"], row["day"]) == (None, -(2**62), "2026-03-01")
    assert datetime.fromisoformat(row["moment"]).replace(tzinfo=UTC) == moment


@pytest.mark.parametrize("value", ["a\0b", datetime(2026, 1, 1)])  # noqa: DTZ001 - what must be refused
def test_what_redshift_cannot_hold_is_refused(value: str | datetime) -> None:
    with pytest.raises(ValueError, match=r"NUL|no time zone"):
        literal(value)


def test_parameters_are_values_not_sql(scene: Scene) -> None:
    hostile = "'; DROP TABLE ga4_ops.runs; --"
    (row,) = scene.refresher.query("SELECT :text AS found", {"text": hostile})
    assert row == {"found": hostile}


def test_more_rows_than_one_page_are_all_returned(scene: Scene) -> None:
    digits = " UNION ALL ".join(f"SELECT {n} AS n" for n in range(10))
    rows = scene.refresher.query(
        f"SELECT a.n + 10 * b.n + 100 * c.n + 1000 * d.n AS n FROM ({digits}) AS a CROSS JOIN ({digits}) AS b "
        f"CROSS JOIN ({digits}) AS c CROSS JOIN ({digits}) AS d"
    )
    assert sorted(row["n"] for row in rows) == list(range(10_000))


def test_execute_counts_the_rows_it_changed(scene: Scene) -> None:
    assert scene.refresher.execute(f"{_INSERT} ('a', 1), ('a', 2)") == 2
    assert scene.refresher.execute("DELETE FROM ga4_ops.partitions WHERE generation > 5") == 0


def test_a_batch_is_one_transaction(scene: Scene) -> None:
    assert scene.refresher.execute_together([f"{_INSERT} ('a', 1), ('b', 2)", "DELETE FROM ga4_ops.partitions"]) == [
        2,
        2,
    ]
    with pytest.raises(FailedStatementError, match="does not exist") as failed:
        scene.refresher.execute_together([f"{_INSERT} ('a', 1)", "SELECT * FROM ga4_ops.missing"])
    assert failed.value.index == 1
    assert scene.rows("SELECT * FROM ga4_ops.partitions") == []


def test_a_batch_with_a_known_token_is_not_run_again(scene: Scene) -> None:
    for _ in range(2):
        scene.refresher.execute_together([f"{_INSERT} ('a', 1)"], client_token="once-only")
    assert len(scene.rows("SELECT * FROM ga4_ops.partitions")) == 1


@pytest.mark.parametrize("statements", [[], ["SELECT 1"] * 41, ["SELECT '" + "é" * (MAX_STATEMENT_BYTES // 2) + "'"]])
def test_a_batch_above_the_limits_is_not_sent(scene: Scene, statements: list[str]) -> None:
    with pytest.raises(TerminalError, match="1 to 40 statements") as refused:
        scene.refresher.execute_together(statements)
    assert refused.value.reason == "statement_too_large"


def test_a_right_that_is_missing_is_terminal(scene: Scene) -> None:
    with pytest.raises(TerminalError, match="permission denied"):
        scene.unloader.execute("DELETE FROM ga4_combined.events")


def test_an_endpoint_that_is_not_there_is_transient() -> None:
    client = boto3.client(
        "redshift-data",
        region_name="us-east-1",
        endpoint_url="http://127.0.0.1:9",
        aws_access_key_id="x",
        aws_secret_access_key="x",
        config=Config(retries={"total_max_attempts": 1}),
    )
    with pytest.raises(TransientError, match="could not be reached"):
        Warehouse(client, LOCATION).query("SELECT 1 AS one")


def test_transactions_that_meet_are_all_carried_out(scene: Scene) -> None:
    scene.refresher.execute(f"{_INSERT} ('a', 0)")
    together = Barrier(4)
    errors: list[Exception] = []

    def add() -> None:
        together.wait()
        try:
            scene.refresher.execute("UPDATE ga4_ops.partitions SET generation = generation + 1")
        except TransientError as error:
            errors.append(error)

    threads = [Thread(target=add) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert scene.rows("SELECT generation FROM ga4_ops.partitions") == [{"generation": 4}]


def test_a_statement_that_takes_too_long_is_cancelled(scene: Scene) -> None:
    impatient = Warehouse(data_api(REFRESH_ROLE), LOCATION, max_wait_seconds=0.5)
    with scene.admin.transaction():
        scene.admin.execute("LOCK TABLE ga4_ops.partitions IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(TransientError, match="was cancelled"):
            impatient.execute(f"{_INSERT} ('a', 1)")
    assert scene.refresher.query("SELECT * FROM ga4_ops.partitions") == []
