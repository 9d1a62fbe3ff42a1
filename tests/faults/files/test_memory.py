"""The upsert function in a process of its own: whatever a file unpacks to, it stays within its memory and its time."""

import json
import os
import subprocess
import sys
from typing import Any, Final

import pytest
from mypy_boto3_s3 import S3Client

from reports.models import REPORT_MODELS, Partition, Quarantine
from serving.config import Config
from tests.faults.files.heavy import HEAVY, SOUND
from tests.faults.files.unloaded import TABLE, Unloaded
from tests.serving.conftest import BUCKET
from tests.serving.unloads import Row

MOST_MEGABYTES: Final = 256
MOST_SECONDS: Final = 30.0


def load_in_own_process(manifest_key: str) -> dict[str, Any]:
    """Hand over a manifest's notification; return what the process told of itself."""
    body = json.dumps({"Records": [{"s3": {"object": {"key": manifest_key}}}]})
    record = {"messageId": "0", "receiptHandle": "x", "body": body, "eventSource": "aws:sqs", "attributes": {}}
    done = subprocess.run(
        [sys.executable, "-m", "tests.faults.files.load_once"],
        input=json.dumps({"Records": [record]}),
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=300,
    )
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


@pytest.mark.parametrize("name", HEAVY)
def test_a_heavy_bad_unload_is_quarantined_within_memory_and_time(name: str, s3: S3Client, config: Config) -> None:
    spoil, reason = HEAVY[name]
    unloaded = Unloaded.write(s3, BUCKET, 1, "123", 1)
    spoil(unloaded)

    told = load_in_own_process(unloaded.writer.manifest_key)

    assert told["answer"] == {"batchItemFailures": []}
    assert Quarantine.objects.get().reason == reason
    assert not Partition.objects.exists()
    assert told["peak_mb"] < MOST_MEGABYTES, told
    assert told["seconds"] < MOST_SECONDS, told


@pytest.mark.parametrize("name", SOUND)
def test_a_heavy_sound_unload_is_loaded_and_restated_within_memory(name: str, s3: S3Client, config: Config) -> None:
    for generation in (1, 2):
        unloaded = Unloaded.write(s3, BUCKET, generation, "123", generation)
        rows = SOUND[name](unloaded)

        told = load_in_own_process(unloaded.writer.manifest_key)

        assert told["answer"] == {"batchItemFailures": []}
        assert not Quarantine.objects.exists()
        check_stored(rows)
        assert told["peak_mb"] < MOST_MEGABYTES, told


def check_stored(rows: list[Row]) -> None:
    stored = REPORT_MODELS[TABLE.name]._default_manager
    names = ["dimension_hash", *(column.name for column in TABLE.dimensions), "sessions"]
    for row in rows[:: len(rows) // 20]:
        wanted = (bytes.fromhex(row["dimension_hash"]), *(row[column] for column in names[1:]))
        assert stored.filter(dimension_hash=wanted[0]).values_list(*names).get() == wanted
    assert stored.count() == len(rows)
