"""What can be wrong with an unload: a register of kinds, each with seeded variants and the reason it must have."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random
from typing import Final

from tests.faults.files.unloaded import Spoil

SEED: Final = 20_261_125

Variants = Iterator[tuple[str, str, Spoil]]  # name, reason, what spoils it


@dataclass(frozen=True)
class BadUnload:
    """One way to spoil an unload, and the reason that must be told."""

    group: str
    kind: str
    variant: str
    reason: str
    spoil: Spoil


_KINDS: Final[dict[str, Callable[[Random], Variants]]] = {}


def kind(name: str) -> Callable[[Callable[[Random], Variants]], Callable[[Random], Variants]]:
    """Register a function as the source of a kind's variants."""

    def register(source: Callable[[Random], Variants]) -> Callable[[Random], Variants]:
        _KINDS[name] = source
        return source

    return register


def bad_unloads() -> list[BadUnload]:
    """Return all variants of all kinds: the same ones each time."""
    found = []
    for name, source in _KINDS.items():
        group = source.__module__.rpartition(".")[2]
        variants = source(Random(f"{SEED} {name}"))  # noqa: S311 - repeatable, not secret
        found += [BadUnload(group, name, variant, reason, spoil) for variant, reason, spoil in variants]
    return found
