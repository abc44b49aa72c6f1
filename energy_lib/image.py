"""Joules of one image through a neural network, on a device that was measured or one known by its specification."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from energy_lib import checks, datasets, hardware
from energy_lib.estimate import Estimate, with_interval

# Terms of the energy at each level of detail; a level is chosen by the counts that are given.
DETAILS = {
    "basic": ("floor", "flop", "activations"),
    "layers": ("floor", "flop", "activations", "layers"),
    "full": ("floor", "flop", "activations", "layers", "elementwise"),
}
COEFFICIENTS = {
    "floor": "floor_j",
    "flop": "j_per_flop",
    "activations": "j_per_activation",
    "layers": "j_per_layer",
    "elementwise": "j_per_element",
}
# Winograd's F(2x2, 3x3) takes 16 products where the definition takes 36 (Lavin and Gray 2016, arXiv:1509.09308).
WINOGRAD_SHARE = 16 / 36
_FRAMEWORK_BITS = {"fp16": 16, "fp32": 32}


def image_energy(
    flop: ArrayLike,
    activations: ArrayLike,
    device: str,
    *,
    batch: ArrayLike | None = None,
    precision: str | None = None,
    layers: ArrayLike | None = None,
    elementwise: ArrayLike | None = None,
    conv3x3_flop: ArrayLike | None = None,
    engine: str | None = None,
    new_family: bool = False,
    n_accelerators: ArrayLike = 1,
) -> Estimate:
    """Joules of one image, with a 90 % interval. All counts are of one image and broadcast.

    On a measured device (`measured_devices`), whose coefficients, all >= 0, stand in the table `image_cells`:

        E = floor + e1 FLOP + e2 activations + e3 layers + e4 elementwise

    `flop` = 2 x multiply-adds; `activations` = elements that convolutions and linear layers write (without attention
    products); `layers` = number of those; `elementwise` = elements that other operations write, batch norm and ReLU
    left out. Without the last two, or with `layers` alone, their terms are absent and the interval is wider. With all
    on a GPU, FLOP of dense 3x3 convolutions of stride 1 (`conv3x3_flop`) count 16/36, as by Winograd's algorithm.
    `precision` is fp32 unless said, `engine` the newest measured and the cheapest of these, `batch` that of the
    measurement and no other. With `new_family` the interval is that of networks unlike any measured on the device.

    On an accelerator of the table `accelerators`, by its specification, with the laws of `image_specification`:

        E = (s TDP + host power / n_accelerators) x (a FLOP / peak + b activations / bandwidth + overhead)

    at int8 (the default where the chip has it) for an inference engine on a server, E(B) going from E(1) to E(inf) as
    1 / B^p, a large batch unless said; at fp16 or fp32 for a framework that executes layer by layer, chip alone. These
    laws know `flop` and `activations` only. They come from NVIDIA devices and from convolutional networks.

    Raises `UnknownNameError` for a device, precision or engine without a figure, and `ValueError` for counts that are
    not positive and finite and for a batch without a measurement. Warns where FLOP leave the measured range: the
    interval was tested inside. Sources: MLPerf Inference 1.0-5.0; Fischer et al. 2022; timm's throughput tables.

    >>> estimate = image_energy(0.6e9, 6.7e6, "Raspberry Pi 4")  # MobileNet v2 takes about half a joule
    >>> bool(0.3 < estimate.low_j < estimate.energy_j < estimate.high_j < 0.8), estimate.boundary
    (True, 'server')
    """
    counts = {
        "flop": checks.quantity("flop", flop, "FLOP"),
        "activations": checks.quantity("activations", activations, "elements"),
    }
    if layers is not None:
        counts["layers"] = checks.quantity("layers", layers, "layers")
    if elementwise is not None:
        counts["elementwise"] = checks.quantity("elementwise", elementwise, "elements", low_allowed=True)
    if conv3x3_flop is not None:
        counts["conv3x3_flop"] = checks.quantity("conv3x3_flop", conv3x3_flop, "FLOP", low_allowed=True)
    checks.same_shape(**counts)
    if "conv3x3_flop" in counts and np.any(counts["conv3x3_flop"] > counts["flop"]):
        raise ValueError("conv3x3_flop is above flop in FLOP: it is a part of it")
    if "elementwise" in counts and "layers" not in counts:
        raise ValueError("elementwise is given without layers: give both, layers alone, or neither")
    if device in measured_devices():
        return _measured(
            counts, device, batch, precision, engine, "factor_90_new_family" if new_family else "factor_90"
        )
    accelerators = datasets.load("accelerators")["name"]
    if device not in set(accelerators):
        raise checks.unknown_name("device", device, [*measured_devices(), *accelerators])
    return _specified(counts, device, batch, precision, n_accelerators)


@lru_cache
def measured_devices() -> tuple[str, ...]:
    """Names of the devices that a meter saw, for `image_energy`.

    >>> "Raspberry Pi 4" in measured_devices()
    True
    """
    return tuple(dict.fromkeys(_cells()["device"]))


@lru_cache
def _cells() -> pd.DataFrame:
    return datasets.load("image_cells")


@lru_cache
def _laws() -> pd.DataFrame:
    return datasets.load("image_specification").set_index("law")


def effective_flop(flop: ArrayLike, conv3x3_flop: ArrayLike, is_gpu: ArrayLike) -> np.ndarray:
    """FLOP that are executed: on a GPU, those of dense 3x3 convolutions of stride 1 count 16/36; elsewhere all count.

    >>> effective_flop([36.0, 36.0], 9.0, [True, False]).tolist()
    [31.0, 36.0]
    """
    return np.asarray(flop) - np.where(is_gpu, (1 - WINOGRAD_SHARE) * np.asarray(conv3x3_flop), 0.0)


def _measured(
    counts: dict[str, np.ndarray],
    device: str,
    batch: ArrayLike | None,
    precision: str | None,
    engine: str | None,
    width: str,
) -> Estimate:
    detail = "full" if "elementwise" in counts else "layers" if "layers" in counts else "basic"
    cell = _cell(device, detail, precision, engine)
    if batch is not None and np.any(checks.quantity("batch", batch, "images") != cell["batch"]):
        raise ValueError(f"batch = {batch} images was not measured on {device}: measured is {cell['batch']}")
    flop = counts["flop"]
    # The table rounds the ends of the range to five digits.
    if np.any(flop < cell["flop_min"] * 0.9999) or np.any(flop > cell["flop_max"] * 1.0001):
        warnings.warn(
            f"flop beyond {cell['flop_min']:.3g} to {cell['flop_max']:.3g} FLOP, the range measured on {device}: "
            "the interval was tested inside it",
            stacklevel=3,
        )
    if cell["is_gpu"] and detail == "full":
        if "conv3x3_flop" not in counts:
            raise ValueError(
                f"conv3x3_flop is missing: on a GPU ({device}) elementwise goes with it, 0 if there are none"
            )
        counts = {**counts, "flop": effective_flop(flop, counts["conv3x3_flop"], True)}
    parts = {term: cell[COEFFICIENTS[term]] * counts.get(term, 1.0) for term in DETAILS[detail]}
    return with_interval(parts, cell[width], cell["boundary"])


def _cell(device: str, detail: str, precision: str | None, engine: str | None) -> Mapping:
    """The preferred row of `image_cells` for what is asked."""
    rows = _cells()[_cells()["device"] == device]
    precisions = sorted(rows["precision"].unique())
    if precision is None:
        precision = "fp32" if "fp32" in precisions else precisions[0]
    if precision not in precisions:
        raise _unknown_precision(device, precision, precisions)
    rows = rows[rows["precision"] == precision]
    if engine is not None:
        if engine not in set(rows["engine"]):
            raise checks.unknown_name(f"engine for {device} at {precision}", engine, rows["engine"].unique())
        rows = rows[rows["engine"] == engine]
    rows = rows[rows["detail"] == detail]
    if rows.empty:
        raise ValueError(f"layers and elementwise have no coefficients for {device!r}: leave them out")
    return rows.sort_values("preference", kind="stable").iloc[0]


@dataclass(frozen=True)
class SpecificationLaw:
    """What turns a specification into joules; fitted, each line of the table `image_specification` is one.

    `peak_multiple`: time for the arithmetic over FLOP / peak; `byte_per_activation`: bytes moved for each activation;
    `overhead_s`: time an image besides; `tdp_share`: power of the busy chip over TDP; `host_w`: the rest of a server.
    """

    peak_multiple: float
    byte_per_activation: float
    overhead_s: float
    tdp_share: float
    host_w: float

    def parts_j(
        self,
        flop: ArrayLike,
        activations: ArrayLike,
        *,
        tdp_w: ArrayLike,
        peak_flop_per_s: ArrayLike,
        bandwidth_byte_per_s: ArrayLike,
        host_share: ArrayLike,
    ) -> dict[str, np.ndarray]:
        """Joules by term. `host_share` is what one accelerator bears of its host: 0 on an edge module, else 1 / n.

        >>> law = SpecificationLaw(2.0, 4.0, 0.0, 1.0, 100.0)
        >>> chip = {"tdp_w": 100.0, "peak_flop_per_s": 1e12, "bandwidth_byte_per_s": 1e9, "host_share": 0.5}
        >>> {term: float(joules) for term, joules in law.parts_j(1e12, 1e9, **chip).items()}
        {'floor': 0.0, 'flop': 300.0, 'activations': 600.0}
        """
        power_w = self.tdp_share * np.asarray(tdp_w) + self.host_w * np.asarray(host_share)
        return {
            "floor": power_w * self.overhead_s,
            "flop": power_w * self.peak_multiple * np.asarray(flop) / peak_flop_per_s,
            "activations": power_w * self.byte_per_activation * np.asarray(activations) / bandwidth_byte_per_s,
        }


def _law(name: str) -> SpecificationLaw:
    row = _laws().loc[name]
    return SpecificationLaw(**{field: float(row[field]) for field in SpecificationLaw.__dataclass_fields__})


def _specified(
    counts: dict[str, np.ndarray],
    device: str,
    batch: ArrayLike | None,
    precision: str | None,
    n_accelerators: ArrayLike,
) -> Estimate:
    chip = hardware.accelerator(device)
    known = [p for p in ("int8", *_FRAMEWORK_BITS) if p in chip.peak_flop_per_s]
    if chip.tdp_w is None or chip.bandwidth_byte_per_s is None or not known:
        raise ValueError(
            f"{device} cannot be estimated: its power, bandwidth or peak at int8, fp16, fp32 is unpublished"
        )
    precision = known[0] if precision is None else precision
    if precision not in known:
        raise _unknown_precision(device, precision, known)
    n = checks.quantity("n_accelerators", n_accelerators, "accelerators", low=1, low_allowed=True)
    specification = {
        "tdp_w": chip.tdp_w,
        "peak_flop_per_s": chip.peak(precision),
        "bandwidth_byte_per_s": chip.bandwidth_byte_per_s,
        "host_share": 0.0 if _is_edge_module(device) else 1 / n,
    }
    images = None if batch is None else checks.quantity("batch", batch, "images", low=1, low_allowed=True)
    checks.same_shape(**counts, n_accelerators=n, batch=np.ones(()) if images is None else images)
    flop, activations = counts["flop"], counts["activations"]
    if precision == "int8":
        return _engine_estimate(flop, activations, specification, images)
    least = int(_laws().loc["framework, large batch", "smallest_batch"])
    if images is not None and np.any(images < least):
        raise ValueError(f"batch = {batch} images is out of range: at {precision} on {device}, allowed is >= {least}")
    # Values of 32 bits move twice the bytes of 16.
    parts = _law("framework, large batch").parts_j(flop, _FRAMEWORK_BITS[precision] / 16 * activations, **specification)
    return with_interval(parts, _laws().loc["framework, large batch", "factor_90"], "chip")


def _engine_estimate(
    flop: np.ndarray, activations: np.ndarray, specification: Mapping[str, ArrayLike], images: np.ndarray | None
) -> Estimate:
    """E(B) = E_large + (E_1 - E_large) / B^p, term by term; the width of the interval, as a logarithm, likewise."""
    ends = ["engine, large batch", "engine, batch 1"]
    large, one = (_law(end).parts_j(flop, activations, **specification) for end in ends)
    large_factor, one_factor = (_laws().loc[end, "factor_90"] for end in ends)
    share = 0.0 if images is None else images ** -_laws().loc[ends[1], "batch_exponent"]
    parts = {term: large[term] + (one[term] - large[term]) * share for term in large}
    return with_interval(parts, large_factor * (one_factor / large_factor) ** share, "server")


def _unknown_precision(device: str, precision: str, known: list[str]) -> checks.UnknownNameError:
    return checks.UnknownNameError(f"unknown precision {precision!r} for {device}: it has {', '.join(known)}")


def _is_edge_module(device: str) -> bool:
    table = datasets.load("accelerators").set_index("name")
    return table.loc[device, "segment"] == "edge"
