"""All bad unloads, in groups by what is wrong: importing this registers every kind."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Final

from tests.faults.files import (
    bomb_kinds,
    column_kinds,
    control_kinds,
    file_kinds,
    folder_kinds,
    manifest_kinds,
    oversized_kinds,
    page_kinds,
    row_kinds,
)
from tests.faults.files.kinds import BadUnload, bad_unloads

GROUPS: Final = tuple(
    module.__name__.rpartition(".")[2]
    for module in (
        bomb_kinds,
        column_kinds,
        control_kinds,
        file_kinds,
        folder_kinds,
        manifest_kinds,
        oversized_kinds,
        page_kinds,
        row_kinds,
    )
)

# The function's settings for a group, where they are not those of production.
SETTINGS: Final[Mapping[str, Mapping[str, str]]] = {
    "oversized_kinds": {"MAX_PART_BYTES": str(oversized_kinds.MOST_BYTES)}
}


def corpus(group: str) -> list[BadUnload]:
    """Return a group's bad unloads."""
    return [bad for bad in bad_unloads() if bad.group == group]


def sample(group: str) -> list[BadUnload]:
    """Return one bad unload of each kind of a group: of one kind the first, of the next the last."""
    by_kind = defaultdict(list)
    for bad in corpus(group):
        by_kind[bad.kind].append(bad)
    return [found[-(number % 2)] for number, found in enumerate(by_kind.values())]
