"""What is left out, tied, empty or alone has the value that the documentation says."""

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from worlds import doubtful, rng, scenario

from energy_lib import accelerator, load, request_energy
from energy_lib.change import halved, needed_for
from energy_lib.compute import forward_flop, language_model
from energy_lib.draws import MEASURES, SERIES, _Binned, simulate
from energy_lib.estimate import with_interval
from energy_lib.footprint import footprint
from energy_lib.hardware import adapted_efficiency
from energy_lib.trends import best_of_year, best_so_far, cheapest_reaching


def test_a_footprint_is_of_one_person_at_the_chip_unless_more_is_said():
    given = {"requests_per_day": 10, "grid_gco2_per_kwh": 400, "household_kwh": 3000, "country_twh": 100}
    plain, said = footprint(7.0, **given), footprint(7.0, **given, people=1, server_overhead=1, pue=1)
    assert plain == said and plain["answer_j"] == 7.0


def test_draws_are_told_apart_by_year_measure_and_stream():
    draws = simulate(doubtful(), draws=400, rng=rng(), years=[2026, 2030])
    frame = draws.frame()
    assert list(frame.columns) == ["year", "measure", "stream", "mean", "median", "low", "high"]
    assert len(frame) == 2 * len(MEASURES) * len(SERIES) and list(frame.index) == list(range(len(frame)))
    for (measure, stream), rows in frame.groupby(["measure", "stream"]):
        samples = draws.samples(measure, stream)
        assert rows["year"].tolist() == [2026, 2030] and samples.shape == (2, 400)
        np.testing.assert_allclose(rows["mean"], samples.mean(axis=1))
        np.testing.assert_allclose(rows["median"], np.median(samples, axis=1))
        np.testing.assert_allclose(rows["median"], draws.median(measure, stream))
        np.testing.assert_allclose(rows[["low", "high"]].T, draws.interval(measure, stream))
        np.testing.assert_allclose(draws.interval(measure, stream), np.quantile(samples, [0.05, 0.95], axis=1))
        np.testing.assert_allclose(draws.interval(measure, stream, 0.5), np.quantile(samples, [0.25, 0.75], axis=1))


def test_the_inputs_that_are_drawn_again_are_as_many_as_asked():
    draws = simulate(doubtful(), draws=50, rng=rng())
    assert {np.size(draws.inputs(7)[name]) for name in draws.scenario.doubtful} == {7}
    assert {np.size(draws.inputs()[name]) for name in draws.scenario.doubtful} == {50}


def test_a_stream_without_requests_needs_nothing():
    table = needed_for(scenario(frontier_share=1.0), 1e6, 2026).set_index(["factor", "stream"])
    assert table.loc[("chip_j_per_token", "year_old"), ["needed", "multiple"]].isna().all()
    assert not table.loc[("chip_j_per_token", "year_old"), "reachable"]
    assert table.loc[("chip_j_per_token", "frontier"), "multiple"] > 1.0
    assert ("frontier_share", "frontier") not in table.index


def test_what_a_factor_alone_needs_gives_the_target():
    world, target = scenario(), 100.0
    table = needed_for(world, target, 2025).set_index(["factor", "stream"])
    for (name, stream), field in {("chip_j_per_token", "frontier"): "frontier", ("people", "both"): None}.items():
        needed = table.loc[(name, stream), "needed"]
        changed = {field: replace(getattr(world, field), **{name: needed})} if field else {name: needed}
        found = simulate(scenario(**changed), draws=1, rng=rng(), years=[2025]).mean()[0]
        assert found == pytest.approx(target, rel=1e-9)


def test_halving_what_multiplies_all_saves_half():
    table = halved(scenario(), 2027).set_index(["factor", "stream"])
    for name in ("people", "share_using", "requests_per_day", "hardware", "software", "estimate_error"):
        assert table.loc[(name, "both"), "saved_share"] == pytest.approx(0.5)
    assert table.loc[("chip_j_per_token", "frontier"), "saved_share"] + table.loc[
        ("chip_j_per_token", "year_old"), "saved_share"
    ] == pytest.approx(0.5)
    assert table.loc[("pue", "both"), "saved_share"] == pytest.approx(0.1 / 1.2)


def test_parts_of_an_estimate_come_in_the_shape_of_all_and_own_their_memory():
    given = np.array([1.0, 3.0])
    estimate = with_interval({"one": 1.0, "two": given}, [[2.0], [4.0]], "chip")
    assert all(part.shape == (2, 2) for part in (*estimate.parts.values(), estimate.energy_j, estimate.low_j))
    np.testing.assert_allclose(estimate.high_j, [[4.0, 8.0], [8.0, 16.0]])
    estimate.parts["two"][0, 0] = 9.0
    assert given[0] == 1.0 and estimate.parts["two"][1, 0] == 1.0


def test_a_specification_that_is_not_published_is_none():
    table = load("accelerators")
    for column in ("tdp_w", "tdp_basis"):
        board = accelerator(table.loc[table[column].isna(), "name"].iloc[0])
        assert getattr(board, column) is None
    known = table[table["tdp_basis"].notna()].iloc[0]
    assert accelerator(known["name"]).tdp_basis == known["tdp_basis"]
    assert accelerator(known["name"]).date == known["release_date"]
    assert accelerator(known["name"]).vendor == known["vendor"]


def test_memory_that_is_too_small_says_all_that_would_help():
    help_ = "it takes n_accelerators = 2 or more, or fewer requests or bits"
    said = f"needs 141 GB for its weights and cache, and H100 SXM5 80GB has 80 GB each: {help_}"
    with pytest.raises(ValueError, match=re.escape(said)):
        request_energy("Llama-3.1-70B", "H100 SXM5 80GB", input_tokens=10, output_tokens=10, batch=1)


def test_a_forward_pass_takes_at_least_one_token():
    with pytest.raises(ValueError, match=r"tokens = 0\.5 token is out of range: allowed is >= 1 and finite"):
        forward_flop(language_model("Llama-3.1-8B"), 0.5)


def test_of_models_of_one_day_the_best_alone_raises_the_record():
    day = pd.Timestamp("2015-05-05")
    frame = pd.DataFrame({"date": [day, day, day], "top1": [60.0, 70.0, 70.0], "joules": [3.0, 2.0, 1.0]})
    assert best_so_far(frame, date="date", by="top1").index.tolist() == [1]
    assert best_of_year(frame, date="date", by="top1").index.tolist() == [1]
    assert cheapest_reaching(frame, quality="top1", threshold=70.0, cost="joules", date="date").index.tolist() == [2]


def test_adapted_points_are_numbered_in_order_of_launch():
    points = adapted_efficiency("cnn")
    assert list(points.index) == list(range(len(points)))
    assert points["date"].is_monotonic_increasing
    assert list(points.columns) == ["gpu", "precision", "date", "chip", "basis", "efficiency_flop_per_joule"]


def test_draws_far_from_all_others_are_counted_in_the_last_bins():
    tally = _Binned(1, spread=0.1)
    tally.add(0, np.exp(0.1 * rng().standard_normal(1000)), 1000)
    tally.add(0, np.array([1e-9, 1e9]), 2)
    assert tally.counts.sum() == 1002
    assert tally.mean(0) == pytest.approx(1e9 / 1002, rel=1e-6)
    low, middle, high = tally.quantile(0, np.array([0.0, 0.5, 1.0]))
    assert low < np.exp(-0.5) < middle < np.exp(0.5) < high
    assert middle == pytest.approx(1.0, rel=0.02)


def test_a_hybrid_takes_the_published_number_of_the_weights_it_multiplies():
    table = load("llm_architectures")
    hybrids = table[table["kind"] == "hybrid"]
    assert len(hybrids) > 0
    for row in hybrids.to_dict("records"):
        assert language_model(row["model"]).known_matmul_parameters == round(row["params_matmul_active_B"] * 1e9)
