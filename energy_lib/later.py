"""The same request in a later year: what hardware and software of that year would take for it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from energy_lib import datasets
from energy_lib.checks import quantity
from energy_lib.estimate import Estimate
from energy_lib.once import computed_once
from energy_lib.world_joules import HORIZON, hardware_gain, software_gain


@computed_once
def measured_year() -> int:
    """Year of the newest meter readings that estimates of requests rest on (table `mlenergy_llm`).

    >>> measured_year() >= 2025
    True
    """
    return int(datasets.load("mlenergy_llm")["benchmark_date"].max().year)


@computed_once
def log_gains() -> Mapping[str, tuple[float, float]]:
    """Middle and half-width (90 %) of ln gain a year, of hardware and of software: those of the world's scenario."""
    ends = {name: np.log([g.low, g.high]) for name, g in (("hardware", hardware_gain()), ("software", software_gain()))}
    return {name: (float(np.mean(pair)), float(np.ptp(pair)) / 2.0) for name, pair in ends.items()}


def later_energy(estimate: Estimate, year: float) -> Estimate:
    """The estimate for the same request on hardware and software of `year`, `measured_year()` to 2030::

        t = year - measured year,   E_t = E / (hardware gain x software gain)^t
        ln(high_t / E_t)^2 = ln(high / E)^2 + sum of (t x half-width of ln gain)^2,   and low likewise

    All parts fall alike. Raises `ValueError` for a year outside the range.

    >>> from energy_lib.estimate import with_interval
    >>> now = with_interval({"all": 100.0}, 1.25, "chip")
    >>> then = later_energy(now, measured_year() + 2)
    >>> bool(then.energy_j < now.energy_j), bool(then.high_j / then.low_j > now.high_j / now.low_j)
    (True, True)
    """
    first = measured_year()
    t = float(quantity("year", year, "year", low=first, high=HORIZON, low_allowed=True)) - first
    gains = log_gains().values()
    less = np.exp(-t * sum(middle for middle, _ in gains))
    doubt = sum((t * half_width) ** 2 for _, half_width in gains)
    energy_j = estimate.energy_j * less
    ends = [
        np.exp(np.sqrt(np.log(np.divide(*pair)) ** 2 + doubt))
        for pair in ((estimate.energy_j, estimate.low_j), (estimate.high_j, estimate.energy_j))
    ]
    parts = {name: part * less for name, part in estimate.parts.items()}
    return Estimate(energy_j, energy_j / ends[0], energy_j * ends[1], parts, estimate.boundary)
