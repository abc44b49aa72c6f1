"""The dated image models of timm: every model with a date and a recount, with the joules of its own counts."""

import warnings

import numpy as np
import pandas as pd
import pytest
from sharing import once

from energy_lib import load
from energy_lib.image import image_energy
from energy_lib.zoo import DEVICE, ENGINE, image_models

BRANCHES = "gmacs_reparameterised"  # the count of the network whose branches were folded into one, where it has any


@pytest.fixture(scope=once)
def zoo():
    return image_models()


@pytest.fixture(scope=once)
def counts():
    return load("timm_recount").set_index(["arch", "img_size"])


def count_of(counts, row):
    return counts.loc[row.model.partition(".")[0], row.img_size]


def test_every_model_with_a_date_and_a_recount_is_there_once_in_order(zoo, counts):
    models, dates = load("timm_models"), load("timm_model_dates").set_index("model")["model_date"]
    counted = set(counts.index[counts["gmacs_recounted"].notna()])
    expected = [
        (dates[m.model], m.model, m.img_size)
        for m in models.itertuples()
        if m.model in dates.index and (m.arch, m.img_size) in counted
    ]
    assert list(zoo[["date", "model", "img_size"]].itertuples(index=False, name=None)) == sorted(expected)
    assert list(zoo.index) == list(range(len(zoo)))


def test_accuracy_and_parameters_are_those_of_the_model(zoo):
    published = load("timm_models").set_index(["model", "img_size"])
    for row in zoo.iloc[::50].itertuples():
        own = published.loc[(row.model, row.img_size)]
        assert (row.top1, row.params_M) == (own["top1"], own["params_M"])


@pytest.mark.parametrize(("model", "gflops"), [("resnet50.tv_in1k", 8.2), ("vgg16.tv_in1k", 31.0)])
def test_operations_are_those_of_the_papers_at_two_a_multiply_add(zoo, model, gflops):
    own = zoo[(zoo["model"] == model) & (zoo["img_size"] == 224)].iloc[0]
    assert own["gflops"] == pytest.approx(gflops, rel=0.02)


def test_a_network_that_folds_its_branches_is_counted_as_it_is_served(zoo, counts):
    folded = [row for row in zoo.itertuples() if not np.isnan(count_of(counts, row)[BRANCHES])]
    fewer = [row for row in folded if count_of(counts, row)[BRANCHES] < 0.95 * count_of(counts, row)["gmacs_recounted"]]
    assert len(fewer) > 5
    for row in folded:
        assert row.gflops == pytest.approx(2 * count_of(counts, row)[BRANCHES])


def energies(zoo, counts, folded):
    rows = zoo[[np.isnan(count_of(counts, row)[BRANCHES]) != folded for row in zoo.itertuples()]]
    for row in rows.iloc[:: max(1, len(rows) // 20)].itertuples():
        yield row, count_of(counts, row)


@pytest.mark.parametrize("folded", [False, True])
def test_joules_are_those_of_an_image_with_the_counts_of_the_model(zoo, counts, folded):
    for row, count in energies(zoo, counts, folded):
        flop = 1e9 * row.gflops
        served = "_reparameterised" if folded and not np.isnan(count["mactivations_reparameterised"]) else ""
        layers = count["n_layers_reparameterised"]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            own = image_energy(
                flop,
                1e6 * count[f"mactivations{served}"],
                DEVICE,
                engine=ENGINE,
                layers=count["n_conv"] + count["n_linear"] if pd.isna(layers) else float(layers),
                elementwise=1e6 * count[f"munfused{served}"],
                # What was counted before folding says nothing of the convolutions after it.
                conv3x3_flop=0.0 if folded else min(2e9 * count["gmacs_conv3x3"], flop),
                new_family=True,
            )
        found = (row.energy_low_j, row.energy_j, row.energy_high_j)
        assert found == pytest.approx((float(own.low_j), float(own.energy_j), float(own.high_j)), rel=1e-9)


def test_models_beyond_the_range_of_the_meter_are_marked(zoo):
    metered = load("image_cells").query("device == @DEVICE and engine == @ENGINE and detail == 'full'").iloc[0]
    flop = 1e9 * zoo["gflops"]
    assert (zoo["metered_range"] == ((flop >= metered["flop_min"]) & (flop <= metered["flop_max"]))).all()
    assert 0 < zoo["metered_range"].sum() < len(zoo)


@pytest.mark.parametrize(
    ("model", "extra"),
    [
        ("resnet50.a1_in1k", False),
        ("vit_base_patch16_224.augreg_in21k_ft_in1k", True),
        ("resnext50_32x4d.fb_swsl_ig1b_ft_in1k", True),
        ("tf_efficientnet_b5.ns_jft_in1k", True),
    ],
)
def test_weights_that_saw_more_than_imagenet_are_marked(zoo, model, extra):
    assert set(zoo.loc[zoo["model"] == model, "extra_data"]) == {extra}
