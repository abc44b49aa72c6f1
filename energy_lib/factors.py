"""Factors of a scenario: numbers that a reader sets or distributions with a source, and how they move over the years.

A doubtful factor is given by its 90 % interval and, if it is known, its median. On the scale of its kind it is normal::

    positive:  ln x               people, tokens, joules, gains, growth factors
    share:     ln (x / (1 - x))   shares, which never leave 0 to 1
    overhead:  ln (x - 1)         PUE and the like, which never fall below 1

and on the same scale it moves in a straight line with time. So a positive factor grows by a factor a year, the odds of
a share by a factor a year (the logistic adoption of Fisher and Pry 1971), and what an overhead exceeds 1 by likewise.
"""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Real

import numpy as np
from numpy.typing import ArrayLike

from energy_lib.checks import quantity
from energy_lib.estimate import Estimate

NORMAL_95 = 1.6448536269514722  # standard normal quantile of 95 %: both ends of a 90 % interval
SET_BY_READER = "set by the reader"
SCALES = {
    "positive": np.log,
    "share": lambda x: np.log(x) - np.log1p(-x),
    "overhead": lambda x: np.log(x - 1.0),
}
UNSCALED = {"positive": np.exp, "share": lambda y: 1.0 / (1.0 + np.exp(-y)), "overhead": lambda y: 1.0 + np.exp(y)}
_ALLOWED = {"positive": (0.0, np.inf, False), "share": (0.0, 1.0, True), "overhead": (1.0, np.inf, True)}


@dataclass(frozen=True)
class Fixed:
    """A factor without doubt: a number that the reader sets, or one so well known that its doubt does not matter.

    >>> Fixed(1.2).source
    'set by the reader'
    """

    value: float
    source: str = SET_BY_READER

    @property
    def median(self) -> float:
        return self.value


@dataclass(frozen=True, kw_only=True)
class Lognormal:
    """A doubtful factor by its 90 % interval and its source; without a median it is the middle of the interval on the
    scale of its kind (of a positive factor: the geometric mean).

    With a median elsewhere each half has its own spread, so that all three numbers hold::

        scaled x = scaled median + z (scaled high - scaled median) / 1.645     for z > 0, with low likewise below

    Raises `ValueError` for low above high, a median outside them, and an empty source.

    >>> Lognormal(low=1.0, high=4.0, source="two surveys")
    Lognormal(low=1.0, high=4.0, source='two surveys', median=None)
    """

    low: float
    high: float
    source: str
    median: float | None = None

    def __post_init__(self) -> None:
        if not (isinstance(self.source, str) and self.source.strip()):
            raise ValueError(f"source = {self.source!r} is empty: say where the interval is from")
        for name in ("low", "high", *(() if self.median is None else ("median",))):
            quantity(name, getattr(self, name), "in its factor's unit", low=-np.inf)
        if not self.low < self.high:
            raise ValueError(f"low = {self.low:g} must be below high = {self.high:g}; a number without doubt is Fixed")
        if self.median is not None and not self.low < self.median < self.high:
            raise ValueError(f"median = {self.median:g} must lie between low = {self.low:g} and high = {self.high:g}")


Factor = Fixed | Lognormal


@dataclass(frozen=True)
class Path:
    """A factor in the scenario's first year, and its growth: a factor a year on the scale of its kind.

    >>> Path(Lognormal(low=1e9, high=2e9, source="a survey"), growth=Fixed(1.1)).growth.value
    1.1
    """

    start: Factor
    growth: Factor = Fixed(1.0, "no growth")

    def __post_init__(self) -> None:
        object.__setattr__(self, "start", as_factor(self.start))
        object.__setattr__(self, "growth", as_factor(self.growth))


@dataclass(frozen=True)
class Input:
    """One number of a scenario as it is drawn: its name, its distribution and, on the scale of its kind, its median
    and the spread of either half."""

    name: str
    factor: Factor
    kind: str
    middle: float
    spread_low: float
    spread_high: float

    @classmethod
    def of(cls, name: str, factor: Factor, kind: str) -> Input:
        """Check the values against the kind's range. Raises `ValueError` with the name and the range."""
        lowest, highest, ends = _ALLOWED[kind]
        unit = {"positive": "(positive)", "share": "(share)", "overhead": "(ratio)"}[kind]

        def scaled(label: str, value: float, ends: bool) -> float:
            quantity(f"{name}{label}", value, unit, low=lowest, high=highest, low_allowed=ends)
            with np.errstate(divide="ignore"):  # a share of 0 or 1 and an overhead of 1 lie at infinity
                return float(SCALES[kind](np.float64(value)))

        if isinstance(factor, Fixed):
            return cls(name, factor, kind, scaled("", factor.value, ends), 0.0, 0.0)
        low, high = scaled(": low", factor.low, False), scaled(": high", factor.high, False)
        if np.isinf(high):
            raise ValueError(f"{name}: high = {factor.high:g} leaves no doubt: allowed is below {highest:g}")
        if factor.median is None:
            spread = (high - low) / 2.0 / NORMAL_95
            return cls(name, factor, kind, (low + high) / 2.0, spread, spread)
        middle = scaled(": median", factor.median, False)
        return cls(name, factor, kind, middle, (middle - low) / NORMAL_95, (high - middle) / NORMAL_95)

    @property
    def doubtful(self) -> bool:
        return self.spread_high > 0.0

    def scaled(self, z: ArrayLike) -> np.ndarray:
        """The input on its scale, for standard normal `z`."""
        if self.spread_low == self.spread_high:
            return self.middle + self.spread_high * z
        return self.middle + np.maximum(z, 0.0) * self.spread_high + np.minimum(z, 0.0) * self.spread_low

    def values(self, z: ArrayLike) -> np.ndarray:
        """The input in its own unit, for standard normal `z`.

        >>> given = Input.of("pue", Lognormal(low=1.1, high=1.4, source="an example"), "overhead")
        >>> given.values(np.array([-NORMAL_95, NORMAL_95])).round(9).tolist()
        [1.1, 1.4]
        """
        return UNSCALED[self.kind](self.scaled(z))


def as_factor(value: Factor | float) -> Factor:
    """A plain number as `Fixed`, a distribution as it is.

    >>> as_factor(1.2)
    Fixed(value=1.2, source='set by the reader')
    """
    if isinstance(value, (Fixed, Lognormal)):
        return value
    if isinstance(value, Real) and not isinstance(value, bool):
        return Fixed(float(value))
    raise ValueError(f"a factor is a number, Fixed(...) or Lognormal(...), not {value!r}")


def as_path(value: Path | Factor | float) -> Path:
    """A factor or a number as a `Path` without growth, a path as it is."""
    return value if isinstance(value, Path) else Path(as_factor(value))


def chip_j_per_token(estimate: Estimate, output_tokens: float, source: str) -> Lognormal:
    """Joules a written token, with the estimate's 90 % interval, from `request_energy`: its joules / `output_tokens`.

    Raises `ValueError` for an estimate of more than the chip, whose server and PUE a scenario would count twice.

    >>> from energy_lib.estimate import with_interval
    >>> chip_j_per_token(with_interval({"all": 1000.0}, 2.0, "chip"), 500, "an example")
    Lognormal(low=1.0, high=4.0, source='an example', median=2.0)
    """
    if estimate.boundary != "chip":
        raise ValueError(f"boundary = {estimate.boundary!r}: a scenario takes joules of the 'chip', and adds the rest")
    tokens = float(quantity("output_tokens", output_tokens, "token"))
    low, median, high = (float(j) / tokens for j in (estimate.low_j, estimate.energy_j, estimate.high_j))
    return Lognormal(low=low, high=high, median=median, source=source)
