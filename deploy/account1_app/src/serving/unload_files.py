"""An unload's objects in the bucket: the manifests, and the parts they name, checked before use."""

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from botocore.exceptions import ClientError

from dataflows.contracts.errors import TransientError
from dataflows.contracts.naming import unload_control_prefix, unload_data_prefix
from dataflows.contracts.reports import REPORT_TABLES, ReportTable
from serving.config import Config
from serving.errors import QuarantineError
from serving.manifests import PartSize, manifest_entries
from serving.part_limits import PartLimits

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_CONTROL_KEY: Final = re.compile(r"(?P<table>[a-z][a-z0-9_]{0,39})/(?P<run_id>[0-9a-f]{32})/control/manifest")
_MAX_MANIFEST_BYTES: Final = 4 * 2**20
_COPY_BYTES: Final = 2**20
_MISSING: Final = frozenset({"404", "NoSuchKey", "NotFound"})


@dataclass(frozen=True)
class Unload:
    """One run's unload of one report table."""

    table: ReportTable
    run_id: str

    @property
    def control_manifest_key(self) -> str:
        """The object that says the unload is complete."""
        return f"{unload_control_prefix(self.table.name, self.run_id)}manifest"

    @property
    def data_manifest_key(self) -> str:
        """The object that names the data parts."""
        return f"{unload_data_prefix(self.table.name, self.run_id)}manifest"


@dataclass(frozen=True)
class Part:
    """An object a manifest names, with the rows it must have, its size in bytes, and its contents' mark in S3."""

    key: str
    size_bytes: int
    rows: int
    etag: str


def unload_of(manifest_key: str) -> Unload:
    """Return what the control manifest at this key announces.

    Raises QuarantineError when the key is not one of a control manifest of a declared report.
    """
    match = _CONTROL_KEY.fullmatch(manifest_key)
    table = REPORT_TABLES.get(match["table"]) if match else None
    if match is None or table is None:
        raise QuarantineError(
            f"{manifest_key[:200]!r} is not the control manifest of a declared report.", reason="unknown_report"
        )
    return Unload(table, match["run_id"])


@dataclass(frozen=True)
class UnloadBucket:
    """Reads the bucket that the warehouse unloads to; `owner` is the account that must own it."""

    client: "S3Client"
    name: str
    owner: str
    limits: PartLimits

    @classmethod
    def of(cls, client: "S3Client", config: Config) -> "UnloadBucket":
        """Return the bucket the settings name."""
        limits = PartLimits(config.max_part_bytes, config.max_unpacked_bytes, config.max_open_bytes)
        return cls(client, config.unload_bucket, config.unload_bucket_owner, limits)

    def parts(self, manifest_key: str) -> list[Part] | None:
        """Return the parts that a manifest names, in its order; None when there is neither manifest nor part.

        Raises QuarantineError for a manifest that is not one, that names objects elsewhere, or when what
        lies in its folder is not exactly what it names.
        """
        folder = manifest_key.removesuffix("manifest")
        text, found = self._read_manifest(manifest_key), self._list(folder)
        if text is None and not found:
            return None
        if text is None:
            raise QuarantineError(f"{manifest_key} is missing.", reason="manifest_missing")
        entries = manifest_entries(manifest_key, text, self.name)
        if extra := found.keys() - entries.keys() - {manifest_key}:
            raise QuarantineError(
                f"{min(extra)[:200]!r} lies in {folder}, but its manifest does not name it.", reason="part_extra"
            )
        return [_part(key, size, found.get(key)) for key, size in entries.items()]

    def _read_manifest(self, key: str) -> bytes | None:
        with _named_errors(key):
            try:
                answer = self.client.get_object(Bucket=self.name, Key=key, ExpectedBucketOwner=self.owner)
            except ClientError as error:
                if error.response["Error"]["Code"] in _MISSING:
                    return None
                raise
            if answer["ContentLength"] > _MAX_MANIFEST_BYTES:
                raise QuarantineError(f"The manifest {key} is larger than any of ours.", reason="bad_manifest")
            return answer["Body"].read()

    def _list(self, folder: str) -> dict[str, tuple[int, str]]:
        """Return size and mark of every object in a folder."""
        pages = self.client.get_paginator("list_objects_v2")
        with _named_errors(folder):
            return {
                item["Key"]: (item["Size"], item["ETag"])
                for page in pages.paginate(Bucket=self.name, Prefix=folder, ExpectedBucketOwner=self.owner)
                for item in page.get("Contents", ())
            }

    def download(self, part: Part, path: Path) -> None:
        """Write a part to `path`, chunk by chunk.

        Raises QuarantineError when it is missing or too large, TransientError when it is another object than
        the one that was listed.
        """
        if part.size_bytes > self.limits.max_bytes:
            raise QuarantineError(f"{part.key} has {part.size_bytes} bytes, too many to load.", reason="part_too_large")
        with _named_errors(part.key), path.open("wb") as file:
            answer = self.client.get_object(
                Bucket=self.name, Key=part.key, ExpectedBucketOwner=self.owner, IfMatch=part.etag
            )
            shutil.copyfileobj(answer["Body"], file, _COPY_BYTES)


def _part(key: str, size: PartSize, found: tuple[int, str] | None) -> Part:
    if found is None:
        raise QuarantineError(f"{key} is named by its manifest but not there.", reason="part_missing")
    stored_bytes, etag = found
    if stored_bytes != size.content_length:
        raise QuarantineError(
            f"{key} has {stored_bytes} bytes; its manifest says {size.content_length}.", reason="part_size_mismatch"
        )
    return Part(key, stored_bytes, size.record_count, etag)


@contextmanager
def _named_errors(key: str) -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        if error.response["Error"]["Code"] in _MISSING:
            raise QuarantineError(f"{key} is named by its manifest but not there.", reason="part_missing") from error
        raise TransientError(f"{key} could not be read ({error}); the load is tried again.") from error
