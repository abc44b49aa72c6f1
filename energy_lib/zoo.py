"""The dated image models of timm, with operations recounted and joules on one measured device."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd

from energy_lib import datasets
from energy_lib.image import image_energy
from energy_lib.units import FLOP_PER_GFLOP, FLOP_PER_MAC

DEVICE, ENGINE = "RTX 5000", "pytorch"
# Names in a weights tag of collections beyond ImageNet-1k, on which the weights were trained before or besides.
EXTRA_DATA = (
    "in12k|in21k|in22k|jft|laion|ig1b|yfcc|openai|clip|swsl|ssl_|seer|swag|wsl|webli|datacomp|dfn|lvd|m30m|m38m|"
    "in1k_ft_in2|merged|miil_in|indomain|6m|goog_teacher|sail_in2"
)


def image_models() -> pd.DataFrame:
    """One row a model and evaluated size, in order of `date`, the earliest at which the model can have existed.

    Columns: model, family, date, top1 (%), img_size, params_M, gflops (two operations a multiply-add, recounted where
    timm could build the model), extra_data, energy_j with energy_low_j and energy_high_j (90 %, for networks unlike
    those measured) on the device, and `metered_range`: whether its FLOP lie among those that were metered there.
    """
    counts = datasets.load("timm_recount").set_index(["arch", "img_size"])
    dates = datasets.load("timm_model_dates")[["model", "family", "model_date"]]
    models = datasets.load("timm_models").merge(dates, on="model", validate="m:1")
    models = models.join(counts[_COUNTS], on=["arch", "img_size"]).dropna(subset=["gmacs_recounted"])
    plain = {name: models[f"{name}_reparameterised"].fillna(models[name]) for name in ("mactivations", "munfused")}
    layers = models["n_layers_reparameterised"].astype(float).fillna(models["n_conv"] + models["n_linear"])
    folded = models["gmacs_reparameterised"].notna()
    gmacs = models["gmacs_reparameterised"].fillna(models["gmacs_recounted"])
    flop = FLOP_PER_MAC * FLOP_PER_GFLOP * gmacs
    # Folding turns a block's branches into one 3x3 convolution; those of the training form say nothing of it.
    conv3x3 = np.where(folded, 0.0, FLOP_PER_MAC * FLOP_PER_GFLOP * models["gmacs_conv3x3"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # FLOP outside the metered range are marked in a column instead
        estimate = image_energy(
            flop,
            1e6 * plain["mactivations"],
            DEVICE,
            engine=ENGINE,
            layers=layers,
            elementwise=1e6 * plain["munfused"],
            conv3x3_flop=np.minimum(conv3x3, flop),
            new_family=True,
        )
    cell = datasets.load("image_cells").query("device == @DEVICE and engine == @ENGINE and detail == 'full'").iloc[0]
    table = models.assign(
        date=models["model_date"],
        gflops=flop / FLOP_PER_GFLOP,
        extra_data=models["tag"].str.contains(EXTRA_DATA),
        energy_j=estimate.energy_j,
        energy_low_j=estimate.low_j,
        energy_high_j=estimate.high_j,
        metered_range=flop.between(cell["flop_min"], cell["flop_max"]),
    )
    columns = ["model", "family", "date", "top1", "img_size", "params_M", "gflops", "extra_data", "energy_j"]
    columns += ["energy_low_j", "energy_high_j", "metered_range"]
    return table.sort_values(["date", "model", "img_size"], ignore_index=True)[columns]


_COUNTS = ["gmacs_recounted", "gmacs_reparameterised", "gmacs_conv3x3", "mactivations", "mactivations_reparameterised"]
_COUNTS += ["munfused", "munfused_reparameterised", "n_conv", "n_linear", "n_layers_reparameterised"]
