"""Counts from a shape agree with published counts and parameters, and impossible shapes are refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from energy_lib import LanguageModel, forward_flop, language_model, load
from energy_lib.checks import UnknownNameError

# What each published count includes besides the layers; see the chapter on language.
PUBLISHED = {
    "GPT-1": {"output_layer": False, "one_hot_embedding": True},
    "BERT-Base": {"output_layer": False, "one_hot_embedding": True},
    "BERT Large": {"output_layer": False},
    "GPT-2": {"output_layer": False},
    "GPT-3": {"output_layer": True},
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_counts_from_the_shape_reproduce_the_published_ones(name):
    row = load("nlp_models").set_index("model").loc[name]
    count = forward_flop(language_model(row["architecture"]), row["input_tokens"], **PUBLISHED[name])
    assert count / 1e9 == pytest.approx(row["gflops"], rel=0.025)


def described():
    table = load("llm_architectures")
    return table[table["kind"].isin(["encoder", "decoder"])].set_index("model")["params_matmul_active_B"]


def test_weights_a_token_multiplies_agree_with_the_table_for_every_described_shape():
    table = described()
    ours = np.array([language_model(name).matmul_parameters_per_token for name in table.index]) / 1e9
    # Biases, norms and position embeddings are in the table's count and not in ours: they weigh in small models.
    np.testing.assert_allclose(ours, table, rtol=0.015)


@given(st.integers(1, 100_000))
def test_attention_adds_the_only_part_that_is_not_proportional_to_tokens(tokens):
    model = language_model("GPT-2 XL")
    bare = forward_flop(model, tokens, attention=False)
    assert bare == pytest.approx(tokens * forward_flop(model, 1, attention=False))
    added = forward_flop(model, tokens) - bare
    assert added == pytest.approx(
        tokens**2 * (forward_flop(model, 1) - forward_flop(model, 1, attention=False)), rel=1e-6
    )


def test_two_operations_a_weight_and_token_without_attention():
    model = language_model("GPT-3 175B")
    assert forward_flop(model, 10, attention=False) == 20 * model.matmul_parameters_per_token


def test_tokens_may_be_an_array():
    assert forward_flop(language_model("GPT-1"), [[1, 2], [3, 4]]).shape == (2, 2)


def shape(**changes):
    base = {
        "name": "mine",
        "layers": 4,
        "hidden": 64,
        "heads": 8,
        "kv_heads": 8,
        "head_dim": 8,
        "ffn": 256,
        "vocab": 1000,
    }
    return LanguageModel(**{**base, **changes})


def test_a_mixture_of_one_expert_that_is_always_used_is_a_dense_model_and_its_router():
    dense = shape()
    mixture = shape(experts=1, experts_per_token=1, moe_ffn=256)
    assert mixture.matmul_parameters_per_token == dense.matmul_parameters_per_token + 4 * 64


def test_grouped_queries_never_multiply_more_weights():
    assert shape(kv_heads=2).matmul_parameters_per_token < shape().matmul_parameters_per_token


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"heads": 8, "kv_heads": 3}, "heads = 8 must be a multiple of kv_heads = 3"),
        ({"experts": 4, "experts_per_token": 5, "moe_ffn": 8}, "experts_per_token = 5 is out of range"),
        ({"layers": 0}, "layers = 0"),
        ({"dense_layers": 9}, "dense_layers = 9"),
        ({"kind": "hybrid"}, "hybrid"),
        ({"vocab": float("nan")}, "vocab"),
    ],
)
def test_an_impossible_shape_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        shape(**changes)


@pytest.mark.parametrize("tokens", [0, -5, np.nan, np.inf, "many"])
def test_tokens_below_one_are_refused(tokens):
    with pytest.raises(ValueError, match="tokens"):
        forward_flop(shape(), tokens)


def test_an_unknown_model_lists_the_nearest():
    with pytest.raises(UnknownNameError, match="GPT-3 175B"):
        language_model("GPT-3 176B")


def test_a_model_is_found_by_its_hub_id_too():
    assert language_model("openai-community/gpt2-xl") == language_model("GPT-2 XL")


def test_a_kind_whose_shape_is_not_described_is_refused():
    with pytest.raises(ValueError, match="not described"):
        language_model("T5-base")
