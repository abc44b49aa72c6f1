"""What the explorer computes on the reader's device, as the library has it: set inputs, few draws, later years."""

import numpy as np
import pytest
from worlds import rng

from energy_lib.checks import UnknownNameError
from energy_lib.draws import simulate
from energy_lib.estimate import with_interval
from energy_lib.factors import Fixed
from energy_lib.later import later_energy, log_gains, measured_year
from energy_lib.quick import normal_middles, quick_energy, stratified_normals, with_values
from energy_lib.world import world_scenario
from energy_lib.world_joules import hardware_gain, software_gain

WORLD = world_scenario()


@pytest.mark.parametrize("name", WORLD.inputs)
def test_an_input_that_is_set_is_fixed_and_all_others_stay(name):
    before = WORLD.inputs[name].factor
    value = before.value * 1.01 if isinstance(before, Fixed) else 0.3 * before.low + 0.7 * before.high
    changed = with_values(WORLD, {name: value})
    assert changed.inputs[name].factor == Fixed(value)
    others = {key: given.factor for key, given in WORLD.inputs.items() if key != name}
    assert {key: given.factor for key, given in changed.inputs.items() if key != name} == others


def test_start_and_growth_of_a_factor_may_both_be_set():
    for order in (("pue", "pue.growth"), ("pue.growth", "pue")):
        changed = with_values(WORLD, {name: {"pue": 1.3, "pue.growth": 0.99}[name] for name in order})
        assert (changed.pue.start, changed.pue.growth) == (Fixed(1.3), Fixed(0.99))


def test_an_input_that_is_none_is_refused_with_the_nearest():
    with pytest.raises(UnknownNameError, match=r"pue\.growth"):
        with_values(WORLD, {"pue.grwth": 1.0})


def test_draws_in_layers_are_every_quantile_once_and_do_not_follow_each_other():
    normals = stratified_normals(6, 400)
    assert (np.sort(normals, axis=1) == normal_middles(400)).all()
    assert np.abs(np.corrcoef(normals) - np.eye(6)).max() < 0.2
    assert normal_middles(3).tolist() == [-0.9674, 0.0, 0.9674]


def test_few_draws_in_layers_come_near_to_many_at_random():
    few = quick_energy(WORLD, [2025, 2030])
    many = simulate(WORLD, draws=200_000, rng=rng(), years=[2025, 2030])
    for measure, found in few.items():
        np.testing.assert_allclose(np.log(found), np.log(many.quantile([0.05, 0.5, 0.95], measure)), atol=0.12)


def test_without_years_all_of_the_scenario_are_computed():
    assert quick_energy(WORLD)["energy_twh"].shape == (3, len(WORLD.years))


NOW = with_interval({"weights": 80.0, "cache": 20.0}, 1.25, "chip")


def test_a_request_of_today_is_its_own_estimate():
    today = later_energy(NOW, measured_year())
    assert (today.energy_j, today.low_j, today.high_j) == pytest.approx((100.0, 80.0, 125.0))


def test_gains_are_the_middles_of_those_of_the_world():
    hardware, software = hardware_gain(), software_gain()
    expected = {"hardware": (hardware.low, hardware.high), "software": (software.low, software.high)}
    for name, (low, high) in expected.items():
        middle, half_width = log_gains()[name]
        assert np.exp([middle - half_width, middle + half_width]).tolist() == pytest.approx([low, high])


@pytest.mark.parametrize("years", [1, 2.5, 4])
def test_a_later_request_takes_less_by_both_gains_and_its_interval_widens_as_drawn(years):
    later = later_energy(NOW, measured_year() + years)
    gains = [np.exp(middle) for middle, _ in log_gains().values()]
    assert later.energy_j == pytest.approx(100.0 / np.prod(gains) ** years)
    assert later.parts["weights"] / later.parts["cache"] == pytest.approx(4.0)
    assert sum(later.parts.values()) == pytest.approx(later.energy_j) and later.boundary == "chip"
    drawn = rng().standard_normal((3, 400_000)) / 1.6449
    logs = drawn[0] * np.log(1.25) + sum(
        years * width * z for (_, width), z in zip(log_gains().values(), drawn[1:], strict=True)
    )
    low, high = later.energy_j * np.exp(np.quantile(logs, [0.05, 0.95]))
    assert (later.low_j, later.high_j) == pytest.approx((low, high), rel=0.01)


@pytest.mark.parametrize("year", [2000, 2031])
def test_years_that_nobody_can_speak_of_are_refused(year):
    with pytest.raises(ValueError, match=rf"^year = {year}\.0 year is out of range: allowed is >= {measured_year()}"):
        later_energy(NOW, year)
