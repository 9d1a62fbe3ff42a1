"""`make bench-upsert`: how fast the loader fills MySQL, beside what the server itself can do and beside its peers.

Prints progress, and one JSON object last. Every ratio is of two things measured in turn in this run.
"""

import argparse
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from statistics import median
from typing import Any, Final, TypeAlias

from benchmarks.loading.machine import BUCKET, Machine, started_machine
from benchmarks.loading.measuring import LEDGER_TABLES, Round, Size, loaded, ratio, rounds
from benchmarks.loading.peers.running import ensure_environment, peer_seconds
from benchmarks.loading.states import StateWriter
from dataflows.contracts.reports import REPORT_TABLES
from deploy.local.state import REPOSITORY

TABLE: Final = REPORT_TABLES["custom"]
PARTITION_ROWS: Final = (5_000, 200_000)
Spread: TypeAlias = dict[str, dict[str, float]]
PEERS: Final = {"dlt": "dlt_merge", "awswrangler": "awswrangler_upsert"}


def main() -> None:
    """Measure all of it and print the object."""
    arguments = _arguments()
    python = None if arguments.without_peers else ensure_environment(REPOSITORY / ".local/benchmark-peers")
    with started_machine() as machine:
        result = _measured(machine, arguments.rows, arguments.rounds)
        if python is not None:
            _add_peers(result, _beside_peers(machine, python, arguments.rows // 2, arguments.rounds))
    print(json.dumps(result), flush=True)


def _add_peers(result: dict[str, Any], peers: Mapping[str, Spread]) -> None:
    """Add how many times faster the loader is: the smaller of first load and re-upsert, and the spread of both."""
    result |= {f"{peer}_ratio": min(load["median"] for load in found.values()) for peer, found in peers.items()}
    result["spread"] |= peers


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench-upsert")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--without-peers", action="store_true")
    return parser.parse_args()


def _measured(machine: Machine, rows: int, count: int) -> dict[str, Any]:
    by_partition = {most: list(_told(machine, rows, most, count)) for most in PARTITION_ROWS}
    small, large = (_told(machine, size, PARTITION_ROWS[0], count) for size in (rows // 5, rows * 2))
    scaling = list(zip(small, large, strict=True))
    ratios = {f"{most:,} rows a partition": _ratios(found) for most, found in by_partition.items()}
    main = by_partition[PARTITION_ROWS[0]]
    scales, everything = _scales(scaling), [turn for found in (*by_partition.values(), *scaling) for turn in found]
    return {
        "first_load_ratio": min(found["first"]["median"] for found in ratios.values()),
        "reupsert_ratio": min(found["again"]["median"] for found in ratios.values()),
        "rows_per_second": _rates(rows, [turn.first for turn in main], [turn.again for turn in main]),
        "limit_rows_per_second": _rates(rows, [turn.limit_first for turn in main], [turn.limit_again for turn in main]),
        "peak_rss_mb": round(max(turn.peak_rss_mb for turn in everything), 1),
        "scaling_2m_over_200k": min(found["median"] for found in scales.values()),
        "spread": {**ratios, "scaling": scales},
    }


def _scales(turns: list[tuple[Round, Round]]) -> Spread:
    """Return the rows per second of the large size by those of the small one, a tenth of it, turn by turn."""
    return {
        "first": ratio([10 * small.first for small, _ in turns], [large.first for _, large in turns]),
        "again": ratio([10 * small.again for small, _ in turns], [large.again for _, large in turns]),
    }


def _told(machine: Machine, rows: int, rows_a_partition: int, count: int) -> Iterator[Round]:
    """Make the states of a size, measure, and say each turn's figures."""
    size = _size(machine, rows, rows_a_partition)
    for number, turn in enumerate(rounds(machine, TABLE, size, count), 1):
        print(
            f"{rows:,} rows in partitions of {rows_a_partition:,}, turn {number} of {count}: "
            f"first {turn.first:.1f} s (server {turn.limit_first:.1f} s), "
            f"again {turn.again:.1f} s (server {turn.limit_again:.1f} s), {turn.peak_rss_mb:.0f} MB",
            flush=True,
        )
        yield turn


def _size(machine: Machine, rows: int, rows_a_partition: int) -> Size:
    print(f"making {rows:,} rows in partitions of {rows_a_partition:,}", flush=True)
    writer = StateWriter(machine.s3, BUCKET, machine.folder, TABLE)
    return Size(*(writer.write(rows, rows_a_partition, is_restated=restated) for restated in (False, True)))


def _ratios(found: list[Round]) -> Spread:
    return {
        "first": ratio([turn.limit_first for turn in found], [turn.first for turn in found]),
        "again": ratio([turn.limit_again for turn in found], [turn.again for turn in found]),
    }


def _rates(rows: int, first: list[float], again: list[float]) -> dict[str, int]:
    return {"first": round(rows / median(first)), "again": round(rows / median(again))}


def _beside_peers(machine: Machine, python: Path, rows: int, count: int) -> dict[str, Spread]:
    """Measure the peers and the loader in turn; return how many times the loader's seconds each takes."""
    size = _size(machine, rows, PARTITION_ROWS[0])
    seconds: dict[str, list[list[float]]] = {"loader": [], **{peer: [] for peer in PEERS}}
    for number in range(1, count + 1):
        for peer, found in seconds.items():
            found.append(_both_loads(machine, python, peer, size))
            print(f"{peer}, turn {number} of {count}: {found[-1][0]:.1f} s, again {found[-1][1]:.1f} s", flush=True)
    return {peer: _times_ours(seconds[peer], seconds["loader"]) for peer in PEERS}


def _times_ours(theirs: list[list[float]], ours: list[list[float]]) -> Spread:
    loads = zip(zip(*theirs, strict=True), zip(*ours, strict=True), strict=True)
    return dict(zip(("first", "again"), (ratio(list(peer), list(loader)) for peer, loader in loads), strict=True))


def _both_loads(machine: Machine, python: Path, peer: str, size: Size) -> list[float]:
    machine.empty(TABLE.mysql_name, *LEDGER_TABLES)
    if peer == "loader":
        return [loaded(machine, TABLE, state)["seconds"] for state in (size.old, size.new)]
    name = TABLE.mysql_name if peer == "awswrangler" else f"{TABLE.name}_{peer}"
    return peer_seconds(python, PEERS[peer], machine, name, (size.old, size.new))


if __name__ == "__main__":
    main()
