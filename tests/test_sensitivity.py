"""Sobol indices are shares of variance, and a tornado moves one input at a time."""

import numpy as np
import pytest
from worlds import product_of_lognormals, rng

from energy_lib.adoption import energy_by_year
from energy_lib.sensitivity import sobol, tornado


def test_sobol_indices_of_ln_energy_are_shares_of_variance():
    table = sobol(product_of_lognormals(), 2025, rng=rng(), samples=512).set_index("input")
    variance = {
        "frontier.tokens_per_request": np.log(2) ** 2,
        "frontier.chip_j_per_token": np.log(3) ** 2,
        "requests_per_day": np.log(2) ** 2,
        "estimate_error": np.log(1.5) ** 2,
    }
    for name, own in variance.items():
        assert table.loc[name, "first"] == pytest.approx(own / sum(variance.values()), abs=0.03)
        assert table.loc[name, "total"] == pytest.approx(own / sum(variance.values()), abs=0.03)
    assert table.index[0] == "frontier.chip_j_per_token"
    assert table.loc["hardware_gain" if "hardware_gain" in table.index else "frontier.model_gain", "total"] < 1e-6


def test_a_tornado_holds_all_but_one_input_at_their_medians():
    world = product_of_lognormals()
    table = tornado(world, 2025).set_index("input")
    joules = table.loc["frontier.chip_j_per_token"]
    assert joules["at_high_twh"] / joules["at_low_twh"] == pytest.approx(9.0) == joules["multiple"]
    assert joules["median_twh"] == pytest.approx(
        float(next(energy_by_year(world, world.medians(), [2025]))["energy_twh", "all"])
    )
