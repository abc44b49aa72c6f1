"""What the joules of an answer come to: in a day and a year, of a household and a country, in grams and in kettles."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from energy_lib.checks import quantity, same_shape
from energy_lib.units import DAYS_PER_YEAR, JOULE_PER_KWH, JOULE_PER_WH

KWH_PER_TWH = 1e9


def footprint(
    energy_j: ArrayLike,
    *,
    requests_per_day: ArrayLike,
    people: ArrayLike = 1,
    server_overhead: ArrayLike = 1,
    pue: ArrayLike = 1,
    grid_gco2_per_kwh: ArrayLike,
    household_kwh: ArrayLike,
    country_twh: ArrayLike,
) -> dict[str, np.ndarray]:
    """Quantities by name that follow from `energy_j` joules an answer on its accelerators (boundary `chip`)::

        answer_j = energy_j x server_overhead x PUE
        day_wh = answer_j / 3600 x requests_per_day x people,  year_kwh = day_wh x 365.25 / 1000

    `server_overhead` is the power of the whole server over that of its accelerators, `pue` the power of the building
    over that of its servers: 1 and 1 keep the boundary at the chip. `household_percent` is what one person asks, of the
    `household_kwh` of electricity that a household uses in a year; `country_percent` is what all ask, of
    `country_twh` a year. `answer_g` and `year_kg` are CO2 equivalents at `grid_gco2_per_kwh`.

    Quantities may be arrays that broadcast: the ends of an interval go in beside the median. Raises `ValueError` for
    values out of range.

    >>> use = footprint([900, 1000], requests_per_day=100, server_overhead=1.8, pue=1.2, grid_gco2_per_kwh=470,
    ...                 household_kwh=3600, country_twh=500)
    >>> use["answer_j"].tolist(), use["year_kwh"].round(1).tolist()
    ([1944.0, 2160.0], [19.7, 21.9])
    """
    given = {
        "energy_j": quantity("energy_j", energy_j, "J", low_allowed=True),
        "requests_per_day": quantity("requests_per_day", requests_per_day, "request/day", low_allowed=True),
        "people": quantity("people", people, "person", low_allowed=True),
        "server_overhead": quantity("server_overhead", server_overhead, "(no unit)", low=1, low_allowed=True),
        "pue": quantity("pue", pue, "(no unit)", low=1, low_allowed=True),
        "grid_gco2_per_kwh": quantity("grid_gco2_per_kwh", grid_gco2_per_kwh, "g/kWh", low_allowed=True),
        "household_kwh": quantity("household_kwh", household_kwh, "kWh/year"),
        "country_twh": quantity("country_twh", country_twh, "TWh/year"),
    }
    same_shape(**given)
    answer_j = given["energy_j"] * given["server_overhead"] * given["pue"]
    person_day_wh = answer_j / JOULE_PER_WH * given["requests_per_day"]
    day_wh = person_day_wh * given["people"]
    year_kwh = day_wh * DAYS_PER_YEAR / 1000.0
    return {
        "answer_j": answer_j,
        "answer_g": answer_j / JOULE_PER_KWH * given["grid_gco2_per_kwh"],
        "day_wh": day_wh,
        "year_kwh": year_kwh,
        "household_percent": 100.0 * person_day_wh * DAYS_PER_YEAR / 1000.0 / given["household_kwh"],
        "country_percent": 100.0 * year_kwh / (given["country_twh"] * KWH_PER_TWH),
        "year_kg": year_kwh * given["grid_gco2_per_kwh"] / 1000.0,
    }
