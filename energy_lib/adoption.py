"""What adoption multiplies the energy of an answer to: a scenario of factors, each with its source and its doubt.

For the year t years after the first, and for each of two streams of requests (the frontier, and models a year old)::

    J/year = people x share who use x requests a person a day x 365.25 x share of the stream
             x tokens a request x chip joules a token / (hardware gain x software gain x model gain)^t
             x server overhead x PUE

Boundary: chip joules x server overhead (the machine at the wall over its chips) x PUE (the facility over its machines).
All factors are independent but those that both streams share. `draws` simulates, `change` takes changes apart,
`sensitivity` asks which factor matters.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from energy_lib.checks import quantity
from energy_lib.factors import Factor, Fixed, Input, Path, as_factor, as_path
from energy_lib.units import DAYS_PER_YEAR, JOULE_PER_KWH, SECONDS_PER_DAY

STREAMS = ("frontier", "year_old")
SECONDS_PER_YEAR = SECONDS_PER_DAY * DAYS_PER_YEAR
JOULE_PER_TWH = JOULE_PER_KWH * 1e9
# Kinds of the paths: see `factors`. What is not listed is positive.
KINDS = {"share_using": "share", "frontier_share": "share", "server_overhead": "overhead", "pue": "overhead"}
# The factors that are exponentials of time: the input that they start from, if any, and the one that moves them.
EXPONENTIAL = {
    "people": ("people", "people.growth"),
    "requests_per_day": ("requests_per_day", "requests_per_day.growth"),
    "estimate_error": ("estimate_error", None),
    "hardware": (None, "hardware_gain"),
    "software": (None, "software_gain"),
}
EXPONENTIAL_OF_STREAM = {
    "tokens_per_request": ("tokens_per_request", "tokens_per_request.growth"),
    "chip_j_per_token": ("chip_j_per_token", None),
    "model": (None, "model_gain"),
}
NO_SHARED_ERROR = Fixed(1.0, "none beside each stream's own")

Inputs = Mapping[str, ArrayLike]  # every input of a scenario on the scale of its kind


@dataclass(frozen=True, kw_only=True)
class Stream:
    """One stream of requests: tokens that an answer writes, joules of the chips for each in the scenario's first year,
    and the factor a year by which other models take fewer joules for a token (below 1 where models grow)."""

    tokens_per_request: Path | Factor | float
    chip_j_per_token: Factor | float
    model_gain: Factor | float

    def __post_init__(self) -> None:
        object.__setattr__(self, "tokens_per_request", as_path(self.tokens_per_request))
        object.__setattr__(self, "chip_j_per_token", as_factor(self.chip_j_per_token))
        object.__setattr__(self, "model_gain", as_factor(self.model_gain))


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """How much AI is used and what it takes, from `first_year` to `last_year`.

    A number stands for a factor that the reader sets; `Fixed`, `Lognormal` and `Path` (a factor and its growth) carry a
    source. Gains are factors a year by which the joules of a token fall. `estimate_error` is the doubt, a factor around
    1, that the joules of both streams share. Raises `ValueError` with the name and the allowed range.

    >>> answers = Stream(tokens_per_request=500, chip_j_per_token=1.0, model_gain=1.0)
    >>> world = Scenario(first_year=2025, people=8e9, share_using=Path(0.1, growth=1.5), requests_per_day=5,
    ...                  frontier_share=0.5, frontier=answers, year_old=answers, server_overhead=1.5, pue=1.2,
    ...                  hardware_gain=1.3, software_gain=1.2)
    >>> world.years
    (2025, 2026, 2027, 2028, 2029, 2030)
    """

    first_year: int
    people: Path | Factor | float
    share_using: Path | Factor | float
    requests_per_day: Path | Factor | float
    frontier_share: Path | Factor | float
    frontier: Stream
    year_old: Stream
    server_overhead: Path | Factor | float
    pue: Path | Factor | float
    hardware_gain: Factor | float
    software_gain: Factor | float
    estimate_error: Factor | float = NO_SHARED_ERROR
    last_year: int = 2030

    def __post_init__(self) -> None:
        for name in ("people", "share_using", "requests_per_day", "frontier_share", "server_overhead", "pue"):
            object.__setattr__(self, name, as_path(getattr(self, name)))
        for name in ("hardware_gain", "software_gain", "estimate_error"):
            object.__setattr__(self, name, as_factor(getattr(self, name)))
        for name in STREAMS:
            if not isinstance(getattr(self, name), Stream):
                raise ValueError(f"{name} must be a Stream(...), not {getattr(self, name)!r}")
        for name in ("first_year", "last_year"):
            year = getattr(self, name)
            quantity(name, year, "year", low=2000, high=2100, low_allowed=True)
            if year != int(year):
                raise ValueError(f"{name} = {year} must be a whole year")
        if self.last_year < self.first_year:
            raise ValueError(f"last_year = {self.last_year} must not be before first_year = {self.first_year}")
        _ = self.inputs  # checks every value against its range

    @property
    def years(self) -> tuple[int, ...]:
        return tuple(range(self.first_year, self.last_year + 1))

    @cached_property
    def inputs(self) -> dict[str, Input]:
        """Every number of the scenario by name, always the same names in the same order."""
        return {name: Input.of(name, factor, kind) for name, factor, kind in self._listed()}

    def _listed(self) -> Iterator[tuple[str, Factor, str]]:
        for owner, prefix in ((self, ""), *((getattr(self, name), f"{name}.") for name in STREAMS)):
            for field in fields(owner):
                value = getattr(owner, field.name)
                name = prefix + field.name
                if isinstance(value, Path):
                    yield name, value.start, KINDS.get(name, "positive")
                    yield f"{name}.growth", value.growth, "positive"
                elif not isinstance(value, (int, float, Stream)):
                    yield name, value, "positive"

    @cached_property
    def doubtful(self) -> dict[str, Input]:
        """The inputs that are drawn."""
        return {name: given for name, given in self.inputs.items() if given.doubtful}

    def medians(self) -> dict[str, float]:
        """Every input at its median, on the scale of its kind: what `factor_values` takes."""
        return {name: given.middle for name, given in self.inputs.items()}

    def elapsed(self, year: float) -> float:
        """Years from the first to `year`. Raises `ValueError` for a year before the first or after the last."""
        quantity("year", year, "year", low=self.first_year, high=self.last_year, low_allowed=True)
        return float(year) - self.first_year


def _of_stream(stream: str) -> dict[str, tuple[str | None, str | None]]:
    named = {name: [part and f"{stream}.{part}" for part in pair] for name, pair in EXPONENTIAL_OF_STREAM.items()}
    return {name: tuple(pair) for name, pair in named.items()}


def _line(inputs: Inputs, terms: tuple[str | None, str | None]) -> tuple[ArrayLike, ArrayLike]:
    """Start and slope of a factor on its scale. A gain makes joules fall."""
    start, growth = terms
    slope = 0.0 if growth is None else -inputs[growth] if growth.endswith("gain") else inputs[growth]
    return (0.0 if start is None else inputs[start]), slope


class _Moving:
    """exp(start + t slope) at one t after another, by multiplication in place, several times faster than exponentials.

    What `at` returns holds until it is called again."""

    def __init__(self, start: ArrayLike, slope: ArrayLike) -> None:
        self.start, self.slope, self.t, self.steps = start, slope, None, {}

    def at(self, t: float) -> np.ndarray:
        if self.t is None:
            self.value = np.exp(self.start + t * self.slope)
        else:
            gap = t - self.t
            if gap not in self.steps:
                self.steps[gap] = np.exp(gap * self.slope)
            self.value *= self.steps[gap]
        self.t = t
        return self.value


class _Bounded:
    """Shares and overheads at one t after another; the streams' shares under the streams' names."""

    def __init__(self, inputs: Inputs) -> None:
        with np.errstate(over="ignore"):
            lines = {name: (inputs[name], inputs[f"{name}.growth"]) for name in KINDS}
            signs = {name: -1.0 if kind == "share" else 1.0 for name, kind in KINDS.items()}
            self.moving = {name: _Moving(signs[name] * a, signs[name] * b) for name, (a, b) in lines.items()}

    def at(self, t: float) -> dict[str, np.ndarray]:
        with np.errstate(over="ignore"):  # a share of 0 has infinite odds against it
            one_plus = {name: 1.0 + moving.at(t) for name, moving in self.moving.items()}
        values = {name: 1.0 / one_plus[name] if kind == "share" else one_plus[name] for name, kind in KINDS.items()}
        return {**values, "frontier": values["frontier_share"], "year_old": 1.0 - values["frontier_share"]}


def factor_values(scenario: Scenario, inputs: Inputs, year: float) -> dict[str, dict[str, np.ndarray]]:
    """The factors of a year, in units of their names: those of `"both"` streams, and those of each stream.

    The energy of a stream in joules a year is 365.25 times the product of its own factors and of those of both.
    `inputs` are on the scale of their kinds, such as `Scenario.medians()`, and may be arrays that broadcast.

    >>> answers = Stream(tokens_per_request=500, chip_j_per_token=1.0, model_gain=1.0)
    >>> world = Scenario(first_year=2025, people=8e9, share_using=0.25, requests_per_day=5, frontier_share=0.5,
    ...                  frontier=answers, year_old=answers, server_overhead=1.5, pue=1.2, hardware_gain=1.25,
    ...                  software_gain=1.2)
    >>> round(float(factor_values(world, world.medians(), 2026)["both"]["hardware"]), 4)
    0.8
    """
    t = scenario.elapsed(year)
    bounded = _Bounded(inputs).at(t)

    def exponentials(terms: Mapping[str, tuple]) -> dict[str, np.ndarray]:
        lines = {name: _line(inputs, pair) for name, pair in terms.items()}
        return {name: np.exp(start + t * slope) for name, (start, slope) in lines.items()}

    both = {**exponentials(EXPONENTIAL), **{name: bounded[name] for name in KINDS if name != "frontier_share"}}
    own = {s: {"stream_share": bounded[s], **exponentials(_of_stream(s))} for s in STREAMS}
    return {"both": both, **own}


def energy_by_year(
    scenario: Scenario, inputs: Inputs, years: Sequence[float]
) -> Iterator[dict[tuple[str, str], np.ndarray]]:
    """`energy_twh` at the facility and `watt_per_person` (over all people, users or not) of each year, each of `"all"`
    and of either stream, by pairs of names::

        W/person = J/year / (86400 x 365.25) / people

    The product of `factor_values`, with the exponentials of time multiplied before they are taken.

    >>> answers = Stream(tokens_per_request=500, chip_j_per_token=1.0, model_gain=1.0)
    >>> world = Scenario(first_year=2025, people=8e9, share_using=0.25, requests_per_day=5, frontier_share=0.5,
    ...                  frontier=answers, year_old=answers, server_overhead=1.5, pue=1.2, hardware_gain=1.3,
    ...                  software_gain=1.2)
    >>> found = next(energy_by_year(world, world.medians(), [2025]))
    >>> round(float(found["energy_twh", "all"]), 4), round(float(found["watt_per_person", "all"]), 5)
    (0.9131, 0.01302)
    """
    shared = [_line(inputs, pair) for pair in EXPONENTIAL.values()]
    start = sum((line[0] for line in shared), np.log(DAYS_PER_YEAR / JOULE_PER_TWH))
    slope = sum(line[1] for line in shared)
    own = {s: [_line(inputs, pair) for pair in _of_stream(s).values()] for s in STREAMS}
    streams = {
        s: _Moving(sum((line[0] for line in own[s]), start), sum((line[1] for line in own[s]), slope)) for s in STREAMS
    }
    people, people_growth = _line(inputs, EXPONENTIAL["people"])
    watt_per_twh = _Moving(np.log(JOULE_PER_TWH / SECONDS_PER_YEAR) - people, -people_growth)
    moving = _Bounded(inputs)
    for year in years:
        t = scenario.elapsed(year)
        bounded = moving.at(t)
        common = bounded["share_using"] * bounded["server_overhead"] * bounded["pue"]
        twh = {s: streams[s].at(t) * (common * bounded[s]) for s in STREAMS}
        twh = {"all": twh["frontier"] + twh["year_old"], **twh}
        per_person = watt_per_twh.at(t)
        watts = {("watt_per_person", series): value * per_person for series, value in twh.items()}
        yield {**{("energy_twh", series): value for series, value in twh.items()}, **watts}
