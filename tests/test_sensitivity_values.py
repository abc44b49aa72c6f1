"""Sensitivity against closed forms: a product of lognormals shares out its variance exactly."""

import numpy as np
import pytest
from worlds import about, doubtful, product_of_lognormals, rng, scenario

from energy_lib.adoption import energy_by_year
from energy_lib.factors import Path
from energy_lib.sensitivity import sobol, tornado


def energy(world, year):
    return float(next(energy_by_year(world, world.medians(), [year]))["energy_twh", "all"])


def test_shares_of_the_variance_of_a_product_are_those_of_its_logarithms():
    world, t = product_of_lognormals(), 4
    table = sobol(world, 2029, rng=rng(), samples=1024).set_index("input")
    # One stream alone has all requests, so that the inputs of the other move nothing.
    inputs = {name: given for name, given in world.doubtful.items() if not name.startswith("year_old")}
    moving = {
        name: given.spread_high * (t if name.endswith(("growth", "gain")) else 1) for name, given in inputs.items()
    }
    whole = sum(spread**2 for spread in moving.values())
    for name, spread in moving.items():
        assert table.loc[name, "first"] == pytest.approx(spread**2 / whole, abs=0.02)
        assert table.loc[name, "total"] == pytest.approx(spread**2 / whole, abs=0.02)
        assert 0.0 < table.loc[name, "total_margin"] < 0.1
    assert table["total"].is_monotonic_decreasing


def test_the_same_generator_gives_the_same_indices():
    one, same, other = (sobol(doubtful(), 2027, rng=rng(seed), samples=16) for seed in (1, 1, 2))
    assert one.equals(same) and not one.equals(other)


def test_shares_of_energy_itself_weigh_rare_large_draws():
    logs, plain = (sobol(product_of_lognormals(), 2029, rng=rng(), samples=256, logarithm=log) for log in (True, False))
    assert not np.allclose(logs["total"], plain["total"], rtol=0.05)
    assert plain["total"].sum() > logs["total"].sum()  # of a product, variance belongs to several inputs at once


def test_a_tiny_energy_has_indices_too():
    world = scenario(people=Path(about(8e-6, 2)), pue=1.0)
    assert sobol(world, 2025, rng=rng(), samples=8)["total"].iloc[0] == pytest.approx(1.0, abs=0.3)


def test_a_tornado_moves_one_input_to_either_end():
    world = scenario(people=Path(about(8e9, 1.5)), hardware_gain=about(1.3, 1.2))
    table, middle = tornado(world, 2027).set_index("input"), energy(world, 2027)
    assert list(table.index) == ["people", "hardware_gain"]
    np.testing.assert_allclose(table["median_twh"], middle)
    np.testing.assert_allclose(
        table.loc["people", ["at_low_twh", "at_high_twh"]].astype(float), [middle / 1.5, middle * 1.5]
    )
    np.testing.assert_allclose(
        table.loc["hardware_gain", ["at_low_twh", "at_high_twh"]].astype(float), [middle * 1.2**2, middle / 1.2**2]
    )
    np.testing.assert_allclose(table["multiple"], [1.5**2, 1.2**4])
