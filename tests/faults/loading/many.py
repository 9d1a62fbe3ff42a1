"""Many schedules at once: a rig in each of several processes, all loading into one database."""

import atexit
import multiprocessing
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from typing import Final

from tests.faults.loading.database import Database
from tests.faults.loading.rig import Outcome, Rig

_SCHEDULES_A_PIECE: Final = 10
_rigs: list[Rig] = []


def outcomes_of(
    database: Database, seeds: Sequence[int], processes: int, plant: str | None = None
) -> Iterator[list[tuple[int, Outcome]]]:
    """Yield what came of each seed, some at a time, as they are done; with a bug planted if one is named."""
    pieces = [seeds[start : start + _SCHEDULES_A_PIECE] for start in range(0, len(seeds), _SCHEDULES_A_PIECE)]
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, context, _start_rig, (database,)) as pool:
        try:
            for piece in as_completed([pool.submit(_run, piece, plant) for piece in pieces]):
                yield piece.result()
        except BaseException:  # a Ctrl-C as well must not leave the rest to be run
            pool.shutdown(cancel_futures=True)
            raise


def _start_rig(database: Database) -> None:
    _rigs.append(Rig(database).__enter__())
    atexit.register(_rigs[0].__exit__)


def _run(seeds: Sequence[int], plant: str | None) -> list[tuple[int, Outcome]]:
    return [(seed, _rigs[0].run(seed, plant)) for seed in seeds]
