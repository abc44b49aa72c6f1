"""What an energy estimate is: its median, its 90 % interval, and the named parts that add up to the median."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from energy_lib import checks


@dataclass(frozen=True)
class Estimate:
    """Joules with their 90 % interval. `parts` are joules by name and add up to `energy_j`, the median.

    `boundary` says what the joules were drawn by: `"chip"` (the accelerator or processor alone) or `"server"` (the
    whole machine at the wall).
    """

    energy_j: np.ndarray
    low_j: np.ndarray
    high_j: np.ndarray
    parts: dict[str, np.ndarray]
    boundary: str


def with_interval(parts: dict[str, ArrayLike], factor: ArrayLike, boundary: str) -> Estimate:
    """The estimate whose median is the sum of the parts and whose interval is the median divided and multiplied by
    `factor`, which is 1 or more. Parts and factor may be arrays that broadcast; every part comes in the shape of all.

    Raises `ValueError` for a part below 0, a factor below 1, and values that are not finite.

    >>> estimate = with_interval({"floor": 1.0, "flop": [1.0, 3.0]}, 2.0, "chip")
    >>> estimate.energy_j.tolist(), estimate.low_j.tolist(), estimate.high_j.tolist()
    ([2.0, 4.0], [1.0, 2.0], [4.0, 8.0])
    """
    checked = {name: checks.quantity(name, joules, "J", low_allowed=True) for name, joules in parts.items()}
    factor = checks.quantity("factor", factor, "(no unit)", low=1.0, low_allowed=True)
    shape = checks.same_shape(**checked, factor=factor)
    whole = {
        name: part if part.shape == shape else np.broadcast_to(part, shape).copy() for name, part in checked.items()
    }
    energy_j = sum(whole.values())
    return Estimate(energy_j, energy_j / factor, energy_j * factor, whole, boundary)
