"""Bugs to plant, to see whether the rig finds them. Each is one that somebody could write."""

from typing import Final

from tests.faults.loading.plants.alike import ALIKE
from tests.faults.loading.plants.answers import ANSWERS
from tests.faults.loading.plants.rows import ROWS
from tests.faults.loading.plants.tools import Plant
from tests.faults.loading.plants.transactions import TRANSACTIONS
from tests.faults.loading.rekeying import BAD_KEYS

LOADER_PLANTS: Final[dict[str, Plant]] = {**TRANSACTIONS, **ROWS, **ANSWERS, **ALIKE}
PLANTS: Final = (*TRANSACTIONS, *ROWS, *BAD_KEYS, *ANSWERS)


def plant(name: str) -> None:
    """Plant a bug in this process, unless it is one of the warehouse's."""
    if name not in BAD_KEYS:
        LOADER_PLANTS[name]()
