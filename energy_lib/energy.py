"""FLOP and a device in, joules out."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from energy_lib.checks import quantity, same_shape


def inference_energy_j(flop: ArrayLike, efficiency_flop_per_joule: ArrayLike) -> np.ndarray:
    """Joules of an inference that takes `flop` operations on hardware of a given efficiency: J = FLOP / (FLOP/J).

    One FLOP/s per watt is one FLOP per joule. Both arguments broadcast; the result has their common shape.
    The boundary is that of the efficiency: `chip` when it is a maker's peak over TDP, the study's convention
    (Desislavov et al. 2023, section 3). Raises `ValueError` for anything not positive and finite.

    >>> float(inference_energy_j(8.2e9, 41e9))
    0.2
    """
    flop = quantity("flop", flop, "FLOP")
    efficiency = quantity("efficiency_flop_per_joule", efficiency_flop_per_joule, "FLOP/J")
    same_shape(flop=flop, efficiency_flop_per_joule=efficiency)
    return flop / efficiency
