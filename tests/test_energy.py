"""Joules are operations over operations a joule, for numbers and arrays, and nothing else passes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from energy_lib import inference_energy_j

POSITIVE = st.floats(min_value=1e-3, max_value=1e24)


@given(POSITIVE, POSITIVE, st.floats(min_value=1e-3, max_value=1e3))
def test_energy_scales_with_operations_and_inversely_with_efficiency(flop, efficiency, factor):
    energy = inference_energy_j(flop, efficiency)
    assert inference_energy_j(factor * flop, efficiency) == pytest.approx(factor * energy)
    assert inference_energy_j(flop, factor * efficiency) == pytest.approx(energy / factor)


def test_the_result_has_the_common_shape():
    assert inference_energy_j(np.ones((3, 1)), np.ones(4)).shape == (3, 4)


@pytest.mark.parametrize("bad", [0.0, -1.0, np.nan, np.inf, [1e9, 0.0], "1e9", None])
def test_what_is_not_positive_is_refused_by_name(bad):
    with pytest.raises(ValueError, match="flop"):
        inference_energy_j(bad, 1e9)
    with pytest.raises(ValueError, match="efficiency_flop_per_joule"):
        inference_energy_j(1e9, bad)


def test_shapes_that_do_not_broadcast_are_named():
    with pytest.raises(ValueError, match=r"flop \(2,\), efficiency_flop_per_joule \(3,\)"):
        inference_energy_j([1, 2], [1, 2, 3])
