"""Electricity of AI from above, twice: from the chips that were installed, and from statistics of data centres.

    chips       TWh = installed TDP x all chips / those counted x mean draw / TDP x server overhead x PUE x 8766 h
    statistics  TWh = electricity of data centres in 2024 x share of AI servers x growth of AI since

and, of both, the share of inference, which is one judgement for the two: they are independent but for it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from energy_lib import datasets
from energy_lib.checks import quantity
from energy_lib.factors import Factor, Fixed, Input, Lognormal
from energy_lib.judgements import judgement
from energy_lib.trends import fit_growth
from energy_lib.units import HOURS_PER_YEAR
from energy_lib.world_joules import pue, server_overhead

YEARS = (2024, 2025, 2026)
DRAWS = 50_000
TREND_QUARTERS = 5  # the ends of a year: before 2024 some makers were not counted
SHARE_YEAR = 2024  # of the judgement of AI's share of data-centre electricity
METHODS = {
    "chips": "Epoch AI's count of chips x TDP (table ai_chips_installed), judgements, IEA PUE",
    "statistics": "IEA electricity of data centres (table datacentre_electricity), judgements",
}
_MW_PER_GW = 1000.0
_GW_H_PER_TWH = 1000.0


def chips_electricity_twh(
    tdp_gw: ArrayLike, draw_over_tdp: ArrayLike, server_overhead: ArrayLike, pue: ArrayLike
) -> np.ndarray:
    """Electricity in TWh a year, at the facility, of installed chips of `tdp_gw` in all. Arguments broadcast.

    Raises `ValueError` for values out of range.

    >>> float(chips_electricity_twh(11.5, 0.6, 1.5, 1.2).round())
    109.0
    """
    power = quantity("tdp_gw", tdp_gw, "GW") * quantity("draw_over_tdp", draw_over_tdp, "(ratio)", high=1.0)
    server = quantity("server_overhead", server_overhead, "(ratio)", low=1.0, low_allowed=True)
    facility = quantity("pue", pue, "(ratio)", low=1.0, low_allowed=True)
    return power * server * facility * HOURS_PER_YEAR / _GW_H_PER_TWH


def installed_power() -> pd.DataFrame:
    """TDP in GW of the chips counted at the end of each complete quarter, as `low`, `median` and `high`.

    The ends add up the 5 and 95 % of every chip, as if all counts erred alike: wider than the truth, if anything.
    Source: table `ai_chips_installed`.

    >>> round(float(installed_power()["median"].iloc[-1]), 1)
    11.5
    """
    table = datasets.load("ai_chips_installed").query("not incomplete_quarter")
    gigawatt = table["tdp_total_MW_median"] / _MW_PER_GW
    ends = {
        name: gigawatt * table[f"units_{p}"] / table["units_median"] for name, p in (("low", "p5"), ("high", "p95"))
    }
    frame = pd.DataFrame({"low": ends["low"], "median": gigawatt, "high": ends["high"]})
    return frame.groupby(table["date"]).sum().reset_index()


def mean_power(year: int) -> Lognormal:
    """Mean TDP in GW over a year: of the counts at the ends of its quarters and of the one before; after the last
    complete count, the trend of the last five, in the middle of the year, with the trend's doubt added."""
    quarters = installed_power()
    source = METHODS["chips"]
    last = quarters["date"].iloc[-1]
    of_year = quarters[(quarters["date"] >= pd.Timestamp(year - 1, 12, 31)) & (quarters["date"].dt.year <= year)]
    if len(of_year) == 5:
        weights = np.array([0.125, 0.25, 0.25, 0.25, 0.125])
        ends = {name: float(weights @ of_year[name]) for name in ("low", "median", "high")}
        return Lognormal(**ends, source=source)
    if year != last.year + 1:
        raise ValueError(f"year = {year}: chips are counted to {last.date()}, and carried on for one year")
    growth = fit_growth(
        quarters["date"].iloc[-TREND_QUARTERS:], quarters["median"].iloc[-TREND_QUARTERS:], confidence=0.9
    )
    middle = float(growth.at(year + 0.5))
    band = [float(end) for end in growth.band(year + 0.5)]
    counted = quarters.iloc[-1]
    low, high = (
        middle * np.exp(sign * np.hypot(np.log(end / middle), np.log(counted[name] / counted["median"])))
        for sign, end, name in ((-1.0, band[0], "low"), (1.0, band[1], "high"))
    )
    return Lognormal(low=float(low), median=middle, high=float(high), source=f"trend of {source}")


def _statistics_factors(year: int) -> dict[str, tuple[Factor, str]]:
    table = datasets.load("datacentre_electricity")
    rows = table[(table["region"] == "World") & (table["segment"] == "all data centres")]
    rows = rows[(rows["boundary"] == "facility") & (rows["metric"] == "electricity consumption")]
    rows = rows[(rows["dataset"] == "IEA_EnergyAI_2025") & (rows["year"] == SHARE_YEAR)]
    growth, since = judgement("ai_growth"), year - SHARE_YEAR
    grown = Fixed(1.0, "the year of the share")
    if since:
        ends = {name: getattr(growth, name) ** since for name in ("low", "median", "high")}
        grown = Lognormal(**ends, source=growth.source)
    return {
        "data_centres_twh": (Fixed(float(rows["value"].item()), METHODS["statistics"]), "positive"),
        "ai_share": (judgement("ai_share_2024"), "share"),
        "growth": (grown, "positive"),
    }


def _chips_factors(year: int) -> dict[str, tuple[Factor, str]]:
    return {
        "tdp_gw": (mean_power(year), "positive"),
        "chips_counted": (judgement("chips_counted"), "overhead"),
        "draw_over_tdp": (judgement("draw_over_tdp"), "share"),
        "server_overhead": (server_overhead(), "overhead"),
        "pue": (pue(year).start, "overhead"),
    }


def _drawn(factors: Mapping[str, tuple[Factor, str]], rng: np.random.Generator) -> dict[str, np.ndarray]:
    given = {name: Input.of(name, factor, kind) for name, (factor, kind) in factors.items()}
    return {name: one.values(rng.standard_normal(DRAWS)) for name, one in given.items()}


def top_down(years: Sequence[int] = YEARS, *, rng: np.random.Generator) -> pd.DataFrame:
    """Electricity of all AI and of its inference in TWh a year, by both methods, with 90 % intervals.

    Columns: `year`, `method` (`chips`, `statistics`), `quantity` (`AI`, `AI inference`), `low`, `median`, `high`,
    `source`. What is drawn is independent, but that the share of inference is the same draw in both methods.

    >>> frame = top_down([2025], rng=np.random.default_rng(1))
    >>> frame["method"].tolist()
    ['chips', 'chips', 'statistics', 'statistics']
    """
    rows = []
    for year in years:
        share = _drawn({"inference_share": (judgement("inference_share"), "share")}, rng)["inference_share"]
        chips, statistics = (_drawn(factors(year), rng) for factors in (_chips_factors, _statistics_factors))
        counted = chips.pop("chips_counted")
        found = {
            "chips": counted * chips_electricity_twh(**chips),
            "statistics": np.prod(np.broadcast_arrays(*statistics.values()), axis=0),
        }
        for method, twh in found.items():
            for name, value in (("AI", twh), ("AI inference", twh * share)):
                low, median, high = np.quantile(value, [0.05, 0.5, 0.95])
                ends = {"low": low, "median": median, "high": high}
                rows.append({"year": year, "method": method, "quantity": name, **ends, "source": METHODS[method]})
    return pd.DataFrame(rows)


def agreement(frame: pd.DataFrame, quantity_name: str = "AI") -> pd.DataFrame:
    """For each year, whether the two methods' intervals overlap, and how many times chips are above statistics.

    The interval of the ratio adds the two half-widths in quadrature on the logarithm. Columns: `year`, `overlap`,
    `ratio`, `low`, `high`.
    """
    rows = frame[frame["quantity"] == quantity_name].set_index(["year", "method"])
    found = []
    for year in rows.index.unique("year"):
        chips, statistics = rows.loc[(year, "chips")], rows.loc[(year, "statistics")]
        ratio = chips["median"] / statistics["median"]
        down = np.hypot(np.log(chips["median"] / chips["low"]), np.log(statistics["high"] / statistics["median"]))
        up = np.hypot(np.log(chips["high"] / chips["median"]), np.log(statistics["median"] / statistics["low"]))
        overlap = bool(chips["low"] <= statistics["high"] and statistics["low"] <= chips["high"])
        ends = {"low": ratio * np.exp(-down), "high": ratio * np.exp(up)}
        found.append({"year": year, "overlap": overlap, "ratio": ratio, **ends})
    return pd.DataFrame(found)
