"""The world scenario beside what others estimate and forecast, and what its draws share where they run high."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from energy_lib import datasets
from energy_lib.adoption import STREAMS, Scenario
from energy_lib.checks import quantity
from energy_lib.draws import Draws, simulate
from energy_lib.factors import UNSCALED, Input, Lognormal
from energy_lib.units import HOURS_PER_YEAR, kcal_per_day_to_watt
from energy_lib.world import world_scenario

DRAWS, SEED = 50_000, 2026
HOUSEHOLD = "Dwelling in the European Union, one day"  # how its item of the table `everyday_energy` begins
ENDS = (0.05, 0.5, 0.95)
PLAIN = {
    "people": "people",
    "share_using": "share who use AI",
    "requests_per_day": "requests a user",
    "frontier_share": "frontier share",
    "stream_share": "which models are asked",
    "server_overhead": "server over its chips",
    "pue": "PUE",
    "hardware_gain": "hardware gain",
    "software_gain": "software gain",
    "hardware": "joules by hardware",
    "software": "joules by software",
    "model": "joules by models",
    "estimate_error": "fleets over bench",
    "tokens_per_request": "tokens a request",
    "chip_j_per_token": "joules a token",
    "model_gain": "model gain",
}
STREAM_WORDS = {"frontier": "frontier", "year_old": "year-old", "both": ""}


def plain(name: str, stream: str = "both") -> str:
    """An input or factor of a scenario in plain words.

    >>> plain("frontier.tokens_per_request.growth"), plain("model", "year_old")
    ('growth of tokens a request, frontier', 'joules by models, year-old')
    """
    if name == "frontier_share":  # one input, whichever stream it is listed under
        stream = "both"
    parts = name.split(".")
    if parts[0] in STREAMS:
        stream, parts = parts[0], parts[1:]
    words = f"growth of {PLAIN[parts[0]]}" if parts[-1] == "growth" else PLAIN[parts[0]]
    return ", ".join(filter(None, (words, STREAM_WORDS[stream])))


def label(name: str, stream: str = "both") -> str:
    """The same for a chart, where a comma breaks the line.

    >>> label("frontier.tokens_per_request.growth"), label("pue.growth"), label("pue")
    ('tokens a request, frontier growth', 'PUE, growth', 'PUE')
    """
    words = plain(name, stream)
    if not words.startswith("growth of "):
        return words
    head, _, of_stream = words.removeprefix("growth of ").partition(", ")
    return f"{head}, {' '.join(filter(None, (of_stream, 'growth')))}"


def draws_of(scenario: Scenario, years: Sequence[float] | None = None) -> Draws:
    """The draws that the book shows of a scenario: always the same."""
    return simulate(scenario, draws=DRAWS, rng=np.random.default_rng(SEED), years=years)


def bottom_up(years: Sequence[int]) -> pd.DataFrame:
    """TWh of each year by the scenario that starts there from that year's own disclosures, of all and of each stream.

    Columns: `year`, `stream`, `low`, `median`, `high` (90 %).
    """
    rows = []
    for year in years:
        found = draws_of(world_scenario(year), [year])
        for stream in ("all", *STREAMS):
            low, median, high = found.quantile(ENDS, stream=stream)[:, 0]
            rows.append({"year": year, "stream": stream, "low": low, "median": median, "high": high})
    return pd.DataFrame(rows)


def foretold(from_year: int, years: Sequence[int]) -> pd.DataFrame:
    """How far the scenario that starts in `from_year` foretold later years, as their own disclosures give them.

    Columns: `year`, `foretold`, `low`, `high` (90 %), `found`, the median of the year's own scenario, `error_factor` =
    foretold / found, and `inside`.
    """
    low, median, high = draws_of(world_scenario(from_year), years).quantile(ENDS)
    own = bottom_up(years).query("stream == 'all'")["median"].to_numpy()
    frame = pd.DataFrame({"year": list(years), "foretold": median, "low": low, "high": high, "found": own})
    inside = (frame["low"] <= frame["found"]) & (frame["found"] <= frame["high"])
    return frame.assign(error_factor=frame["foretold"] / frame["found"], inside=inside)


def anchored(draws: Draws, low: float, median: float, high: float) -> pd.DataFrame:
    """The growth of the draws, year by year, from another level of their first year with its 90 % interval.

    Columns: `year`, `low`, `median`, `high`. The level and the growth are independent.
    """
    level = Input.of("level", Lognormal(low=low, median=median, high=high, source="another estimate"), "positive")
    samples = draws.samples()
    start = level.values(np.random.default_rng(SEED).standard_normal(samples.shape[1]))
    ends = np.quantile(start * samples / samples[0], ENDS, axis=1)
    return pd.DataFrame({"year": draws.years, **dict(zip(("low", "median", "high"), ends, strict=True))})


def iea_cases(year: int = 2030) -> pd.Series:
    """TWh of all data centres of the world in the IEA's cases of 2025. Source: table `datacentre_electricity`.

    >>> iea_cases().to_dict()
    {'Base': 946.0, 'Lift-Off': 1264.0, 'High Efficiency': 792.0, 'Headwinds': 669.0}
    """
    table = datasets.load("datacentre_electricity").query(
        "dataset == 'IEA_EnergyAI_2025' and region == 'World' and segment == 'all data centres'"
        " and boundary == 'facility' and metric == 'electricity consumption' and year == @year"
    )
    return table.set_index("scenario")["value"].rename("twh")


def reviewed_forecasts(year: int = 2030) -> pd.DataFrame:
    """Forecasts of all data centres of the world for a year, as reviewed in 2022: `source`, `published`, `scenario` and
    `twh`. Source: Mytton and Ashtine 2022, table `datacentre_electricity`.

    >>> frame = reviewed_forecasts()
    >>> float(frame["twh"].min()), float(frame["twh"].max())
    (146.0, 8253.0)
    """
    table = datasets.load("datacentre_electricity").query(
        "dataset == 'Mytton_Ashtine_2022_review' and region == 'Global' and year == @year"
    )
    found = table[["source", "published", "scenario", "value"]].rename(columns={"value": "twh"})
    return found.sort_values(["twh", "source", "scenario"], ignore_index=True)


def household_kwh() -> float:
    """Electricity of a mean dwelling of the European Union in a year, kWh. Source: table `everyday_energy`.

    >>> round(household_kwh())
    3600
    """
    table = datasets.load("everyday_energy")
    wh_per_day = table.loc[table["item"].str.startswith(HOUSEHOLD), "wh"].item()
    return float(wh_per_day) * HOURS_PER_YEAR / 24.0 / 1000.0


def levels_w(kcal_per_day: float, household_kwh: float) -> pd.Series:
    """Watts to hold a use a person against: a body on that diet, a household's electricity, and electricity and all
    energy of the average person in the last year known. Source: table `electricity_by_country`."""
    last = _last_year_of_the_world()
    return pd.Series(
        {
            "a body": float(kcal_per_day_to_watt(kcal_per_day)),
            "a household's electricity": 1000.0 * float(household_kwh) / HOURS_PER_YEAR,
            "all electricity, a person": 1000.0 * float(last["per_capita_kWh"]) / HOURS_PER_YEAR,
            "all energy, a person": float(last["energy_per_capita_W"]),
        }
    )


def world_electricity_twh() -> tuple[int, float]:
    """Last year known and the electricity generated in the world in it. Source: table `electricity_by_country`."""
    last = _last_year_of_the_world()
    return int(last["year"]), float(last["electricity_TWh"])


def _last_year_of_the_world() -> pd.Series:
    world = datasets.load("electricity_by_country").query("country == 'World'").dropna(subset=["electricity_TWh"])
    return world.sort_values("year", kind="stable").iloc[-1]


def inputs_above(draws: Draws, year: float, target_twh: float) -> pd.DataFrame:
    """How the draws that reach `target_twh` in `year` differ from all draws, for each doubtful input.

    Columns: `input`, `among_all` and `among_those` (medians, in the input's unit) and `shift`, the distance of the
    means in standard deviations of the input's scale; in order of the size of `shift`. `.attrs["share"]` is the share
    of draws that reach the target. Raises `ValueError` for a target that none reaches, and a year that was not drawn.
    """
    quantity("target_twh", target_twh, "TWh")
    if year not in draws.years:
        raise ValueError(f"year = {year} was not drawn: there are {list(draws.years)}")
    reached = draws.samples()[draws.years.index(year)] >= target_twh
    if not reached.any():
        raise ValueError(f"no draw reaches target_twh = {target_twh:g} TWh in {year}")
    scaled = draws.inputs()
    rows = []
    for name, given in draws.scenario.doubtful.items():
        value = np.asarray(scaled[name])
        median, those = (float(UNSCALED[given.kind](np.median(v))) for v in (value, value[reached]))
        shift = float((value[reached].mean() - value.mean()) / value.std())
        rows.append({"input": name, "among_all": median, "among_those": those, "shift": shift})
    table = pd.DataFrame(rows)
    table = table.sort_values("shift", key=np.abs, ascending=False, kind="stable", ignore_index=True)
    table.attrs["share"] = float(reached.mean())
    return table
