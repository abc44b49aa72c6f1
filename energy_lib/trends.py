"""How fast something grows: fits on the logarithm with honest intervals, and ways to pick the models fitted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from energy_lib.checks import quantity
from energy_lib.clusters import family_codes, family_covariance
from energy_lib.extras import part_of
from energy_lib.units import decimal_year


def doubling_time(factor_per_year: ArrayLike) -> np.ndarray:
    """Years in which a quantity doubles: ln 2 / ln(factor per year); infinite for a factor of one or below.

    >>> float(doubling_time(2.0)), float(doubling_time(0.9))
    (1.0, inf)
    """
    factor = quantity("factor_per_year", factor_per_year, "1/year")
    with np.errstate(divide="ignore"):
        return np.where(factor > 1.0, np.log(2.0) / np.log(np.maximum(factor, 1.0)), np.inf)[()]


def growth_factor(doubling_time_years: ArrayLike) -> np.ndarray:
    """Growth factor a year of a doubling time: 2 ** (1 / years). The inverse of `doubling_time`.

    >>> float(growth_factor(1.0))
    2.0
    """
    return 2.0 ** (1.0 / quantity("doubling_time_years", doubling_time_years, "year"))


def _exp(logarithm: np.ndarray) -> np.ndarray:
    """Exponential in which what is too large for a float is infinite: the honest end of a very wide interval."""
    with np.errstate(over="ignore"):
        return np.exp(logarithm)


@dataclass(frozen=True)
class Growth:
    """An exponential trend: value = exp(intercept + slope x (date - origin)), with the covariance of the two.

    `doubling_time_years_high` is infinite when the interval of the slope includes zero: the data do not exclude
    that the quantity never doubles. Quotients of independent trends are trends again: energy = compute / efficiency.
    """

    intercept: float
    slope: float
    covariance: tuple[tuple[float, float], tuple[float, float]]
    origin: float
    degrees_of_freedom: float
    confidence: float
    n: int
    r_squared: float
    start: float
    end: float

    @cached_property
    def _student(self):
        with part_of("fit"):
            from scipy.stats import t

        return t(self.degrees_of_freedom)

    @property
    def _margin(self) -> float:
        return float(self._student.ppf(0.5 + self.confidence / 2.0))

    @property
    def _slope_error(self) -> float:
        return float(np.sqrt(self.covariance[1][1]))

    @property
    def factor_per_year(self) -> float:
        return float(np.exp(self.slope))

    @property
    def factor_per_year_low(self) -> float:
        return float(_exp(self.slope - self._margin * self._slope_error))

    @property
    def factor_per_year_high(self) -> float:
        return float(_exp(self.slope + self._margin * self._slope_error))

    @property
    def doubling_time_years(self) -> float:
        return float(doubling_time(self.factor_per_year))

    @property
    def doubling_time_years_low(self) -> float:
        return float(doubling_time(self.factor_per_year_high))

    @property
    def doubling_time_years_high(self) -> float:
        return float(doubling_time(self.factor_per_year_low))

    @property
    def p_value(self) -> float:
        """Two-sided, of the hypothesis that there is no growth."""
        if self._slope_error == 0.0:
            return 0.0 if self.slope else 1.0
        return float(2.0 * self._student.sf(abs(self.slope) / self._slope_error))

    def at(self, date: ArrayLike) -> np.ndarray:
        """Value of the trend at a date (its geometric mean there)."""
        return np.exp(self.intercept + self.slope * (decimal_year(date) - self.origin))

    def band(self, date: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
        """Low and high of the trend at a date, at the confidence of the fit."""
        years = decimal_year(date) - self.origin
        (a, b), (_, d) = self.covariance
        half = self._margin * np.sqrt(np.maximum(a + 2.0 * b * years + d * years**2, 0.0))
        middle = self.intercept + self.slope * years
        return _exp(middle - half), _exp(middle + half)

    def __truediv__(self, other: Growth) -> Growth:
        """Trend of the quotient of two quantities fitted on independent data.

        Slopes subtract and variances add; the degrees of freedom are Satterthwaite's for the slope.
        """
        if self.confidence != other.confidence:
            raise ValueError(f"confidence {self.confidence} and {other.confidence} differ: fit both with the same one")
        move = np.array([[1.0, self.origin - other.origin], [0.0, 1.0]])  # the other trend seen from our origin
        theirs = move @ np.array(other.covariance) @ move.T
        total = np.array(self.covariance) + theirs
        shares = [
            (self.covariance[1][1], self.degrees_of_freedom),
            (other.covariance[1][1], other.degrees_of_freedom),
        ]
        spread = sum(variance**2 / freedom for variance, freedom in shares)
        return Growth(
            intercept=self.intercept - (other.intercept + other.slope * (self.origin - other.origin)),
            slope=self.slope - other.slope,
            covariance=tuple(map(tuple, total.tolist())),
            origin=self.origin,
            degrees_of_freedom=total[1, 1] ** 2 / spread if spread else min(f for _, f in shares),
            confidence=self.confidence,
            n=self.n,
            r_squared=self.r_squared,
            start=max(self.start, other.start),
            end=min(self.end, other.end),
        )


def fit_growth(
    date: ArrayLike, value: ArrayLike, *, families: ArrayLike | None = None, confidence: float = 0.95
) -> Growth:
    """Exponential trend of positive values against dates.

    Ordinary least squares of ln(value) on the date in decimal years, with standard errors that allow the scatter to
    differ between points (HC3: MacKinnon and White 1985) and Student's t with n - 2 degrees of freedom. Points of one
    family that err together make these too small: with `families`, one label a point, the errors allow for it (CR2,
    see `clusters`). The line is the same.

    Dates ascend, so that a value cannot silently belong to another date; at least three of them differ.
    Raises `ValueError` otherwise, for values that are not positive and finite, and for fewer than three families.

    >>> growth = fit_growth([2012, 2014, 2016, 2018], [1.0, 4.0, 16.0, 64.0])
    >>> round(growth.doubling_time_years, 6), round(float(growth.at(2020)), 6)
    (1.0, 256.0)
    """
    years, values = np.atleast_1d(decimal_year(date)), np.atleast_1d(quantity("value", value, "its own unit"))
    if not 0.0 < confidence < 1.0:
        raise ValueError(f"confidence = {confidence} is out of range: allowed is between 0 and 1")
    if years.shape != values.shape or years.ndim != 1:
        raise ValueError(f"date and value must be two lists of one length, not shapes {years.shape} and {values.shape}")
    if len(np.unique(years)) < 3:
        raise ValueError(f"a fit needs at least 3 different dates, not {len(np.unique(years))}")
    if (np.diff(years) < 0).any():
        at = int(np.argmax(np.diff(years) < 0)) + 1
        raise ValueError(
            f"date[{at}] = {years[at]:.3f} comes before date[{at - 1}] = {years[at - 1]:.3f}: "
            "sort dates and values together"
        )
    with part_of("fit"):
        import statsmodels.api as sm

    origin = float(years.mean())
    logarithm = np.log(values)
    fit = sm.OLS(logarithm, sm.add_constant(years - origin)).fit(cov_type="HC3", use_t=True)
    constant = np.ptp(logarithm) == 0.0  # a share of no variation is 0/0
    covariance, freedom = np.asarray(fit.cov_params()), float(len(years) - 2)
    if families is not None:
        codes = family_codes(families, len(years))
        covariance, freedom = family_covariance(fit.model.exog, np.asarray(fit.resid), codes)
    return Growth(
        intercept=float(fit.params[0]),
        slope=float(fit.params[1]),
        covariance=tuple(map(tuple, covariance.tolist())),
        origin=origin,
        degrees_of_freedom=freedom,
        confidence=confidence,
        n=len(years),
        r_squared=1.0 if constant else float(fit.rsquared),
        start=float(years[0]),
        end=float(years[-1]),
    )


def comparable(value: pd.Series | float) -> pd.Series | float:
    """Values to ten significant digits: those that differ in later ones alone, as between two machines, are equal.

    >>> comparable(0.1 + 0.2) == comparable(0.3)
    True
    """
    if isinstance(value, pd.Series):
        return value.map(comparable)
    return float(f"{value:.10g}")


def _need_columns(frame: pd.DataFrame, *columns: str) -> None:
    missing = [c for c in columns if c not in frame.columns]
    if missing:
        raise ValueError(f"the table has no column {missing[0]!r}; it has {', '.join(map(str, frame.columns))}")


def best_of_year(frame: pd.DataFrame, *, date: str, by: str) -> pd.DataFrame:
    """The row with the highest `by` of each calendar year, in order of `date`; the earliest one on a tie.

    >>> table = pd.DataFrame({"date": pd.to_datetime(["2012-01-01", "2012-05-01"]), "top1": [50.0, 60.0]})
    >>> best_of_year(table, date="date", by="top1")["top1"].tolist()
    [60.0]
    """
    _need_columns(frame, date, by)
    rows = frame.dropna(subset=[by]).sort_values(date, kind="stable")
    return rows.loc[comparable(rows[by]).groupby(rows[date].dt.year).idxmax()]


def best_so_far(frame: pd.DataFrame, *, date: str, by: str) -> pd.DataFrame:
    """The rows that raised the record of `by` when they appeared, in order of `date`."""
    _need_columns(frame, date, by)
    rows = frame.dropna(subset=[by])
    order = np.lexsort((-comparable(rows[by]), rows[date]))
    rows = rows.iloc[order]
    value = comparable(rows[by])
    return rows[value > value.cummax().shift(fill_value=-np.inf)]


def cheapest_reaching(frame: pd.DataFrame, *, quality: str, threshold: float, cost: str, date: str) -> pd.DataFrame:
    """The rows that reach `quality` >= `threshold` and were the cheapest to do so when they appeared.

    Returns them in order of `date`, with falling `cost`; the first row is the first to reach the threshold.
    Raises `ValueError` when no row reaches it.
    """
    _need_columns(frame, quality, cost, date)
    reaching = frame[comparable(frame[quality]) >= comparable(threshold)]
    if reaching.empty:
        raise ValueError(f"no row reaches {quality} = {threshold}: the highest is {frame[quality].max()}")
    reaching = reaching.iloc[np.lexsort((comparable(reaching[cost]), reaching[date]))]
    value = comparable(reaching[cost])
    return reaching[value < value.cummin().shift(fill_value=np.inf)]


def consolidation(
    frame: pd.DataFrame, *, quality: str, cost: str, date: str, within_years: Sequence[float] = (1.0, 2.0)
) -> pd.DataFrame:
    """How much cheaper each new level of quality became soon after it was first reached.

    A level is the quality of a row that raised the record. For each level: the row that first reached it, its cost,
    and for each window the cost of the cheapest row that reached the level within so many years, the first row
    included; `factor_Ny` = first cost / cheapest cost, at least 1. A window that runs past the last date of the
    table is empty (NaN), since what would have come is not known.
    """
    _need_columns(frame, quality, cost, date)
    years, reached_quality = pd.Series(decimal_year(frame[date]), index=frame.index), comparable(frame[quality])
    levels = best_so_far(frame, date=date, by=quality)
    rows = []
    for index, first in levels.iterrows():
        reached = (reached_quality >= reached_quality[index]) & (years >= years[index])
        row = {"level": first[quality], "first": index, "date": first[date], "first_cost": first[cost]}
        for window in within_years:
            complete = years[index] + window <= years.max()
            cheapest = frame.loc[reached & (years <= years[index] + window), cost].min() if complete else np.nan
            row[f"cheapest_{window:g}y"] = cheapest
            row[f"factor_{window:g}y"] = first[cost] / cheapest
        rows.append(row)
    return pd.DataFrame(rows).set_index("first")
