"""A refusal names the argument, its value, its unit and what is allowed; the ends of an allowed range pass."""

import re

import numpy as np
import pandas as pd
import pytest
from worlds import answers, doubtful, rng, scenario

from energy_lib import request_energy, trends, units
from energy_lib.change import decompose, needed_for
from energy_lib.checks import unknown_name
from energy_lib.compute import LanguageModel
from energy_lib.draws import simulate
from energy_lib.energy import inference_energy_j
from energy_lib.estimate import with_interval
from energy_lib.factors import Lognormal, chip_j_per_token
from energy_lib.sensitivity import sobol

POSITIVE, NOT_NEGATIVE = "allowed is > 0 and finite", "allowed is >= 0 and finite"


def request(**changes):
    served = {"input_tokens": 1, "output_tokens": 0, "batch": 1, "n_accelerators": 1, "weight_bits": 16}
    return request_energy("Llama-3.1-8B", "H100 SXM5 80GB", **{**served, **changes})


def chip(tokens):
    return chip_j_per_token(with_interval({"all": 100.0}, 1.5, "chip"), tokens, "an example")


@pytest.mark.parametrize(
    ("call", "refusal"),
    [
        (lambda: units.joule_to_wh(-1), f"energy_j = -1.0 J is out of range: {NOT_NEGATIVE}"),
        (lambda: units.wh_to_joule(-1), f"energy_wh = -1.0 Wh is out of range: {NOT_NEGATIVE}"),
        (lambda: units.joule_to_kwh(-1), f"energy_j = -1.0 J is out of range: {NOT_NEGATIVE}"),
        (lambda: units.kwh_to_joule(-1), f"energy_kwh = -1.0 kWh is out of range: {NOT_NEGATIVE}"),
        (lambda: units.mac_to_flop(-1), f"mac = -1.0 MAC is out of range: {NOT_NEGATIVE}"),
        (lambda: units.kcal_per_day_to_watt(-1), f"kcal_per_day = -1.0 kcal/day is out of range: {NOT_NEGATIVE}"),
        (
            lambda: units.decimal_year(2201),
            "date = 2201.0 decimal year is out of range: allowed is >= 1900 and <= 2200",
        ),
        (
            lambda: units.decimal_year(1899, "born"),
            "born = 1899.0 decimal year is out of range: allowed is >= 1900 and",
        ),
        (lambda: units.decimal_year(["x"]), "date must be dates or decimal years, not str"),
        (lambda: units.decimal_year([pd.Timestamp("2020"), pd.NaT]), "date holds an empty date at position 1"),
        (lambda: trends.doubling_time(0), f"factor_per_year = 0.0 1/year is out of range: {POSITIVE}"),
        (lambda: trends.growth_factor(0), f"doubling_time_years = 0.0 year is out of range: {POSITIVE}"),
        (lambda: trends.fit_growth([1, 2, 3], [1, 0, 1]), "date[0] = 1.0 decimal year"),
        (lambda: trends.fit_growth([2001, 2002, 2003], [1, 0, 1]), "value[1] = 0.0 its own unit is out of range"),
        (lambda: inference_energy_j(0, 1), f"flop = 0.0 FLOP is out of range: {POSITIVE}"),
        (lambda: inference_energy_j(1, 0), f"efficiency_flop_per_joule = 0.0 FLOP/J is out of range: {POSITIVE}"),
        (
            lambda: inference_energy_j([1, 2], [1, 2, 3]),
            "shapes do not broadcast: flop (2,), efficiency_flop_per_joule (3,)",
        ),
        (lambda: request(input_tokens=0.9), "input_tokens = 0.9 token is out of range: allowed is >= 1 and finite"),
        (lambda: request(output_tokens=-0.1), f"output_tokens = -0.1 token is out of range: {NOT_NEGATIVE}"),
        (lambda: request(batch=0.9), "batch = 0.9 request is out of range: allowed is >= 1 and finite"),
        (lambda: request(n_accelerators=0.9), "n_accelerators = 0.9 accelerator is out of range: allowed is >= 1 and"),
        (lambda: request(weight_bits=0.9), "weight_bits = 0.9 bit is out of range: allowed is >= 1 and <= 64"),
        (lambda: request(weight_bits=64.1), "weight_bits = 64.1 bit is out of range: allowed is >= 1 and <= 64"),
        (lambda: request(software="none"), "unknown serving software 'none': known are 'pytorch-2023', 'vllm-0.5'"),
        (lambda: with_interval({"a": -1.0}, 2.0, "chip"), f"a = -1.0 J is out of range: {NOT_NEGATIVE}"),
        (
            lambda: with_interval({"a": 1.0}, 0.9, "chip"),
            "factor = 0.9 (no unit) is out of range: allowed is >= 1 and finite",
        ),
        (
            lambda: with_interval({"a": [1.0, 2.0]}, [1.0, 2.0, 3.0], "chip"),
            "shapes do not broadcast: a (2,), factor (3,)",
        ),
        (lambda: chip(0), f"output_tokens = 0.0 token is out of range: {POSITIVE}"),
        (lambda: scenario(first_year=1999), "first_year = 1999.0 year is out of range: allowed is >= 2000 and <= 2100"),
        (lambda: scenario(last_year=2101), "last_year = 2101.0 year is out of range: allowed is >= 2000 and <= 2100"),
        (lambda: scenario().elapsed(2024.9), "year = 2024.9 year is out of range: allowed is >= 2025 and <= 2030"),
        (lambda: scenario(people=0), "people = 0.0 (positive) is out of range"),
        (lambda: scenario(share_using=1.1), "share_using = 1.1 (share) is out of range: allowed is >= 0 and <= 1"),
        (lambda: scenario(pue=0.9), "pue = 0.9 (ratio) is out of range: allowed is >= 1 and finite"),
        (lambda: scenario(year_old=answers(gain=0)), "year_old.model_gain = 0.0 (positive) is out of range"),
        (lambda: needed_for(scenario(), 0, 2026), f"target_twh = 0.0 TWh is out of range: {POSITIVE}"),
        (lambda: decompose(scenario(), 2027, 2026), "year1 = 2026 must be after year0 = 2027"),
        (lambda: decompose(scenario(), 2027, 2027), "year1 = 2027 must be after year0 = 2027"),
        (lambda: simulate(scenario(), draws=0, rng=rng()), "draws = 0.0 draw is out of range: allowed is >= 1 and"),
        (lambda: simulate(scenario(), draws=[1], rng=rng()), "draws = [1] must be one whole number"),
        (
            lambda: simulate(scenario(), draws=9, rng=rng()).quantile(1.1),
            "q = 1.1 (share) is out of range: allowed is >=",
        ),
        (
            lambda: sobol(doubtful(), 2025, rng=rng(), samples=4),
            "samples = 4.0 sample is out of range: allowed is >= 8",
        ),
        (lambda: sobol(doubtful(), 2025, rng=rng(), samples=12), "samples = 12 must be a power of two"),
        (lambda: sobol(scenario(), 2025, rng=rng()), "no input of the scenario is doubtful"),
        (
            lambda: LanguageModel("mine", layers=0, hidden=1, heads=1, kv_heads=1, head_dim=1, ffn=1, vocab=1),
            "mine: layers = 0.0 1 is out of range: allowed is >= 1 and finite",
        ),
    ],
)
def test_a_refusal_says_what_where_and_what_is_allowed(call, refusal):
    with pytest.raises((ValueError, LookupError), match=re.escape(refusal)):
        call()


@pytest.mark.parametrize(
    "call",
    [
        request,
        lambda: request(weight_bits=1),
        lambda: request(weight_bits=64, n_accelerators=2),
        lambda: with_interval({"a": 0.0}, 1.0, "chip"),
        lambda: scenario(first_year=2000, last_year=2000),
        lambda: scenario(last_year=2100),
        lambda: scenario().elapsed(2030),
        lambda: scenario(share_using=1, pue=1),
        lambda: simulate(scenario(), draws=1, rng=rng(), chunk=1).quantile([0.0, 1.0]),
        lambda: units.decimal_year([1900, 2200]),
    ],
)
def test_the_ends_of_a_range_are_allowed(call):
    call()


@pytest.mark.parametrize("missing", ["top1", "joules", "date"])
def test_a_table_without_a_column_that_is_needed_is_refused_by_its_name(missing):
    frame = pd.DataFrame({"date": [2012.0], "top1": [50.0], "joules": [1.0], "name": ["a"]}).drop(columns=missing)
    said = f"the table has no column '{missing}'; it has {', '.join(frame.columns)}"
    columns = {"quality": "top1", "cost": "joules", "date": "date"}
    with pytest.raises(ValueError, match=re.escape(said)):
        trends.cheapest_reaching(frame, threshold=1.0, **columns)
    with pytest.raises(ValueError, match=re.escape(said)):
        trends.consolidation(frame, **columns)


def test_a_name_like_no_other_lists_a_dozen_that_are_known():
    names = [f"q{i}" for i in range(14)]
    dozen = ", ".join(map(repr, names[:12]))
    assert str(unknown_name("letter", "zzzz", names)) == f"unknown letter 'zzzz': known are {dozen}, ..."
    assert str(unknown_name("letter", "zzzz", names[:12])) == f"unknown letter 'zzzz': known are {dozen}"


def test_a_name_in_other_letters_is_found_and_three_at_most_are_listed():
    assert (
        str(unknown_name("chip", "h100", ["A100", "H100 SXM"]))
        == "unknown chip 'h100': the nearest are 'H100 SXM', 'A100'"
    )
    assert str(unknown_name("x", "ab", ["ab1", "ab2", "ab3", "ab4"])).endswith("the nearest are 'ab1', 'ab2', 'ab3'")
    assert "known are 'a'" in str(unknown_name("x", "", ["a"]))


def test_numbers_of_any_kind_are_quantities():
    from fractions import Fraction

    assert units.joule_to_wh(Fraction(7200)) == 2.0
    assert units.joule_to_wh(np.array([3600], dtype=object)) == 1.0
    assert units.joule_to_wh(np.uint8(0)) == 0.0


def test_what_a_distribution_is_given_in_is_said():
    with pytest.raises(ValueError, match=re.escape("high = inf in its factor's unit is out of range")):
        Lognormal(low=1.0, high=np.inf, source="an example")
    with pytest.raises(ValueError, match=re.escape("share_using: high = 1 leaves no doubt: allowed is below 1")):
        scenario(share_using=Lognormal(low=0.5, high=1.0, source="an example"))
