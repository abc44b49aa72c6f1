"""Which rows of a table enter no fit and no trend, and why.

`python -m energy_lib.left_out` counts those of the measured tables, for `make fit`.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from energy_lib import datasets, image_records
from energy_lib.hardware_trends import why_left_out
from energy_lib.image_records import FEWEST_FAMILIES, FEWEST_NETWORKS
from energy_lib.study import LAST_DAY

_TOO_FEW = f"fewer than {FEWEST_NETWORKS} networks or {FEWEST_FAMILIES} families of its cell are measured and counted"


def left_out(table: pd.DataFrame, model_architecture: pd.DataFrame | None = None) -> pd.Series:
    """Why each row of a table, as `load` gives it, enters no fit and no trend; empty where it does.

    `model_architecture` stands in for the table of that name.
    """
    name = table.attrs["name"]
    if name == "mlenergy_llm":
        return _language(
            table, datasets.load("model_architecture") if model_architecture is None else model_architecture
        )
    if name not in _REASONS:
        return pd.Series("", index=table.index, dtype="str")
    return _REASONS[name](table)


def _first(reasons: dict[str, pd.Series], index: pd.Index) -> pd.Series:
    found = np.select([reason.to_numpy(bool) for reason in reasons.values()], list(reasons), default="")
    return pd.Series(found, index=index, dtype="str")


def _language(table: pd.DataFrame, shapes: pd.DataFrame) -> pd.Series:
    reasons = {
        "prompts hold pictures or films, whose tokens are not known": table["modality"] != "text",
        "the model's shape is not known: model_architecture does not name it": ~table["model_id"].isin(
            shapes["model_id"]
        ),
    }
    return _first(reasons, table.index)


def _servers_and_boards(table: pd.DataFrame) -> pd.Series:
    swept, closed = table["division"] == "open", table["division"] == "closed"
    sound = table["model_family"].notna() & table["precision"].notna()
    cells = set(image_records.measured_records(edge=table)["cell"])
    reasons = {
        "network or precision of the sweep is not stated": swept & ~sound,
        _TOO_FEW: swept & ~image_records.edge_cells(table).isin(cells),
        "accelerator without a specification in accelerators, or none": closed
        & ~(table["accelerator"].isin(image_records.ACCELERATORS) & (table["n_accel"] > 0)),
        "network is not counted in mlperf_networks": closed
        & ~table["model"].isin(datasets.load("mlperf_networks")["model"]),
    }
    found = _first(reasons, table.index)
    doubt = image_records.doubts(table.assign(model=image_records.swept_networks(table).fillna(""))).fillna("")
    return found.mask(swept & (found == "") & (doubt != ""), "in doubt: " + doubt)


def _frameworks(table: pd.DataFrame) -> pd.Series:
    counted = datasets.load("nvml_features")
    counted = set(zip(counted["timm_arch"], counted["img_size"].astype(str), strict=True))
    known = [pair in counted for pair in zip(table["timm_arch"], table["img_size"], strict=True)]
    cells = set(image_records.measured_records(frameworks=table)["cell"])
    reasons = {
        "only runs of ImageNetEff22 state all that the fit needs": table["source"] != "ImageNetEff22",
        "network is not counted in nvml_features": ~pd.Series(known, index=table.index),
        _TOO_FEW: ~image_records.framework_cells(table).isin(cells),
    }
    return _first(reasons, table.index)


def _image_models(table: pd.DataFrame) -> pd.Series:
    late = f"the study's trends end with {LAST_DAY:%Y-%m-%d}; charts of accuracy and parameters show later models"
    return _first({late: table["date"] > LAST_DAY}, table.index)


_REASONS: dict[str, Callable[[pd.DataFrame], pd.Series]] = {
    "accelerators": why_left_out,
    "measured_vision": _frameworks,
    "measured_vision_mlperf": _servers_and_boards,
    "vision_models": _image_models,
}


def summary(name: str) -> str:
    """How many rows of a table enter no fit, by reason."""
    reasons = left_out(datasets.load(name))
    reasons = reasons[reasons != ""]
    counts = reasons.value_counts().sort_index(kind="stable")
    lines = [f"  {count:5d}  {reason}" for reason, count in counts.items()]
    return "\n".join([f"{name}: {len(reasons)} of {len(datasets.load(name))} rows enter no fit", *lines])


if __name__ == "__main__":
    for measured in ("mlenergy_llm", "measured_vision", "measured_vision_mlperf"):
        print(summary(measured))
