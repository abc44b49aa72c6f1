"""Conversions invert each other, refuse what is no quantity, and dates become the decimal years that the book uses."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from energy_lib import units

ENERGIES = st.floats(min_value=0, max_value=1e20, allow_nan=False)
DATES = st.dates(min_value=dt.date(1950, 1, 1), max_value=dt.date(2150, 12, 31))


@given(ENERGIES)
def test_watt_hours_and_joules_invert_each_other(energy):
    assert units.wh_to_joule(units.joule_to_wh(energy)) == pytest.approx(energy)
    assert units.kwh_to_joule(units.joule_to_kwh(energy)) == pytest.approx(energy)


@given(ENERGIES)
def test_a_kilowatt_hour_is_a_thousand_watt_hours(energy):
    assert units.joule_to_wh(energy) == pytest.approx(1000.0 * units.joule_to_kwh(energy))


def test_a_multiply_add_is_two_operations():
    assert units.mac_to_flop(4.1e9) == 8.2e9  # ResNet-50 as model zoos print it, and as this book counts it


def test_two_thousand_kilocalories_a_day_are_about_a_hundred_watts():
    assert units.kcal_per_day_to_watt(2000) == pytest.approx(96.85, abs=0.005)


@pytest.mark.parametrize(
    "function", [units.joule_to_wh, units.wh_to_joule, units.joule_to_kwh, units.kwh_to_joule, units.mac_to_flop]
)
@pytest.mark.parametrize("bad", [-1.0, np.nan, np.inf, [1.0, -np.inf], "12 J", None])
def test_what_is_no_quantity_is_refused(function, bad):
    with pytest.raises(ValueError, match=r"(out of range|must be a number)"):
        function(bad)


def test_a_refusal_names_argument_position_value_range_and_unit():
    with pytest.raises(ValueError, match=r"energy_j\[1\] = -2\.0 J is out of range: allowed is >= 0 and finite"):
        units.joule_to_wh([1.0, -2.0])


def test_the_start_of_a_year_is_a_whole_number():
    assert units.decimal_year(pd.Timestamp("2012-01-01")) == 2012.0


@given(DATES)
def test_a_decimal_year_is_the_share_of_its_year_that_has_passed(date):
    start, end = dt.date(date.year, 1, 1), dt.date(date.year + 1, 1, 1)
    assert units.decimal_year(date) == pytest.approx(date.year + (date - start) / (end - start), abs=1e-9)


@given(DATES, DATES)
def test_decimal_years_keep_the_order_of_dates(one, other):
    assert (one < other) == bool(units.decimal_year(one) < units.decimal_year(other))


def test_every_kind_of_date_gives_the_same_year():
    kinds = [dt.date(2019, 7, 2), dt.datetime(2019, 7, 2), pd.Timestamp("2019-07-02"), np.datetime64("2019-07-02")]
    assert {float(units.decimal_year(kind)) for kind in kinds} == {float(units.decimal_year(pd.Series(kinds[:1]))[0])}
    assert units.decimal_year(2019.5) == 2019.5


@pytest.mark.parametrize("bad", ["2019-07-02", ["2019"], [pd.NaT], [dt.date(2019, 1, 1), "x"], 12.0, 1e9, np.nan])
def test_text_and_impossible_dates_are_refused(bad):
    with pytest.raises(ValueError, match="date"):
        units.decimal_year(bad)
