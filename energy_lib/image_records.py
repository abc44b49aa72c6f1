"""The records behind `image_energy`: joules or seconds an image, the counts of its network, and what is in doubt."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from energy_lib import datasets
from energy_lib.units import FLOP_PER_MAC

FEWEST_NETWORKS = 15  # a cell with fewer beyond doubt is not fitted: five coefficients need networks to spare
FEWEST_FAMILIES = 2  # one family of networks alone cannot tell the terms apart

_BOARDS = {
    "rpi4": "Raspberry Pi 4",
    "raspberrypi4": "Raspberry Pi 4",
    "xavier": "Jetson AGX Xavier (CPU)",
    "odroid": "Odroid",  # the rows say Xavier, the system's name and its 4-7 W say Odroid
    "firefly": "Firefly RK3588",
    "vim4": "Khadas VIM4",
    "orin": "Jetson AGX Orin (CPU)",
    "mini": "Ryzen 5 mini PC",
}
_HOSTS = {
    "Quadro RTX 5000": "RTX 5000",
    "NVIDIA A100-SXM4-40GB": "8 x A100, waiting for data",  # 8 % busy: not what an A100 takes
    "Intel(R) Xeon(R) W-2155 CPU @ 3.30GHz": "Xeon W-2155",
}
ACCELERATORS = {
    "NVIDIA A10": "A10",
    "NVIDIA A100-PCIE-40GB": "A100 PCIe 40GB",
    "NVIDIA A100-PCIe": "A100 PCIe 40GB",
    "NVIDIA A100-PCIe-40GB": "A100 PCIe 40GB",
    "NVIDIA A100-PCIe-80GB": "A100 PCIe 80GB",
    "NVIDIA A100-SXM-80GB": "A100 SXM4 80GB",
    "NVIDIA A100-SXM-80GB CTS": "A100 SXM4 80GB",
    "NVIDIA A2": "A2",
    "NVIDIA A30": "A30",
    "NVIDIA AGX Xavier": "Jetson AGX Xavier 32GB",
    "NVIDIA GeForce RTX 4090": "GeForce RTX 4090",
    "NVIDIA GeForce RTX 4090 (Ada Lovelace)": "GeForce RTX 4090",
    "NVIDIA H100-NVL-94GB": "H100 NVL 94GB",
    "NVIDIA H100-PCIe-80GB": "H100 PCIe 80GB",
    "NVIDIA H100-SXM-80GB": "H100 SXM5 80GB",
    "NVIDIA H200-SXM-141GB": "H200 SXM 141GB",
    "NVIDIA Jetson AGX Orin": "Jetson AGX Orin 64GB",
    "NVIDIA Jetson AGX Orin 32G": "Jetson AGX Orin 64GB",  # the developer kit: the larger module's rates
    "NVIDIA Jetson AGX Orin 64G": "Jetson AGX Orin 64GB",
    "NVIDIA L4": "L4",
    "NVIDIA Orin": "Jetson AGX Orin 64GB",
    "NVIDIA T4": "Tesla T4",
    "NVIDIA Xavier NX": "Jetson Xavier NX",
}
# The published counts of this architecture are those of torchvision's variant, which timm calls otherwise.
_SAME_AS = {"regnetx_004": "regnetx_004_tv"}


def _int8_lite(records: pd.DataFrame, systems: tuple[str, ...]) -> pd.Series:
    lite = records["model"].str.startswith("efficientnet_lite")
    return lite & (records["precision"] == "int8") & records["system"].isin(systems)


# Why a record of the edge sweeps looks wrong at its source, and which. Such records enter no fit and no headline error.
DOUBTS: dict[str, tuple[str, Callable[[pd.DataFrame], pd.Series]]] = {
    "other cores": (
        "the same network on the same board differs up to four times from the later run, and not in order of size",
        lambda r: r["system"] == "firefly-tflite-v2.7.1-ruy",
    ),
    "int8 falls back": (
        "EfficientNet-Lite at int8 costs 1.7 to 2.6 times fp32; elsewhere it costs less than fp32",
        lambda r: _int8_lite(
            r,
            (
                "rpi4coral-fan.on-armnn-v21.02-neon",
                "xavier-power.0-fan.cool-armnn-v21.02-neon",
                "odroid-armnn-v21.11-opencl",
            ),
        ),
    ),
    "int8 too cheap": (
        "MobileNetV1 at int8 costs 0.12 times fp32; in the board's other runs 0.37 to 0.40 times",
        lambda r: (
            (r["system"] == "nvidia_orin-tflite_cpp-cpu-tflite-vmaster-default_config")
            & (r["precision"] == "int8")
            & r["model"].str.startswith("mobilenetv1")
        ),
    ),
    "twice its neighbours": (
        "one network costs twice what its neighbours in width and image size do",
        lambda r: (
            r["system"].str.startswith("raspberrypi4-")
            & r["system"].str.contains("v23.05", regex=False)
            & (r["precision"] == "fp32")
            & (r["model"] == "mobilenetv2_1.0_160")
        ),
    ),
}


def doubts(records: pd.DataFrame) -> pd.Series:
    """The name of the first rule of `DOUBTS` that a record meets; empty where none."""
    found = [rule(records) for _, rule in DOUBTS.values()]
    return pd.Series(np.select(found, list(DOUBTS), default=""), index=records.index)


def measured_records(edge: pd.DataFrame | None = None, frameworks: pd.DataFrame | None = None) -> pd.DataFrame:
    """Every measured image of the cells that are fitted: one row a network and cell.

    `edge` and `frameworks` stand in for the tables `measured_vision_mlperf` and `measured_vision`.

    A cell is one device, engine, precision and batch. Columns: `source`, `cell`, `device`, `engine`, `round` (0 where
    the source has none), `precision`, `batch`, `boundary`, `kind` (cells alike), `is_gpu`, `model`, `family`,
    `energy_j`, `reference`, the counts `flop`, `activations`, `layers`, `elementwise`, `conv3x3_flop`, and `doubt`.
    Sources: MLPerf Inference, open division (whole board at the wall, batch 1); Fischer et al. 2022 (GPU or processor
    alone, batch 32 or 256).
    """
    edge = _edge_records(datasets.load("measured_vision_mlperf") if edge is None else edge)
    frameworks = _framework_records(datasets.load("measured_vision") if frameworks is None else frameworks)
    records = pd.concat([edge.assign(doubt=doubts(edge)), frameworks.assign(doubt="")], ignore_index=True)
    records = records.drop(columns="system")
    sound = records[["model", "family"]].where(records["doubt"] == "").groupby(records["cell"]).transform("nunique")
    enough = (sound["model"] >= FEWEST_NETWORKS) & (sound["family"] >= FEWEST_FAMILIES)
    return records[enough].reset_index(drop=True)


def edge_cells(table: pd.DataFrame) -> pd.Series:
    """The cell of each row of `measured_vision_mlperf`: one run of a system at a precision."""
    return table["round"] + "|" + table["system"] + "|" + table["precision"]


def swept_networks(table: pd.DataFrame) -> pd.Series:
    """The network of each row of `measured_vision_mlperf` by family, width and image size; missing outside sweeps."""
    return table["model_family"] + "_" + table["width_mult"].astype(str) + "_" + table["img_size"].astype(str)


def framework_cells(table: pd.DataFrame) -> pd.Series:
    """The cell of each row of `measured_vision`: a device under a framework."""
    return table["device"].map(_HOSTS) + "|" + table["software"]


def _edge_records(table: pd.DataFrame) -> pd.DataFrame:
    table = table[(table["division"] == "open") & table["model_family"].notna() & table["precision"].notna()]
    table["width_mult"] = table["width_mult"].round(2)  # as written: networks are joined and named by it
    table = table.merge(datasets.load("edge_features"), on=["model_family", "width_mult", "img_size"], validate="m:1")
    board = table["system"].str.lower().str.extract(f"({'|'.join(_BOARDS)})")[0].map(_BOARDS)
    return pd.DataFrame(
        {
            "source": "MLPerf edge",
            "cell": edge_cells(table),
            "system": table["system"],
            "device": board,
            "engine": table["system"].str.extract(r"((?:tflite|armnn|ctuning).*)")[0],
            "round": table["round"].str.removeprefix("v").astype(float),
            "precision": table["precision"],
            "batch": 1,
            "boundary": "server",
            "kind": table["precision"],
            "is_gpu": False,
            "model": swept_networks(table),
            "family": table["model_family"].str.extract(r"^([a-z]+v\d|[a-z]+)")[0],
            "energy_j": table["joules_per_image"],
            "reference": table["reference"],
            **_counts(table),
        }
    )


def _framework_records(table: pd.DataFrame) -> pd.DataFrame:
    table = table[(table["source"] == "ImageNetEff22") & table["timm_arch"].notna()]
    table = table.assign(img_size=table["img_size"].astype(int))
    table = table.merge(datasets.load("nvml_features"), on=["timm_arch", "img_size"], validate="m:1")
    is_gpu = table["joules_gpu"].notna()
    device = table["device"].map(_HOSTS)
    return pd.DataFrame(
        {
            "source": "ImageNetEff22",
            "cell": framework_cells(table),
            "system": device,
            "device": device,
            "engine": table["software"],
            "round": 0.0,
            "precision": table["precision"],
            "batch": table["batch"].astype(int),
            "boundary": "chip",
            "kind": np.where(is_gpu, "gpu", "cpu"),
            "is_gpu": is_gpu,
            "model": table["timm_arch"],
            "family": table["timm_arch"].str.extract(r"^(?:tf_|legacy_)?([a-z]+)")[0],
            "energy_j": table["joules_gpu"].where(is_gpu, table["joules_per_image"]),
            "images_per_s": table["images_per_s"],
            "reference": table["reference"],
            **_counts(table),
        }
    )


def _counts(table: pd.DataFrame) -> dict[str, pd.Series]:
    return {
        "flop": FLOP_PER_MAC * 1e9 * table["gmacs_count"],
        "activations": 1e6 * table["macts_count"],
        "layers": table["n_layers"].astype(float),
        "elementwise": 1e6 * table["munfused"],
        "conv3x3_flop": FLOP_PER_MAC * 1e9 * table["gmacs_33"],
    }


def server_records() -> pd.DataFrame:
    """Servers and edge modules at the wall under an inference engine, with their accelerators' specifications.

    MLPerf Inference, closed division, on accelerators of the table `accelerators`; the precision, which the source
    leaves blank, is taken to be int8. Columns: `device`, `model`, `scenario`, `energy_j`, `flop`, `activations`,
    `n_accelerators`, `tdp_w`, `peak_flop_per_s`, `bandwidth_byte_per_s`, `has_host`, `reference`.
    """
    table = datasets.load("measured_vision_mlperf")
    table = table[(table["division"] == "closed") & table["accelerator"].isin(ACCELERATORS) & (table["n_accel"] > 0)]
    table = table.merge(datasets.load("mlperf_networks"), on="model", validate="m:1")
    chips = datasets.load("accelerators").set_index("name")
    device = table["accelerator"].map(ACCELERATORS)
    return pd.DataFrame(
        {
            "device": device,
            "model": table["model"],
            "scenario": table["scenario"],
            "energy_j": table["joules_per_image"],
            "flop": FLOP_PER_MAC * 1e9 * table["gmacs"],
            "activations": 1e6 * table["mactivations"],
            "n_accelerators": table["n_accel"].astype(int),
            "tdp_w": device.map(chips["tdp_w"]),
            "peak_flop_per_s": 1e12 * device.map(chips["int8_tops"]),
            "bandwidth_byte_per_s": 1e9 * device.map(chips["bandwidth_gbs"]),
            "has_host": device.map(chips["segment"]) != "edge",
            "reference": table["reference"],
        }
    )


def stream_energies() -> pd.DataFrame:
    """Joules an image of one system and network alone, in eights, and offline (as large a batch as it likes)."""
    table = datasets.load("measured_vision_mlperf")
    table = table[(table["division"] == "closed") & table["model"].isin(datasets.load("mlperf_networks")["model"])]
    keys = ["round", "system", "model", "scenario"]
    energy_j = table.groupby(keys)["joules_per_image"].median().unstack()
    names = {"SingleStream": "one_j", "MultiStream": "eight_j", "Offline": "many_j"}
    return energy_j[list(names)].rename(columns=names).dropna().reset_index()


def throughput_records() -> pd.DataFrame:
    """Seconds an image under eager PyTorch at a large batch, beside what peak and bandwidth would take.

    Columns: `device`, `model`, `time_s`, `compute_s` (FLOP / peak), `value_s` (activations / bandwidth: seconds if each
    took one byte). Networks whose branches fold are counted folded, as they run. Table `timm_throughput`.
    """
    table = datasets.load("timm_throughput").merge(datasets.load("timm_recount"), on=["arch", "img_size"])
    chips = datasets.load("accelerators").set_index("name")
    gmacs = table["gmacs_reparameterised"].fillna(table["gmacs_recounted"])
    mactivations = table["mactivations_reparameterised"].fillna(table["mactivations"])
    records = pd.DataFrame(
        {
            "device": table["accelerator"],
            "model": table["arch"],
            "time_s": 1 / table["images_per_s"],
            "compute_s": FLOP_PER_MAC * 1e9 * gmacs / (1e12 * table["accelerator"].map(chips["fp16_tensor_tflops"])),
            "value_s": 1e6 * mactivations / (1e9 * table["accelerator"].map(chips["bandwidth_gbs"])),
        }
    )
    return records[gmacs > 0.05].reset_index(drop=True)  # below, the host sets the pace
