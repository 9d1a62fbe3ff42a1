"""An unload's objects in the bucket: the manifests, and the parts they name, checked before use."""

import json
import re
import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.parquet as pq
from botocore.exceptions import ClientError

from dataflows.contracts.errors import TransientError
from dataflows.contracts.naming import unload_control_prefix, unload_data_prefix
from dataflows.contracts.reports import REPORT_TABLES, ReportTable
from serving.config import Config
from serving.errors import QuarantineError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import GetObjectRequestTypeDef

_CONTROL_KEY: Final = re.compile(r"(?P<table>[a-z][a-z0-9_]{0,39})/(?P<run_id>[0-9a-f]{32})/control/manifest")
_MAX_MANIFEST_BYTES: Final = 4 * 2**20
_KEPT_BYTES: Final = 512 * 2**20  # of the function's disk; a part beside them is at most a quarter of it
_COPY_BYTES: Final = 2**20
_READ_BYTES: Final = 2**16
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
    """An object a manifest names, with the size in bytes and the rows it must have."""

    key: str
    size_bytes: int
    rows: int


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
    max_part_bytes: int
    max_row_group_bytes: int

    @classmethod
    def of(cls, client: "S3Client", config: Config) -> "UnloadBucket":
        """Return the bucket the settings name."""
        limits = config.max_part_bytes, config.max_row_group_bytes
        return cls(client, config.unload_bucket, config.unload_bucket_owner, *limits)

    def parts(self, manifest_key: str) -> list[Part] | None:
        """Return the parts that a manifest names, in its order; None when there is no manifest.

        Raises QuarantineError for a manifest that is not one, or that names objects elsewhere.
        """
        text = self._read_manifest(manifest_key)
        if text is None:
            return None
        folder = manifest_key.removesuffix("manifest")
        try:
            return [self._part(entry, folder) for entry in json.loads(text)["entries"]]
        except (ValueError, KeyError, TypeError) as error:
            raise QuarantineError(
                f"The manifest {manifest_key} can't be read: {error!r}.", reason="bad_manifest"
            ) from error

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

    def _part(self, entry: dict[str, Any], folder: str) -> Part:
        key = str(entry["url"]).removeprefix(f"s3://{self.name}/")
        if not re.fullmatch(re.escape(folder) + r"[A-Za-z0-9_.-]{1,100}", key):
            raise ValueError(f"it names {key[:200]!r}, which is not in {folder}")
        return Part(key, int(entry["meta"]["content_length"]), int(entry["meta"]["record_count"]))

    @contextmanager
    def open_part(self, part: Part, schema: pa.Schema) -> Iterator[pq.ParquetFile]:
        """Open a part that is read once; as PartFiles does it."""
        with self.kept_parts() as files, files.open_part(part, schema) as file:
            yield file

    @contextmanager
    def kept_parts(self) -> Iterator["PartFiles"]:
        """Make a folder for the parts that are read in the block, and delete it afterwards."""
        with TemporaryDirectory(prefix="unload-") as folder:
            yield PartFiles(self, Path(folder))

    def download(self, part: Part, path: Path, only_version: str | None) -> str:
        """Download a part and return which version of the object it was; any version, or `only_version`.

        Raises QuarantineError when it is missing or has another size than its manifest says, TransientError
        when it is no longer that version.
        """
        if part.size_bytes > self.max_part_bytes:
            raise QuarantineError(f"{part.key} has {part.size_bytes} bytes, too many to load.", reason="part_too_large")
        wanted: GetObjectRequestTypeDef = {"Bucket": self.name, "Key": part.key, "ExpectedBucketOwner": self.owner}
        if only_version is not None:
            wanted["IfMatch"] = only_version
        with _named_errors(part.key):
            answer = self.client.get_object(**wanted)
            with closing(answer["Body"]) as body:
                if answer["ContentLength"] != part.size_bytes:
                    raise QuarantineError(
                        f"{part.key} has {answer['ContentLength']} bytes; its manifest says {part.size_bytes}.",
                        reason="part_size_mismatch",
                    )
                with path.open("wb") as file:
                    shutil.copyfileobj(body, file, _COPY_BYTES)
        return answer["ETag"]


@dataclass
class PartFiles:
    """Parts on the disk, each checked against its manifest when it is opened.

    What was opened once stays, as long as there is room for it, so that it is downloaded once however often
    it is read; the rest is downloaded again, in the same version.
    """

    bucket: UnloadBucket
    folder: Path
    room_bytes: int = _KEPT_BYTES
    versions: dict[str, str] = field(default_factory=dict)

    @contextmanager
    def open_part(self, part: Part, schema: pa.Schema) -> Iterator[pq.ParquetFile]:
        """Open a part, downloaded if it is not there, checked against its manifest and `schema`.

        Raises QuarantineError naming what is wrong with it: missing, another size, not Parquet,
        other columns or types, another number of rows, or row groups that unpack too large.
        """
        path = self.folder / part.key.replace("/", "_")
        if not path.exists():
            self.versions[part.key] = self.bucket.download(part, path, self.versions.get(part.key))
            self.room_bytes -= part.size_bytes
        with _opened(path, part) as file:
            self._check_footer(file, part, schema)
            yield file
        if self.room_bytes < 0:
            path.unlink()
            self.room_bytes += part.size_bytes

    def _check_footer(self, file: pq.ParquetFile, part: Part, schema: pa.Schema) -> None:
        if not file.schema_arrow.remove_metadata().equals(schema):
            raise QuarantineError(
                f"{part.key} has other columns than its report: {', '.join(map(str, file.schema_arrow))[:500]}.",
                reason="schema_mismatch",
            )
        if file.metadata.num_rows != part.rows:
            raise QuarantineError(
                f"{part.key} has {file.metadata.num_rows} rows; its manifest says {part.rows}.",
                reason="part_rows_mismatch",
            )
        groups = (file.metadata.row_group(index) for index in range(file.metadata.num_row_groups))
        if any(group.total_byte_size > self.bucket.max_row_group_bytes for group in groups):
            raise QuarantineError(f"{part.key} unpacks to more than may be loaded.", reason="part_too_large")


@contextmanager
def _opened(path: Path, part: Part) -> Iterator[pq.ParquetFile]:
    try:
        file = pq.ParquetFile(path, memory_map=False, buffer_size=_READ_BYTES, pre_buffer=False)
    except (pa.ArrowException, OSError) as error:
        raise QuarantineError(f"{part.key} is not a Parquet file: {error}.", reason="not_parquet") from error
    with file:
        yield file


@contextmanager
def _named_errors(key: str) -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        if error.response["Error"]["Code"] in _MISSING:
            raise QuarantineError(f"{key} is named by its manifest but not there.", reason="part_missing") from error
        raise TransientError(f"{key} could not be read ({error}); the load is tried again.") from error
