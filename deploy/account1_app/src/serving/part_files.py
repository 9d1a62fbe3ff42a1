"""An unload's parts on the disk: downloaded once, however often they are read, as far as there is room."""

from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import pyarrow as pa

from serving.errors import QuarantineError
from serving.parquet_parts import PartFile, opened
from serving.part_limits import part_sizes
from serving.unload_files import Part, UnloadBucket

_KEPT_BYTES: Final = 384 * 2**20  # of the function's 1,024 MB; the largest parts of two sessions fit beside them
_ROWS_BYTES: Final = 24 * 2**20  # what a reader makes of the rows: batches, their texts, statements


@dataclass
class PartFiles:
    """Parts in a folder. What was read once stays if there is room for it; the rest is downloaded again.

    Threads may read at the same time: what stays is never deleted, what does not is each reader's own.
    """

    bucket: UnloadBucket
    folder: Path
    kept_bytes: int = _KEPT_BYTES
    open_bytes: int = 0  # what the largest part that was read so far unpacks to at one time

    @contextmanager
    def open_part(self, part: Part, schema: pa.Schema, dimensions: Collection[str] = ()) -> Iterator[PartFile]:
        """Open a part, downloaded if it is not there, checked against its manifest and `schema`.

        `dimensions` names the columns that may hold long texts. Raises QuarantineError naming what is wrong
        with it, TransientError when it is another object than before.
        """
        with ExitStack() as stack:
            path = stack.enter_context(self._on_disk(part))
            sizes = part_sizes(path, part.key, self.bucket.limits)
            self.open_bytes = max(self.open_bytes, sizes.open_bytes)
            file = stack.enter_context(opened(path, part.key, schema, dimensions, sizes))
            if file.num_rows != part.rows:
                raise QuarantineError(
                    f"{part.key} has {file.num_rows} rows; its manifest says {part.rows}.", reason="part_rows_mismatch"
                )
            yield file

    @property
    def readers(self) -> int:
        """How many may read the parts at the same time within the limit of memory; at least one."""
        return max(1, self.bucket.limits.max_open_bytes // (self.open_bytes + _ROWS_BYTES))

    @contextmanager
    def _on_disk(self, part: Part) -> Iterator[Path]:
        kept = self.folder / part.key.replace("/", "_")
        if kept.exists():
            yield kept
            return
        with TemporaryDirectory(dir=self.folder) as own:
            path = Path(own, kept.name)
            self.bucket.download(part, path)
            yield path
            if self._bytes_there() + part.size_bytes <= self.kept_bytes:
                path.rename(kept)

    def _bytes_there(self) -> int:
        return sum(path.stat().st_size for path in self.folder.iterdir() if path.is_file())


@contextmanager
def part_files(bucket: UnloadBucket) -> Iterator[PartFiles]:
    """Make a folder for the parts that are read in the block, and delete it afterwards."""
    with TemporaryDirectory(prefix="unload-") as folder:
        yield PartFiles(bucket, Path(folder))
