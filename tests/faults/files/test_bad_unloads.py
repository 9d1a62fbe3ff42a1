"""Bad unloads of every kind: nothing of them is visible, each says why, once, and is loaded when it is mended."""

import json
import logging
import os
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any
from unittest.mock import patch

import pytest
from django.contrib.auth.models import User
from mypy_boto3_s3 import S3Client

from reports.models import REPORT_MODELS, LedgerEntry, Partition, Quarantine
from serving.config import Config
from serving.handlers.upsert_report import handle
from tests.faults.files.corpus import GROUPS, SETTINGS, corpus, sample
from tests.faults.files.kinds import BadUnload
from tests.faults.files.notices import SHOWN_AT_ONCE, Notices, as_text
from tests.faults.files.unloaded import DAYS, TABLE, Unloaded, good_rows
from tests.reports.conftest import operator
from tests.serving.conftest import BUCKET
from tests.serving.unloads import UnloadWriter

__all__ = ["operator"]

NEIGHBOUR = "7"
Visible = dict[tuple[str, date, bytes], tuple[Any, ...]]


@pytest.fixture
def notices(config: Config, operator: User) -> Notices:
    return Notices(operator)


def property_of(number: int) -> str:
    return str(1_000 + number)


def deliver(*manifest_keys: str) -> None:
    """Hand over the notifications of these manifests, as the queue does; none may come back."""
    bodies = [json.dumps({"Records": [{"s3": {"object": {"key": key}}}]}) for key in manifest_keys]
    messages = [
        {"messageId": str(number), "receiptHandle": "x", "body": body, "eventSource": "aws:sqs", "attributes": {}}
        for number, body in enumerate(bodies)
    ]
    assert handle({"Records": messages}, None) == {"batchItemFailures": []}  # type: ignore[arg-type]


def visible() -> Visible:
    """Return every row of the report table, by its key."""
    rows = REPORT_MODELS[TABLE.name]._default_manager.values_list(
        "property_id", "date", "dimension_hash", "country", "sessions", "total_revenue"
    )
    return {row[:3]: row[3:] for row in rows}


def of_properties(found: Visible, properties: Iterable[str]) -> Visible:
    wanted = set(properties)
    return {key: row for key, row in found.items() if key[0] in wanted}


def rows_of(property_id: str, generation: int) -> Visible:
    return {
        (row["property_id"], row["date"], bytes.fromhex(row["dimension_hash"])): (
            row["country"],
            row["sessions"],
            row["total_revenue"],
        )
        for row in good_rows(property_id, generation)
    }


def stored_objects(client: S3Client) -> dict[tuple[str, str], str]:
    """Return the mark of every version of every object."""
    pages = client.get_paginator("list_object_versions").paginate(Bucket=BUCKET)
    return {(item["Key"], item["VersionId"]): item["ETag"] for page in pages for item in page.get("Versions", [])}


def alerts(caplog: pytest.LogCaptureFixture) -> dict[str, int]:
    """Return how many lines the alarm counts, by manifest; no other line is an error."""
    errors = [vars(record) for record in caplog.records if record.levelno >= logging.ERROR]
    assert {record["message"] for record in errors} == {"quarantine opened"}
    return Counter(record["manifest_key"] for record in errors)


def load_first_generation(client: S3Client, properties: list[str]) -> None:
    writer = UnloadWriter.of(client, BUCKET, TABLE.name, 1)
    rows = [row for property_id in properties for row in good_rows(property_id, 1)]
    deliver(writer.write(rows, {(property_id, day): 1 for property_id in properties for day in DAYS}))


def spoilt(client: S3Client, variants: list[BadUnload]) -> list[Unloaded]:
    """Write a second generation of a property for each variant, and spoil it."""
    unloads = []
    for number, bad in enumerate(variants):
        unloaded = Unloaded.write(client, BUCKET, 1_000 + number, property_of(number), 2)
        bad.spoil(unloaded)
        unloads.append(unloaded)
    return unloads


@pytest.mark.parametrize("group", GROUPS)
def test_bad_unloads_show_nothing_say_why_and_load_once_they_are_mended(
    group: str, s3: S3Client, notices: Notices, caplog: pytest.LogCaptureFixture
) -> None:
    with patch.dict(os.environ, SETTINGS.get(group, {})):
        _check(sample(group), s3, notices, caplog)


@pytest.mark.slow
@pytest.mark.parametrize("group", GROUPS)
def test_every_bad_unload_shows_nothing_says_why_and_loads_once_it_is_mended(
    group: str, s3: S3Client, notices: Notices, caplog: pytest.LogCaptureFixture
) -> None:
    with patch.dict(os.environ, SETTINGS.get(group, {})):
        _check(corpus(group), s3, notices, caplog)


def _check(variants: list[BadUnload], s3: S3Client, notices: Notices, caplog: pytest.LogCaptureFixture) -> None:
    properties = [property_of(number) for number in range(len(variants))]
    load_first_generation(s3, properties)
    before = visible()
    bad = spoilt(s3, variants)
    neighbour = Unloaded.write(s3, BUCKET, 999, NEIGHBOUR, 1)
    kept = stored_objects(s3)
    caplog.clear()

    manifests = [unloaded.writer.manifest_key for unloaded in bad]
    deliver(*manifests, neighbour.writer.manifest_key)
    deliver(*manifests)

    reasons = dict(Quarantine.objects.values_list("manifest_key", "reason"))
    assert {(one.kind, one.variant): reasons.get(key) for one, key in zip(variants, manifests, strict=True)} == {
        (one.kind, one.variant): one.reason for one in variants
    }
    assert of_properties(visible(), properties) == before
    assert of_properties(visible(), [NEIGHBOUR]) == rows_of(NEIGHBOUR, 1)
    assert set(Partition.objects.filter(property_id__in=properties).values_list("generation", flat=True)) == {1}
    assert not LedgerEntry.objects.filter(generation=2).exists()
    assert stored_objects(s3) == kept
    assert alerts(caplog) == dict.fromkeys(manifests, 1)

    told = dict(zip(manifests, variants, strict=True))
    unmended = list(reversed(bad))  # as the page has them: the latest first
    while unmended:
        portion, unmended = unmended[:SHOWN_AT_ONCE], unmended[SHOWN_AT_ONCE:]
        _check_notices(
            notices, {unloaded.writer.manifest_key: told[unloaded.writer.manifest_key] for unloaded in portion}
        )
        assert notices.say_there_are_more() == bool(unmended)
        for unloaded in portion:
            unloaded.mend()
        deliver(*(unloaded.writer.manifest_key for unloaded in portion))
    assert notices.shown() == {}

    assert of_properties(visible(), properties) == {
        key: row for property_id in properties for key, row in rows_of(property_id, 2).items()
    }
    assert not Quarantine.objects.filter(resolved_at=None).exists()
    assert Quarantine.objects.count() == len(variants)


def _check_notices(notices: Notices, unloads: Mapping[str, BadUnload]) -> None:
    """Check that the page shows just these unloads, each with its reason, and what is wrong in words."""
    messages = dict(Quarantine.objects.values_list("manifest_key", "message"))
    shown = notices.shown()
    assert shown.keys() == unloads.keys()
    for key, bad in unloads.items():
        assert f"was not loaded ({bad.reason}): {as_text(messages[key])} The last good data stays." in shown[key]
        assert len(messages[key].split()) >= 3


def test_there_are_enough_kinds_and_files() -> None:
    found = [bad for group in GROUPS for bad in corpus(group)]
    assert len({bad.kind for bad in found}) >= 20
    assert len({(bad.kind, bad.variant) for bad in found}) == len(found) >= 200
