"""Laws that turn an accelerator's specification into joules an image, and their errors on devices they never saw."""

from __future__ import annotations

import numpy as np
import pandas as pd

from energy_lib import datasets
from energy_lib.extras import part_of
from energy_lib.image import SpecificationLaw
from energy_lib.image_cells import rms, unseen_device_half_width
from energy_lib.image_records import measured_records, server_records, stream_energies, throughput_records
from energy_lib.once import computed_once
from energy_lib.threads import one_blas_thread

ENGINE_LARGE, ENGINE_ONE, FRAMEWORK = "engine, large batch", "engine, batch 1", "framework, large batch"
_METERED = {"device": "RTX 5000", "engine": "pytorch", "accelerator": "NVIDIA Quadro RTX 5000"}
_BUSY_FLOP = 1e10  # an image above this keeps the metered GPU busy at its batch of 32


def law_energy_j(law: SpecificationLaw, records: pd.DataFrame) -> pd.Series:
    """What a law says of each of `server_records`."""
    parts = law.parts_j(
        records["flop"],
        records["activations"],
        tdp_w=records["tdp_w"],
        peak_flop_per_s=records["peak_flop_per_s"],
        bandwidth_byte_per_s=records["bandwidth_byte_per_s"],
        host_share=records["has_host"] / records["n_accelerators"],
    )
    return parts["floor"] + parts["flop"] + parts["activations"]


@one_blas_thread()
def fit_engine_law(records: pd.DataFrame, at_least: SpecificationLaw | None = None) -> SpecificationLaw:
    """The law of an inference engine: least absolute-like loss of ln error, each device and network weighing alike.

    `at_least` is the law of large batches when that of batch 1 is fitted: no constant may lie below it, so that energy
    an image never rises with the batch. An overhead is fitted with it only.
    """
    with part_of("fit"):
        from scipy.optimize import least_squares

    weight = 1 / np.sqrt(records.groupby(["device", "model"])["energy_j"].transform("size"))
    log_energy = np.log(records["energy_j"])
    start = np.log([2.0, 3.0, 200.0] if at_least is None else [2.0, 3.0, 200.0, 1e-4])
    low, high = start - 5.0, start + 5.0
    if at_least is not None:
        floor = np.log([at_least.peak_multiple, at_least.byte_per_activation, at_least.host_w])
        low[:3] = floor
        start[:3] = np.maximum(start[:3], floor + 0.01)

    def error(logs: np.ndarray) -> np.ndarray:
        return weight * (np.log(law_energy_j(_engine_law(logs), records)) - log_energy)

    # 0.23 = 0.1 in log10: beyond a quarter, errors count linearly.
    return _engine_law(least_squares(error, start, bounds=(low, high), loss="soft_l1", f_scale=0.23).x)


def _engine_law(logs: np.ndarray) -> SpecificationLaw:
    multiple, size_byte, host_w, *overhead_s = np.exp(logs)
    return SpecificationLaw(multiple, size_byte, overhead_s[0] if overhead_s else 0.0, 1.0, host_w)


def leave_device_out(records: pd.DataFrame, at_least: SpecificationLaw | None = None) -> pd.DataFrame:
    """`error` and `half_width` (log10) of each record, its device unseen by the constants and by the width."""
    device = records["device"]
    found = pd.DataFrame({"error": np.nan, "half_width": np.nan}, index=records.index)
    for name in device.unique():
        test = records[device == name]
        law = fit_engine_law(records[device != name], at_least)
        found.loc[test.index, "error"] = np.log10(law_energy_j(law, test) / test["energy_j"])
    for name in device.unique():
        others = device != name
        found.loc[~others, "half_width"] = unseen_device_half_width(found.loc[others, "error"], device[others])
    return found


def engine_records(batched: bool) -> pd.DataFrame:
    """`server_records` at large batches (offline and server scenarios), or one image at a time on one accelerator."""
    records = server_records()
    if batched:
        return records[records["scenario"].isin(["Offline", "Server"])].reset_index(drop=True)
    return records[(records["scenario"] == "SingleStream") & (records["n_accelerators"] == 1)].reset_index(drop=True)


@one_blas_thread()
def batch_law() -> tuple[float, pd.Series]:
    """p in E(8) = E_many + (E_1 - E_many) / 8^p, and the log10 error of each system and network."""
    with part_of("fit"):
        from scipy.optimize import least_squares

    energy = stream_energies()

    def error(p: np.ndarray) -> pd.Series:
        return np.log10((energy["many_j"] + (energy["one_j"] - energy["many_j"]) / 8**p) / energy["eight_j"])

    exponent = least_squares(error, 1.0, loss="soft_l1", f_scale=0.05).x
    return float(exponent[0]), error(exponent)


@one_blas_thread()
def fit_framework_time(records: pd.DataFrame) -> tuple[float, float]:
    """(a, b) in time = a FLOP / peak + b activations / bandwidth; b in bytes at 16 bits. From `throughput_records`."""
    with part_of("fit"):
        from scipy.optimize import least_squares

    def error(logs: np.ndarray) -> np.ndarray:
        return np.log10(_framework_time_s(np.exp(logs), records) / records["time_s"])

    return tuple(np.exp(least_squares(error, [0.0, 3.0], loss="soft_l1", f_scale=0.1).x))


def _framework_time_s(constants: tuple[float, float], records: pd.DataFrame) -> pd.Series:
    return constants[0] * records["compute_s"] + constants[1] * records["value_s"]


def framework_errors() -> pd.DataFrame:
    """`device`, `error` (log10), `basis`: time of each GPU by the law of the others, joules of the metered one.

    The metered GPU gave the law its share of TDP and nothing else.
    """
    records = throughput_records()
    parts = []
    for name in records["device"].unique():
        test = records[records["device"] == name]
        constants = fit_framework_time(records[records["device"] != name])
        error = np.log10(_framework_time_s(constants, test) / test["time_s"])
        parts.append(pd.DataFrame({"device": name, "basis": "time", "error": error}))
    law, metered = fit_framework_law(), metered_records()
    joules = law_energy_j(law, metered)
    error = np.log10(joules / metered["energy_j"])
    parts.append(pd.DataFrame({"device": _METERED["accelerator"], "basis": "joules", "error": error}))
    return pd.concat(parts, ignore_index=True)


def metered_records() -> pd.DataFrame:
    """The one GPU with a meter and a framework, in the columns that `law_energy_j` reads; fp32 counts 32 bits."""
    records = measured_records()
    records = records[records["device"] == _METERED["device"]]
    chip = datasets.load("accelerators").set_index("name").loc[_METERED["accelerator"]]
    return records.assign(
        activations=2 * records["activations"],
        tdp_w=chip["tdp_w"],
        peak_flop_per_s=1e12 * chip["fp32_tflops"],
        bandwidth_byte_per_s=1e9 * chip["bandwidth_gbs"],
        has_host=False,
        n_accelerators=1,
    )


def fit_framework_law() -> SpecificationLaw:
    """The law of a framework at a large batch, chip alone: time from throughput, share of TDP from the busy meter."""
    multiple, size_byte = fit_framework_time(throughput_records())
    busy = metered_records().query("flop > @_BUSY_FLOP")
    share = float((busy["energy_j"] * busy["images_per_s"] / busy["tdp_w"]).median())
    return SpecificationLaw(multiple, size_byte, 0.0, share, 0.0)


@computed_once
def specification_laws() -> tuple[pd.DataFrame, pd.DataFrame]:
    """The laws as the table `image_specification`, and their out-of-sample errors as rows of `image_errors`."""
    laws, errors, large = [], [], None
    exponent, batch_error = batch_law()
    for name, batched in ((ENGINE_LARGE, True), (ENGINE_ONE, False)):
        records = engine_records(batched)
        law = fit_engine_law(records, large)
        found = leave_device_out(records, large)
        large = law
        medians = found["error"].groupby([records["device"], records["model"]]).median()
        width = unseen_device_half_width(found["error"], records["device"])
        laws.append(_law_row(name, "server", law, width, records) | {"batch_exponent": exponent, "smallest_batch": 1})
        inside = (found["error"].abs() <= found["half_width"]).mean()
        errors.append(_error_row(name, "device", medians, records["device"].nunique(), width, inside))
    found = framework_errors()
    width = unseen_device_half_width(found["error"], found["device"])
    metered = metered_records()
    row = _law_row(FRAMEWORK, "chip", fit_framework_law(), width, found)
    laws.append(row | {"batch_exponent": np.nan, "smallest_batch": int(metered["batch"].min())})
    device = found["device"]
    widths = {
        n: unseen_device_half_width(found.loc[device != n, "error"], device[device != n]) for n in device.unique()
    }
    inside = found["error"].abs() <= device.map(widths)
    for basis, part in found.groupby("basis", sort=False):
        counts = part["device"].nunique(), width, inside[part.index].mean()
        errors.append(_error_row(f"{FRAMEWORK}: {basis}", "device", part["error"], *counts))
    errors.append(_error_row("engine, batch 8 from 1 and many", "none", batch_error, len(batch_error), np.nan, np.nan))
    return pd.DataFrame(laws), pd.DataFrame(errors)


def _law_row(name: str, boundary: str, law: SpecificationLaw, half_width: float, records: pd.DataFrame) -> dict:
    counts = {"n_devices": records["device"].nunique(), "n_records": len(records)}
    return {"law": name, "boundary": boundary, **vars(law), "factor_90": 10**half_width, **counts}


def _error_row(
    name: str, left_out: str, error: pd.Series, groups: int, half_width: float, coverage: float
) -> dict[str, object]:
    return {
        "estimator": name,
        "detail": "specification",
        "left_out": left_out,
        "n_cells": groups,
        "n_records": len(error),
        "rms_log10": rms(error),
        "median_cell_rms_log10": np.nan,
        "rms_with_doubtful_log10": np.nan,
        "coverage_90": coverage,
        "factor_90": 10**half_width,
    }
