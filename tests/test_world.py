"""The scenario of the world: its factors follow from the tables, its checks from above from published numbers, and it
owns up to what it did not foretell."""

import dataclasses
import json
from itertools import product

import numpy as np
import pandas as pd
import pytest
from sharing import once
from worlds import rng

import energy_lib
from energy_lib import outlook, top_down, usage
from energy_lib.adoption import STREAMS, factor_values
from energy_lib.chat import accelerators_needed
from energy_lib.checks import UnknownNameError
from energy_lib.cli import main
from energy_lib.compute import language_model
from energy_lib.datasets import load
from energy_lib.energy import request_energy
from energy_lib.factors import Fixed, Lognormal
from energy_lib.hardware import accelerator
from energy_lib.judgements import judgement
from energy_lib.scenario_file import scenario_mapping, scenario_of
from energy_lib.trends import fit_growth
from energy_lib.world import (
    answer_tokens,
    middle,
    mixed_tokens,
    requests_per_day,
    share_using,
    tokens_per_request,
    world_scenario,
)
from energy_lib.world_joules import chip_j_per_token, hardware_gain, pue, representative_models, server_overhead

YEARS = (2024, 2025, 2026)


@pytest.fixture(scope=once)
def above():
    return top_down.top_down(rng=rng())


@pytest.mark.parametrize("year", YEARS)
def test_every_factor_names_its_source_and_only_people_and_what_stands_still_are_without_doubt(year):
    inputs = world_scenario(year).inputs
    assert all(given.factor.source.strip() and "reader" not in given.factor.source for given in inputs.values())
    assert {n for n, given in inputs.items() if not given.doubtful} == {"people", "server_overhead.growth"}


@pytest.mark.parametrize("year", YEARS)
def test_every_source_names_a_table_or_judgement_that_exists(year):
    known = [*energy_lib.tables(), *load("world_judgements")["name"]]
    for name, given in world_scenario(year).inputs.items():
        source = given.factor.source
        assert source == "no growth" or "request_energy" in source or any(table in source for table in known), name


@pytest.mark.parametrize("year", YEARS)
def test_every_judgement_moves_what_it_says_that_it_moves(year):
    used = {given.factor.source for given in world_scenario(year).inputs.values()}
    direct = load("world_judgements").query("used_in == 'scenario'")["name"]
    named = [name for name in direct if any(name in source for source in used)]
    inside = {"batch", "weight_bits", "input_per_written_token"}  # of joules a token and of calls
    if year == 2024:
        inside = inside | {"reasoning_token_share"}  # no model that reasons was measured by then
    assert set(direct) - set(named) <= inside


def test_years_without_disclosures_are_refused():
    for year in (2023, 2027, 2025.5):
        with pytest.raises(ValueError, match="first_year"):
            world_scenario(year)


def test_the_scenario_survives_a_file_and_runs_in_a_terminal(tmp_path, capsys):
    world = world_scenario()
    assert scenario_of(json.loads(json.dumps(scenario_mapping(world)))) == world
    assert main(["scenario", "--world", "--as-file"]) == 0
    path = tmp_path / "world.json"
    path.write_text(capsys.readouterr().out, encoding="utf-8")
    found = []
    for arguments in (["--world"], [str(path)]):
        assert main(["scenario", *arguments, "--draws=500", "--json"]) == 0
        found.append(json.loads(capsys.readouterr().out)["by_year"])
    assert found[0] == found[1]
    assert main(["scenario", "--world", str(path)]) == 2 and "not both" in capsys.readouterr().err


def test_names_that_load_late_are_those_of_their_modules():
    assert energy_lib.world_scenario is world_scenario and energy_lib.Lognormal is Lognormal
    assert set(energy_lib.__all__) <= set(dir(energy_lib))
    assert all(getattr(energy_lib, name) is not None for name in energy_lib.__all__)
    with pytest.raises(AttributeError, match="has no attribute 'world_scenaro'"):
        _ = energy_lib.world_scenaro


def test_no_more_people_use_ai_than_there_are_online_and_no_fewer_than_use_the_largest_chat_in_a_week():
    for year in YEARS:
        world = world_scenario(year)
        share = world.share_using.start
        everyone = world.people.start.median
        assert share.low * everyone == pytest.approx(usage.count_at("ChatGPT, users a week", middle(year)))
        assert share.high * everyone < 6.0e9
        last = float(factor_values(world, world.medians(), 2030)["both"]["share_using"])
        assert share.high < last < 6.0e9 / everyone + 0.01


def test_a_user_asks_at_least_what_people_type_into_the_largest_chat():
    share = share_using(2025)
    frontier = world_scenario(2025).frontier
    found = requests_per_day(2025, share, frontier).start
    assert found.low == pytest.approx(2.627e9 / 7.3e8, rel=0.1)  # messages of June over weekly users of July 2025
    tokens = usage.largest(usage.TOKENS, middle(2025)) * judgement("all_over_largest_tokens").high
    users = world_scenario(2025).people.start.median * np.sqrt(share.start.low * share.start.high)
    calls = found.high - found.low
    read_and_written = calls * users * frontier.tokens_per_request.start.median * (1 + 4)
    assert read_and_written == pytest.approx(tokens)


def test_tokens_of_a_mix_lie_between_those_of_its_parts_and_are_a_harmonic_mean():
    assert mixed_tokens(600, 6000, 0.0) == pytest.approx(600)
    assert mixed_tokens(600, 6000, 1.0) == pytest.approx(6000)
    # Of 1000 requests 100 reason: 0.6 million of 1.14 million tokens are theirs.
    assert mixed_tokens(600, 6000, 600 / 1140) == pytest.approx(1140)
    assert answer_tokens()["median"].is_monotonic_increasing


def test_the_frontier_alone_reasons_and_says_so():
    frontier, year_old = (tokens_per_request(stream, 2025) for stream in STREAMS)
    for path, reasons in ((frontier, True), (year_old, False)):
        for factor in (path.start, path.growth):
            assert "table mlenergy_llm" in factor.source
            assert ("reasoning_token_share" in factor.source) == reasons
    assert frontier.start.median > year_old.start.median
    rows = answer_tokens()
    before = rows[rows["date"].dt.year <= 2025].iloc[-2]
    assert (year_old.start.low, year_old.start.high) == (before["low"], before["high"])


def test_nine_of_ten_loads_lie_inside_the_joules_of_a_token():
    model, board = "Llama-3.1-70B", accelerator("H100 SXM5 80GB")
    found = chip_j_per_token([model], [board.name])
    joules = []
    for batch, bits, ratio in product((16, 64, 256), (4, 8, 16), (1, 4, 15)):
        load = {"input_tokens": 500 * ratio, "output_tokens": 500, "batch": batch, "weight_bits": bits}
        number = accelerators_needed(model, board, **{**load, "batch": np.array([batch])})[0]
        if np.isfinite(number):
            joules.append(float(request_energy(model, board, n_accelerators=number, **load).energy_j) / 500)
    assert len(joules) > 20
    inside = np.mean([found.low < j < found.high for j in joules])
    assert inside >= 0.9
    assert found.median == pytest.approx(np.exp(np.median(np.log(joules))))
    assert found.high / found.low < 1.5 * max(joules) / min(joules)


def test_accelerators_of_many_loads_are_those_of_each():
    shape = language_model("DeepSeek-V2")
    batches = np.array([1.0, 32.0, 128.0, 1e6])
    found = accelerators_needed(shape, "H100 SXM5 80GB", batch=batches)
    assert [accelerators_needed(shape, "H100 SXM5 80GB", batch=b) for b in batches[:3]] == found[:3].tolist()
    assert np.isinf(found[3])


def test_the_frontier_of_one_year_is_what_is_a_year_old_in_the_next():
    for year in (2025, 2026):
        old = world_scenario(year).year_old.chip_j_per_token
        assert old == world_scenario(year - 1).frontier.chip_j_per_token or year == 2025  # other boards in 2024
    assert "DeepSeek-V3" in representative_models(2024) and "DeepSeek-R1" in representative_models(2025)


def test_a_server_is_what_google_measured_and_pue_what_the_iea_models():
    rows = load("published_query_energy").set_index("id")["Wh_per_query"]
    found = server_overhead()
    assert found.low == pytest.approx((rows["Q048"] + rows["Q049"]) / rows["Q048"])
    assert found.median == pytest.approx(1 + (rows["Q049"] + rows["Q050"]) / rows["Q048"])
    assert (pue(2024).start.low, pue(2024).start.high) == (pytest.approx(1.14), pytest.approx(1.53))
    over_2030 = [(end - 1) * growth**6 for end, growth in ((1.14, 0.1 / 0.14), (1.53, 0.33 / 0.53))]
    assert pue(2024).growth.high == pytest.approx((0.1 / 0.14) ** (1 / 6)) and over_2030[0] < over_2030[1]
    assert 1.0 < hardware_gain().low < hardware_gain().high < 2.0


def test_energy_of_the_medians_is_the_product_of_the_factors_in_use():
    world = world_scenario()
    values = factor_values(world, world.medians(), 2025)
    total = 0.0
    for stream in STREAMS:
        own, both = values[stream], values["both"]
        users = both["people"] * both["share_using"]
        tokens = users * both["requests_per_day"] * own["stream_share"] * own["tokens_per_request"] * 365.25
        total += tokens * own["chip_j_per_token"] * both["server_overhead"] * both["pue"] / 3.6e15
    draws = outlook.draws_of(world, [2025])
    assert draws.median()[0] == pytest.approx(float(total), rel=0.35)  # the median of a sum is not the sum of medians
    assert draws.interval()[0, 0] < float(total) < draws.interval()[1, 0]


def test_chips_give_the_electricity_of_the_tables_own_illustration():
    assert float(top_down.installed_power()["median"].iloc[-1]) == pytest.approx(11.5, abs=0.05)
    assert float(top_down.chips_electricity_twh(11.5, 0.6, 1.5, 1.2)) == pytest.approx(109, abs=1)
    for wrong in ({"tdp_gw": -1}, {"draw_over_tdp": 1.2}, {"server_overhead": 0.9}, {"pue": 0.9}):
        given = {"tdp_gw": 11.5, "draw_over_tdp": 0.6, "server_overhead": 1.5, "pue": 1.2, **wrong}
        (name, value), unit = *wrong.items(), "GW" if "tdp_gw" in wrong else r"\(ratio\)"
        with pytest.raises(ValueError, match=rf"^{name} = {float(value)} {unit} is out of range"):
            top_down.chips_electricity_twh(**given)


def test_mean_power_of_a_year_lies_between_its_ends_and_is_carried_on_for_one_year():
    quarters = top_down.installed_power().set_index("date")["median"]
    for year in (2024, 2025):
        ends = quarters[pd.Timestamp(year - 1, 12, 31)], quarters[pd.Timestamp(year, 12, 31)]
        assert ends[0] < top_down.mean_power(year).median < ends[1]
    assert quarters.iloc[-1] < top_down.mean_power(2026).median < 2 * quarters.iloc[-1]
    # 90 % of the trend of five ends of quarters, and the doubt of the last count, as independent errors.
    trend = fit_growth(quarters.index[-5:], quarters.iloc[-5:], confidence=0.9)
    counted, found = top_down.installed_power().iloc[-1], top_down.mean_power(2026)
    assert found.median == pytest.approx(trend.at(2026.5))
    for end, of_trend in zip(("low", "high"), trend.band(2026.5), strict=True):
        parts = np.log(of_trend / found.median), np.log(counted[end] / counted["median"])
        assert abs(np.log(getattr(found, end) / found.median)) == pytest.approx(np.hypot(*parts))
    assert found.low < found.median < found.high
    with pytest.raises(ValueError, match="carried on for one year"):
        top_down.mean_power(2027)


def test_the_two_estimates_from_above_overlap_and_inference_is_a_part(above):
    assert top_down.agreement(above)["overlap"].all()
    for _, rows in above.groupby(["year", "method"]):
        whole, part = rows.set_index("quantity").loc[["AI", "AI inference"], "median"]
        assert 0.4 * whole < part < 0.6 * whole
    statistics = above.query("method == 'statistics' and quantity == 'AI' and year == 2024").iloc[0]
    assert statistics["median"] == pytest.approx(416 * 0.15, rel=0.02)
    assert (statistics["low"], statistics["high"]) == (pytest.approx(41.6, rel=0.03), pytest.approx(104, rel=0.03))


def test_ai_takes_less_than_all_data_centres(above):
    centres = {2024: 416.0, 2025: 487.0, 2026: 557.0}
    assert all(row.high < centres[row.year] for row in above.itertuples())


def test_methods_that_lie_apart_do_not_overlap():
    row = {"quantity": "AI", "year": 2025}
    ends = [{"low": 1, "median": 2, "high": 3}, {"low": 4, "median": 5, "high": 6}]
    frame = pd.DataFrame([{**row, "method": m, **e} for m, e in zip(("chips", "statistics"), ends, strict=True)])
    found = top_down.agreement(frame).iloc[0]
    assert not found["overlap"] and found["ratio"] == pytest.approx(0.4) and found["high"] < 1


def test_disclosed_use_explains_a_small_part_of_what_chips_take_and_more_of_it_each_year(above):
    inference = above.query("quantity == 'AI inference'").groupby("year")["median"].mean()
    below = outlook.bottom_up(YEARS).query("stream == 'all'").set_index("year")["median"]
    gap = (inference / below).to_numpy()
    assert (gap > 2).all() and (np.diff(gap) < 0).all()


def test_series_count_one_thing_each_and_leave_out_what_restates_or_estimates():
    rows = usage.usage_series()
    assert set(rows["series"]) == set(usage.SERIES)
    assert rows.groupby("series")["counts"].nunique().max() == 1
    assert rows.groupby("series").size().min() >= 3
    assert not rows.duplicated(["series", "date"]).any()
    messages = rows[rows["series"] == "ChatGPT, messages a day"]
    assert pd.Timestamp("2025-03-28") not in set(messages["date"])  # an estimate by a third party


def test_a_count_between_disclosures_grows_evenly_and_is_held_outside_them():
    rows = pd.DataFrame(
        {"series": "s", "counts": "tokens a day", "date": pd.to_datetime(["2024-01-01", "2026-01-01"]), "value": [1, 4]}
    )
    # 2024 has 366 days: the middle of the two years is not the first of January between them.
    assert usage.count_at("s", pd.Timestamp("2025-01-01"), rows) == pytest.approx(2.0, rel=1e-3)
    assert usage.count_at("s", pd.Timestamp("2027-01-01"), rows) == pytest.approx(4.0)
    with pytest.raises(UnknownNameError, match="ChatGPT"):
        usage.count_at("ChatGPT, users a wek", pd.Timestamp("2025-01-01"))
    with pytest.raises(ValueError, match="half a year"):
        usage.largest("tokens a day", pd.Timestamp("2022-01-01"), rows)


def test_a_steady_series_is_foretold_and_a_broken_one_is_not():
    dates = pd.to_datetime(["2023-01-01", "2023-07-01", "2024-01-01", "2024-07-01", "2025-01-01"])
    wobble = np.array([1.02, 0.99, 1.0, 1.01, 0.98])
    for jump, inside in ((1.0, True), (10.0, False)):
        value = 2.0 ** np.arange(5) * wobble * np.array([1, 1, 1, 1, jump])
        rows = pd.DataFrame({"series": "s", "counts": "tokens a day", "date": dates, "value": value})
        found = usage.backcast(["2024-07-01"], rows)
        assert found["inside"].tolist() == [inside]
        assert found["error_factor"].iloc[0] == pytest.approx(1 / jump, rel=0.1)
    with pytest.raises(ValueError, match="three disclosures"):
        usage.backcast(["2023-02-01"], rows)


def test_intervals_of_a_backcast_hold_as_often_as_they_say_where_growth_is_steady():
    draw = rng(3)
    dates = pd.date_range("2023-01-01", periods=9, freq="QS")
    inside = []
    for _ in range(300):
        value = np.exp(0.5 * np.arange(9) + draw.normal(0, 0.2, 9))
        rows = pd.DataFrame({"series": "s", "counts": "tokens a day", "date": dates, "value": value})
        inside.append(usage.backcast([str(dates[7].date())], rows)["inside"].iloc[0])
    assert 0.85 < np.mean(inside) < 0.95


def test_trends_of_use_foretell_worse_than_they_claim():
    found = usage.backcast(["2024-06-30", "2024-12-31", "2025-06-30", "2025-12-31"])
    assert len(found) > 20 and found["inside"].mean() < 0.8
    late = found[(found["cutoff"] == "2025-12-31") & (found["counts"] == "tokens a day")]
    assert (late["error_factor"] > 1).all()  # growth slowed


def test_the_scenario_of_2024_did_not_foretell_2025_and_that_of_2025_holds_for_2026():
    assert not outlook.foretold(2024, [2025])["inside"].any()
    assert outlook.foretold(2025, [2026])["inside"].all()


def test_growth_from_another_level_starts_there_and_multiplies_it():
    draws = outlook.draws_of(world_scenario())
    assert (outlook.draws_of(world_scenario()).samples() == draws.samples()).all()
    found = outlook.anchored(draws, 20, 40, 80).set_index("year")
    assert found.columns.tolist() == ["low", "median", "high"]
    assert found.loc[2025].to_list() == pytest.approx([20, 40, 80], rel=0.03)
    samples = draws.samples()
    assert found.loc[2030, "median"] == pytest.approx(40 * np.median(samples[-1] / samples[0]), rel=0.03)


def test_cases_of_the_iea_and_reviewed_forecasts_are_as_published():
    assert outlook.iea_cases()["Base"] == 946 and outlook.iea_cases().agg(["min", "max"]).tolist() == [669, 1264]
    assert outlook.iea_cases(2035)["Lift-Off"] == 1719
    assert len(outlook.reviewed_forecasts()) == 24


def test_draws_that_run_high_ask_more_and_gain_less():
    draws = outlook.draws_of(world_scenario())
    _, electricity = outlook.world_electricity_twh()
    found = outlook.inputs_above(draws, 2030, 0.1 * electricity)
    assert found.columns.tolist() == ["input", "among_all", "among_those", "shift"]
    assert 0.0 < found.attrs["share"] < 0.5 and found["shift"].abs().is_monotonic_decreasing
    shift = found.set_index("input")["shift"]
    assert shift["requests_per_day.growth"] > 0 and shift.filter(like="gain").max() < 0.1
    with pytest.raises(ValueError, match="no draw reaches"):
        outlook.inputs_above(draws, 2030, 1e12)
    with pytest.raises(ValueError, match="was not drawn"):
        outlook.inputs_above(draws, 2031, 1.0)


def test_all_draws_reach_what_is_nothing():
    draws = outlook.draws_of(world_scenario())
    found = outlook.inputs_above(draws, 2030, 1e-9)
    assert found.attrs["share"] == 1.0 and found["shift"].abs().max() < 1e-9
    assert (found["among_all"] == found["among_those"]).all()


def test_a_household_and_a_person_draw_what_their_years_come_to():
    levels = outlook.levels_w(2000, 3600)
    assert levels["a body"] == pytest.approx(96.85, abs=0.01)
    assert levels["a household's electricity"] == pytest.approx(410.7, abs=0.1)
    human = load("human_energy").query("population == 'World' and year == 2024").set_index("kind")["watts"]
    assert levels["all electricity, a person"] == pytest.approx(human["external (electricity generated)"], abs=0.01)
    primary = human["external (primary energy, substitution method)"]
    assert levels["all energy, a person"] == pytest.approx(primary, abs=0.01)


def test_judgements_are_asked_for_by_name():
    found = judgement("inference_share")
    assert (found.low, found.median, found.high) == (0.25, 0.5, 0.8)
    with pytest.raises(UnknownNameError, match="inference_share"):
        judgement("inference_shares")


def test_every_input_has_plain_words():
    words = [outlook.plain(name) for name in world_scenario().inputs]
    assert len(set(words)) == len(words) and not any("_" in w for w in words)
    named = ("frontier.tokens_per_request.growth", "pue.growth", "year_old.chip_j_per_token", "pue")
    assert [outlook.label(name) for name in named] == [
        "tokens a request, frontier growth",
        "PUE, growth",
        outlook.plain("year_old.chip_j_per_token"),
        "PUE",
    ]


def test_people_are_those_of_the_united_nations():
    people = world_scenario(2024).people
    assert isinstance(people.start, Fixed) and people.start.value == pytest.approx(8.162e9, rel=1e-4)
    assert 1.007 < people.growth.low < people.growth.high < 1.013
    assert dataclasses.replace(world_scenario(), last_year=2026).years == (2025, 2026)
