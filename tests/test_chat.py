"""Answers of language models: the tables are joined without guessing, measured ratios are identities, and the joules
of the same quality follow from the model alone."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sharing import once

from energy_lib import accelerator, chat, language_model, load, request_energy
from energy_lib.checks import UnknownNameError

SHAPES = ("GPT-3 175B", "Llama-3.1-8B", "Llama-3.1-70B", "Qwen3-30B-A3B", "DeepSeek-V3")


@pytest.fixture(scope=once)
def answers():
    return chat.measured_answers()


@pytest.fixture(scope=once)
def scored():
    return chat.scored_models()


@pytest.fixture(scope=once)
def priced(scored):
    return chat.answer_energy(scored)


def test_gpt3_has_the_score_that_the_authors_of_the_test_published(scored):
    assert scored.set_index("model").loc["GPT-3 175B (davinci)", "mmlu"] == pytest.approx(43.9)


@pytest.mark.parametrize(
    ("model", "network", "active"), [("DeepSeek-V3", chat.MIXTURE, 37.0), ("Llama 2-70B", chat.DENSE, 69.0)]
)
def test_published_networks_are_told_apart(scored, model, network, active):
    row = scored.set_index("model").loc[model]
    assert row["network"] == network and row["active_params_B"] == pytest.approx(active, rel=0.02)


def test_a_matched_shape_has_the_parameters_that_are_listed(scored):
    listed = load("language_models").set_index("model")["total_params_B"]
    shape = load("llm_architectures").set_index("model")["params_total_B"]
    both = pd.DataFrame({"listed": scored["model"].map(listed), "shape": scored["architecture"].map(shape)}).dropna()
    assert len(both) > 50
    # Makers round: Falcon-40B has 41.8 billion, a Qwen-7B 7.7.
    assert np.abs(both["shape"] / both["listed"] - 1).max() < 0.12


def test_no_model_of_the_list_is_matched_twice_and_none_by_two_rules(scored):
    assert scored["model"].is_unique
    names = load("model_names")
    assert not set(names["model"]) & set(load("llm_architectures")["model"])


def test_closed_models_hardly_publish_what_is_active():
    listed = chat.listed_models()
    known = listed["active_params_B"].notna().groupby(listed["weights"]).mean()
    assert known["open"] > 0.8
    assert (listed.loc[listed["active_params_B"].isna(), "network"] == chat.UNPUBLISHED).all()


def test_a_mixture_holds_more_than_it_uses():
    listed = chat.listed_models().dropna(subset=["total_params_B", "active_params_B"])
    mixture = listed["network"] == chat.MIXTURE
    assert (listed.loc[mixture, "active_params_B"] < listed.loc[mixture, "total_params_B"]).all()
    assert (listed.loc[~mixture, "active_params_B"] == listed.loc[~mixture, "total_params_B"]).all()


def test_tokens_times_joules_a_token_are_joules_an_answer(answers):
    ratios = chat.reasoning_ratios(answers)
    product = ratios["tokens_ratio"] * ratios["energy_per_token_ratio"]
    assert product.to_numpy() == pytest.approx(ratios["energy_per_answer_ratio"].to_numpy(), rel=1e-5)
    assert (ratios["pairs"] >= 1).all() and not ratios.set_index("architecture").loc[
        "Qwen3-30B-A3B", "same_model"
    ].any()


def test_the_cheapest_run_is_the_cheapest(answers):
    chosen = chat.cheapest_runs(answers).set_index(["task", "model_id", "gpu_short"])["energy_per_output_token_J"]
    lowest = answers.groupby(["task", "model_id", "gpu_short"])["energy_per_output_token_J"].min()
    assert chosen.sort_index().equals(lowest.sort_index())


def test_a_batch_that_nobody_ran_is_refused_with_those_that_were(answers):
    with pytest.raises(ValueError, match="max_batch_size = 7"):
        chat.cheapest_runs(answers, batch=7)


def test_a_mixture_that_costs_thrice_is_found_to():
    active = np.array([2.0, 5.0, 11.0, 23.0, 40.0, 90.0, 3.0, 12.0, 30.0])
    mixture = np.array([0, 0, 0, 0, 0, 0, 1, 1, 1])
    gpu = np.where(np.arange(9) % 2, "B200", "H100")
    noise = 1.0 + 0.001 * np.array([1, -1, 1, -1, 1, -1, 1, -1, 1])
    runs = pd.DataFrame(
        {
            "active_params_B": active,
            "network": np.where(mixture, chat.MIXTURE, chat.DENSE),
            "gpu": gpu,
            "architecture": [f"model {i}" for i in range(9)],
            "energy_per_output_token_J": 0.02 * active**0.8 * 3.0**mixture * np.where(gpu == "B200", 0.7, 1.0) * noise,
        }
    )
    factor, low, high = chat.mixture_factor(runs)
    assert low <= 3.0 <= high and factor == pytest.approx(3.0, rel=0.01)


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(SHAPES), st.sampled_from(chat.MEASURED_PARTS), st.integers(1, 512), st.sampled_from([4, 8, 16]))
def test_as_many_accelerators_as_needed_hold_the_batch_and_half_of_them_do_not(model, part, batch, bits):
    number = chat.accelerators_needed(model, part, batch=batch, weight_bits=bits)
    request = {
        "input_tokens": chat.INPUT_TOKENS,
        "output_tokens": chat.OUTPUT_TOKENS,
        "batch": batch,
        "weight_bits": bits,
    }
    assert request_energy(model, part, n_accelerators=number, **request).energy_j > 0
    if number > 1:
        with pytest.raises(ValueError, match="n_accelerators"):
            request_energy(model, part, n_accelerators=number // 2, **request)


def test_memory_that_never_suffices_and_bad_input_are_refused():
    with pytest.raises(ValueError, match="does not fit"):
        chat.accelerators_needed("GPT-3 175B", chat.FIXED_PART, batch=1e7)
    for wrong, unit in {
        "input_tokens": "token",
        "output_tokens": "token",
        "batch": "request",
        "weight_bits": "bit",
    }.items():
        with pytest.raises(ValueError, match=rf"^{wrong} = -1\.0 {unit} is out of range"):
            chat.accelerators_needed("GPT-3 175B", chat.FIXED_PART, **{wrong: -1})
    with pytest.raises(UnknownNameError, match="H100"):
        chat.accelerators_needed(language_model("GPT-3 175B"), "H100 SXM5 80 GB")


def test_the_part_of_a_time_was_launched_before_it():
    for year in range(2021, 2027):
        assert accelerator(chat.part_of_its_time(pd.Timestamp(year, 1, 1))).date < pd.Timestamp(year, 1, 1)
    assert [
        chat.part_of_its_time(pd.Timestamp(f"{y}-06-01")).partition(" ")[0] for y in (2020, 2022, 2023, 2024, 2025)
    ] == [
        "A100",
        "A100",
        "H100",
        "H100",
        "B200",
    ]


def test_models_of_one_shape_cost_the_same_on_one_accelerator(priced):
    assert (priced.groupby("architecture")["energy_j"].nunique() == 1).all()
    assert ((priced["low_j"] < priced["energy_j"]) & (priced["energy_j"] < priced["high_j"])).all()


def test_an_estimated_answer_is_near_the_measured_one(priced, answers):
    """Llama 3.1 8B, H100, batch 32: the estimate is for 300 and 500 tokens, the record for about 390 written."""
    runs = chat.cheapest_runs(answers[answers["task"] == chat.CHAT], batch=32)
    run = runs[(runs["architecture"] == "Llama-3.1-8B") & (runs["gpu"] == "H100")]
    measured = chat.OUTPUT_TOKENS * run["energy_per_output_token_J"].item()
    row = priced.set_index("model").loc["Llama 3.1-8B"]
    assert row["low_j"] < measured < row["high_j"]


@pytest.mark.parametrize(("bits", "batch"), [(8, 16), (16, 64)])
def test_an_answer_is_a_request_on_as_many_accelerators_as_hold_it(scored, bits, batch):
    models = scored[scored["architecture"].isin(["Llama-3.1-70B", "GPT-3 175B"])]
    found = chat.answer_energy(models, batch=batch, weight_bits=bits)
    assert found[models.columns].equals(models) and (found["accelerator"] == chat.FIXED_PART).all()
    for row in found.itertuples():
        number = chat.accelerators_needed(row.architecture, chat.FIXED_PART, batch=batch, weight_bits=bits)
        load_of = {"input_tokens": chat.INPUT_TOKENS, "output_tokens": chat.OUTPUT_TOKENS, "batch": batch}
        one = request_energy(row.architecture, chat.FIXED_PART, n_accelerators=number, weight_bits=bits, **load_of)
        assert row.n_accelerators == number
        assert (row.low_j, row.energy_j, row.high_j) == (float(one.low_j), float(one.energy_j), float(one.high_j))


@pytest.mark.parametrize(
    ("architecture", "network", "billions"),
    [("Qwen3-30B-A3B", chat.MIXTURE, 3.3), ("Llama-3.1-8B", chat.DENSE, 8.0), ("DeepSeek-V3", chat.MIXTURE, 37.0)],
)
def test_measured_answers_know_their_network_and_what_is_active(answers, architecture, network, billions):
    runs = answers[answers["architecture"] == architecture]
    assert set(runs["network"]) == {network}
    assert runs["active_params_B"].to_numpy() == pytest.approx(billions, rel=0.1)
    assert set(runs["gpu"]) <= {"H100", "B200"} and set(runs["benchmark_version"]) == {
        load("mlenergy_llm")["benchmark_version"].max()
    }


def test_a_row_of_falls_is_the_first_and_the_last_step_of_its_staircase(priced):
    found = chat.falls(priced, "mmlu", [60.0, 70.0]).set_index("level")
    assert (found["quality"] == "mmlu").all()
    for level, row in found.iterrows():
        steps = chat.staircase(priced, "mmlu", level)
        first, last = steps.iloc[0], steps.iloc[-1]
        assert (row["first_model"], row["last_model"]) == (first["model"], last["model"])
        assert (row["first_j"], row["last_j"]) == (first["energy_j"], last["energy_j"])
        assert (row["factor"], row["factor_low"], row["factor_high"]) == chat.fall(first, last)
        assert row["years"] == pytest.approx((last["date"] - first["date"]) / pd.Timedelta(days=365.25))


def test_a_fall_is_one_for_a_model_and_itself_and_turns_round_with_its_ends(priced):
    first, last = priced.iloc[0], priced.iloc[20]
    there, back = chat.fall(first, last), chat.fall(last, first)
    assert chat.fall(first, first) == (1.0, 1.0, 1.0)
    assert there[0] * back[0] == pytest.approx(1.0) and there[1] * back[2] == pytest.approx(1.0)


def test_the_interval_of_a_fall_is_that_of_two_independent_errors(priced):
    first, last = priced.iloc[0], priced.iloc[20]
    rng = np.random.default_rng(2026)

    def draw(row):
        return rng.lognormal(np.log(row["energy_j"]), np.log(row["high_j"] / row["energy_j"]) / 1.6449, 200_000)

    sampled = np.quantile(draw(first) / draw(last), [0.05, 0.95])
    assert chat.fall(first, last)[1:] == pytest.approx(tuple(sampled), rel=0.02)


def test_a_staircase_falls_and_reaches_its_level(priced):
    for quality, level in (("mmlu", 60.0), ("epoch_capabilities_index", 120.0)):
        steps = chat.staircase(priced, quality, level)
        assert steps["energy_j"].is_monotonic_decreasing and (steps[quality] >= level).all()
    with pytest.raises(UnknownNameError, match="mmlu"):
        chat.staircase(priced, "mmul", 60.0)


def test_hardware_of_its_own_time_never_makes_a_first_model_cheaper_than_today(scored, priced):
    own = chat.answer_energy(scored, part=None)
    old = own["accelerator"].str.startswith("A100")
    assert (own.loc[old, "energy_j"] > priced.loc[old, "energy_j"]).all()
    same = own["accelerator"] == chat.FIXED_PART
    assert own.loc[same, "energy_j"].equals(priced.loc[same, "energy_j"])
