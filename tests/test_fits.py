"""Fits that do not fool: over thousands of simulated tables, intervals hold the truth as often as they say."""

import numpy as np
import pytest
from scipy.linalg import fractional_matrix_power
from scipy.stats import t as student

from energy_lib import load
from energy_lib.hardware import adapted_efficiency
from energy_lib.hardware_trends import launched, parts
from energy_lib.trends import fit_growth
from energy_lib.units import decimal_year

TABLES = 5_000
FACTOR = 1.3
TRUTH = np.log(FACTOR)
YEARS = np.arange(2012.0, 2022.0)  # as few points as the best model of each year gives


def every_month(n):
    return 2012.0 + np.arange(n) / 12.0


def simulated(rng, dates, families=None, *, scatter=0.8, shared=0.0, growing=False, tables=TABLES, factor=FACTOR):
    """Logarithms of values, one row a table: growth, scatter (growing over the years if asked), and a share of its
    variance that a family has in common."""
    own = rng.standard_normal((tables, len(dates)))
    noise = np.sqrt(1.0 - shared) * own
    if shared:
        noise += np.sqrt(shared) * rng.standard_normal((tables, families.max() + 1))[:, families]
    if growing:
        noise *= np.linspace(0.3, 1.7, len(dates))
    return np.log(factor) * (dates - dates[0]) + scatter * noise


def slopes_by_hand(dates, logs, families=None):
    """Slope, its standard error and degrees of freedom of many tables at once, written out a second time."""
    x = np.column_stack([np.ones_like(dates), dates - dates.mean()])
    bread = np.linalg.inv(x.T @ x)
    hat = x @ bread @ x.T
    maker = np.eye(len(dates)) - hat
    residual = logs @ maker
    slope = logs @ x @ bread[:, 1]
    if families is None:
        variance = (residual / np.diag(maker)) ** 2 @ (x @ bread[:, 1]) ** 2
        return slope, np.sqrt(variance), len(dates) - 2
    variance, columns = 0.0, []
    for family in range(families.max() + 1):
        mine = families == family
        half = fractional_matrix_power(maker[np.ix_(mine, mine)], -0.5).real @ x[mine] @ bread[:, 1]
        variance = variance + (residual[:, mine] @ half) ** 2
        columns.append(maker[:, mine] @ half)
    squares = np.linalg.eigvalsh(np.transpose(columns) @ np.array(columns))
    return slope, np.sqrt(variance), squares.sum() ** 2 / (squares**2).sum()


def agrees_with_the_library(dates, logs, families, found):
    for i in range(10):
        fit = fit_growth(dates, np.exp(logs[i]), families=families)
        slope, error, freedom = found[0][i], found[1][i], found[2]
        margin = student.ppf(0.975, freedom) * error
        ends = np.log([fit.factor_per_year, fit.factor_per_year_low, fit.factor_per_year_high])
        np.testing.assert_allclose(ends, [slope, slope - margin, slope + margin], rtol=1e-7, atol=1e-9)


def covered_and_reported(dates, logs, families=None, truth=TRUTH):
    """Share of the tables whose 95 % interval holds the truth, and whose p value is below 5 %."""
    slope, error, freedom = found = slopes_by_hand(dates, logs, families)
    agrees_with_the_library(dates, logs, families, found)
    margin = student.ppf(0.975, freedom) * error
    return np.mean(np.abs(slope - truth) <= margin), np.mean(np.abs(slope) > margin)


def vision():
    """Dates and families of the vision models of the study: 94 models in 30 families of 1 to 14."""
    table = load("vision_models").sort_values("date", kind="stable")
    codes = table["family"].astype("category").cat.codes.to_numpy()
    return decimal_year(table["date"]), codes.astype(int)


def coded(chips):
    return chips.astype("category").cat.codes.to_numpy().astype(int)


def boards(group, window):
    """Dates and chips of the boards of a class that enter a fit: up to ten boards carry one chip."""
    rows = launched(parts().query("group == @group and left_out == ''"), window).dropna(subset=["fp32"])
    return decimal_year(rows["date"]), coded(rows["chip"])


def studied_gpus():
    """Dates and chips of the study's GPUs, by what image models get from them."""
    points = adapted_efficiency("cnn")
    return decimal_year(points["date"]), coded(points["chip"])


def made_families(rng, count):
    """Dates of models of `count` families of two to six, each born at some time and at work for a year and a half."""
    families = np.repeat(np.arange(count), rng.integers(2, 7, count))
    dates = rng.uniform(2012, 2021, count)[families] + rng.uniform(0, 1.5, len(families))
    order = np.argsort(dates)
    return dates[order], families[order]


@pytest.mark.parametrize("growing", [False, True])
@pytest.mark.parametrize("dates", [YEARS, every_month(30), every_month(100)], ids=len)
def test_intervals_of_independent_points_hold_the_truth(dates, growing):
    logs = simulated(np.random.default_rng(1), dates, growing=growing)
    assert 0.93 <= covered_and_reported(dates, logs)[0] <= 0.97


@pytest.mark.parametrize("shared", [0.3, 0.6, 0.9])
def test_intervals_by_family_hold_the_truth_on_the_dates_of_the_vision_models(shared):
    dates, families = vision()
    logs = simulated(np.random.default_rng(2), dates, families, shared=shared)
    assert 0.93 <= covered_and_reported(dates, logs, families)[0] <= 0.97


@pytest.mark.parametrize("count", [12, 20, 40])
@pytest.mark.parametrize("shared", [0.0, 0.5, 0.9])
def test_intervals_by_family_hold_the_truth_for_few_and_many_families(count, shared):
    rng = np.random.default_rng(count)
    dates, families = made_families(rng, count)
    logs = simulated(rng, dates, families, shared=shared)
    assert 0.93 <= covered_and_reported(dates, logs, families)[0] <= 0.97


CHIPS = {
    "server GPUs to 2021": lambda: boards("server GPUs", "2010-2021"),
    "server GPUs to 2026": lambda: boards("server GPUs", "2016-2026"),
    "server GPUs since 2020": lambda: boards("server GPUs", "2020-2026"),
    "desktop GPUs to 2026": lambda: boards("desktop GPUs", "2016-2026"),
    "the study's GPUs": studied_gpus,
}


@pytest.mark.parametrize("shared", [0.3, 0.6, 0.9])
@pytest.mark.parametrize("which", CHIPS)
def test_intervals_by_chip_hold_the_truth_on_the_dates_of_the_accelerators(which, shared):
    dates, chips = CHIPS[which]()
    logs = simulated(np.random.default_rng(5), dates, chips, shared=shared)
    assert 0.93 <= covered_and_reported(dates, logs, chips)[0] <= 0.97


@pytest.mark.parametrize("table", [vision, CHIPS["server GPUs to 2026"], CHIPS["server GPUs since 2020"]])
def test_intervals_that_ignore_families_are_too_narrow(table):
    dates, families = table()
    logs = simulated(np.random.default_rng(3), dates, families, shared=0.6)
    assert covered_and_reported(dates, logs)[0] < 0.85


@pytest.mark.parametrize("shared", [0.0, 0.6])
def test_noise_does_not_report_growth_more_often_than_it_should(shared):
    dates, families = vision()
    logs = simulated(np.random.default_rng(4), dates, families, shared=shared, factor=1.0)
    assert covered_and_reported(dates, logs, families if shared else None, truth=0.0)[1] <= 0.06


def test_a_family_of_one_is_a_point_of_its_own():
    import statsmodels.api as sm

    rng = np.random.default_rng(5)
    values = np.exp(simulated(rng, YEARS, tables=1)[0])
    fit = fit_growth(YEARS, values, families=list("abcdefghij"))
    plain = sm.OLS(np.log(values), sm.add_constant(YEARS - YEARS.mean())).fit(cov_type="HC2")
    np.testing.assert_allclose(fit.covariance, plain.cov_params())


def test_families_move_the_interval_and_not_the_line():
    dates, families = vision()
    values = np.exp(simulated(np.random.default_rng(6), dates, families, shared=0.6, tables=1)[0])
    plain, by_family = fit_growth(dates, values), fit_growth(dates, values, families=families)
    assert by_family.factor_per_year == plain.factor_per_year
    assert by_family.at(2020.0) == plain.at(2020.0)
    assert by_family.degrees_of_freedom < plain.degrees_of_freedom
    assert np.diff(by_family.band(2020.0)[::-1])[0] != np.diff(plain.band(2020.0)[::-1])[0]


@pytest.mark.parametrize(
    ("families", "message"),
    [
        (["a", "b", "c"], "one label for each of 10 dates, not 3"),
        (["a", "b", None, *"cdefghi"], r"families\[2\] is missing"),
        (["a"] * 5 + ["b"] * 5, "at least 3 families, not 2"),
    ],
)
def test_labels_that_name_no_families_are_refused(families, message):
    with pytest.raises(ValueError, match=message):
        fit_growth(YEARS, YEARS, families=families)
