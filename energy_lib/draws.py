"""Simulation of a scenario: any number of draws in bounded memory, the same whatever the size of the chunks.

Every input has a random stream of its own, spawned from the generator that is given, and is read in order: neither the
size of a chunk nor a change of another input's distribution moves its values. Up to `KEPT_DRAWS` draws are kept, and
quantiles are exact; of more, a histogram is kept whose bins are a small part of the scenario's spread. While one chunk
is evaluated, a second thread draws the next.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from energy_lib.adoption import STREAMS, Scenario, energy_by_year
from energy_lib.checks import quantity, unknown_name

CHUNK_DRAWS = 16384  # its arrays stay near the processor, and calls cost little beside their work
KEPT_DRAWS = 100_000
MEASURES = ("energy_twh", "watt_per_person")
SERIES = ("all", *STREAMS)
ROWS = [(measure, series) for measure in MEASURES for series in SERIES]
_BINS = 4096
_BINS_PER_SPREAD = 256
_MANTISSA_BITS = 52
# A C library (glibc) that has freed one block of this size keeps smaller ones for the next array. Without it every
# array of a chunk is handed back to the system, and fetching it again takes longer than filling it.
_LARGE_BLOCK = 16 * 2**20


class _Kept:
    """All values of all rows."""

    def __init__(self, rows: int, draws: int) -> None:
        self.values, self.filled = np.empty((rows, draws)), np.zeros(rows, dtype=int)

    def add(self, row: int, values: np.ndarray, size: int) -> None:
        start = self.filled[row]
        self.values[row, start : start + size] = values
        self.filled[row] += size

    def mean(self, row: int) -> float:
        return float(self.values[row].mean())

    def quantile(self, row: int, q: np.ndarray) -> np.ndarray:
        return np.quantile(self.values[row], q)


class _Binned:
    """Sums and histograms of positive values. The leading bits of a float are its place on a logarithmic axis: a bin
    holds the floats that share them, and no logarithm is taken to find it."""

    def __init__(self, rows: int, spread: float) -> None:
        octaves = max(spread / np.log(2.0), 1e-4)
        self.shift = _MANTISSA_BITS - int(np.clip(np.round(np.log2(_BINS_PER_SPREAD / octaves)), 4, 20))
        self.counts = np.zeros((rows, _BINS), dtype=np.int64)
        self.base: dict[int, int] = {}
        self.sums = np.zeros(rows)
        self.constant: dict[int, float] = {}

    def add(self, row: int, values: np.ndarray, size: int) -> None:
        if np.ndim(values) == 0:  # no input of this row is doubtful
            self.constant[row] = float(values)
            return
        place = values.view(np.int64) >> self.shift
        if row not in self.base:
            self.base[row] = int(np.median(place)) - _BINS // 2
        place -= self.base[row]
        if np.maximum.reduce(place.view(np.uint64)) >= _BINS:  # some lie 8 spreads from the median, on either side
            np.clip(place, 0, _BINS - 1, out=place)
        found = np.bincount(place)
        counts = self.counts[row, : len(found)]
        counts += found
        self.sums[row] += np.add.reduce(values)

    def mean(self, row: int) -> float:
        return self.constant[row] if row in self.constant else float(self.sums[row] / self.counts[row].sum())

    def quantile(self, row: int, q: np.ndarray) -> np.ndarray:
        if row in self.constant:
            return np.full(np.shape(q), self.constant[row])
        below = np.concatenate([[0], np.cumsum(self.counts[row])])
        edges = (np.maximum(np.arange(_BINS + 1) + self.base[row], 0) << self.shift).view(np.float64)
        rank = np.asarray(q) * below[-1]
        at = np.clip(np.searchsorted(below, rank, side="left"), 1, _BINS)
        part = (rank - below[at - 1]) / np.maximum(below[at] - below[at - 1], 1)
        return edges[at - 1] + part * (edges[at] - edges[at - 1])


@dataclass(frozen=True, eq=False)
class Draws:
    """What `simulate` found: means and quantiles by year, of TWh a year or watts a person, of all or of one stream."""

    scenario: Scenario
    years: tuple[float, ...]
    count: int
    _tally: _Kept | _Binned
    _sources: dict[str, np.random.Generator]

    def _rows(self, measure: str, stream: str) -> range:
        if measure not in MEASURES:
            raise unknown_name("measure", measure, MEASURES)
        if stream not in SERIES:
            raise unknown_name("stream", stream, SERIES)
        start = ROWS.index((measure, stream)) * len(self.years)
        return range(start, start + len(self.years))

    def mean(self, measure: str = "energy_twh", stream: str = "all") -> np.ndarray:
        """Mean over the draws, one value a year."""
        return np.array([self._tally.mean(row) for row in self._rows(measure, stream)])

    def quantile(self, q: ArrayLike, measure: str = "energy_twh", stream: str = "all") -> np.ndarray:
        """Quantile `q` (or several, along the first axis) of the draws, one value a year."""
        q = quantity("q", q, "(share)", high=1.0, low_allowed=True)
        found = [self._tally.quantile(row, q) for row in self._rows(measure, stream)]
        return np.moveaxis(np.array(found), 0, -1)

    def median(self, measure: str = "energy_twh", stream: str = "all") -> np.ndarray:
        """Median over the draws, one value a year."""
        return self.quantile(0.5, measure, stream)

    def interval(self, measure: str = "energy_twh", stream: str = "all", confidence: float = 0.9) -> np.ndarray:
        """Both ends of the central interval that holds the share `confidence` of the draws: an array (2, years)."""
        return self.quantile([(1.0 - confidence) / 2.0, (1.0 + confidence) / 2.0], measure, stream)

    def samples(self, measure: str = "energy_twh", stream: str = "all") -> np.ndarray:
        """The draws themselves, an array (years, draws). Raises `ValueError` if there were too many to keep."""
        if not isinstance(self._tally, _Kept):
            raise ValueError(f"draws = {self.count} were counted, not kept: at most {KEPT_DRAWS} are")
        return self._tally.values[list(self._rows(measure, stream))]

    def frame(self) -> pd.DataFrame:
        """One row for each year, measure and stream: mean, median and 90 % interval."""
        parts = []
        for measure, stream in ROWS:
            low, median, high = self.quantile([0.05, 0.5, 0.95], measure, stream)
            mean = self.mean(measure, stream)
            columns = {"mean": mean, "median": median, "low": low, "high": high}
            parts.append(pd.DataFrame({"year": self.years, "measure": measure, "stream": stream, **columns}))
        return pd.concat(parts, ignore_index=True)

    def inputs(self, most: int = KEPT_DRAWS) -> dict[str, ArrayLike]:
        """The inputs of the first draws, at most so many, drawn again, each on the scale of its kind."""
        size = min(self.count, most)
        z = drawn(copy.deepcopy(self._sources), np.empty((len(self._sources), size)))
        return at_normals(self.scenario, z)


def simulate(
    scenario: Scenario,
    *,
    draws: int,
    rng: np.random.Generator,
    years: Sequence[float] | None = None,
    chunk: int = CHUNK_DRAWS,
) -> Draws:
    """Draw every doubtful input of the scenario `draws` times and evaluate each of `years` (all, unless given).

    The result depends on the generator and on nothing else; `chunk` trades memory for speed. Raises `ValueError` for
    fewer than 1 draw, for years outside the scenario, and for anything but a numpy `Generator`.

    >>> from energy_lib.adoption import Stream
    >>> from energy_lib.factors import Lognormal
    >>> joules = Lognormal(low=0.5, high=2.0, source="an example")
    >>> answers = Stream(tokens_per_request=500, chip_j_per_token=joules, model_gain=1.0)
    >>> world = Scenario(first_year=2025, people=8e9, share_using=0.25, requests_per_day=5, frontier_share=1.0,
    ...                  frontier=answers, year_old=answers, server_overhead=1.5, pue=1.2, hardware_gain=1.3,
    ...                  software_gain=1.2)
    >>> found = simulate(world, draws=20000, rng=np.random.default_rng(1), years=[2025])
    >>> bool(abs(found.median()[0] - 0.913) < 0.01)
    True
    """
    if not isinstance(rng, np.random.Generator):
        raise ValueError(f"rng must be a numpy Generator such as numpy.random.default_rng(1), not {rng!r}")
    count, chunk = _whole("draws", draws), _whole("chunk", chunk)
    years = tuple(scenario.years if years is None else years)
    if not years:
        raise ValueError("years must hold at least one year")
    for year in years:
        scenario.elapsed(year)
    # Fixed inputs get a stream too: an input that becomes doubtful leaves the others' draws as they were.
    spawned = dict(zip(scenario.inputs, rng.spawn(len(scenario.inputs)), strict=True))
    sources = {name: spawned[name] for name in scenario.doubtful}
    fresh = copy.deepcopy(sources)
    rows = len(ROWS) * len(years)
    tally = _Kept(rows, count) if count <= KEPT_DRAWS else _Binned(rows, _spread(scenario, max(years)))
    np.empty(_LARGE_BLOCK, dtype=np.uint8)  # freed at once, for its effect
    buffers = np.empty((2, len(sources), min(chunk, count)))

    def ahead(start: int, turn: int) -> np.ndarray:
        return drawn(sources, buffers[turn, :, : max(min(chunk, count - start), 0)])

    with ThreadPoolExecutor(1) as drawer:
        coming = drawer.submit(ahead, 0, 0)
        for turn, start in enumerate(range(0, count, chunk)):
            z = coming.result()
            coming = drawer.submit(ahead, start + chunk, (turn + 1) % 2)
            _add(tally, scenario, z, years)
    return Draws(scenario, years, count, tally, fresh)


def drawn(sources: dict[str, np.random.Generator], buffer: np.ndarray) -> np.ndarray:
    """Fill each row of the buffer with the next standard normals of its source."""
    for source, row in zip(sources.values(), buffer, strict=True):
        source.standard_normal(out=row)
    return buffer


def at_normals(scenario: Scenario, z: np.ndarray) -> dict[str, ArrayLike]:
    """Every input on its scale, of which the doubtful ones, in order, stand at rows of standard normals."""
    moved = {name: given.scaled(row) for (name, given), row in zip(scenario.doubtful.items(), z, strict=True)}
    return {**scenario.medians(), **moved}


def _whole(name: str, value: int) -> int:
    checked = quantity(name, value, "draw", low=1, low_allowed=True)
    if checked.ndim or checked != int(checked):
        raise ValueError(f"{name} = {value!r} must be one whole number")
    return int(checked)


def _spread(scenario: Scenario, year: float) -> float:
    """Standard deviation of ln energy in a year, from above: shares and overheads move less than their scale does."""
    t = scenario.elapsed(year)
    weights = {name: t if name.endswith(("growth", "gain")) else 1.0 for name in scenario.doubtful}
    spreads = [weights[n] * max(given.spread_low, given.spread_high) for n, given in scenario.doubtful.items()]
    return float(np.sqrt(np.sum(np.square(spreads))))


def _add(tally: _Kept | _Binned, scenario: Scenario, z: np.ndarray, years: Sequence[float]) -> None:
    found = energy_by_year(scenario, at_normals(scenario, z), years)
    for i, of_year in enumerate(found):
        for j, row in enumerate(ROWS):
            tally.add(j * len(years) + i, of_year[row], z.shape[1])
