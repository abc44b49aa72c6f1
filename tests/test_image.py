"""Joules of an image: fitted by the code that stands here, proven on what it never saw, and sane everywhere else."""

import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sharing import once

from energy_lib import accelerator, image_calibration, load
from energy_lib.checks import UnknownNameError
from energy_lib.image import COEFFICIENTS, DETAILS, SpecificationLaw, image_energy, measured_devices
from energy_lib.image_cells import fit_coefficients, unseen_device_half_width
from energy_lib.image_records import DOUBTS, measured_records

RESNET50 = {"flop": 8.18e9, "activations": 11.1e6}
MOBILENET = {"flop": 0.6e9, "activations": 6.7e6, "layers": 53, "elementwise": 0.9e6}
COUNTS = st.floats(1e7, 1e10)
KEYS = {"image_cells": ["cell", "detail"], "image_specification": ["law"]}


@pytest.fixture(scope=once)
def fitted() -> dict[str, pd.DataFrame]:
    return image_calibration.fit()


@pytest.fixture(scope=once)
def validated() -> pd.DataFrame:
    return image_calibration.cross_validate()


def _quietly(*args, **kwargs):
    """An estimate where leaving the measured range is not the point."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return image_energy(*args, **kwargs)


@pytest.mark.parametrize("name", ["image_cells", "image_specification"])
def test_the_committed_constants_are_what_the_code_fits_today(fitted, name):
    committed = load(name).drop(columns="basis").set_index(KEYS[name])
    today = fitted[name].set_index(KEYS[name]).loc[committed.index]
    numbers = committed.select_dtypes("number").columns
    # Five digits are printed; a coefficient below a billionth of its device's energy is zero but for rounding.
    np.testing.assert_allclose(today[numbers].astype(float), committed[numbers].astype(float), rtol=2e-4, atol=1e-14)
    for column in committed.columns.difference(numbers):
        assert (today[column] == committed[column]).all(), column


def test_errors_on_what_was_left_out_are_no_worse_than_the_committed_ones(validated):
    keys = ["estimator", "detail", "left_out"]
    committed, today = load("image_errors").set_index(keys), validated.set_index(keys)
    assert set(committed.index) == set(today.index)
    today = today.loc[committed.index]
    for column in ("rms_log10", "median_cell_rms_log10", "rms_with_doubtful_log10"):
        both = committed[column].notna()
        assert (today[column][both] <= committed[column][both] * 1.001).all(), column
    moved = (today["coverage_90"] - committed["coverage_90"]).abs()
    assert (moved.dropna() <= 0.002).all()


def test_calibration_writes_the_committed_files(fitted, validated, tmp_path, monkeypatch):
    monkeypatch.setattr(image_calibration, "fit", lambda: fitted)
    monkeypatch.setattr(image_calibration, "cross_validate", lambda: validated)
    image_calibration.write(tmp_path)
    for name in ("image_cells", "image_specification", "image_errors"):
        written = (tmp_path / f"{name}.csv").read_text(encoding="utf-8").splitlines()
        committed = Path(load(name).attrs["path"]).read_text(encoding="utf-8").splitlines()
        assert written[0] == committed[0]
        assert len(written) == len(committed)


def test_intervals_hold_nine_in_ten_networks_that_were_left_out():
    errors = load("image_errors").query("left_out == 'model' and detail in ['basic', 'layers', 'full']")
    assert len(errors) == 6
    assert errors["coverage_90"].between(0.88, 0.92).all()


def test_each_count_that_a_reader_gives_lowers_the_error_and_narrows_the_interval():
    table = load("image_errors").query("left_out == 'model'").set_index(["estimator", "detail"])
    for source in ("MLPerf edge", "ImageNetEff22"):
        ladder = table.loc[source].loc[["flop", "floor + flop", "basic", "layers", "full"]]
        assert ladder["median_cell_rms_log10"].is_monotonic_decreasing
        assert ladder["factor_90"].is_monotonic_decreasing


def test_boards_and_the_metered_gpu_are_known_to_five_hundredths_when_all_is_counted():
    errors = load("image_errors").set_index(["estimator", "detail", "left_out"])
    assert errors.loc[("MLPerf edge", "full", "model"), "median_cell_rms_log10"] < 0.05
    assert (load("image_cells").query("device == 'RTX 5000' and detail == 'full'")["rms_log10"] < 0.05).all()


def test_every_fit_leaves_doubtful_records_out_and_gives_a_reason():
    records = measured_records()
    named = set(records["doubt"]) - {""}
    assert named <= set(DOUBTS)
    assert all(reason for reason, _ in DOUBTS.values())
    committed = load("image_cells").query("detail == 'basic' and device != @image_calibration.ANY_BOARD")
    assert committed["n_doubtful"].sum() == (records["doubt"] != "").sum()


@pytest.mark.parametrize("detail", DETAILS)
def test_records_of_the_meter_lie_in_the_intervals_of_their_cells(detail):
    records = measured_records().query("doubt == ''")
    cells = load("image_cells").query("detail == @detail").set_index("cell")
    preferred = records[records["cell"].map(cells["preference"]) == 1]
    inside = []
    for _, record in preferred.iterrows():
        counts = {term: record[term] for term in DETAILS[detail] if term != "floor"}
        if detail == "full" and record["is_gpu"]:
            counts["conv3x3_flop"] = record["conv3x3_flop"]
        estimate = image_energy(device=record["device"], precision=record["precision"], **counts)
        inside.append(estimate.low_j <= record["energy_j"] <= estimate.high_j)
    assert np.mean(inside) > 0.88


def test_resnet50_on_the_metered_gpu_is_what_the_meter_said():
    record = measured_records().query("cell == 'RTX 5000|pytorch' and model == 'resnet50'").iloc[0]
    estimate = image_energy(record["flop"], record["activations"], "RTX 5000", engine="pytorch")
    assert estimate.low_j < record["energy_j"] < estimate.high_j
    assert estimate.boundary == "chip"


@given(COUNTS, COUNTS)
def test_parts_add_up_and_the_interval_holds_the_median(flop, activations):
    for device, more in (("Raspberry Pi 4", {}), ("H100 SXM5 80GB", {"batch": 4}), ("A10", {"precision": "fp16"})):
        estimate = _quietly(flop, activations, device, **more)
        assert sum(estimate.parts.values()) == pytest.approx(estimate.energy_j)
        assert 0 < estimate.low_j < estimate.energy_j < estimate.high_j
        assert all(part >= 0 for part in estimate.parts.values())


@given(st.sampled_from(measured_devices()), st.floats(1.0, 10.0))
def test_energy_never_falls_when_a_count_rises(device, factor):
    counts = dict(MOBILENET, conv3x3_flop=0.0) if device != image_calibration.ANY_BOARD else RESNET50
    before = _quietly(device=device, **counts).energy_j
    for count in counts:
        if count != "conv3x3_flop":
            assert _quietly(device=device, **{**counts, count: factor * counts[count]}).energy_j >= before


def test_parts_scale_with_their_counts_and_the_floor_does_not():
    once = _quietly(1e9, 5e6, "Odroid").parts
    thrice = _quietly(3e9, 15e6, "Odroid").parts
    assert thrice["floor"] == once["floor"]
    assert thrice["flop"] == pytest.approx(3 * once["flop"])
    assert thrice["activations"] == pytest.approx(3 * once["activations"])


@given(st.integers(1, 4096), st.integers(1, 4096))
def test_an_image_in_a_larger_batch_never_costs_more_by_specification(first, second):
    small, large = sorted([first, second])
    energy = image_energy(**RESNET50, device="H100 SXM5 80GB", batch=[small, large]).energy_j
    assert energy[1] <= energy[0] * (1 + 1e-12)


def test_large_batches_tend_to_the_law_of_large_batches():
    limit = image_energy(**RESNET50, device="L4")
    assert image_energy(**RESNET50, device="L4", batch=10**9).energy_j == pytest.approx(limit.energy_j, rel=1e-5)
    assert image_energy(**RESNET50, device="L4", batch=1).energy_j > limit.energy_j


def test_accelerators_share_their_host_and_edge_modules_have_none():
    one, eight = (image_energy(**RESNET50, device="L4", n_accelerators=n).energy_j for n in (1, 8))
    assert eight < one
    module = [image_energy(**RESNET50, device="Jetson Xavier NX", n_accelerators=n).energy_j for n in (1, 8)]
    assert module[0] == module[1]


def test_twice_the_bandwidth_never_costs_energy():
    law = SpecificationLaw(1.7, 2.7, 0.0, 1.0, 130.0)
    chip = {"tdp_w": 300.0, "peak_flop_per_s": 1e14, "host_share": 1.0}
    slow, fast = (law.parts_j(1e9, 1e7, bandwidth_byte_per_s=rate, **chip) for rate in (1e12, 2e12))
    assert sum(fast.values()) < sum(slow.values())


def test_a_device_known_by_its_specification_has_the_wider_interval():
    measured = image_energy(**RESNET50, device="RTX 5000")
    specified = image_energy(**RESNET50, device="NVIDIA Quadro RTX 5000", precision="fp32")
    assert specified.high_j / specified.low_j > measured.high_j / measured.low_j
    assert specified.low_j < measured.energy_j < specified.high_j


def test_a_network_unlike_the_measured_ones_has_the_wider_interval_and_the_same_median():
    like, unlike = (image_energy(0.6e9, 6.7e6, "Odroid", new_family=flag) for flag in (False, True))
    assert like.energy_j == unlike.energy_j
    assert like.high_j < unlike.high_j


def test_detail_follows_from_the_counts_that_are_given():
    basic = image_energy(0.6e9, 6.7e6, "Raspberry Pi 4")
    layers = image_energy(0.6e9, 6.7e6, "Raspberry Pi 4", layers=53)
    full = image_energy(**MOBILENET, device="Raspberry Pi 4")
    assert tuple(basic.parts) == DETAILS["basic"]
    assert tuple(layers.parts) == DETAILS["layers"]
    assert tuple(full.parts) == DETAILS["full"]
    assert set(COEFFICIENTS) == set(full.parts)


def test_arrays_in_arrays_out():
    grid = image_energy(np.full((3, 1), 1e9), np.full(4, 5e6), "Odroid")
    assert grid.energy_j.shape == grid.low_j.shape == grid.high_j.shape == (3, 4)
    assert all(part.shape == (3, 4) for part in grid.parts.values())
    assert image_energy(1e9, 5e6, "Odroid").energy_j.shape == ()
    assert image_energy(1e9, 5e6, "A10", batch=np.array([1, 2])).energy_j.shape == (2,)


@pytest.mark.parametrize("bad", [-1.0, 0.0, np.nan, np.inf, [1e9, np.nan]])
@pytest.mark.parametrize("count", ["flop", "activations", "layers"])
@pytest.mark.parametrize("device", ["Odroid", "A10"])
def test_counts_that_are_no_counts_are_refused_by_name(bad, count, device):
    with pytest.raises(ValueError, match=count):
        image_energy(**{"flop": 1e9, "activations": 5e6, count: bad}, device=device)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"device": "Odroid", "batch": 8}, "measured is 1"),
        ({"device": "RTX 5000", "batch": 1}, "measured is 32"),
        ({"device": "A10", "precision": "fp16", "batch": 1}, "allowed is >= 32"),
        ({"device": "A10", "batch": 0}, "batch = 0.0 images"),
        ({"device": "A10", "n_accelerators": 0}, "n_accelerators"),
        ({"device": "Odroid", "elementwise": 1e6}, "without layers"),
        ({"device": "RTX 5000", "layers": 50, "elementwise": 1e6}, "conv3x3_flop is missing"),
        ({"device": "RTX 5000", "conv3x3_flop": 1e12}, "a part of it"),
        ({"device": "any CPU board", "layers": 50}, "leave them out"),
    ],
)
def test_what_was_not_measured_is_refused_with_what_was(arguments, said):
    with pytest.raises(ValueError, match=said):
        _quietly(**{**RESNET50, **arguments})


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"device": "Rasberry Pi"}, "Raspberry Pi 4"),
        ({"device": "H100 SXM"}, "H100 SXM5 80GB"),
        ({"device": "RTX 5000", "precision": "int8"}, "fp32"),
        ({"device": "A10", "precision": "fp64"}, "int8"),
        ({"device": "RTX 5000", "engine": "tensor"}, "tensorflow"),
    ],
)
def test_an_unknown_name_lists_the_nearest(arguments, said):
    with pytest.raises(UnknownNameError, match=said):
        _quietly(**{**RESNET50, **arguments})


def test_flop_beyond_the_measured_range_are_warned_of():
    with pytest.warns(UserWarning, match="range measured on Odroid"):
        image_energy(1e12, 5e6, "Odroid")


def test_every_accelerator_is_estimated_or_refused_with_a_reason():
    for name in load("accelerators")["name"]:
        chip = accelerator(name)
        if chip.tdp_w and chip.bandwidth_byte_per_s and {"int8", "fp16", "fp32"} & set(chip.peak_flop_per_s):
            assert image_energy(**RESNET50, device=name).energy_j > 0
        else:
            with pytest.raises(ValueError, match="unpublished"):
                image_energy(**RESNET50, device=name)


@given(st.lists(st.floats(0.1, 10.0), min_size=2, max_size=3))
def test_a_fit_finds_the_coefficients_that_made_the_energies(truth):
    counts = np.random.default_rng(7).lognormal(0.0, 1.0, (200, len(truth)))
    np.testing.assert_allclose(fit_coefficients(counts, counts @ truth), truth, rtol=0.05)


def test_a_fit_forgives_one_record_that_is_ten_times_too_high():
    counts = np.random.default_rng(7).lognormal(0.0, 1.0, (60, 2))
    energy = counts @ [1.0, 2.0]
    energy[0] *= 10
    np.testing.assert_allclose(fit_coefficients(counts, energy), [1.0, 2.0], rtol=0.05)


def test_the_width_for_an_unseen_device_weighs_devices_alike():
    error = pd.Series([0.1] * 99 + [0.3])
    device = pd.Series(["many"] * 99 + ["single"])
    assert unseen_device_half_width(error, device) == pytest.approx(0.3 * np.sqrt(1.5))
