"""Changes that look like bugs and are none that anybody could see: what each leaves out, something else does too."""

from dataclasses import replace as changed
from typing import Any, Final

from tests.faults.loading.plants.rows import listed, missing_part_tolerated
from tests.faults.loading.plants.tools import Function, Plant, around, left_out, sql_changed


class _ReplacesItsOwn(int):
    """A generation that only newer ones are not replaced by."""

    def __ge__(self, other: object) -> bool:
        return isinstance(other, int) and int(self) > other


def _same_generation_written_again() -> None:
    sql_changed("INSERT INTO report_ledger", "REPLACE INTO report_ledger")
    around("lock_partition", lambda lock, *args: _ReplacesItsOwn(lock(*args)))


def _part_size_unchecked() -> None:
    def data_parts(original: Function, bucket: Any, *rest: Any) -> list[Any]:
        sizes = {found["Key"]: found["Size"] for found in listed(bucket)}
        return [changed(part, size_bytes=sizes.get(part.key, 0)) for part in original(bucket, *rest)]

    around("data_parts", data_parts)


ALIKE: Final[dict[str, Plant]] = {
    # The rows of the part are missing then, and the counts say so; only the recorded reason is another.
    "missing part tolerated": missing_part_tolerated,
    # A Parquet file ends with its footer, so one that was cut short can't be opened; another reason as well.
    "part size unchecked": _part_size_unchecked,
    # The difference to the same rows is empty, so no row is written.
    "same generation written again": _same_generation_written_again,
    # It finds other writers, and faults of the loader itself: where there are none it changes nothing.
    "result in MySQL unchecked": lambda: left_out("check_stored"),
}
