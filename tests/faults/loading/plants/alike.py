"""Changes that look like bugs and are none that anybody could see: what each leaves out, something else does too."""

from typing import Final

from tests.faults.loading.plants.rows import missing_part_tolerated, part_size_unchecked
from tests.faults.loading.plants.tools import Plant, generation_seen_as, left_out, sql_changed


class _ReplacesItsOwn(int):
    """A generation that only newer ones are not replaced by."""

    def __ge__(self, other: object) -> bool:
        return isinstance(other, int) and int(self) > other


def _same_generation_written_again() -> None:
    sql_changed("INSERT INTO report_ledger", "REPLACE INTO report_ledger")
    generation_seen_as(_ReplacesItsOwn)


ALIKE: Final[dict[str, Plant]] = {
    # The rows of the part are missing then, and the counts say so; only the recorded reason is another.
    "missing part tolerated": missing_part_tolerated,
    # A Parquet file ends with its footer, so one that was cut short can't be opened; another reason as well.
    "part size unchecked": part_size_unchecked,
    # The difference to the same rows is empty, so no row is written.
    "same generation written again": _same_generation_written_again,
    # It finds other writers, and faults of the loader itself: where there are none it changes nothing.
    "result in MySQL unchecked": lambda: left_out("check_stored"),
}
