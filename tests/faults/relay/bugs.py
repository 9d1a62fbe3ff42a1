"""Planted bugs: relays that are wrong, to show that the rig finds them."""

from collections.abc import Callable
from typing import Final

BUGS: Final[dict[str, Callable[[], None]]] = {}
