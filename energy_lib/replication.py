"""Each claim of the paper beside the value that the tables give today, with a verdict by one stated rule."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from energy_lib import datasets
from energy_lib.extras import part_of
from energy_lib.hardware import measured_speedups
from energy_lib.study import FIXED_TOP1, YEARS, Study
from energy_lib.trends import Growth, cheapest_reaching
from energy_lib.units import FLOP_PER_GFLOP, kcal_per_day_to_watt

HOLDS, DIFFERS, UNTESTABLE = "holds", "differs", "not testable here"
CROSSING_J = 100.0


@dataclass(frozen=True)
class Finding:
    """Our side of a claim: a value, or the spread `low`-`high` of several, and the interval where there is one."""

    value: float
    low: float = np.nan
    high: float = np.nan
    is_spread: bool = False  # the claim speaks of several values: all must lie in its range


def verdict(finding: Finding | None, low: float, high: float) -> str:
    """`holds` if our value (or every value of a spread) lies in the claimed range, both ends included; an empty end
    is open. `differs` if it does not; `not testable here` if the tables hold nothing to compute it from.

    >>> verdict(Finding(2.28), 2.25, 2.29), verdict(Finding(2.3), 2.25, 2.29), verdict(None, 0, 1)
    ('holds', 'differs', 'not testable here')
    """
    if finding is None:
        return UNTESTABLE
    values = (finding.low, finding.high) if finding.is_spread else (finding.value,)
    low, high = (-np.inf if pd.isna(low) else low), (np.inf if pd.isna(high) else high)
    return HOLDS if all(low <= value <= high for value in values) else DIFFERS


def _spread(values: pd.Series) -> Finding:
    return Finding(float(np.exp(np.log(values).mean())), float(values.min()), float(values.max()), is_spread=True)


def _trend_at(growth: Growth, year: float, scale: float = 1.0) -> Finding:
    low, high = growth.band(year)
    return Finding(float(growth.at(year)) / scale, float(low) / scale, float(high) / scale)


def _regression_at(x: pd.Series, y: pd.Series, at: float) -> Finding:
    """Value and 95 % interval of a power law fitted on logarithms."""
    with part_of("fit"):
        import statsmodels.api as sm

    fit = sm.OLS(np.log(y), sm.add_constant(np.log(x))).fit(cov_type="HC3", use_t=True)
    prediction = fit.get_prediction([[1.0, np.log(at)]])
    low, high = np.exp(prediction.conf_int()[0])
    return Finding(float(np.exp(prediction.predicted_mean[0])), float(low), float(high))


def _crossing(growth: Growth, level: float) -> Finding:
    """Decimal year at which a trend reaches a level. Its interval is where the band does, within the data's years."""
    year = growth.origin + (np.log(level) - growth.intercept) / growth.slope
    grid = np.linspace(growth.start, growth.end, 2001)
    low, high = growth.band(grid)
    inside = grid[(low <= level) & (level <= high)]
    return Finding(float(year), float(inside.min()), float(inside.max()))


def findings(study: Study) -> dict[str, Callable[[], Finding]]:
    """For each claim's id, the computation of our side of it. A claim without an entry cannot be tested here."""
    gpus = study.hardware.gpus.assign(
        gflops_per_watt=study.hardware.gpus["tflops"] * 1000.0 / study.hardware.gpus["watts"]
    )
    efficiency = gpus.set_index(["gpu", "precision"])["gflops_per_watt"]
    fp32 = gpus[gpus["precision"] == "FP32"]
    launch = fp32["launch_date"].dt.year
    speedup = measured_speedups(study.hardware.throughput).set_index(["task", "gpu", "precision"])["speedup"]
    vision, nlp = study.vision_models, study.nlp_models.set_index("model")
    cnn = vision[vision["architecture"] == "CNN"]
    vision_first, last = YEARS["vision"]
    nlp_first, _ = YEARS["nlp"]
    hardware_first, _ = YEARS["hardware"]
    best, every, largest = study.energy["vision.best"], study.energy["vision.all"], study.energy["nlp.highest"]

    def peak(gpu: str, precision: str = "FP32") -> Callable[[], Finding]:
        return lambda: Finding(float(efficiency[gpu, precision]))

    def faster(task: str, gpu: str) -> Callable[[], Finding]:
        return lambda: Finding(float(speedup[task, gpu, "Mixed"]))

    def trend(growth: Growth, year: float, scale: float = 1.0) -> Callable[[], Finding]:
        return lambda: _trend_at(growth, year, scale)

    def joules(model: str) -> Callable[[], Finding]:
        return lambda: Finding(
            *(float(nlp.loc[model, column]) for column in ("energy_j", "energy_low_j", "energy_high_j"))
        )

    def fall_at_fixed_accuracy() -> Finding:
        steps = cheapest_reaching(vision, quality="top1", threshold=FIXED_TOP1, cost="energy_j", date="date")
        return Finding(float(steps["energy_j"].iloc[0] / steps["energy_j"].iloc[-1]))

    def united_states_2019() -> Finding:
        countries = datasets.load("electricity_by_country").set_index(["country", "year"])
        return Finding(float(countries.loc[("United States", 2019), "energy_per_capita_W"]))

    return {
        "H01": peak("GeForce GTX 580"),
        "H02": peak("Tesla K10"),
        "H03": peak("TITAN X Pascal"),
        "H04": peak("GeForce RTX 3090"),
        "H05": peak("Tesla V100", "FP16/FP32 Tensor"),
        "H06": peak("A100"),
        "H07": peak("A30", "FP16/FP32 Tensor"),
        "H08": lambda: _spread(fp32.loc[launch.between(2010, 2011), "gflops_per_watt"]),
        "H09": lambda: _spread(fp32.loc[launch.between(2020, 2021), "gflops_per_watt"]),
        "H10": faster("CV", "V100"),
        "H11": faster("NLP", "V100"),
        "H12": faster("CV", "T4"),
        "H13": faster("NLP", "T4"),
        "H14": trend(study.efficiency["cnn"], hardware_first, FLOP_PER_GFLOP),
        "H15": trend(study.efficiency["cnn"], last, FLOP_PER_GFLOP),
        "H16": trend(study.efficiency["nlp"], last, FLOP_PER_GFLOP),
        "V01": lambda: _spread(vision.set_index("model").loc[["AlexNet", "ViT-G/14"], "top1"]),
        "V02": trend(study.flop["vision.best"], vision_first),
        "V03": trend(study.flop["vision.best"], last),
        "V04": trend(study.flop["vision.all"], vision_first),
        "V05": trend(study.flop["vision.all"], last),
        "V06": lambda: Finding(float(vision.loc[vision["date"].dt.year == 2021, "gflops"].mean())),
        "V07": lambda: _regression_at(cnn["params_M"], cnn["gflops"], 2.0),
        "V08": lambda: _regression_at(cnn["params_M"], cnn["gflops"], 2000.0),
        "V09": trend(best, vision_first),
        "V10": trend(best, last),
        "V11": trend(every, vision_first),
        "V12": trend(every, last),
        "V13": fall_at_fixed_accuracy,
        "N01": trend(study.flop["nlp.all"], nlp_first),
        "N02": trend(study.flop["nlp.all"], last),
        "N03": trend(study.flop["nlp.highest"], last),
        "N04": joules("Transformer"),
        "N05": joules("GPT-2"),
        "N06": joules("Megatron"),
        "N07": joules("GPT-3"),
        "N08": joules("BERT Large"),
        "N09": joules("ELECTRA Large"),
        "N10": joules("ELECTRA-Small"),
        "N11": joules("SqueezeBERT"),
        "N12": lambda: _crossing(largest, CROSSING_J),
        "N13": lambda: Finding(float(nlp.loc["GPT-1", "gflops"] / nlp.loc["ELECTRA-Small", "gflops"])),
        "A01": lambda: Finding(float(kcal_per_day_to_watt(2000.0))),
        "A02": united_states_2019,
        "A03": trend(best, last),
        "A04": joules("GPT-3"),
        "G01": lambda: Finding(best.doubling_time_years / study.flop["vision.best"].doubling_time_years),
        "G02": lambda: Finding(every.p_value),
    }


def replicate(study: Study) -> pd.DataFrame:
    """The table `claims` with our `value`, `value_low`, `value_high`, `is_spread` and `verdict` for each row."""
    claims = datasets.load("claims")
    ours = findings(study)
    unknown = sorted(set(ours) - set(claims["id"]))
    if unknown:
        raise ValueError(f"the table claims has no row {unknown[0]!r}, which is computed here")
    found = [ours[claim]() if claim in ours else None for claim in claims["id"]]
    return claims.assign(
        value=[f.value if f else np.nan for f in found],
        value_low=[f.low if f else np.nan for f in found],
        value_high=[f.high if f else np.nan for f in found],
        is_spread=[bool(f and f.is_spread) for f in found],
        verdict=[verdict(f, low, high) for f, low, high in zip(found, claims["low"], claims["high"], strict=True)],
    )
