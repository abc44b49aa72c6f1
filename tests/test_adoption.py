"""Draws of a scenario agree with closed forms and not with the chunk; impossible scenarios are refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from worlds import around, doubtful, product_of_lognormals, rng, scenario

from energy_lib.adoption import DAYS_PER_YEAR, JOULE_PER_TWH, STREAMS, energy_by_year, factor_values
from energy_lib.change import decompose
from energy_lib.checks import UnknownNameError
from energy_lib.draws import KEPT_DRAWS, simulate
from energy_lib.estimate import with_interval
from energy_lib.factors import NORMAL_95, Fixed, Path, as_factor, chip_j_per_token


def test_energy_is_the_product_of_its_factors_as_written_out():
    twh = next(energy_by_year(scenario(), scenario().medians(), [2027]))
    odds = {"using": 0.25 * 1.5**2, "frontier": 0.4 / 0.6 * 1.1**2}
    using, frontier = (odds[name] / (1 + odds[name]) for name in ("using", "frontier"))
    shared = 8e9 * 1.01**2 * using * 5 * 365.25 * (1 + 0.5 * 0.9**2) * 1.2 / (1.3 * 1.2) ** 2 / 3.6e15
    new, old = frontier * 600 * 1.3**2 * 2.0 / 0.9**2, (1 - frontier) * 300 * 0.5 / 1.5**2
    assert twh["energy_twh", "frontier"] == pytest.approx(shared * new, rel=1e-12)
    assert twh["energy_twh", "year_old"] == pytest.approx(shared * old, rel=1e-12)
    assert twh["energy_twh", "all"] == pytest.approx(shared * (new + old), rel=1e-12)
    watts = shared * (new + old) * 3.6e15 / (365.25 * 86400) / (8e9 * 1.01**2)
    assert twh["watt_per_person", "all"] == pytest.approx(watts, rel=1e-12)


@given(st.lists(st.floats(-3, 3), min_size=23, max_size=23), st.permutations([2025, 2026, 2028.5, 2030]))
def test_energy_year_by_year_is_the_product_of_the_factors_of_each_year(z, years):
    world = doubtful()
    inputs = {name: given.scaled(value) for (name, given), value in zip(world.doubtful.items(), z, strict=True)}
    inputs = {**world.medians(), **inputs}
    for year, found in zip(years, energy_by_year(world, inputs, years), strict=True):
        values = factor_values(world, inputs, year)
        for stream in STREAMS:
            product = np.prod([*values["both"].values(), *values[stream].values()]) * DAYS_PER_YEAR / JOULE_PER_TWH
            assert found["energy_twh", stream] == pytest.approx(product, rel=1e-11)


@pytest.mark.parametrize("draws", [KEPT_DRAWS, 2_000_000])
def test_means_and_quantiles_of_a_product_of_lognormals_are_those_of_the_closed_form(draws):
    found = simulate(product_of_lognormals(), draws=draws, rng=rng(), years=[2025, 2029])
    ln, t = np.log, 4
    spread = ln([[2, 3, 2, 1.5, 1, 1, 1], [2, 3, 2, 1.5, 1.2**t, 1.3**t, 1.1**t]]) / NORMAL_95
    sd = np.sqrt((spread**2).sum(axis=1))
    base = 8e9 * 0.25 * 5 * 500 * 365.25 * 1.2 / 3.6e15
    median = base * np.array([1.0, (1.01 * 1.2 * 1.3 / (1.1 * 1.3 * 1.2)) ** t])
    tolerance = 12 * sd / np.sqrt(draws)  # of ln energy: about five standard errors of an outer quantile
    np.testing.assert_array_less(np.abs(ln(found.median() / median)), tolerance)
    for q, z in ((0.05, -NORMAL_95), (0.95, NORMAL_95), (0.99, 2.3263479)):
        np.testing.assert_array_less(np.abs(ln(found.quantile(q) / (median * np.exp(z * sd)))), tolerance)
    error = 5 * np.sqrt(np.expm1(sd**2) / draws)
    np.testing.assert_array_less(np.abs(found.mean() / (median * np.exp(sd**2 / 2)) - 1), error)
    np.testing.assert_allclose(found.mean(stream="year_old"), 0.0)


def test_counted_quantiles_are_those_of_the_draws_that_were_counted(monkeypatch):
    kept = simulate(doubtful(), draws=KEPT_DRAWS, rng=rng())
    monkeypatch.setattr("energy_lib.draws.KEPT_DRAWS", 10)
    counted = simulate(doubtful(), draws=KEPT_DRAWS, rng=rng())
    for measure in ("energy_twh", "watt_per_person"):
        for stream in ("all", *STREAMS):
            for q, tolerance in (([0.05, 0.25, 0.5, 0.75, 0.95], 3e-3), ([0.01, 0.99], 1e-2)):
                found, exact = (draws.quantile(q, measure, stream) for draws in (counted, kept))
                np.testing.assert_allclose(found, exact, rtol=tolerance)
            np.testing.assert_allclose(counted.mean(measure, stream), kept.mean(measure, stream), rtol=1e-12)
    with pytest.raises(ValueError, match="counted, not kept"):
        counted.samples()


@pytest.mark.parametrize("kept", [KEPT_DRAWS, 10])
def test_results_do_not_depend_on_the_chunk(kept, monkeypatch):
    monkeypatch.setattr("energy_lib.draws.KEPT_DRAWS", kept)
    whole, *others = (
        simulate(doubtful(), draws=5000, rng=rng(), chunk=chunk).frame() for chunk in (9999, 5000, 777, 64)
    )
    for other in others:
        for column in ("mean", "median", "low", "high"):
            np.testing.assert_allclose(other[column], whole[column], rtol=1e-12)


def test_a_factor_that_becomes_doubtful_leaves_the_draws_of_the_others():
    one, two = (simulate(doubtful(pue=pue), draws=100, rng=rng()) for pue in (1.2, around(low=1.1, high=1.3)))
    first, second = one.inputs(), two.inputs()
    assert all(np.array_equal(first[name], second[name]) for name in one.scenario.doubtful)


def test_the_draws_are_drawn_again_as_they_were():
    draws = simulate(doubtful(), draws=300, rng=rng(), chunk=64)
    again = next(energy_by_year(draws.scenario, draws.inputs(), [2025]))["energy_twh", "all"]
    np.testing.assert_allclose(again, draws.samples()[0], rtol=1e-12)


def test_a_lognormal_keeps_its_median_and_both_ends():
    low, median, high = 2.0, 5.0, 20.0
    world = scenario(requests_per_day=around(low=low, median=median, high=high))
    found = simulate(world, draws=100_000, rng=rng(), years=[2025]).quantile([0.05, 0.5, 0.95])[:, 0]
    certain = next(energy_by_year(scenario(), scenario().medians(), [2025]))["energy_twh", "all"]
    np.testing.assert_allclose(found / certain * 5.0, [low, median, high], rtol=0.03)


@given(st.floats(0.001, 0.999), st.floats(0.2, 5))
def test_shares_stay_shares_and_overheads_above_one(share, growth):
    world = scenario(share_using=Path(share, growth=growth), pue=Path(1.01, growth=growth))
    values = factor_values(world, world.medians(), 2030)
    assert 0.0 <= values["both"]["share_using"] <= 1.0 <= values["both"]["pue"]
    assert values["frontier"]["stream_share"] + values["year_old"]["stream_share"] == pytest.approx(1.0)


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_one_stream_may_have_all_requests(share):
    draws = simulate(doubtful(frontier_share=share), draws=500, rng=rng())
    empty, full = STREAMS if share == 0.0 else STREAMS[::-1]
    assert (draws.mean(stream=empty) == 0.0).all() and (draws.mean(stream=full) == draws.mean()).all()
    assert decompose(draws)["change_twh"].sum() == pytest.approx(draws.mean()[-1] - draws.mean()[0])


def test_joules_of_a_token_carry_the_interval_of_their_estimate():
    joules = chip_j_per_token(with_interval({"all": 100.0}, 1.5, "chip"), 50, "an example")
    assert (joules.low, joules.median, joules.high) == pytest.approx((100 / 75, 2.0, 3.0))
    with pytest.raises(ValueError, match="boundary = 'server'"):
        chip_j_per_token(with_interval({"all": 100.0}, 1.5, "server"), 50, "an example")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"share_using": 1.2}, r"share_using = 1.2 .* <= 1"),
        ({"share_using": around(low=0.5, high=1.2)}, "share_using: high = 1.2"),
        ({"frontier_share": -0.1}, "frontier_share = -0.1"),
        ({"people": Path(8e9, growth=0.0)}, r"people.growth = 0.0 .* > 0"),
        ({"people": Path(8e9, growth=-0.5)}, r"people.growth = -0.5 .* > 0"),
        ({"people": np.nan}, "people = nan"),
        ({"pue": 0.9}, r"pue = 0.9 .* >= 1"),
        ({"server_overhead": around(low=0.9, high=1.5)}, "server_overhead: low = 0.9"),
        ({"hardware_gain": 0}, "hardware_gain = 0"),
        ({"frontier": 3}, "frontier must be a Stream"),
        ({"people": "many"}, "a factor is a number"),
        ({"pue": True}, "a factor is a number"),
        ({"last_year": 2020}, "last_year = 2020 must not be before first_year = 2025"),
        ({"first_year": 2025.5}, "whole year"),
        ({"first_year": 1900}, "first_year = 1900"),
    ],
)
def test_an_impossible_scenario_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        scenario(**changes)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"low": 2, "high": 1}, "low = 2 must be below high = 1"),
        ({"low": 2, "high": 2}, "a number without doubt is Fixed"),
        ({"low": 1, "high": 2, "median": 3}, "median = 3 must lie between"),
        ({"low": 1, "high": 2, "source": " "}, "source = ' ' is empty"),
        ({"low": np.nan, "high": 2}, "low = nan"),
        ({"low": "a", "high": 2}, "low must be a number"),
    ],
)
def test_an_impossible_distribution_is_refused(values, message):
    with pytest.raises(ValueError, match=message):
        around(**values)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"draws": 0}, "draws = 0"),
        ({"draws": 1.5}, "whole number"),
        ({"chunk": 0}, "chunk = 0"),
        ({"rng": 1}, "rng must be a numpy Generator"),
        ({"years": [2024]}, r"year = 2024.0 year is out of range: allowed is >= 2025 and <= 2030"),
        ({"years": [2031]}, "year = 2031"),
        ({"years": []}, "at least one year"),
    ],
)
def test_an_impossible_simulation_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        simulate(scenario(), **{"draws": 10, "rng": rng(), **changes})


def test_a_scenario_without_doubt_is_the_same_in_all_draws():
    draws = simulate(scenario(), draws=200_000, rng=rng())
    expected = [
        float(found["energy_twh", "all"])
        for found in energy_by_year(scenario(), scenario().medians(), range(2025, 2031))
    ]
    for found in (draws.mean(), draws.median(), *draws.interval()):
        np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_plain_numbers_are_set_by_the_reader():
    assert as_factor(3) == Fixed(3.0, "set by the reader")


def test_an_unknown_measure_or_stream_lists_the_nearest():
    draws = simulate(scenario(), draws=10, rng=rng())
    with pytest.raises(UnknownNameError, match="the nearest is 'energy_twh'"):
        draws.mean("energy")
    with pytest.raises(UnknownNameError, match="the nearest is 'frontier'"):
        draws.mean(stream="front")
