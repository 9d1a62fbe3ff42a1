"""A sound part, changed at random: it is refused, or shows exactly what it held before. The seed is in the failure."""

from datetime import date
from decimal import Decimal
from random import Random
from typing import Any, Final

import pytest
from mypy_boto3_s3 import S3Client

from dataflows.contracts.reports import REPORT_TABLES
from reports.models import REPORT_MODELS, Partition
from serving.config import Config
from tests.faults.files.kinds import SEED
from tests.faults.files.test_bad_unloads import deliver
from tests.serving.conftest import BUCKET, empty_bucket
from tests.serving.unloads import Row, UnloadWriter, report_row

CUSTOM: Final = REPORT_TABLES["custom"]  # no computed columns: neither hashes nor sums speak of those
DAY: Final = date(2026, 11, 1)
PARTITION: Final = ("123", "custom_seen", DAY)
_OPTIONS: Final[list[dict[str, Any]]] = [
    {},
    {"use_dictionary": False, "compression": "NONE"},
    {"data_page_version": "2.0"},
    {"row_group_size": 7, "write_statistics": False},
]


def sound_rows() -> list[Row]:
    blank = {column.name: None for column in CUSTOM.metrics}
    names = [(f"/page {number}", None if number % 3 else "é" * number) for number in range(30)]
    rows = [
        report_row(CUSTOM, "123", DAY, name, report_id="custom_seen", **{**blank, "m1": Decimal(number) / 8})
        for number, name in enumerate(names)
    ]
    return sorted(rows, key=lambda row: str(row["dimension_hash"]))


def mutated(random: Random, body: bytes) -> bytes:
    """Return the bytes with one to four places changed, half of them in the footer."""
    changed = bytearray(body)
    footer = len(body) - 8 - int.from_bytes(body[-8:-4], "little")
    for _ in range(random.choice((1, 1, 1, 2, 4))):
        bounds = (4, footer) if random.random() < 0.5 else (footer, len(body) - 8)
        at = random.randrange(*bounds)
        match random.randrange(4):
            case 0:
                changed[at] ^= 1 << random.randrange(8)
            case 1:
                changed[at] = random.choice((0, 1, 127, 128, 255))
            case 2:
                del changed[at : at + random.randrange(1, 9)]
            case 3:
                changed[at:at] = random.randbytes(random.randrange(1, 9))
    return bytes(changed)


@pytest.mark.parametrize("count", [40, pytest.param(3_000, marks=pytest.mark.slow)])
def test_a_changed_part_is_refused_or_shows_what_it_held(count: int, s3: S3Client, config: Config) -> None:
    rows = sound_rows()
    stored = REPORT_MODELS["custom"]._default_manager.values_list("dimension_hash", "d1", "d2", "m1")
    expected = {(bytes.fromhex(row["dimension_hash"]), row["d1"], row["d2"], row["m1"]) for row in rows}
    refused = 0
    for number in range(count):
        random = Random(f"{SEED} {number}")  # noqa: S311 - repeatable, not secret
        writer = UnloadWriter.of(s3, BUCKET, "custom", 1)
        writer.put_data(mutated(random, writer.data_body(rows, **random.choice(_OPTIONS))), len(rows))
        writer.write_control(writer.control_rows(rows, {PARTITION: number + 1}))

        deliver(writer.manifest_key)

        generations = list(Partition.objects.values_list("generation", flat=True))
        refused += generations != [number + 1]
        assert set(stored.iterator()) == (expected if generations else set()), f"mutation {number}"
        empty_bucket()
    assert 0 < refused < count
