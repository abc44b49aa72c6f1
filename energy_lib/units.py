"""Conversions and physical constants, each once and each with its source."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from energy_lib.checks import quantity

JOULE_PER_WH = 3600.0  # 1 W for 3600 s (SI brochure, 9th edition, table 8)
JOULE_PER_KWH = 3.6e6
FLOP_PER_MAC = 2.0  # one multiply and one add
FLOP_PER_GFLOP = 1e9
JOULE_PER_KCAL = 4184.0  # thermochemical calorie (NIST SP 811, appendix B)
SECONDS_PER_DAY = 86400.0
HOURS_PER_YEAR = 8766.0  # Julian year of 365.25 days
DAYS_PER_YEAR = HOURS_PER_YEAR / 24.0


def _energy(name: str, value: ArrayLike, unit: str) -> np.ndarray:
    return quantity(name, value, unit, low_allowed=True)


def joule_to_wh(energy_j: ArrayLike) -> np.ndarray:
    """Watt-hours of an energy in joules: Wh = J / 3600.

    >>> float(joule_to_wh(3600))
    1.0
    """
    return _energy("energy_j", energy_j, "J") / JOULE_PER_WH


def wh_to_joule(energy_wh: ArrayLike) -> np.ndarray:
    """Joules of an energy in watt-hours: J = 3600 Wh.

    >>> float(wh_to_joule(0.24))
    864.0
    """
    return _energy("energy_wh", energy_wh, "Wh") * JOULE_PER_WH


def joule_to_kwh(energy_j: ArrayLike) -> np.ndarray:
    """Kilowatt-hours of an energy in joules: kWh = J / 3.6e6.

    >>> float(joule_to_kwh(7.2e6))
    2.0
    """
    return _energy("energy_j", energy_j, "J") / JOULE_PER_KWH


def kwh_to_joule(energy_kwh: ArrayLike) -> np.ndarray:
    """Joules of an energy in kilowatt-hours: J = 3.6e6 kWh.

    >>> float(kwh_to_joule(1))
    3600000.0
    """
    return _energy("energy_kwh", energy_kwh, "kWh") * JOULE_PER_KWH


def mac_to_flop(mac: ArrayLike) -> np.ndarray:
    """FLOP of a number of multiply-adds: FLOP = 2 MAC. Model zoos usually print MAC.

    >>> float(mac_to_flop(4.1e9))
    8200000000.0
    """
    return quantity("mac", mac, "MAC", low_allowed=True) * FLOP_PER_MAC


def kcal_per_day_to_watt(kcal_per_day: ArrayLike) -> np.ndarray:
    """Watts of a diet in kilocalories a day: W = kcal/day x 4184 / 86400.

    >>> round(float(kcal_per_day_to_watt(2000)), 2)
    96.85
    """
    return quantity("kcal_per_day", kcal_per_day, "kcal/day", low_allowed=True) * JOULE_PER_KCAL / SECONDS_PER_DAY


def decimal_year(date: ArrayLike | pd.Series, name: str = "date") -> np.ndarray:
    """Decimal years of dates: year + (day of year - 1) / days of that year, so 2012.0 is 1 January 2012.

    Takes dates, timestamps, `datetime64` arrays, or numbers that are decimal years already.
    Text is refused: parse it first, so that 03/04/2021 is never guessed at. Raises `ValueError`.

    >>> decimal_year(pd.Timestamp("2012-07-01")).round(3).item()
    2012.497
    """
    if isinstance(date, (dt.date, dt.datetime, pd.Timestamp)):
        date = np.datetime64(pd.Timestamp(date))
    array = np.asarray(date)
    if array.dtype == object and array.size and all(isinstance(d, (dt.date, dt.datetime)) for d in array.flat):
        array = pd.to_datetime(array.ravel()).to_numpy().reshape(array.shape)
    if np.issubdtype(array.dtype, np.datetime64):
        if np.isnat(array).any():
            raise ValueError(f"{name} holds an empty date at position {int(np.argmax(np.isnat(array)))}")
        year = array.astype("datetime64[Y]")
        start, end = year.astype("datetime64[s]"), (year + np.timedelta64(1, "Y")).astype("datetime64[s]")
        return 1970.0 + year.astype(int) + (array.astype("datetime64[s]") - start) / (end - start)
    if not np.issubdtype(array.dtype, np.number):
        first = array.flat[0] if array.size else None
        raise ValueError(f"{name} must be dates or decimal years, not {type(first).__name__} such as {first!r}")
    return quantity(name, array, "decimal year", low=1900.0, high=2200.0, low_allowed=True)
