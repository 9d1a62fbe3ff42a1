"""The values of one metric in a report, and how they are written in an answer."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

import numpy as np
from numpy.typing import NDArray

from deploy.local.ga4.coded import Integers

_MILLION: Final = 1_000_000


@dataclass(frozen=True)
class MetricValues:
    """One value per row of the report: whole numbers, whole millionths of the currency, or floats."""

    numbers: Integers | NDArray[np.float64]
    in_millionths: bool = False

    def take(self, rows: Integers) -> "MetricValues":
        """Return the values of these rows."""
        return MetricValues(self.numbers[rows], self.in_millionths)

    def unit(self) -> int:
        """Return what a value of one is stored as."""
        return _MILLION if self.in_millionths else 1

    def texts(self) -> list[str]:
        """Return every value as the Data API writes it."""
        return [self._text(number) for number in self.numbers.tolist()]

    def _text(self, number: float) -> str:
        exact = Decimal(number) / _MILLION if self.in_millionths else Decimal(repr(number))
        whole = exact.to_integral_value()
        return str(int(whole)) if exact == whole else f"{exact.normalize():f}"
