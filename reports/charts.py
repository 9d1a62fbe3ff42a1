"""Charts as SVG, drawn on the server: a page needs no script to show them."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from math import ceil, log10
from typing import Final

WIDTH: Final = 900
HEIGHT: Final = 240
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 12, 12, 28


@dataclass(frozen=True)
class GridLine:
    """A horizontal line of the chart, at `y`, with the value it stands for."""

    y: float
    value: int


@dataclass(frozen=True)
class LineChart:
    """A daily line: SVG path, grid, and where provisional days begin (None: nowhere)."""

    path: str
    grid: list[GridLine]
    provisional_x: float | None
    left: int = _LEFT
    right: int = WIDTH - _RIGHT
    bottom: int = HEIGHT - _BOTTOM
    top: int = _TOP

    @property
    def provisional_width(self) -> float:
        """The width of the band over provisional days."""
        return 0 if self.provisional_x is None else round(self.right - self.provisional_x, 1)

    @property
    def plot_height(self) -> int:
        """The height of the area between the grid's ends."""
        return self.bottom - self.top


def line_chart(values: Sequence[Decimal | int | None], first_provisional: int | None) -> LineChart:
    """Return the line through daily values, broken where a day has none.

    `first_provisional` is the index of the first day that may still change.
    """
    top = _round_up(max((float(value) for value in values if value is not None), default=0))
    plot_width, plot_height = WIDTH - _LEFT - _RIGHT, HEIGHT - _TOP - _BOTTOM
    xs = [_LEFT + plot_width * index / max(len(values) - 1, 1) for index in range(len(values))]
    ys = [None if value is None else _TOP + plot_height * (1 - float(value) / top) for value in values]
    grid = [GridLine(round(_TOP + plot_height * (1 - part / 4), 1), int(top * part / 4)) for part in range(5)]
    provisional_x = None if first_provisional is None else round(xs[first_provisional], 1)
    return LineChart(_path(xs, ys), grid, provisional_x)


def sparkline(values: Sequence[Decimal | int | None]) -> str:
    """Return the path of a small line in a box of 100 by 24."""
    known = [float(value) for value in values if value is not None]
    lowest, highest = min(known, default=0), max(known, default=0)
    span = (highest - lowest) or 1
    xs = [100 * index / max(len(values) - 1, 1) for index in range(len(values))]
    ys = [None if value is None else 22 - 20 * (float(value) - lowest) / span for value in values]
    return _path(xs, ys)


def _path(xs: Sequence[float], ys: Sequence[float | None]) -> str:
    steps = []
    is_drawing = False
    for x, y in zip(xs, ys, strict=True):
        if y is not None:
            steps.append(f"{'L' if is_drawing else 'M'}{x:.1f} {y:.1f}")
        is_drawing = y is not None
    return " ".join(steps)


def _round_up(value: float) -> int:
    """Return the next 1, 2, 4 or 8 times a power of ten: a scale whose quarters are whole."""
    if value <= 4:
        return 4
    magnitude = 10 ** int(log10(value))
    return next(ceil(factor * magnitude) for factor in (1, 2, 4, 8, 20) if factor * magnitude >= value)
