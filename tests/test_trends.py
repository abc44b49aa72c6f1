"""Fits recover known growth with honest intervals; the ways to pick models do what they say."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from energy_lib.trends import (
    best_of_year,
    best_so_far,
    cheapest_reaching,
    consolidation,
    doubling_time,
    fit_growth,
    growth_factor,
)

FACTORS = st.floats(min_value=0.2, max_value=20.0).filter(lambda f: abs(f - 1) > 1e-3)
YEARS = np.arange(2012.0, 2022.0)


def noisy(rng, factor, scatter, years=YEARS):
    return 3.0 * factor ** (years - 2012.0) * np.exp(scatter * rng.standard_normal(len(years)))


@given(st.floats(min_value=1.001, max_value=1e4))
def test_doubling_time_inverts_growth_factor(factor):
    assert growth_factor(doubling_time(factor)) == pytest.approx(factor)


@given(FACTORS, st.floats(min_value=1e-6, max_value=1e6))
def test_a_fit_of_exact_growth_returns_it(factor, start):
    growth = fit_growth(YEARS, start * factor ** (YEARS - 2012.0))
    assert growth.factor_per_year == pytest.approx(factor)
    assert growth.at(2012.0) == pytest.approx(start)
    assert growth.r_squared == pytest.approx(1.0)


@given(FACTORS, st.floats(min_value=1e-3, max_value=1e3))
def test_the_unit_of_the_values_does_not_change_growth(factor, scale):
    values = noisy(np.random.default_rng(1), factor, 0.4)
    one, other = fit_growth(YEARS, values), fit_growth(YEARS, scale * values)
    assert other.factor_per_year == pytest.approx(one.factor_per_year)
    assert other.factor_per_year_high == pytest.approx(one.factor_per_year_high)
    assert other.at(2015.3) == pytest.approx(scale * one.at(2015.3))


@given(st.floats(min_value=-50, max_value=50))
def test_shifting_all_dates_shifts_the_trend_and_nothing_else(shift):
    values = noisy(np.random.default_rng(2), 1.5, 0.4)
    one, other = fit_growth(YEARS, values), fit_growth(YEARS + shift, values)
    assert other.doubling_time_years == pytest.approx(one.doubling_time_years)
    assert other.band(2016.0 + shift)[0] == pytest.approx(one.band(2016.0)[0])


def test_the_fit_equals_least_squares_by_hand():
    values = noisy(np.random.default_rng(3), 2.0, 0.7)
    slope, intercept = np.polyfit(YEARS - 2012.0, np.log(values), 1)
    growth = fit_growth(YEARS, values)
    assert growth.factor_per_year == pytest.approx(np.exp(slope))
    assert growth.at(2012.0) == pytest.approx(np.exp(intercept))


def test_robust_errors_equal_hc3_by_hand():
    values = noisy(np.random.default_rng(4), 2.0, 0.7)
    x = np.column_stack([np.ones_like(YEARS), YEARS - YEARS.mean()])
    hat = x @ np.linalg.inv(x.T @ x) @ x.T
    residuals = np.log(values) - hat @ np.log(values)
    meat = x.T @ np.diag((residuals / (1 - np.diag(hat))) ** 2) @ x
    bread = np.linalg.inv(x.T @ x)
    np.testing.assert_allclose(fit_growth(YEARS, values).covariance, bread @ meat @ bread)


def test_intervals_cover_known_growth_at_their_confidence():
    rng = np.random.default_rng(20210912)
    fits = [fit_growth(YEARS, noisy(rng, 1.3, 0.5)) for _ in range(500)]
    covered = np.mean([f.factor_per_year_low <= 1.3 <= f.factor_per_year_high for f in fits])
    assert 0.92 <= covered <= 0.98


def test_the_band_contains_the_trend_and_widens_away_from_the_data():
    growth = fit_growth(YEARS, noisy(np.random.default_rng(5), 1.4, 0.5))
    low, high = growth.band([2016.5, 2030.0])
    assert (low < growth.at([2016.5, 2030.0])).all() and (high > growth.at([2016.5, 2030.0])).all()
    assert high[1] / low[1] > high[0] / low[0]


def test_more_confidence_gives_wider_intervals():
    values = noisy(np.random.default_rng(6), 1.4, 0.5)
    wide, narrow = fit_growth(YEARS, values, confidence=0.99), fit_growth(YEARS, values, confidence=0.5)
    assert (
        wide.factor_per_year_low < narrow.factor_per_year_low < narrow.factor_per_year_high < wide.factor_per_year_high
    )


def test_a_slope_that_may_be_zero_leaves_the_doubling_time_open():
    growth = fit_growth(YEARS, noisy(np.random.default_rng(7), 1.01, 1.0))
    assert growth.factor_per_year_low < 1.0 < growth.factor_per_year_high
    assert growth.doubling_time_years_high == np.inf
    assert 0 < growth.doubling_time_years_low < growth.doubling_time_years
    assert growth.p_value > 0.05


def test_what_shrinks_never_doubles():
    growth = fit_growth(YEARS, noisy(np.random.default_rng(8), 0.5, 0.1))
    assert growth.doubling_time_years == growth.doubling_time_years_low == np.inf


def test_a_constant_has_no_growth_and_no_doubt():
    growth = fit_growth(YEARS, np.full(10, 7.0))
    assert growth.factor_per_year == pytest.approx(1.0)
    assert growth.at(2050.0) == pytest.approx(7.0)


def test_the_growth_of_a_quotient_is_the_difference_of_logarithms():
    rng = np.random.default_rng(9)
    flop, efficiency = fit_growth(YEARS, noisy(rng, 2.3, 0.5)), fit_growth(YEARS - 1.5, noisy(rng, 1.3, 0.3))
    energy = flop / efficiency
    assert energy.factor_per_year == pytest.approx(flop.factor_per_year / efficiency.factor_per_year)
    for year in (2012.0, 2018.7):
        assert energy.at(year) == pytest.approx(flop.at(year) / efficiency.at(year))


def test_the_interval_of_a_quotient_covers_by_simulation():
    rng = np.random.default_rng(10)
    quotients = [fit_growth(YEARS, noisy(rng, 2.0, 0.4)) / fit_growth(YEARS, noisy(rng, 1.3, 0.4)) for _ in range(500)]
    covered = np.mean([q.factor_per_year_low <= 2.0 / 1.3 <= q.factor_per_year_high for q in quotients])
    assert 0.92 <= covered <= 0.99


def test_a_quotient_of_different_confidences_is_refused():
    values = noisy(np.random.default_rng(11), 2.0, 0.4)
    with pytest.raises(ValueError, match="confidence"):
        fit_growth(YEARS, values) / fit_growth(YEARS, values, confidence=0.9)


@pytest.mark.parametrize(
    ("dates", "values", "message"),
    [
        ([2012, 2013], [1, 2], "3 different dates"),
        ([2012, 2012, 2013, 2013], [1, 2, 3, 4], "3 different dates"),
        ([2013, 2012, 2014], [1, 2, 3], r"date\[1\] = 2012\.000 comes before date\[0\] = 2013\.000"),
        (["2012", "2013", "2014"], [1, 2, 3], "decimal years"),
        ([2012, 2013, 2014], [1, 0, 3], r"value\[1\] = 0\.0"),
        ([2012, 2013, 2014], [1, -2, 3], r"value\[1\] = -2\.0"),
        ([2012, 2013, 2014], [1, np.nan, 3], r"value\[1\] = nan"),
        ([2012, 2013, 2014], [1, np.inf, 3], r"value\[1\] = inf"),
        ([2012, 2013, 2014], [1, 2], "one length"),
        ([2012, 2013, np.nan], [1, 2, 3], "date"),
    ],
)
def test_a_fit_refuses_what_it_cannot_use(dates, values, message):
    with pytest.raises(ValueError, match=message):
        fit_growth(dates, values)


@pytest.mark.parametrize("confidence", [0.0, 1.0, -0.1, 95])
def test_a_confidence_outside_zero_and_one_is_refused(confidence):
    with pytest.raises(ValueError, match="confidence"):
        fit_growth([2012, 2013, 2014], [1, 2, 3], confidence=confidence)


@pytest.fixture
def models():
    return pd.DataFrame(
        {
            "date": pd.to_datetime(["2012-02-01", "2012-09-01", "2013-03-01", "2014-01-01", "2015-06-01"]),
            "top1": [60.0, 55.0, 70.0, 70.0, 65.0],
            "joules": [4.0, 1.0, 8.0, 2.0, 1.0],
        }
    )


def test_best_of_year_takes_one_row_a_year(models):
    assert best_of_year(models, date="date", by="top1").index.tolist() == [0, 2, 3, 4]


def test_best_so_far_keeps_only_records(models):
    assert best_so_far(models, date="date", by="top1").index.tolist() == [0, 2]


def test_cheapest_reaching_is_a_falling_staircase_from_the_first_to_reach(models):
    steps = cheapest_reaching(models, quality="top1", threshold=60.0, cost="joules", date="date")
    assert steps["joules"].tolist() == [4.0, 2.0, 1.0]
    assert steps.index[0] == 0


def test_a_threshold_nobody_reaches_is_an_error(models):
    with pytest.raises(ValueError, match=r"no row reaches top1 = 99.*70"):
        cheapest_reaching(models, quality="top1", threshold=99.0, cost="joules", date="date")


def test_consolidation_compares_the_first_with_the_cheapest_of_its_window(models):
    levels = consolidation(models, quality="top1", cost="joules", date="date")
    assert levels.loc[0, "factor_1y"] == 1.0  # within a year nobody else reached 60
    assert levels.loc[0, "factor_2y"] == 2.0  # the fourth model needs 2 J
    assert levels.loc[2, "factor_2y"] == 4.0


def test_consolidation_leaves_windows_open_that_run_past_the_data(models):
    late = consolidation(models[:3], quality="top1", cost="joules", date="date")
    assert late.loc[0, "factor_1y"] == 1.0
    assert np.isnan(late.loc[0, "factor_2y"]) and np.isnan(late.loc[2, "factor_1y"])


@given(st.lists(st.tuples(st.integers(0, 3000), st.floats(50, 90), st.floats(0.1, 100)), min_size=3, max_size=25))
def test_consolidation_factors_are_at_least_one_and_grow_with_the_window(rows):
    frame = pd.DataFrame(rows, columns=["day", "top1", "joules"])
    frame["date"] = pd.Timestamp("2012-01-01") + pd.to_timedelta(frame["day"], unit="D")
    levels = consolidation(frame, quality="top1", cost="joules", date="date")
    both = levels.dropna()
    assert (both["factor_1y"] >= 1.0).all() and (both["factor_2y"] >= both["factor_1y"]).all()


@pytest.mark.parametrize("pick", [best_of_year, best_so_far])
def test_a_missing_column_is_named(models, pick):
    with pytest.raises(ValueError, match="no column 'gflops'"):
        pick(models, date="date", by="gflops")


@pytest.mark.parametrize("last_digit", [-1.0, 1.0])
def test_rows_that_differ_in_their_last_digit_are_equal(last_digit):
    dates = pd.to_datetime(["2012-01-01", "2012-05-01", "2013-02-01"])
    quality = np.array([80.0, 80.0, 80.0]) * [1.0, 1.0 + last_digit * 1e-13, 1.0 - last_digit * 1e-13]
    table = pd.DataFrame({"date": dates, "top1": quality, "joules": np.array([4.0, 4.0, 1.0]) / (quality / 80.0)})
    assert best_of_year(table, date="date", by="top1").index.tolist() == [0, 2]
    assert best_so_far(table, date="date", by="top1").index.tolist() == [0]
    steps = cheapest_reaching(table, quality="top1", threshold=80.0, cost="joules", date="date")
    assert steps.index.tolist() == [0, 2]
    levels = consolidation(table, quality="top1", cost="joules", date="date", within_years=(1.0,))
    assert levels["level"].tolist() == [80.0]
