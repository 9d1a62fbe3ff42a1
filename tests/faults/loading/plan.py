"""What a seed decides: partitions and their generations, the unloads of them, when each arrives, what goes wrong."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import product
from random import Random
from typing import Final

from serving.control import PartitionKey
from tests.faults.loading import points
from tests.faults.loading.contents import first_rows, next_rows, plain_row, table_of
from tests.faults.loading.spoiling import SPOILT_DATA, SPOILT_WITHOUT_DATA
from tests.serving.unloads import Row

_DAY: Final = date(2025, 11, 1)
KILLED_AT: Final = tuple(name for name in points.NAMES if name != "after_rollback")  # that is like before_lock
_KILLED_AT: Final = (*KILLED_AT, *["before_quarantine"] * 3)  # which is come to less often
_IN_SESSION: Final = ("after_lock", "before_rows", "between_statements", "after_rows", "before_ledger", "before_commit")
_RESENT_AT: Final = 1_000.0


@dataclass(frozen=True)
class PlannedUnload:
    """An unload of some partitions of one table, each in one generation; `spoilt` names what is wrong with it."""

    table_name: str
    generations: Mapping[PartitionKey, int]
    rows_a_part: int
    spoilt: str | None = None


@dataclass(frozen=True)
class Arrival:
    """At `at`, an unload is announced once more; with `mended` its objects are put right before.

    A poison message kills whoever receives it, until it is a dead letter.
    """

    at: float
    unload: int
    how: str
    mended: bool = False
    is_poison: bool = False


@dataclass(frozen=True)
class LoaderFault:
    """What happens to a loader that stands at a point for the `nth` time in one delivery."""

    kind: str
    point: str
    nth: int


@dataclass
class Plan:
    """One schedule: everything that a seed decides but the order of the loaders' steps."""

    seed: int
    is_free: bool = False
    has_faults: bool = True
    contents: dict[tuple[PartitionKey, int], list[Row]] = field(default_factory=dict)
    changes: list[str] = field(default_factory=list)
    unloads: list[PlannedUnload] = field(default_factory=list)
    arrivals: list[Arrival] = field(default_factory=list)

    @property
    def newest(self) -> dict[PartitionKey, int]:
        """Each partition's newest generation; a good unload holds it, sooner or later."""
        return dict(sorted(self.contents, key=lambda known: known[1]))

    def rows_of(self, unload: PlannedUnload) -> list[Row]:
        """Return the rows an unload should hold."""
        return [row for known in unload.generations.items() for row in self.contents[known]]


def make_plan(seed: int, first_property_id: int) -> Plan:
    """Return the plan of a seed; only the property ids, two from the given one on, are not of its choosing."""
    rng = Random(seed)
    plan = Plan(seed, is_free=rng.random() < 0.15)
    keys = _partitions(rng, first_property_id)
    for moment in range(rng.choice((3, 3, 4))):
        _refresh(plan, rng, _some_of_one_table(rng, keys), moment)
    _remedy_all(plan, rng)
    plan.arrivals.sort(key=lambda arrival: arrival.at)
    return plan


def plain_plan(first_property_id: int) -> Plan:
    """Return a plan in which one partition is loaded, and nothing else happens."""
    rng, key = Random(1), PartitionKey(str(first_property_id), "events", _DAY)
    contents = {(key, 1): [plain_row(rng, key, name) for name in ("a", "b", "c")]}
    unloads = [PlannedUnload("events", {key: 1}, rows_a_part=20)]
    return Plan(1, has_faults=False, contents=contents, unloads=unloads, arrivals=[Arrival(0, 0, "sent")])


def loader_faults(seed: int) -> Iterator[LoaderFault | None]:
    """Yield what is to happen to a loader from the first, second, … delivery on; None for nothing more."""
    rng = Random(f"{seed} faults")
    while True:
        kind = rng.choices((None, "killed", "killed_running", "session_killed"), (72, 23, 2, 3))[0]
        point = rng.choice(_IN_SESSION if kind == "session_killed" else _KILLED_AT)
        nth = rng.randrange(1, 9) if point == "between_statements" else rng.choice((1, 1, 1, 2))
        yield LoaderFault(kind, point, nth) if kind else None


def _partitions(rng: Random, first_property_id: int) -> list[PartitionKey]:
    reports = rng.sample((rng.choice(("events", "devices")), "custom_a", "custom_b"), 2)
    properties = [str(first_property_id + number) for number in range(rng.choice((1, 1, 1, 2)))]
    days = [_DAY + timedelta(number) for number in range(2)]
    every = [PartitionKey(*place) for place in product(properties, reports, days)]
    return sorted(rng.sample(every, rng.choice((2, 3, 4))))


def _some_of_one_table(rng: Random, keys: list[PartitionKey]) -> list[PartitionKey]:
    name = table_of(rng.choice(keys)).name
    of_table = [key for key in keys if table_of(key).name == name]
    return sorted(rng.sample(of_table, rng.randrange(1, len(of_table) + 1)))


def _refresh(plan: Plan, rng: Random, keys: list[PartitionKey], moment: float) -> None:
    """Give partitions their next generation and unload them: well, spoilt, or twice."""
    generations = {key: _advance(plan, rng, key) for key in keys}
    kind = rng.random()
    if kind < 0.3:
        _add_spoilt(plan, rng, generations, moment)
        return
    _add(plan, rng, generations, moment)
    if kind > 0.9:
        _add(plan, rng, generations, moment + rng.random(), how="unloaded_again")


def _advance(plan: Plan, rng: Random, key: PartitionKey) -> int:
    generation = plan.newest.get(key, 0)
    if not generation:
        plan.contents[key, 1] = first_rows(rng, key)
        return 1
    rows, ways = next_rows(rng, key, plan.contents[key, generation])
    plan.contents[key, generation + 1] = rows
    plan.changes.extend(sorted(ways))
    return generation + 1


def _add(
    plan: Plan, rng: Random, generations: Mapping[PartitionKey, int], moment: float, *, how: str = "", spoilt: str = ""
) -> int:
    """Add an unload and its arrivals, and return its number."""
    number = len(plan.unloads)
    table_name = table_of(next(iter(generations))).name
    plan.unloads.append(PlannedUnload(table_name, generations, rng.choice((3, 20, 20)), spoilt or None))
    is_dropped = rng.random() < 0.12
    first = Arrival(_RESENT_AT, number, "dropped_and_resent") if is_dropped else _sent(rng, number, moment, how)
    plan.arrivals.append(first)
    for _ in range(rng.choices((0, 1, 2), (75, 20, 5))[0]):
        plan.arrivals.append(Arrival(moment + rng.uniform(0, 3), number, "duplicated"))
    return number


def _sent(rng: Random, number: int, moment: float, how: str) -> Arrival:
    late = rng.uniform(0.8, 3) if rng.random() < 0.35 else 0.0
    is_poison = rng.random() < 0.02
    return Arrival(moment + late, number, how or ("delayed" if late else "sent"), is_poison=is_poison)


def _add_spoilt(plan: Plan, rng: Random, generations: Mapping[PartitionKey, int], moment: float) -> None:
    has_rows = any(plan.contents[known] for known in generations.items())
    kind = rng.choice(SPOILT_DATA if has_rows else SPOILT_WITHOUT_DATA)
    number = _add(plan, rng, generations, moment, spoilt=kind)
    remedy = rng.choice(("mended", "unloaded", "next"))
    after = moment + rng.uniform(0, 2)
    if remedy == "mended":
        plan.arrivals.append(Arrival(after, number, "mended_in_place", mended=True))
    elif remedy == "unloaded":
        _add(plan, rng, generations, after, how="mended_by_new_unload")


def _remedy_all(plan: Plan, rng: Random) -> None:
    """Unload again, in a next generation, what only spoilt unloads hold."""
    mended = {arrival.unload for arrival in plan.arrivals if arrival.mended}
    good = [unload for number, unload in enumerate(plan.unloads) if not unload.spoilt or number in mended]
    for key, generation in plan.newest.items():
        if not any(unload.generations.get(key) == generation for unload in good):
            generations = {key: _advance(plan, rng, key)}
            _add(plan, rng, generations, len(plan.unloads), how="mended_by_next_generation")
