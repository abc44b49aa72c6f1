"""The edition reproduces the study's published values, and each choice moves only what depends on it."""

from dataclasses import replace

import numpy as np
import pytest
from sharing import once

from energy_lib import load
from energy_lib.headlines import family_intervals, family_resamples, headlines, variants
from energy_lib.replication import DIFFERS, HOLDS, UNTESTABLE, Finding, findings, replicate, verdict
from energy_lib.study import Study


@pytest.fixture(scope=once)
def study():
    return Study.published()


@pytest.fixture(scope=once)
def claims(study):
    return replicate(study).set_index("id")


def test_every_published_value_that_the_edition_says_holds_lies_in_its_range(claims):
    held = claims[(claims["verdict"] == HOLDS) & ~claims["is_spread"]]
    assert len(held) >= 40
    assert (held["value"] >= held["low"].fillna(-np.inf)).all() and (held["value"] <= held["high"].fillna(np.inf)).all()


def test_every_claim_of_the_table_is_computed(study, claims):
    assert set(findings(study)) == set(load("claims")["id"])
    assert claims["value"].notna().all()


# Values that the paper prints, typed here once more from it so that a change of the table cannot change both.
@pytest.mark.parametrize(
    ("claim", "low", "high"),
    [
        ("H04", 101.6, 101.8),
        ("H06", 48.7, 48.8),
        ("H11", 2.62, 2.66),
        ("V10", 15, 30),
        ("N07", 5000, 9000),
        ("N12", 2019, 2020),
    ],
)
def test_printed_values_are_reproduced(claims, claim, low, high):
    assert low <= claims.loc[claim, "value"] <= high


@pytest.mark.parametrize(
    ("finding", "low", "high", "expected"),
    [
        (Finding(2.0), 1.0, 3.0, HOLDS),
        (Finding(1.0), 1.0, 3.0, HOLDS),
        (Finding(3.1), 1.0, 3.0, DIFFERS),
        (Finding(50.0), 10.0, np.nan, HOLDS),
        (Finding(9.0), 10.0, np.nan, DIFFERS),
        (Finding(2.0, 0.5, 2.5, is_spread=True), 1.0, 3.0, DIFFERS),
        (Finding(2.0, 1.5, 2.5, is_spread=True), 1.0, 3.0, HOLDS),
        (Finding(2.0, 0.5, 9.0), 1.0, 3.0, HOLDS),
        (None, 1.0, 3.0, UNTESTABLE),
    ],
)
def test_the_verdict_follows_its_rule(finding, low, high, expected):
    assert verdict(finding, low, high) == expected


def test_a_halved_power_in_the_table_turns_a_verdict(study):
    gpus = study.hardware.gpus.copy()
    gpus.loc[gpus["gpu"] == "A100", "watts"] /= 2
    changed = replicate(replace(study, hardware=replace(study.hardware, gpus=gpus))).set_index("id")
    assert changed.loc["H06", "verdict"] == DIFFERS


def test_the_trend_of_joules_equals_a_fit_of_the_joules_themselves(study):
    from energy_lib.trends import fit_growth

    for group, models in study.groups.items():
        direct = fit_growth(models["date"], models["energy_j"])
        assert study.energy[group].factor_per_year == pytest.approx(direct.factor_per_year, rel=1e-9)
        assert study.energy[group].at(2020.0) == pytest.approx(direct.at(2020.0), rel=1e-9)


def test_twice_the_operations_are_twice_the_joules_and_the_same_growth(study):
    doubled = replace(study, vision=study.vision.assign(gflops=2 * study.vision["gflops"]))
    assert doubled.energy["vision.all"].at(2020.0) == pytest.approx(2 * study.energy["vision.all"].at(2020.0))
    assert doubled.energy["vision.all"].factor_per_year == pytest.approx(study.energy["vision.all"].factor_per_year)


def test_the_gpus_of_the_study_are_those_of_its_adapted_efficiency(study):
    hungry = study.hardware.gpus.assign(
        watts=4 * study.hardware.gpus["watts"], gflops_per_watt=study.hardware.gpus["gflops_per_watt"] / 4
    )
    for task in ("cnn", "nlp"):
        before = study.hardware.adapted(task)["efficiency_flop_per_joule"]
        after = replace(study.hardware, gpus=hungry).adapted(task)["efficiency_flop_per_joule"]
        np.testing.assert_allclose(before / after, 4.0)


def test_models_of_one_day_stand_by_name_and_efficiency_turns_its_interval_round(study):
    one_day = study.vision.assign(date=study.vision["date"].iloc[0])
    assert study.with_energy(one_day, "cnn")["model"].tolist() == sorted(one_day["model"])
    found = study.vision_models
    assert found["date"].is_monotonic_increasing
    low, high = study.efficiency["cnn"].band(found["date"])
    np.testing.assert_allclose(found["energy_low_j"], 1e9 * found["gflops"] / high)
    np.testing.assert_allclose(found["energy_high_j"], 1e9 * found["gflops"] / low)


@pytest.mark.parametrize(
    ("prefix", "growth", "unit", "years"),
    [
        ("hardware.fp32.", lambda s: s.efficiency["fp32"], ("gflop_per_j", 1e9), (2011, 2021)),
        ("hardware.nlp.", lambda s: s.efficiency["nlp"], ("gflop_per_j", 1e9), (2011, 2021)),
        ("vision.best.flop_", lambda s: s.flop["vision.best"], ("gflop", 1.0), (2012, 2021)),
        ("nlp.all.energy_", lambda s: s.energy["nlp.all"], ("j", 1.0), (2017, 2021)),
    ],
)
def test_a_trend_has_four_headlines_each_with_the_interval_of_the_fit(study, prefix, growth, unit, years):
    found, trend = headlines(study), growth(study)
    assert found.columns.tolist() == ["what", "value", "low", "high", "unit", "tables"]
    expected = {
        "doubling_years": (
            trend.doubling_time_years,
            trend.doubling_time_years_low,
            trend.doubling_time_years_high,
        ),
        "factor_per_year": (trend.factor_per_year, trend.factor_per_year_low, trend.factor_per_year_high),
        **{f"{year}_{unit[0]}": tuple(x / unit[1] for x in (trend.at(year), *trend.band(year))) for year in years},
    }
    for key, numbers in expected.items():
        assert tuple(found.loc[prefix + key, ["value", "low", "high"]]) == pytest.approx(numbers), key
    units = {"gflop_per_j": "GFLOP/J", "gflop": "GFLOP", "j": "J"}
    assert {found.loc[f"{prefix}{year}_{unit[0]}", "unit"] for year in years} == {units[unit[0]]}


def test_headlines_of_gpt3_are_those_of_its_row(study):
    found, row = headlines(study), study.nlp_models.set_index("model").loc["GPT-3"]
    for name in ("energy", "energy_per_token"):
        own = found.loc[f"nlp.gpt3.{name}_j", ["value", "low", "high"]]
        assert tuple(own) == (row[f"{name}_j"], row[f"{name}_low_j"], row[f"{name}_high_j"])
    assert row["energy_per_token_j"] == row["energy_j"] / row["input_tokens"]


def test_a_choice_about_vision_leaves_language_alone(study):
    base, dated = (
        headlines(study)["value"],
        headlines(variants(study)["dates at which the accuracy was reached"])["value"],
    )
    language = base.index.str.startswith(("nlp", "hardware"))
    assert (base[language] == dated[language]).all()
    assert base["vision.best.flop_factor_per_year"] != dated["vision.best.flop_factor_per_year"]


def test_every_variant_changes_some_headline(study):
    base = headlines(study)["value"]
    for name, variant in variants(study).items():
        assert not np.allclose(headlines(variant)["value"], base), name


def test_resampling_families_depends_on_the_generator_alone(study):
    one, same, other = (family_resamples(study, draws=3, rng=np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert one.equals(same) and not one.equals(other)


def test_family_intervals_contain_most_headlines(study):
    draws = family_resamples(study, draws=40, rng=np.random.default_rng(3))
    intervals = family_intervals(draws)
    value = headlines(study)["value"]
    inside = (intervals["low"] <= value) & (value <= intervals["high"])
    assert inside.mean() > 0.9


def test_trends_through_all_models_allow_for_families_that_err_together(study):
    from energy_lib.trends import fit_growth

    models = study.groups["vision.all"]
    alone = fit_growth(models["date"], models["gflops"])
    together = study.flop["vision.all"]
    assert together.factor_per_year == alone.factor_per_year
    assert (
        together.factor_per_year_high / together.factor_per_year_low
        > alone.factor_per_year_high / alone.factor_per_year_low
    )
