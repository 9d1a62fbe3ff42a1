"""A part that is larger than any may be is never fetched; one that is as large as may be is loaded."""

from functools import partial
from typing import Any

import boto3
import pytest
from mypy_boto3_s3 import S3Client

from reports.models import Partition, Quarantine
from serving.config import Config
from tests.faults.files.file_kinds import changed
from tests.faults.files.oversized_kinds import MOST_BYTES, grown
from tests.faults.files.test_bad_unloads import deliver
from tests.faults.files.unloaded import Unloaded
from tests.serving.conftest import BUCKET


@pytest.fixture
def fetched(config: Config, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The keys of all objects that this process's clients fetch from now on; the function's part limit is lowered."""
    monkeypatch.setenv("MAX_PART_BYTES", str(MOST_BYTES))
    keys: list[str] = []

    def note(params: dict[str, Any], **_: Any) -> None:
        keys.append(params["Key"])

    boto3.setup_default_session()
    boto3.DEFAULT_SESSION.events.register("before-parameter-build.s3.GetObject", note)  # type: ignore[union-attr]
    return keys


@pytest.mark.parametrize("kind", ["data", "control"])
def test_an_oversized_part_is_never_fetched(kind: str, s3: S3Client, fetched: list[str]) -> None:
    unloaded = Unloaded.write(s3, BUCKET, 1, "123", 1)
    changed(partial(grown, MOST_BYTES + 1), part_kind=kind)(unloaded)

    deliver(unloaded.writer.manifest_key)

    assert Quarantine.objects.get().reason == "part_too_large"
    assert not Partition.objects.exists()
    assert unloaded.key("manifest", kind) in fetched
    assert unloaded.part_key(kind=kind) not in fetched


def test_a_part_as_large_as_may_be_is_loaded(s3: S3Client, fetched: list[str]) -> None:
    unloaded = Unloaded.write(s3, BUCKET, 1, "123", 1)
    changed(partial(grown, MOST_BYTES))(unloaded)

    deliver(unloaded.writer.manifest_key)

    assert not Quarantine.objects.exists()
    assert Partition.objects.count() == len(unloaded.generations)
    assert unloaded.part_key() in fetched
