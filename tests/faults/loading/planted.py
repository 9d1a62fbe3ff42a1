"""Bugs to plant, to see whether the rig finds them. Each is one that somebody could write."""

from typing import Final

from tests.faults.loading import points
from tests.faults.loading.plants.alike import ALIKE
from tests.faults.loading.plants.answers import ANSWERS
from tests.faults.loading.plants.rows import ROWS
from tests.faults.loading.plants.tools import NAMES, Plant
from tests.faults.loading.plants.transactions import TRANSACTIONS
from tests.faults.loading.rekeying import BAD_KEYS

LOADER_PLANTS: Final[dict[str, Plant]] = {**TRANSACTIONS, **ROWS, **ANSWERS, **ALIKE}
PLANTS: Final = (*TRANSACTIONS, *ROWS, *BAD_KEYS, *ANSWERS)


def plant(name: str) -> None:
    """Plant a bug in this process."""
    if bad_key := BAD_KEYS.get(name):
        points.replace(NAMES["dimension_hash"], lambda _: bad_key)
    else:
        LOADER_PLANTS[name]()
