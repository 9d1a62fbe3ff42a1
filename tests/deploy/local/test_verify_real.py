"""The check on real data works on any folder of that shape, and says so when it can't."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from deploy.local.state import REPOSITORY
from deploy.local.verify_real import DataError, StoredRows, compare, read_source

DAYS = ("20240102", "20240103")


def write_property(folder: Path, property_id: str, tables: dict[str, dict[str, Any]]) -> None:
    place = folder / property_id
    place.mkdir(parents=True)
    settings = {"property_id": property_id, "display_name": "Site", "time_zone": "Asia/Tokyo", "currency_code": "JPY"}
    (place / "property.json").write_text(json.dumps(settings))
    for name, columns in tables.items():
        pq.write_table(pa.table(columns), place / f"{name}.parquet")


def run(folder: Path) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "deploy.local.verify_real", str(folder)]
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    totals = {"date": list(DAYS), "sessions": [3_500_000_000, 3_500_000_001]}
    browsers = ["Chrome", "chrome", "Chrome ", "(not set)"]
    browser = {"date": [DAYS[0]] * 4, "browser": browsers, "sessions": [1, 2, 3, 4]}
    write_property(tmp_path, "4001", {"totals": totals, "browser": browser})
    write_property(tmp_path, "4002", {"totals": {"date": [DAYS[1]], "sessions": [7]}})
    return tmp_path


@pytest.mark.slow
def test_folder_goes_through_the_whole_line_and_agrees(folder: Path) -> None:
    done = run(folder)
    assert done.returncode == 0, done.stderr + done.stdout
    counts = json.loads(done.stdout.splitlines()[-1])
    assert counts.pop("seconds") > 0
    assert counts == {
        "properties": 2,
        "reports": 3,
        "rows_source": 7,
        "rows_mysql": 7,
        "rows_missing": 0,
        "rows_extra": 0,
        "rows_wrong": 0,
        "sessions_source": 7_000_000_018,
        "sessions_mysql": 7_000_000_018,
    }


def test_comparison_counts_what_is_missing_extra_and_wrong(folder: Path) -> None:
    source = read_source(folder)
    no_slots = (None,) * 9
    stored: StoredRows = {("4001", "custom_totals"): {(DAYS[0], *no_slots): 1, ("20240104", *no_slots): 1}}
    counts = compare(source, stored)
    assert (counts["rows_missing"], counts["rows_extra"], counts["rows_wrong"]) == (6, 1, 1)


def test_folder_without_a_property_is_refused(tmp_path: Path) -> None:
    assert run(tmp_path).returncode == 2


@pytest.mark.parametrize("spoilt", ["4001/totals.parquet", "4002/property.json"])
def test_file_that_cannot_be_read_is_named(folder: Path, spoilt: str) -> None:
    (folder / spoilt).write_bytes(b"PAR1 no more")
    with pytest.raises(DataError, match=spoilt):
        read_source(folder)
