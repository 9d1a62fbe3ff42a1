"""An unload's parts on the disk: each is downloaded once, however often it is read."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import pyarrow as pa

from serving.errors import QuarantineError
from serving.parquet_parts import PartFile, opened
from serving.unload_files import Part, UnloadBucket

_KEPT_BYTES: Final = 512 * 2**20  # of the function's disk; the largest part, a quarter of it, fits beside them


@dataclass(frozen=True)
class PartFiles:
    """Parts in a folder. What was opened once stays while there is room for it; the rest is downloaded again."""

    bucket: UnloadBucket
    folder: Path

    @contextmanager
    def open_part(self, part: Part, schema: pa.Schema, dimensions: Collection[str] = ()) -> Iterator[PartFile]:
        """Open a part, downloaded if it is not there, checked against its manifest and `schema`.

        `dimensions` names the columns that may hold long texts. Raises QuarantineError naming what is wrong
        with it, TransientError when it is another object than before.
        """
        path = self.folder / part.key.replace("/", "_")
        if not path.exists():
            self.bucket.download(part, path)
        with opened(path, part.key, schema, dimensions, self.bucket.limits) as file:
            if file.num_rows != part.rows:
                raise QuarantineError(
                    f"{part.key} has {file.num_rows} rows; its manifest says {part.rows}.", reason="part_rows_mismatch"
                )
            yield file
        if sum(kept.stat().st_size for kept in self.folder.iterdir()) > _KEPT_BYTES:
            path.unlink()


@contextmanager
def part_files(bucket: UnloadBucket) -> Iterator[PartFiles]:
    """Make a folder for the parts that are read in the block, and delete it afterwards."""
    with TemporaryDirectory(prefix="unload-") as folder:
        yield PartFiles(bucket, Path(folder))
