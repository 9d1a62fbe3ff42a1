"""A large unload is written by several sessions of the database at once: each has partitions of its own."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import accumulate, groupby
from operator import itemgetter

from aws_lambda_powertools import Logger

from dataflows.contracts.errors import TransientError
from serving.control import ControlRow, PartitionKey
from serving.errors import QuarantineError
from serving.unload_files import Part

logger = Logger(service="upsert_report", child=True)


@dataclass(frozen=True)
class Share:
    """Consecutive partitions of an unload, in key order, and those of its data parts that hold their rows."""

    control: Mapping[PartitionKey, ControlRow]
    parts: Sequence[Part]


def shares(
    control: Mapping[PartitionKey, ControlRow], parts: Sequence[Part], max_shares: int, share_rows: int
) -> list[Share]:
    """Cut an unload into at most `max_shares` shares of about equally many rows, at least `share_rows`.

    Its rows and its parts must be found to be as announced.
    """
    ends = list(accumulate(row.row_count for row in control.values()))
    count = max(1, min(max_shares, ends[-1] // share_rows))
    numbers = [_number(row, end, count, ends[-1]) for row, end in zip(control.values(), ends, strict=True)]
    runs = [[row for _, row in run] for _, run in groupby(zip(numbers, control.values(), strict=True), itemgetter(0))]
    return [_share(run, parts, start) for run, start in zip(runs, _starts(runs), strict=True)]


def _number(row: ControlRow, end: int, count: int, total: int) -> int:
    """Return the number of the share that a partition's middle row is in."""
    return (2 * end - row.row_count) * count // (2 * total + 1)


def _starts(runs: list[list[ControlRow]]) -> list[int]:
    return [0, *accumulate(sum(row.row_count for row in run) for run in runs[:-1])]


def _share(rows: list[ControlRow], parts: Sequence[Part], start: int) -> Share:
    end = start + sum(row.row_count for row in rows)
    spans = zip(parts, accumulate(part.rows for part in parts), strict=True)
    held = [part for part, part_end in spans if max(start, part_end - part.rows) < min(end, part_end)]
    return Share({row.key: row for row in rows}, held)


def at_once(works: Sequence[Callable[[], None]]) -> None:
    """Run each in a thread of its own, all to their ends; raise what one of them raised, and log what others did.

    What another try may mend comes first: it must not be taken for done because of another share's bad rows.
    """
    with ThreadPoolExecutor(len(works), thread_name_prefix="share") as threads:
        results = [threads.submit(work) for work in works]
    errors = sorted((error for result in results if (error := result.exception())), key=_rank)
    for error in errors[1:]:
        logger.error("another session failed as well", exc_info=error)  # only one can be raised
    if errors:
        raise errors[0]


def _rank(error: BaseException) -> int:
    return 0 if isinstance(error, TransientError) else 2 if isinstance(error, QuarantineError) else 1
