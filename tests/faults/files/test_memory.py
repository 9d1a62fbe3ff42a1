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
from tests.faults.files.corpus import GROUPS, SETTINGS, corpus
from tests.faults.files.heavy import HEAVY, SOUND
from tests.faults.files.unloaded import TABLE, Unloaded
from tests.serving.conftest import BUCKET
from tests.serving.unloads import Row
from tests.slow import marked_slow

MOST_MEGABYTES: Final = 256
MOST_SECONDS: Final = 30.0
SLOW: Final = {"wide rows", "two halves", "one long text"}


def load_in_own_process(*manifest_keys: str) -> list[dict[str, Any]]:
    """Hand over the notifications of these manifests, one by one; return what the process told of itself after each."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.faults.files.load_once"],
        input="".join(f"{json.dumps(_woken_by(key))}\n" for key in manifest_keys),
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=300 + MOST_SECONDS * len(manifest_keys),
    )
    told: list[dict[str, Any]] = [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"answer"')]
    assert len(told) == len(manifest_keys)
    return told


def _woken_by(manifest_key: str) -> dict[str, Any]:
    body = json.dumps({"Records": [{"s3": {"object": {"key": manifest_key}}}]})
    return {
        "Records": [
            {"messageId": "0", "receiptHandle": "x", "body": body, "eventSource": "aws:sqs", "attributes": {}},
        ]
    }


@pytest.mark.slow
@pytest.mark.parametrize("group", GROUPS)
def test_every_bad_unload_is_refused_within_memory_and_time(
    group: str, s3: S3Client, config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in SETTINGS.get(group, {}).items():
        monkeypatch.setenv(name, value)
    variants = corpus(group)
    manifests = []
    for number, bad in enumerate(variants):
        unloaded = Unloaded.write(s3, BUCKET, number, str(1_000 + number), 1)
        bad.spoil(unloaded)
        manifests.append(unloaded.writer.manifest_key)

    told = load_in_own_process(*manifests)

    reasons = dict(Quarantine.objects.values_list("manifest_key", "reason"))
    assert [reasons.get(key) for key in manifests] == [bad.reason for bad in variants]
    assert not Partition.objects.exists()
    slow = {
        bad.variant: one["seconds"] for bad, one in zip(variants, told, strict=True) if one["seconds"] > MOST_SECONDS
    }
    assert slow == {}
    # One process has them all: what one leaves behind counts for the next.
    assert told[-1]["peak_mb"] < MOST_MEGABYTES, [
        (bad.variant, one["peak_mb"]) for bad, one in zip(variants, told, strict=True)
    ]


@pytest.mark.parametrize("name", HEAVY)
def test_a_heavy_bad_unload_is_quarantined_within_memory_and_time(name: str, s3: S3Client, config: Config) -> None:
    spoil, reason = HEAVY[name]
    unloaded = Unloaded.write(s3, BUCKET, 1, "123", 1)
    spoil(unloaded)

    [told] = load_in_own_process(unloaded.writer.manifest_key)

    assert told["answer"] == {"batchItemFailures": []}
    assert Quarantine.objects.get().reason == reason
    assert not Partition.objects.exists()
    assert told["peak_mb"] < MOST_MEGABYTES, told
    assert told["seconds"] < MOST_SECONDS, told


@pytest.mark.parametrize("name", marked_slow(SOUND, SLOW))
def test_a_heavy_sound_unload_is_loaded_and_restated_within_memory(name: str, s3: S3Client, config: Config) -> None:
    for generation in (1, 2):
        unloaded = Unloaded.write(s3, BUCKET, generation, "123", generation)
        rows = SOUND[name](unloaded)

        [told] = load_in_own_process(unloaded.writer.manifest_key)

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
