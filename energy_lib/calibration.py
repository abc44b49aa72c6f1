"""Fits the constants of `serving` to measured records, with their intervals and errors on models and GPUs left out.

`python -m energy_lib.calibration` writes them to `data/fitted`. The fit is penalised least squares, robust to records
that are far off, of log energy per token and, with half the weight, log step time. Weak log-normal priors keep the
constants that few records determine at a sane size; deviations of single GPUs are shrunk towards zero.
"""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import numpy as np
import pandas as pd

from energy_lib import datasets
from energy_lib.compute import language_model
from energy_lib.extras import part_of
from energy_lib.hardware import accelerator
from energy_lib.once import computed_once
from energy_lib.serving import Constants, Deviation, Device, Load, Shapes, Software, request_parts
from energy_lib.threads import one_blas_thread

# The board of each measured GPU. The benchmark does not say which A100 and V100 its first version used; models of
# 26 GB ran on one V100, which only that of 32 GB holds.
ACCELERATORS = {
    "A40": "A40",
    "V100": "NVIDIA Tesla V100 SXM2 32 GB",
    "A100": "A100 SXM4 40GB",
    "A100-SXM4-40GB": "A100 SXM4 40GB",
    "H100-SXM-80GB": "H100 SXM5 80GB",
    "B200-SXM-180GB": "B200 SXM",
}
SOFTWARE = {"v1": "pytorch-2023", "v2": "vllm-0.5", "v3": "vllm-0.11"}  # by version of the benchmark
WEIGHT_BITS = {"float16": 16.0, "bfloat16": 16.0, "fp8": 8.0, "mxfp4": 4.25}  # MXFP4: 4 bits and a scale for 32
CONFIDENCE = 0.9
SCATTER_LOG = 0.12  # expected error of a good record; beyond it the loss grows linearly
TIME_WEIGHT = 0.5
DIFFERENCE = 1e-5  # of a logarithm, for slopes: rounding errors of 1e-16 then move the constants by 1e-9
TIGHT = 1e-7  # of the sum of squares; below it the solver only steps across the kinks of the roofline and back
DEVIATION_SD = {"bandwidth_logit": 0.6, "standby_log": 0.3}
# name: (start, standard deviation of its logarithm, unit, meaning)
PRIORS = {
    "bandwidth_share": (0.75, 0.2, "1", "share of peak bandwidth that decoding reaches"),
    "compute_efficiency": (0.6, 0.25, "1", "share of the 16-bit peak that dense products reach"),
    "cache_efficiency": (0.7, 0.3, "1", "speed of reading the cache over that of reading weights"),
    "expert_efficiency": (0.5, 0.5, "1", "speed of experts' products over that of dense ones"),
    "expert_tile_tokens": (4.0, 1.0, "token", "rows that a touched expert computes at least"),
    "standby_share": (0.2, 0.3, "TDP", "power while a job is on the chip"),
    "active_share": (0.15, 0.5, "TDP", "power that running kernels add"),
    "memory_share": (0.8, 0.5, "TDP", "power of memory at full bandwidth"),
    "compute_share": (1.5, 0.5, "TDP", "power of arithmetic at the 16-bit peak"),
    "pytorch-2023.layer_s": (0.9e-3, 1.0, "s", "launches of a layer, eager PyTorch"),
    "vllm-0.5.link_s": (100e-6, 1.0, "s", "a layer over several GPUs, vLLM 0.5"),
    "vllm-0.5.sequence_s": (0.3e-3, 1.0, "s", "host work for a sequence in a step, vLLM 0.5"),
    "vllm-0.5.prompt_layer_s": (0.3e-3, 1.0, "s", "a layer of a step with prompts, vLLM 0.5"),
    "vllm-0.11.layer_s": (20e-6, 1.0, "s", "latency of a layer, vLLM 0.11"),
    "vllm-0.11.link_s": (15e-6, 1.0, "s", "a layer over several GPUs, vLLM 0.11"),
    "vllm-0.11.sequence_s": (30e-6, 1.0, "s", "host work for a sequence in a step, vLLM 0.11"),
    "vllm-0.11.prompt_layer_s": (0.3e-3, 1.0, "s", "a layer of a step with prompts, vLLM 0.11"),
}
SHARES = ("bandwidth_share", "compute_efficiency", "cache_efficiency", "expert_efficiency")
HIGHEST_SHARE = 0.97
_SHAPE = ["layers", "hidden", "heads", "kv_heads", "ffn", "experts", "experts_per_token", "moe_ffn"]
_SHAPE += ["attention_layers", "attention"]


def records() -> pd.DataFrame:
    """Measured text records whose model's shape is known: the benchmark's columns, `shape` (models of one shape share
    it), `accelerator` and `software`."""
    shapes = datasets.load("llm_architectures")
    shapes = shapes.groupby(_SHAPE, dropna=False).ngroup().set_axis(shapes["model"])
    table = datasets.load("mlenergy_llm").merge(
        datasets.load("model_architecture"), on="model_id", suffixes=("_kind", "")
    )
    table = table[table["modality"] == "text"].reset_index(drop=True)
    return table.assign(
        shape=table["architecture"].map(shapes),
        accelerator=table["gpu_short"].map(ACCELERATORS),
        software=table["benchmark_version"].str[:2].map(SOFTWARE),
    )


def inputs(table: pd.DataFrame) -> tuple[Shapes, Device, Load]:
    """Records as what `serving.request_parts` takes."""
    models = {name: language_model(name) for name in table["architecture"].unique()}
    known = {name: accelerator(name) for name in table["accelerator"].unique()}
    boards = [known[name] for name in table["accelerator"]]
    device = Device(
        name=pd.Categorical(table["accelerator"]),
        tdp_w=np.array([board.tdp_w for board in boards]),
        peak_flop_per_s=np.array([board.peak("fp16") for board in boards]),
        bandwidth_byte_per_s=np.array([board.bandwidth_byte_per_s for board in boards]),
    )

    def column(name: str) -> np.ndarray:
        return table[name].astype(float).fillna(1.0).to_numpy()

    bits = table["weight_precision"].map(WEIGHT_BITS).to_numpy()
    load = Load(
        input_tokens=column("avg_input_tokens"),
        output_tokens=column("avg_output_tokens"),
        batch=column("avg_batch_size"),
        n_accelerators=column("n_gpus"),
        dense_bits=np.where(bits < 8, 16.0, bits),  # the four-bit models keep all but their experts in 16 bits
        expert_bits=bits,
        software=pd.Categorical(table["software"]),
        pipeline_stages=column("pipeline_parallel"),
        data_parallel=column("data_parallel"),
    )
    return Shapes.of([models[name] for name in table["architecture"]]), device, load


def constants_of(logs: np.ndarray, devices: list[str]) -> Constants:
    """Constants from the vector that is fitted: logarithms of the constants, then deviations of `devices`.

    `logs` of shape (n, k, 1) hold k vectors, and give constants of shape (k, 1).
    """
    value = dict(zip(PRIORS, np.exp(logs[: len(PRIORS)]), strict=True))
    deviations = logs[len(PRIORS) :].reshape(len(DEVIATION_SD), len(devices), *logs.shape[1:])
    software = {}
    for name in SOFTWARE.values():
        seconds = {key.removeprefix(f"{name}."): s for key, s in value.items() if key.startswith(f"{name}.")}
        software[name] = Software(launches_overlap=name == "pytorch-2023", layers_active=name == "vllm-0.11", **seconds)
    return Constants(
        **{f.name: value[f.name] for f in fields(Constants) if f.name in value},
        software=software,
        deviations={device: Deviation(*deviations[:, i]) for i, device in enumerate(devices)},
    )


def predict(data: tuple[Shapes, Device, Load], constants: Constants) -> tuple[np.ndarray, np.ndarray]:
    """Joules for each output token, and seconds for each step."""
    parts, seconds = request_parts(*data, constants)
    tokens = data[2].output_tokens
    return sum(parts.values()) / tokens, seconds / tokens * data[2].batch


def measured(table: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Joules for each output token, and seconds for each step, as the benchmark measured them."""
    step_s = table["avg_batch_size"] / table["output_throughput_tok_s"]
    return table["energy_per_output_token_J"].to_numpy(float), step_s.to_numpy(float)


@one_blas_thread()
def fit_logs(table: pd.DataFrame) -> tuple[np.ndarray, list[str]]:
    """The fitted vector of `constants_of` and its devices. Every fit starts from the priors, so that nothing of a
    record that was left out can stay in it."""
    with part_of("fit"):
        from scipy.optimize import least_squares

    data, devices = inputs(table), sorted(table["accelerator"].unique())
    log_energy, log_step = (np.log(quantity) for quantity in measured(table))
    mean = np.log([prior[0] for prior in PRIORS.values()])
    spread = np.concatenate(
        [[prior[1] for prior in PRIORS.values()], np.repeat(list(DEVIATION_SD.values()), len(devices))]
    )
    start = np.concatenate([mean, np.zeros(len(spread) - len(mean))])
    highest = [np.log(HIGHEST_SHARE) if name in SHARES else np.inf for name in PRIORS]

    def residuals(logs: np.ndarray) -> np.ndarray:
        """Of one vector (n,), or of k vectors (k, n) as rows."""
        energy, step = predict(data, constants_of(logs.T[..., None] if logs.ndim > 1 else logs, devices))
        error = np.log(energy) - log_energy, TIME_WEIGHT * (np.log(step) - log_step)
        error = np.concatenate(error, axis=-1) / SCATTER_LOG
        robust = np.sign(error) * np.sqrt(2.0 * (np.sqrt(1.0 + error**2) - 1.0))  # squared: linear far from zero
        return np.concatenate([robust, (logs - start) / spread], axis=-1)

    def jacobian(logs: np.ndarray) -> np.ndarray:
        """Central differences, all vectors in one call: a tenth of the time of one call each."""
        steps = np.eye(len(logs)) * DIFFERENCE
        sides = residuals(np.concatenate([logs + steps, logs - steps])).reshape(2, len(logs), -1)
        return (sides[0] - sides[1]).T / (2.0 * DIFFERENCE)

    upper = np.concatenate([highest, np.full(len(start) - len(mean), np.inf)])
    tight = {"ftol": TIGHT, "xtol": TIGHT, "gtol": TIGHT}
    return least_squares(residuals, start, jacobian, bounds=(-np.inf, upper), max_nfev=300, **tight).x, devices


def fit(table: pd.DataFrame) -> Constants:
    """Constants from measured records."""
    return constants_of(*fit_logs(table))


def log_errors(table: pd.DataFrame, constants: Constants) -> np.ndarray:
    """ln(predicted / measured) joules of each record."""
    return np.log(predict(inputs(table), constants)[0] / measured(table)[0])


def left_out_errors(table: pd.DataFrame, by: str) -> tuple[np.ndarray, list[np.ndarray]]:
    """`log_errors` of each record under a fit that saw no record of its group, and the fitted logs of each group.

    A GPU that was left out has no deviations: it is predicted from its specification.
    """
    errors, logs = np.empty(len(table)), []
    for group in table[by].unique():
        out = (table[by] == group).to_numpy()
        fitted, devices = fit_logs(table[~out])
        logs.append(fitted[: len(PRIORS)])
        errors[out] = log_errors(table[out], constants_of(fitted, devices))
    return errors, logs


def interval_factor(errors: np.ndarray, confidence: float = CONFIDENCE) -> float:
    """Factor within which the share `confidence` of the errors lie, with the finite-sample step of conformal intervals.

    >>> round(interval_factor(np.log([1.1, 1.2, 1.3, 0.5]), 0.5), 2)
    1.3
    """
    ranked = np.sort(np.abs(errors), kind="stable")
    return float(np.exp(ranked[min(len(ranked), int(np.ceil((len(ranked) + 1) * confidence))) - 1]))


def coverage(errors: np.ndarray, groups: pd.Series) -> float:
    """Share of records inside an interval whose width was set by the errors of the other groups alone."""
    inside = np.empty(len(errors), dtype=bool)
    for group in groups.unique():
        mine = (groups == group).to_numpy()
        inside[mine] = np.abs(errors[mine]) <= np.log(interval_factor(errors[~mine]))
    return float(inside.mean())


def error_summary(errors: np.ndarray, groups: pd.Series) -> dict[str, float]:
    """What is published of out-of-fold errors."""
    return {
        "records": len(errors),
        "groups": int(groups.nunique()),
        "within_factor_2_percent": 100.0 * float(np.mean(np.abs(errors) < np.log(2.0))),
        "median_error_percent": 100.0 * float(np.median(np.abs(np.expm1(errors)))),
        "coverage_percent": 100.0 * coverage(errors, groups),
        "interval_factor": interval_factor(errors),
    }


@computed_once
def cross_validate() -> tuple[pd.DataFrame, list[np.ndarray]]:
    """Records with `error_shape` and `error_accelerator`, out of fold, and the fits of the folds by shape."""
    table = records()
    by_shape, logs = left_out_errors(table, "shape")
    by_accelerator, _ = left_out_errors(table, "accelerator")
    return table.assign(error_shape=by_shape, error_accelerator=by_accelerator), logs


def fitted_tables() -> dict[str, pd.DataFrame]:
    """The tables of `data/fitted`: constants with 90 % jackknife intervals over shapes, deviations, and errors."""
    table, folds = cross_validate()
    logs, devices = fit_logs(table)
    k = len(folds)
    variance = (k - 1) / k * ((np.array(folds) - np.mean(folds, axis=0)) ** 2).sum(axis=0)
    margin = 1.645 * np.sqrt(variance)  # normal quantile of a two-sided 90 % interval
    values = logs[: len(PRIORS)]
    constants = pd.DataFrame(
        {
            "name": list(PRIORS),
            "value": np.exp(values),
            "low": np.exp(values - margin),
            "high": np.exp(values + margin),
            "unit": [prior[2] for prior in PRIORS.values()],
            "meaning": [prior[3] for prior in PRIORS.values()],
            "basis": "derived",
        }
    )
    fitted = constants_of(logs, devices).deviations
    deviations = pd.DataFrame(
        {
            "accelerator": devices,
            **{name: [getattr(fitted[d], name) for d in devices] for name in DEVIATION_SD},
            "basis": "derived",
        }
    )
    errors = pd.DataFrame(
        [
            {"left_out": by, **error_summary(table[f"error_{by}"].to_numpy(), table[by]), "basis": "derived"}
            for by in ("shape", "accelerator")
        ]
    )
    return {"request_constants": constants, "request_deviations": deviations, "request_errors": errors}


def read_constants(constants: pd.DataFrame | None = None) -> Constants:
    """The constants of `data/fitted`, as `fit` returns them; `constants` is the table of that name."""
    table = datasets.load("request_constants") if constants is None else constants
    value = table.set_index("name")["value"]
    deviations = datasets.load("request_deviations").set_index("accelerator")[list(DEVIATION_SD)]
    logs = np.concatenate([np.log(value.loc[list(PRIORS)]), deviations.T.to_numpy().ravel()])
    return constants_of(logs, list(deviations.index))


def write(folder: Path) -> None:
    """Write the fitted tables into a folder, to the digits that every machine agrees on."""
    for name, frame in fitted_tables().items():
        frame.to_csv(folder / f"{name}.csv", index=False, float_format="%.5g", lineterminator="\n")


if __name__ == "__main__":
    write(Path(__file__).resolve().parent.parent / "data" / "fitted")
