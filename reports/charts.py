"""Charts as SVG, drawn on the server: a page needs no script to show them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from math import ceil
from typing import Final

Number = Decimal | int | None

_GRID_STEPS: Final = 4
_DASH: Final = 10  # units of a chart
_SCALES: Final = (12, 16, 20, 24, 32, 40, 60, 80, 100)


@dataclass(frozen=True)
class Shape:
    """The size of a chart in its own units, the space left for labels, and how many dates fit below."""

    name: str
    width: int
    height: int
    left: int
    date_labels: int
    right: int = 12
    top: int = 10
    below: int = 26

    @property
    def plot_right(self) -> int:
        """Where the plot ends."""
        return self.width - self.right

    @property
    def plot_bottom(self) -> int:
        """Where the plot ends below."""
        return self.height - self.below

    @property
    def plot_width(self) -> int:
        """How wide the plot is, labels left out."""
        return self.plot_right - self.left

    @property
    def plot_height(self) -> int:
        """How high the plot is, labels left out."""
        return self.plot_bottom - self.top


WIDE: Final = Shape("wide", width=1_080, height=270, left=64, date_labels=8)
NARROW: Final = Shape("narrow", width=340, height=220, left=52, date_labels=3)


@dataclass(frozen=True)
class ChartDay:
    """One day of the line; None where nothing was loaded."""

    date: date
    value: Number
    is_provisional: bool


@dataclass(frozen=True)
class GridLine:
    """A horizontal line of the chart, at `y`, with the value it stands for."""

    y: float
    value: int


@dataclass(frozen=True)
class Spot:
    """A day's place on the chart: the column that belongs to it, and its point on the line."""

    day: ChartDay
    x: float
    y: float | None
    left: float
    width: float


@dataclass(frozen=True)
class LineChart:
    """A daily line over that of the range before, its grid and its days; all in the units of `shape`."""

    shape: Shape
    path: str
    area: str
    path_before: str
    grid: list[GridLine]
    spots: list[Spot]
    dates: list[Spot]  # those that are labelled
    provisional_x: float | None  # where days begin that may still change

    @property
    def provisional_width(self) -> float:
        """The width of the band over provisional days."""
        return 0 if self.provisional_x is None else round(self.shape.plot_right - self.provisional_x, 1)


def line_chart(days: Sequence[ChartDay], before: Sequence[Number], shape: Shape) -> LineChart:
    """Return the line through daily values, broken where a day has none.

    `before` is the range before, as long and day by day: it lies under the line.
    """
    known = [float(value) for value in (*(day.value for day in days), *before) if value is not None]
    scale = _round_up(max(known, default=0))
    spots = _spots(days, shape, scale)
    xs = [spot.x for spot in spots]
    path = _path(xs, [spot.y for spot in spots])
    path_before = _path(xs, [_height(value, shape, scale) for value in before])
    grid = [
        GridLine(round(shape.top + shape.plot_height * (1 - step / _GRID_STEPS), 1), scale * step // _GRID_STEPS)
        for step in range(_GRID_STEPS + 1)
    ]
    provisional = next((spot.left for spot in spots if spot.day.is_provisional), None)
    return LineChart(shape, path, _area(spots, shape), path_before, grid, spots, _labelled(spots, shape), provisional)


def sparkline(values: Sequence[Number]) -> str:
    """Return the path of a small line in a box of 100 by 24; one value alone has no course to show."""
    if len(values) < 2:
        return ""
    known = [float(value) for value in values if value is not None]
    lowest, highest = min(known, default=0), max(known, default=0)
    span = (highest - lowest) or 1
    xs = [100 * index / (len(values) - 1) for index in range(len(values))]
    ys = [None if value is None else 22 - 20 * (float(value) - lowest) / span for value in values]
    return _path(xs, ys)


def _spots(days: Sequence[ChartDay], shape: Shape, scale: int) -> list[Spot]:
    column = shape.plot_width / max(len(days), 1)
    lefts = [shape.left + column * number for number in range(len(days))]
    return [
        Spot(day, round(left + column / 2, 1), _height(day.value, shape, scale), round(left, 1), round(column, 1))
        for day, left in zip(days, lefts, strict=True)
    ]


def _height(value: Number, shape: Shape, scale: int) -> float | None:
    return None if value is None else round(shape.top + shape.plot_height * (1 - float(value) / scale), 1)


def _labelled(spots: list[Spot], shape: Shape) -> list[Spot]:
    """Return the days with a label, evenly apart; the last one is always among them."""
    step = max(1, ceil(len(spots) / shape.date_labels))
    return spots[::-1][::step][::-1]


def _area(spots: list[Spot], shape: Shape) -> str:
    """Return the surfaces under the line, one for each stretch of days that have values."""
    stretches: list[list[Spot]] = [[]]
    for spot in spots:
        if spot.y is None:
            stretches.append([])
        else:
            stretches[-1].append(spot)
    return " ".join(
        f"M{stretch[0].x} {shape.plot_bottom} {' '.join(f'L{spot.x} {spot.y}' for spot in stretch)} "
        f"L{stretch[-1].x} {shape.plot_bottom} Z"
        for stretch in stretches
        if stretch
    )


def _path(xs: Sequence[float], ys: Sequence[float | None]) -> str:
    """Return the line through the points, broken where there is none; a point alone is a dash one can see."""
    steps = []
    for number, (x, y) in enumerate(zip(xs, ys, strict=True)):
        if y is None:
            continue
        follows, precedes = number > 0 and ys[number - 1] is not None, ys[number + 1 : number + 2] not in ([], [None])
        if follows or precedes:
            steps.append(f"{'L' if follows else 'M'}{x:.1f} {y:.1f}")
        else:
            steps.append(f"M{x - _DASH / 2:.1f} {y:.1f} h{_DASH}")
    return " ".join(steps)


def _round_up(value: float) -> int:
    """Return the next round number whose quarters are whole: the top of the scale."""
    if value <= 8:
        return 4 if value <= 4 else 8
    magnitude = int(10 ** max(len(str(ceil(value) - 1)) - 2, 0))
    return next(part * magnitude for part in _SCALES if part * magnitude >= value)
