"""What changes a scenario's energy: its exact split into factors, the growth that efficiency cancels, and what it takes
to reach a target.

The split between two years is the logarithmic mean Divisia index (LMDI-I; Ang 2005, Energy Policy 33, 867), for each
factor k over the streams s, with L(a, b) = (a - b) / ln (a / b)::

    change of k     = sum_s L(E_s1, E_s0) ln (k_s1 / k_s0)             these add up to E_1 - E_0
    multiple of k   = exp (change of k / L(E_1, E_0))                  these multiply to E_1 / E_0

Both hold exactly: there is no residual.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from energy_lib.adoption import (
    DAYS_PER_YEAR,
    JOULE_PER_TWH,
    KINDS,
    STREAMS,
    Inputs,
    Scenario,
    factor_values,
)
from energy_lib.checks import quantity
from energy_lib.draws import Draws, simulate

USE = ("people", "share_using", "requests_per_day", "stream_share", "tokens_per_request")
EFFICIENCY = ("hardware", "software", "model", "server_overhead", "pue")
DRAWS_UNLESS_GIVEN = 20_000
_ENDS = [0.05, 0.95]


def log_mean(a: ArrayLike, b: ArrayLike) -> np.ndarray:
    """Logarithmic mean of two numbers that are not negative: (a - b) / ln (a / b), a where they are equal, and 0 where
    either is.

    >>> round(float(log_mean(2.0, 1.0)), 4), float(log_mean(3.0, 3.0)), float(log_mean(3.0, 0.0))
    (1.4427, 3.0, 0.0)
    """
    a, b = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    positive = (a > 0.0) & (b > 0.0)
    ratio = np.log(np.where(positive, a, 1.0) / np.where(positive, b, 1.0))
    slope = np.where(ratio == 0.0, 1.0, np.expm1(ratio) / np.where(ratio == 0.0, 1.0, ratio))
    return np.where(positive, b * slope, 0.0)


def split_change(before: Mapping[str, ArrayLike], after: Mapping[str, ArrayLike]) -> dict[str, np.ndarray]:
    """What each factor adds to the change of a product of factors (LMDI-I, additive).

    A factor that is 0 in one of the two accounts for all of the change, several such in equal parts: the limit.

    >>> parts = split_change({"people": 2.0, "use": 1.0}, {"people": 2.0, "use": 3.0})
    >>> {name: round(float(change), 9) for name, change in parts.items()}
    {'people': 0.0, 'use': 4.0}
    """
    start, end = (np.prod(np.broadcast_arrays(*factors.values()), axis=0) for factors in (before, after))
    # A factor that is 0 before and after moves nothing.
    both_zero = {name: (np.asarray(before[name]) == 0.0) & (np.asarray(after[name]) == 0.0) for name in before}
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = {n: np.where(both_zero[n], 0.0, np.log(after[n]) - np.log(before[n])) for n in before}
    endless = sum(np.isinf(log).astype(float) for log in logs.values())
    mean = log_mean(end, start)
    limit = (end - start) / np.maximum(endless, 1.0)
    finite = {name: mean * np.where(np.isinf(log), 0.0, log) for name, log in logs.items()}
    return {name: np.where(endless > 0, np.where(np.isinf(logs[name]), limit, 0.0), finite[name]) for name in logs}


def _factors_by_stream(scenario: Scenario, inputs: Inputs, year: float) -> dict[str, dict[str, np.ndarray]]:
    values = factor_values(scenario, inputs, year)
    unit = {"unit": np.float64(DAYS_PER_YEAR / JOULE_PER_TWH)}
    return {stream: {**values["both"], **values[stream], **unit} for stream in STREAMS}


def _twh(factors: Mapping[str, ArrayLike]) -> np.ndarray:
    return np.prod(np.broadcast_arrays(*factors.values()), axis=0)


def _years(scenario: Scenario, year0: float | None, year1: float | None) -> tuple[float, float]:
    year0 = scenario.first_year if year0 is None else year0
    year1 = scenario.last_year if year1 is None else year1
    scenario.elapsed(year0), scenario.elapsed(year1)
    if not year0 < year1:
        raise ValueError(f"year1 = {year1} must be after year0 = {year0}")
    return year0, year1


def decompose(source: Scenario | Draws, year0: float | None = None, year1: float | None = None) -> pd.DataFrame:
    """The change in TWh from `year0` to `year1` (first and last, unless given), split exactly into its factors.

    Rows: the factors. Columns: `frontier_twh` and `year_old_twh`, what the factor changes in either stream;
    `change_twh`, their sum, which adds up to the change of energy; `multiple`, which multiplies to the energies' ratio.
    Of a `Scenario` all factors are at their medians. Of `Draws` the changes are means and the multiples geometric means
    (so that both still add up and multiply) over the first 100 000 draws, with 90 % intervals in `change_low_twh`,
    `change_high_twh`, `multiple_low` and `multiple_high`. Raises `ValueError` for years outside the scenario or in
    the wrong order, and for a year without any energy.
    """
    scenario, inputs = _inputs(source)
    year0, year1 = _years(scenario, year0, year1)
    before, after = (_factors_by_stream(scenario, inputs, year) for year in (year0, year1))
    parts = {stream: split_change(before[stream], after[stream]) for stream in STREAMS}
    totals = [sum(_twh(factors) for factors in at.values()) for at in (before, after)]
    for year, total in zip((year0, year1), totals, strict=True):
        if not np.all(total > 0.0):
            raise ValueError(f"there is no energy in {year:g}: no multiple leads from or to it")
    mean = log_mean(totals[1], totals[0])
    rows = []
    for factor in (*USE, *EFFICIENCY):
        of_streams = [parts[stream][factor] for stream in STREAMS]
        change = of_streams[0] + of_streams[1]
        logs = change / mean
        row = {"factor": factor, "frontier_twh": np.mean(of_streams[0]), "year_old_twh": np.mean(of_streams[1])}
        row.update(change_twh=np.mean(change), multiple=np.exp(np.mean(logs)))
        if isinstance(source, Draws):
            row["change_low_twh"], row["change_high_twh"] = np.quantile(change, _ENDS)
            row["multiple_low"], row["multiple_high"] = np.exp(np.quantile(logs, _ENDS))
        rows.append(row)
    return pd.DataFrame(rows)


def _inputs(source: Scenario | Draws) -> tuple[Scenario, Inputs]:
    return (source.scenario, source.inputs()) if isinstance(source, Draws) else (source, source.medians())


@dataclass(frozen=True)
class BreakEven:
    """Growth of use, as a factor a year: the one that efficiency cancels and the scenario's own, with 90 % intervals,
    and the share of draws in which use outgrows efficiency."""

    factor_per_year: float
    low: float
    high: float
    use_factor_per_year: float
    use_low: float
    use_high: float
    probability_use_outgrows: float


def break_even(source: Scenario | Draws, year0: float | None = None, year1: float | None = None) -> BreakEven:
    """The growth of use that efficiency cancels from `year0` to `year1` (first and last, unless given)::

        break-even = (E_0 / E with the use of year0 and the efficiency of year1)^(1 / years)
        use        = (E_1 / E with the use of year0 and the efficiency of year1)^(1 / years)

    Use is people, shares, requests and tokens; efficiency is gains, server overhead and PUE. If use in both streams
    grows by the break-even factor, energy stays as it is. Medians and 90 % intervals over draws; of a `Scenario`, over
    20 000 draws from a generator of its own, the same every time.

    >>> from energy_lib.adoption import Stream
    >>> answers = Stream(tokens_per_request=500, chip_j_per_token=1.0, model_gain=1.0)
    >>> world = Scenario(first_year=2025, people=8e9, share_using=0.25, requests_per_day=5, frontier_share=0.5,
    ...                  frontier=answers, year_old=answers, server_overhead=1.5, pue=1.2, hardware_gain=1.25,
    ...                  software_gain=1.2)
    >>> round(break_even(world).factor_per_year, 9)
    1.5
    """
    if isinstance(source, Scenario):
        rng = np.random.default_rng(0)
        source = simulate(source, draws=DRAWS_UNLESS_GIVEN, rng=rng, years=[source.first_year])
    scenario, inputs = _inputs(source)
    year0, year1 = _years(scenario, year0, year1)
    before, after = (_factors_by_stream(scenario, inputs, year) for year in (year0, year1))
    same_use = {s: {**before[s], **{name: after[s][name] for name in EFFICIENCY}} for s in STREAMS}
    start, end, saved = (sum(_twh(factors) for factors in at.values()) for at in (before, after, same_use))
    if not np.all(saved > 0.0):
        raise ValueError(f"there is no energy in {year0:g}: nothing can break even")
    power = 1.0 / (year1 - year0)
    even, use = (start / saved) ** power, (end / saved) ** power
    low, middle, high = np.quantile(even, [0.05, 0.5, 0.95])
    use_low, use_middle, use_high = np.quantile(use, [0.05, 0.5, 0.95])
    ends = map(float, (middle, low, high, use_middle, use_low, use_high, np.mean(use > even)))
    return BreakEven(*ends)


def needed_for(scenario: Scenario, target_twh: float, year: float) -> pd.DataFrame:
    """What each factor alone would have to be in `year` for the scenario to take `target_twh`, the others at medians.

    Columns: `factor` and `stream` ("both" or one), `value` in that year, `needed`, `multiple` = needed / value, and
    `reachable`: false where a share would pass 1, an overhead fall below 1, or the other stream alone takes more than
    the target (NaN). Gains count as the factor of joules since the first year. Raises `ValueError` for a target that is
    not positive and a year outside the scenario.

    >>> from energy_lib.adoption import Stream
    >>> answers = Stream(tokens_per_request=500, chip_j_per_token=1.0, model_gain=1.0)
    >>> world = Scenario(first_year=2025, people=8e9, share_using=0.25, requests_per_day=5, frontier_share=0.5,
    ...                  frontier=answers, year_old=answers, server_overhead=1.5, pue=1.2, hardware_gain=1.25,
    ...                  software_gain=1.2)
    >>> table = needed_for(world, 9.13125, 2025).set_index("factor")
    >>> round(float(table.loc["requests_per_day", "needed"]), 6), bool(table.loc["share_using", "reachable"])
    (50.0, False)
    """
    target = float(quantity("target_twh", target_twh, "TWh"))
    values = factor_values(scenario, scenario.medians(), year)
    energy = {s: float(_twh(f)) for s, f in _factors_by_stream(scenario, scenario.medians(), year).items()}
    whole = sum(energy.values())
    rows = [
        _needed(name, "both", float(value), target / whole if whole else np.nan)
        for name, value in values["both"].items()
    ]
    for stream in STREAMS:
        left = target - (whole - energy[stream])
        multiple = left / energy[stream] if left > 0.0 and energy[stream] > 0.0 else np.nan
        own = {name: float(value) for name, value in values[stream].items() if name != "stream_share"}
        rows += [_needed(name, stream, value, multiple) for name, value in own.items()]
    share = {stream: float(values[stream]["stream_share"]) for stream in STREAMS}
    if min(share.values()) > 0.0:
        each = {stream: energy[stream] / share[stream] for stream in STREAMS}  # if all requests went to it
        gap = each["frontier"] - each["year_old"]
        needed = (target - each["year_old"]) / gap if gap else np.nan
        rows.append(_needed("frontier_share", "frontier", share["frontier"], needed / share["frontier"]))
    return pd.DataFrame(rows)


def _needed(name: str, stream: str, value: float, multiple: float) -> dict:
    needed = value * multiple
    lowest, highest = {"share": (0.0, 1.0), "overhead": (1.0, np.inf)}.get(KINDS.get(name), (0.0, np.inf))
    reachable = bool(lowest <= needed <= highest)
    return {
        "factor": name,
        "stream": stream,
        "value": value,
        "needed": needed,
        "multiple": multiple,
        "reachable": reachable,
    }


def halved(scenario: Scenario, year: float) -> pd.DataFrame:
    """TWh that halving each factor alone saves in `year`, the others at their medians, and as a share of the whole.

    Columns: `factor`, `stream`, `saved_twh`, `saved_share`. Of overheads what exceeds 1 is halved; requests taken from
    the frontier go to year-old models.
    """
    medians = scenario.medians()
    factors = _factors_by_stream(scenario, medians, year)
    whole = sum(float(_twh(of_stream)) for of_stream in factors.values())
    rows = []
    for name in factors["frontier"]:
        both = name in factor_values(scenario, medians, year)["both"]
        if name in ("unit", "stream_share"):
            continue
        for stream in ("both",) if both else STREAMS:
            changed = {}
            for s in STREAMS:
                value = float(factors[s][name])
                less = (1.0 + value) / 2.0 if KINDS.get(name) == "overhead" else value / 2.0
                changed[s] = {**factors[s], name: less if stream in ("both", s) else value}
            rows.append((name, stream, whole - sum(float(_twh(f)) for f in changed.values())))
    half = float(factors["frontier"]["stream_share"]) / 2.0
    moved = {"frontier": half, "year_old": 1.0 - half}
    after = sum(float(_twh({**factors[s], "stream_share": moved[s]})) for s in STREAMS)
    rows.append(("frontier_share", "frontier", whole - after))
    table = pd.DataFrame(rows, columns=["factor", "stream", "saved_twh"])
    return table.assign(saved_share=table["saved_twh"] / whole if whole else np.nan)
