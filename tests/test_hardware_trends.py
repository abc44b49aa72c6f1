"""Peaks are dense, only re-read parts that can be bought are fitted, and the parts of a gain make up the whole."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sharing import once

from energy_lib import hardware_trends as trends
from energy_lib import load
from energy_lib.checks import UnknownNameError
from energy_lib.trends import fit_growth


@pytest.fixture(scope=once)
def parts():
    return trends.parts()


@pytest.fixture(scope=once)
def server(parts):
    return parts[parts["group"] == "server GPUs"]


def test_desktop_fp32_doubles_in_the_time_that_the_makers_peaks_give(parts):
    # Koomey's law as Ho et al. (arXiv 2312.08595) quote it: about 2.7 years for the FP32 of GPUs over 15 years.
    growth = trends.trend(parts[parts["group"] == "desktop GPUs"], "fp32")
    assert growth.doubling_time_years_low < 2.7 < growth.doubling_time_years_high
    assert growth.doubling_time_years == pytest.approx(2.82, abs=0.05)


@pytest.mark.parametrize(
    ("name", "column", "picojoule"),
    # Power over dense peak of the makers' data sheets.
    [
        ("Tesla K40", "fp32", 48.6),
        ("Tesla V100 SXM2 16GB", "fp16", 2.40),
        ("A100 SXM4 80GB", "fp16", 1.28),
        ("H100 SXM5 80GB", "fp8", 0.354),
        ("B200 SXM", "fp4", 0.111),
    ],
)
def test_joules_an_operation_are_rated_power_over_dense_peak(parts, name, column, picojoule):
    efficiency = parts.set_index("name").loc[name, column]
    assert 1e12 / efficiency == pytest.approx(picojoule, rel=0.005)


def test_the_best_is_the_highest_of_the_formats(parts):
    floats = parts[["fp32", "fp16_any", "fp8", "fp4"]].max(axis=1)
    pd.testing.assert_series_equal(parts["best"], floats, check_names=False)
    table = load("accelerators").set_index("name").loc[parts["name"]]
    whole_numbers = 1e12 * table["int8_tops"] / table["tdp_w"]
    expected = np.fmax(parts["best"].to_numpy(), whole_numbers.to_numpy())
    np.testing.assert_allclose(parts["best_int8"], expected)
    assert (parts["best_int8"] > parts["best"]).any()


def test_8_bits_of_a_gpu_are_at_most_twice_as_fast_as_16_bits(parts):
    # A sparse rate beside a dense one would be four times as fast.
    gpus = parts[parts["segment"].isin(["server_gpu", "desktop_gpu"])]
    fitted = gpus[gpus["left_out"] == ""].dropna(subset=["fp8", "fp16"])
    assert len(fitted) > 10
    assert (fitted["fp8"] <= 2.05 * fitted["fp16"]).all()


def test_rows_not_re_read_announced_or_without_power_enter_no_fit(parts):
    table = load("accelerators").set_index("name").loc[parts.loc[parts["left_out"] == "", "name"]]
    assert table["spec_verified"].all()
    assert (table["status"] == "released").all()
    assert table["tdp_w"].notna().all()
    assert set(table["segment"]) <= set(trends.CLASSES)
    table = load("accelerators").set_index("name")
    for reason, rows in parts.groupby("left_out"):
        why = table.loc[rows["name"]]
        assert {
            "": True,
            "announced, not released": (why["status"] != "released").all(),
            "specification not re-read": (~why["spec_verified"]).all(),
            "export, APU or workstation version": (~why["in_trend_server"]).all(),
        }[reason]


def test_an_unverified_row_cannot_move_a_trend():
    table = load("accelerators")
    before = trends.trend(trends.parts(table), "fp32")
    table.loc[~table["spec_verified"], "fp32_tflops"] *= 100.0
    assert trends.trend(trends.parts(table), "fp32") == before


def test_windows_hold_the_launches_of_their_years(server):
    inside = trends.launched(server, "2016-2026")
    assert (inside["date"] >= "2016-01-01").all() and "Tesla M40" not in set(inside["name"])
    assert {"Tesla P100 SXM2", "B300 SXM"} <= set(inside["name"])
    with pytest.raises(UnknownNameError, match="2010-2021"):
        trends.launched(server, "2010-2020")


@pytest.mark.parametrize("window", trends.WINDOWS)
def test_the_factors_of_a_gain_multiply_to_the_whole(server, window):
    gains = trends.format_gain(trends.launched(server, window))
    factor = {name: growth.factor_per_year for name, growth in gains.items()}
    assert factor["to_16_bits"] * factor["below_16_bits"] == pytest.approx(factor["narrower"])
    assert factor["same_format"] * factor["narrower"] == pytest.approx(factor["best"])
    shares = trends.shares(gains)
    assert shares["same_format"] + shares["to_16_bits"] + shares["below_16_bits"] == pytest.approx(1.0)


@settings(max_examples=20)  # each fits two trends
@given(st.floats(0.01, 100.0))
def test_a_faster_clock_everywhere_changes_no_growth(factor):
    table = load("accelerators")
    scaled = table.assign(tdp_w=table["tdp_w"] / factor)
    ours, theirs = (trends.trend(trends.parts(t), "best") for t in (table, scaled))
    assert theirs.factor_per_year == pytest.approx(ours.factor_per_year)


def test_narrower_formats_brought_most_of_the_gain_of_server_gpus(server):
    gains = trends.format_gain(trends.launched(server, "2016-2026"))
    assert gains["best"].factor_per_year_low > gains["same_format"].factor_per_year_high
    assert trends.shares(gains)["narrower"] > 0.5


def test_parts_that_share_silicon_are_one_chip(server):
    chips = trends.one_per_chip(server)
    a100 = server[server["name"].str.startswith("A100")]
    assert a100["chip"].nunique() == 1
    mean = np.exp(np.log(a100.loc[a100["left_out"] == "", "fp32"]).mean())
    assert chips.set_index("chip").loc[a100["chip"].iloc[0], "fp32"] == pytest.approx(mean)
    assert chips["date"].is_monotonic_increasing


def test_training_parts_have_fast_memory(parts):
    training = set(parts.loc[parts["training"], "name"])
    assert {"Tesla P100 SXM2", "A100 SXM4 80GB", "Instinct MI300X", "B300 SXM"} <= training
    assert not {"Tesla T4", "L40", "L4", "A10", "GeForce RTX 5090", "TPU v7 (Ironwood)"} & training


def test_a_part_whose_process_is_unknown_is_a_chip_of_its_own(parts):
    unknown = load("accelerators").query("transistors_bn.notna() and process_nm.isna()")["name"]
    assert len(unknown) > 0
    rows = parts[parts["name"].isin(unknown)]
    assert rows["chip"].tolist() == rows["name"].tolist()
    one_each = trends.one_per_chip(parts)
    assert set(rows.loc[rows["left_out"] == "", "name"]) <= set(one_each["name"])


def test_boards_of_one_chip_add_little_to_what_a_trend_knows(server):
    now = trends.launched(server, "2016-2026").query("left_out == ''").dropna(subset=["best"])
    by_chip, alone = trends.trend(now, "best"), fit_growth(now["date"], now["best"])
    assert by_chip.slope == alone.slope
    assert by_chip.degrees_of_freedom < now["chip"].nunique() - 2 < alone.degrees_of_freedom
    # Every board twice: the same chips say the same, with the same doubt.
    twice = trends.trend(pd.concat([now, now]).sort_values("date", kind="stable"), "best")
    assert twice.factor_per_year_high == pytest.approx(by_chip.factor_per_year_high)


def test_a_doubling_time_needs_enough_chips_and_years(parts):
    found = trends.fitted_windows(parts, ["fp32", "fp4", "best"])
    usable = parts[parts["left_out"] == ""]
    for row in found.itertuples():
        fitted = trends.launched(usable[usable["group"] == row.group], row.window).dropna(subset=[row.column])
        assert fitted["chip"].nunique() >= 6
        assert row.growth.n == len(fitted)
        assert row.growth.end - row.growth.start >= 2.0
    assert "fp4" not in set(found["column"])  # all of them launched within a year
    assert not found.duplicated(["group", "column", "window"]).any()


@given(
    bend=st.integers(2007, 2013),
    before=st.floats(0.1, 1.0),
    after=st.floats(-1.0, 0.05),
    seed=st.integers(0, 100),
)
def test_a_bend_is_found_where_it_is(bend, before, after, seed):
    years = np.arange(2000.0, 2021.0)
    noise = np.random.default_rng(seed).normal(0.0, 0.01, len(years))
    knot = bend + 0.5
    logarithm = before * np.minimum(years - knot, 0.0) + after * np.maximum(years - knot, 0.0) + noise
    broken = trends.fit_broken_growth(years, np.exp(logarithm))
    assert broken.knot_low <= broken.knot <= broken.knot_high
    assert abs(broken.knot - knot) <= 1.0
    assert broken.before.slope == pytest.approx(before, abs=0.02)
    assert broken.after.slope == pytest.approx(after, abs=0.02)
    assert broken.before.at(broken.knot) == pytest.approx(broken.after.at(broken.knot))


def test_a_straight_line_has_no_significant_bend():
    years = np.linspace(2000.0, 2020.0, 41)
    noise = np.random.default_rng(3).normal(0.0, 0.2, len(years))
    assert trends.fit_broken_growth(years, np.exp(0.3 * (years - 2010.0) + noise)).p_value > 0.05


def test_too_few_dates_for_a_bend_are_said():
    with pytest.raises(ValueError, match="8 different dates"):
        trends.fit_broken_growth([2000, 2001, 2002, 2003], [1.0, 2.0, 3.0, 5.0])


def test_green500_values_from_general_knowledge_enter_no_fit():
    places = trends.green500()
    assert (places.loc[places["left_out"] == "", "confidence"] != "medium").all()
    assert places["date"].is_monotonic_increasing
    assert places.set_index("list").loc["2022-06", "gflops_per_w"] == pytest.approx(62.8, rel=0.005)


def test_the_frontier_only_rises(server):
    record = trends.frontier(server)
    assert record["best"].is_monotonic_increasing
    assert (record["left_out"] == "").all()


def test_the_best_part_of_a_format_spends_least(parts):
    least = trends.best_by_format(parts)
    for key, row in least.iterrows():
        assert row["energy_per_op_j"] == pytest.approx(1.0 / parts.loc[parts["left_out"] == "", key].max())
    assert least["energy_per_op_j"].is_monotonic_decreasing
    assert 1.0 / least.loc["fp4", "energy_per_op_j"] == pytest.approx(1.35e13, rel=0.01)  # 10,145 TFLOPS at 750 W


def test_the_best_part_stands_two_orders_above_the_estimated_limit_of_cmos(parts):
    # Ho et al. (arXiv 2312.08595): "roughly two hundred-fold more efficient than current microprocessors".
    limit = load("physical_limits").query("kind == 'CMOS limit'")["J_per_operation"].iloc[0]
    assert 100 < trends.best_by_format(parts).loc["fp4", "energy_per_op_j"] / limit < 1000


def test_a_bare_operation_is_half_of_a_multiply_and_an_add():
    energy = trends.multiply_add_energy_j().set_index(["process_nm", "number", "word_bits", "format"])
    # Horowitz, ISSCC 2014: 3.7 pJ and 0.9 pJ; read in copies of the table. Jouppi et al. 2021: not re-read.
    assert energy.loc[(45, "floating-point", 32, ""), "energy_per_op_j"] == pytest.approx(2.3e-12)
    assert energy.loc[(7, "floating-point", 16, "bf16"), "energy_per_op_j"] == pytest.approx(0.16e-12)
    assert energy.loc[45]["re_read"].all()
    assert not energy.loc[7]["re_read"].any()
