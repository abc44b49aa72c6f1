"""Other ways to estimate the joules of a measured record, to hold beside ours on the same records."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pandas as pd

from energy_lib import datasets
from energy_lib.calibration import cross_validate, inputs, measured
from energy_lib.clusters import family_codes, family_covariance
from energy_lib.compute import language_model
from energy_lib.energy import largest_batch, request_energy
from energy_lib.extras import part_of
from energy_lib.hardware import accelerator
from energy_lib.serving import work
from energy_lib.trends import Growth
from energy_lib.units import FLOP_PER_MAC, kwh_to_joule

# MLPerf Inference: the shape behind each benchmark, tokens of an average prompt, accelerators that hold one copy, and
# sequences computed for each one delivered (GPT-J is scored with four beams). Prompts, copies and batches are not in
# the results: they are assumed here, from the benchmark's data sets as generally known, and not re-read. A batch is
# no larger than memory holds.
MLPERF = pd.DataFrame(
    {
        "benchmark": ["gptj", "llama2-70b", "mixtral-8x7b", "llama3.1-405b", "llama3.1-8b"],
        "architecture": ["GPT-J 6B", "Llama-2-70b-hf", "Mixtral-8x7B-v0.1", "Llama-3.1-405B", "Llama-3.1-8B"],
        "input_tokens": [778.0, 294.0, 290.0, 9400.0, 778.0],
        "copy_on": [1, 2, 1, 8, 1],
        "beams": [4.0, 1.0, 1.0, 1.0, 1.0],
    }
)
MLPERF_BATCH = {"Offline": 512, "Server": 256}
MLPERF_WEIGHT_BITS = 16
MLPERF_BOARDS = {
    "NVIDIA H100-SXM-80GB": "H100 SXM5 80GB",
    "NVIDIA H100-PCIe-80GB": "H100 PCIe 80GB",
    "NVIDIA H200-SXM-141GB": "H200 SXM 141GB",
    "NVIDIA B200-SXM-180GB": "B200 SXM",
    "NVIDIA GeForce RTX 4090": "GeForce RTX 4090",
}


def flop_over_peak_j(table: pd.DataFrame) -> np.ndarray:
    """Joules an output token by the study's method: 2 FLOP a weight and token, over the dense 16-bit peak and TDP."""
    shapes, device, load = inputs(table)
    active = shapes.dense_parameters + shapes.expert_parameters * shapes.experts_per_token / np.maximum(
        shapes.experts, 1
    )
    tokens = 1.0 + load.input_tokens / load.output_tokens
    return FLOP_PER_MAC * active * tokens * device.tdp_w / device.peak_flop_per_s


def plain_roofline_j(table: pd.DataFrame) -> np.ndarray:
    """Joules an output token of a roofline without fitted constants: peak bandwidth, 16-bit peak, TDP throughout."""
    shapes, device, load = inputs(table)
    done = work(shapes, load, expert_tile_tokens=0.0)
    memory_s = (done.weight_bytes + done.cache_bytes) / device.bandwidth_byte_per_s
    compute_s = (done.dense_flop + done.expert_flop) / device.peak_flop_per_s
    prompt_s = (done.prompt_dense_flop + done.prompt_expert_flop) / device.peak_flop_per_s
    seconds = np.maximum(memory_s, compute_s) / load.batch + prompt_s / load.output_tokens
    return seconds * device.tdp_w * load.n_accelerators


def ecologits_j(table: pd.DataFrame, *, own_batch: bool = False) -> np.ndarray:
    """Joules an output token of all GPUs according to EcoLogits, at its own batch or at that of the record.

    Its server and data-centre terms are left out, so that the boundary is the chip. EcoLogits knows parameters and
    batch, and no accelerator. Source: the package `ecologits`, whose functions are called.
    """
    from ecologits.impacts import llm

    joules = []
    for row in table.itertuples():
        memory = llm.model_required_memory(row.total_params_B, llm.MODEL_QUANTIZATION_BITS)
        batch = row.avg_batch_size if own_batch else llm.BATCH_SIZE
        fitted = (llm.GPU_ENERGY_ALPHA, llm.GPU_ENERGY_BETA, llm.GPU_ENERGY_GAMMA)
        kwh = llm.gpu_energy(row.active_params_B, 1.0, batch, *fitted) * llm.gpu_required_count(memory, llm.GPU_MEMORY)
        joules.append(kwh)
    return kwh_to_joule(np.array(joules))


ESTIMATORS: dict[str, Callable[[pd.DataFrame], np.ndarray]] = {
    "FLOP over peak": flop_over_peak_j,
    "plain roofline": plain_roofline_j,
    "EcoLogits": ecologits_j,
}


def compared() -> pd.DataFrame:
    """Measured records with `measured_j` an output token and ln(predicted / measured) of each method in a column.

    Ours is out of fold: `ours, model left out` and `ours, GPU left out` never saw a record of the same shape or GPU.
    """
    table, _ = cross_validate()
    joules, _ = measured(table)
    errors = {name: np.log(estimate(table) / joules) for name, estimate in ESTIMATORS.items()}
    ours = {"ours, model left out": table["error_shape"], "ours, GPU left out": table["error_accelerator"]}
    return table.assign(measured_j=joules, **errors, **ours)


def mlperf() -> pd.DataFrame:
    """MLPerf results with wall power, and what we say of the same work: `wall_j` and `chip_j` an output token.

    No constant was fitted on these. `ratio` is wall over chip: the host, fans and supplies push it above one, engines
    tuned with narrower arithmetic than the fitted software below. Assumptions: `MLPERF`, `MLPERF_BATCH`; the `batch`
    is `largest_batch` up to the latter.
    """
    results = datasets.load("mlperf_power")
    results = results[
        results["accelerator"].isin(list(MLPERF_BOARDS)) & results["scenario"].isin(list(MLPERF_BATCH))
    ].copy()
    results = results.assign(benchmark=results["model"].str.replace(r"-99(\.9)?$", "", regex=True)).merge(
        MLPERF, on="benchmark"
    )
    run = ["round", "system_name", "benchmark", "scenario"]
    results = results.sort_values([*run, "model"]).drop_duplicates(run, ignore_index=True)  # -99 before -99.9
    wall_j = results["J_per_output_token"].fillna(results["J_per_output_token_est"])
    batches, chip_j = [], []
    for row in results.itertuples():
        model, board = language_model(row.architecture), accelerator(MLPERF_BOARDS[row.accelerator])
        number, written = min(row.copy_on, row.n_accelerators), row.tokens_per_sample * row.beams
        load = {
            "input_tokens": row.input_tokens,
            "output_tokens": written,
            "n_accelerators": number,
            "weight_bits": MLPERF_WEIGHT_BITS,
        }
        batches.append(largest_batch(model, board, most=MLPERF_BATCH[row.scenario], **load))
        sample = request_energy(model, board, batch=batches[-1], **load)
        chip_j.append(float(sample.energy_j) / row.tokens_per_sample)
    return results.assign(batch=batches, wall_j=wall_j, chip_j=chip_j, ratio=wall_j / chip_j)


def _margin(error: float, degrees_of_freedom: float) -> float:
    """Half of a 95 % interval, by Student's t."""
    with part_of("fit"):
        from scipy.stats import t

    return float(t.ppf(0.975, degrees_of_freedom)) * error


class Power(NamedTuple):
    """The power of the operations that measured joules follow, its standard error, and how well that is known."""

    value: float
    error: float
    degrees_of_freedom: float

    def interval(self) -> tuple[float, float]:
        """Low and high (95 %)."""
        margin = _margin(self.error, self.degrees_of_freedom)
        return self.value - margin, self.value + margin


def metered_power(records: pd.DataFrame) -> Power:
    """Power of the operations with which measured joules grow over networks on one device.

    Least squares of ln joules on ln FLOP. Networks of one family err together, so errors are by family (CR2, see
    `clusters`). A power below one means that large networks use each operation better than small ones.
    """
    logarithm = np.log(records["flop"].to_numpy())
    design = np.column_stack([np.ones(len(records)), logarithm - logarithm.mean()])
    joules = np.log(records["energy_j"].to_numpy())
    coefficients = np.linalg.lstsq(design, joules, rcond=None)[0]
    codes = family_codes(records["family"], len(records))
    covariance, freedom = family_covariance(design, joules - design @ coefficients, codes)
    return Power(float(coefficients[1]), float(np.sqrt(covariance[1, 1])), freedom)


def metered_growth(flop: Growth, power: Power, efficiency: Growth) -> tuple[float, float, float]:
    """Growth of joules a year when they follow FLOP to a measured power: factor, low and high (95 %).

        ln factor = power x (slope of ln FLOP) - (slope of ln efficiency),

    its variance the sum of those of the three, to first order, with Satterthwaite's degrees of freedom.
    """
    slope = power.value * flop.slope - efficiency.slope
    variances = np.array(
        [power.value**2 * flop.covariance[1][1], (flop.slope * power.error) ** 2, efficiency.covariance[1][1]]
    )
    freedoms = np.array([flop.degrees_of_freedom, power.degrees_of_freedom, efficiency.degrees_of_freedom])
    total, spread = variances.sum(), np.sum(variances**2 / freedoms)
    margin = _margin(np.sqrt(total), total**2 / spread) if total else 0.0
    return float(np.exp(slope)), float(np.exp(slope - margin)), float(np.exp(slope + margin))
