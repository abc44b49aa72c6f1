"""The estimate of a request: parts add up, joules move the right way, intervals held, and bad requests are refused."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sharing import once

from energy_lib import LanguageModel, accelerator, language_model, load, request_energy, serving_software
from energy_lib import calibration as cal
from energy_lib.checks import UnknownNameError
from energy_lib.energy import largest_batch, request_constants
from energy_lib.serving import Device, Load, Shapes, held_tokens, request_parts, touched_expert_share

REQUEST = {"input_tokens": 300.0, "output_tokens": 500.0, "batch": 16.0}
H100 = accelerator("H100 SXM5 80GB")
TOKENS = st.floats(1.0, 4000.0)
BATCHES = st.floats(1.0, 512.0)


def shape(**changes):
    base = {"layers": 32, "hidden": 4096, "heads": 32, "kv_heads": 8, "head_dim": 128, "ffn": 14336, "vocab": 128256}
    return LanguageModel(**{"name": "mine", "gated_mlp": True, **base, **changes})


MIXTURE = {"experts": 8, "experts_per_token": 2, "moe_ffn": 14336}
SHAPES = st.builds(
    shape,
    layers=st.integers(4, 80),
    ffn=st.integers(1000, 30000),
    vocab=st.integers(1000, 200000),
    kv_heads=st.sampled_from([1, 2, 4, 8, 16, 32]),
)
MIXTURES = st.builds(
    shape,
    experts=st.sampled_from([2, 8, 64, 256]),
    experts_per_token=st.sampled_from([1, 2]),
    moe_ffn=st.integers(500, 8000),
)
ANY = st.one_of(SHAPES, MIXTURES)


def joules(model, *, bandwidth=1.0, peak=1.0, bits=16.0, n=1.0, software="vllm-0.11", **request):
    """Joules of a request without the check of memory, on an H100 whose specification may be scaled."""
    device = Device("", H100.tdp_w, H100.peak("fp16") * peak, H100.bandwidth_byte_per_s * bandwidth)
    load = Load(**{**REQUEST, **request}, n_accelerators=n, dense_bits=bits, expert_bits=bits, software=software)
    parts, _ = request_parts(Shapes.of(model), device, load, request_constants())
    return float(sum(parts.values()))


def not_above(less, more):
    return less <= more * (1 + 1e-9)


@given(ANY, TOKENS, TOKENS, BATCHES)
def test_energy_never_falls_when_tokens_rise(model, tokens, other, batch):
    low, high = sorted((tokens, other))
    assert not_above(joules(model, input_tokens=low, batch=batch), joules(model, input_tokens=high, batch=batch))
    assert not_above(joules(model, output_tokens=low, batch=batch), joules(model, output_tokens=high, batch=batch))


@given(ANY, BATCHES, st.integers(1, 20))
def test_energy_never_falls_when_parameters_rise(model, batch, more):
    from dataclasses import replace

    for grown in (replace(model, vocab=model.vocab + 5000 * more), replace(model, layers=model.layers + more)):
        assert not_above(joules(model, batch=batch), joules(replace(grown, attention_layers=grown.layers), batch=batch))


@given(ANY, BATCHES, st.sampled_from([(4.0, 8.0), (8.0, 16.0), (4.25, 16.0), (2.0, 4.0)]))
def test_energy_never_falls_when_bits_rise(model, batch, bits):
    assert not_above(joules(model, batch=batch, bits=bits[0]), joules(model, batch=batch, bits=bits[1]))


@given(ANY, BATCHES, st.floats(1.0, 8.0))
def test_a_larger_batch_never_costs_a_request_more(model, batch, factor):
    assert not_above(joules(model, batch=batch * factor), joules(model, batch=batch))


@given(ANY, BATCHES, st.floats(1.0, 10.0))
def test_faster_memory_never_costs_energy(model, batch, factor):
    assert not_above(joules(model, batch=batch, bandwidth=factor), joules(model, batch=batch))


@given(SHAPES, BATCHES)
def test_a_mixture_of_one_expert_is_the_dense_model_and_its_router(model, batch):
    from dataclasses import replace

    one = replace(model, experts=1, experts_per_token=1, moe_ffn=model.ffn)
    assert joules(one, batch=batch) == pytest.approx(joules(model, batch=batch), rel=1e-3)


@given(st.integers(1, 500), st.integers(1, 500), st.floats(1, 1e4))
def test_touched_experts_lie_between_those_of_one_token_and_all(experts, used, tokens):
    used = min(used, experts)
    share = touched_expert_share(experts, used, tokens)
    assert used / experts * (1 - 1e-12) <= share <= 1.0


def test_touched_experts_agree_with_a_simulation():
    rng = np.random.default_rng(1)
    drawn = [np.unique(rng.integers(0, 4, size=(6, 1))).size / 4 for _ in range(20000)]  # one of four, six tokens
    assert touched_expert_share(4, 1, 6) == pytest.approx(np.mean(drawn), abs=0.005)


@given(TOKENS, TOKENS, BATCHES)
def test_the_parts_add_up_to_the_whole(tokens, output, batch):
    estimate = request_energy("Llama-3.1-8B", H100, input_tokens=tokens, output_tokens=output, batch=min(batch, 60))
    assert sum(estimate.parts.values()) == pytest.approx(estimate.energy_j)
    assert (estimate.low_j < estimate.energy_j < estimate.high_j) and estimate.boundary == "chip"


@given(st.floats(0.1, 10.0))
def test_joules_scale_with_the_rated_power(factor):
    plain, scaled = (Device("", H100.tdp_w * f, H100.peak("fp16"), H100.bandwidth_byte_per_s) for f in (1.0, factor))
    load = Load(300.0, 500.0, 16.0, 1.0, 16.0, 16.0, "vllm-0.11")
    once, more = (
        sum(request_parts(Shapes.of(shape()), d, load, request_constants())[0].values()) for d in (plain, scaled)
    )
    assert more == pytest.approx(factor * once)


def test_power_never_passes_the_rated_one():
    device = Device("", H100.tdp_w, H100.peak("fp16"), H100.bandwidth_byte_per_s)
    batch = np.geomspace(1, 4096, 50)
    load = Load(np.full(50, 2000.0), np.full(50, 500.0), batch, 1.0, 16.0, 16.0, "vllm-0.11")
    parts, seconds = request_parts(Shapes.of(shape()), device, load, request_constants())
    assert (sum(parts.values()) / seconds < H100.tdp_w).all()


def test_arrays_of_requests_give_arrays_and_the_same_joules_as_one_by_one():
    outputs, batches = np.array([10.0, 500.0, 900.0]), np.array([[1.0], [8.0]])
    many = request_energy("Llama-3.1-8B", H100, input_tokens=300, output_tokens=outputs, batch=batches)
    one = request_energy("Llama-3.1-8B", H100, input_tokens=300, output_tokens=900, batch=8)
    assert many.energy_j.shape == many.low_j.shape == (2, 3)
    assert many.energy_j[1, 2] == pytest.approx(one.energy_j)


def test_an_answer_of_no_tokens_costs_its_prompt_alone():
    estimate = request_energy("Llama-3.1-8B", H100, input_tokens=2000, output_tokens=0, batch=1)
    assert estimate.energy_j > 0
    assert estimate.parts["weights"] == estimate.parts["cache"] == estimate.parts["decode"] == 0


def test_an_accelerator_that_was_never_measured_has_a_wider_interval():
    known, other = (
        request_energy("Llama-3.1-8B", name, **{**REQUEST, "batch": 1}) for name in ("H100 SXM5 80GB", "H200 SXM 141GB")
    )
    assert other.high_j / other.energy_j > known.high_j / known.energy_j


def test_a_model_of_ones_own_shape_is_enough():
    assert request_energy(shape(), H100, **REQUEST).energy_j == pytest.approx(
        request_energy("Llama-3.1-8B", H100, **REQUEST).energy_j, rel=0.02
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"batch": 0}, "batch = 0"),
        ({"batch": np.nan}, "batch = nan"),
        ({"input_tokens": 0}, "input_tokens = 0"),
        ({"output_tokens": -1}, "output_tokens = -1"),
        ({"n_accelerators": 0}, "n_accelerators = 0"),
        ({"weight_bits": 0}, "weight_bits = 0"),
        ({"weight_bits": np.inf}, "weight_bits = inf"),
        ({"batch": [1, 2], "output_tokens": [1, 2, 3]}, "do not broadcast"),
        ({"batch": 1e6}, r"it takes n_accelerators = \d+ or more"),
    ],
)
def test_an_impossible_request_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        request_energy("Llama-3.1-8B", H100, **{**REQUEST, **changes})


def test_memory_that_is_too_small_says_how_many_accelerators_it_takes():
    with pytest.raises(ValueError, match=r"Llama-3.1-70B needs 14\d GB .* n_accelerators = 2 or more"):
        request_energy("Llama-3.1-70B", H100, input_tokens=10, output_tokens=10, batch=1)
    assert request_energy("Llama-3.1-70B", H100, input_tokens=10, output_tokens=10, batch=1, n_accelerators=2).energy_j


@pytest.mark.parametrize(
    ("arguments", "nearest"),
    [
        ({"model": "Llama-3.1-8"}, "Llama-3.1-8B"),
        ({"accelerator": "H100 SXM"}, "H100 SXM5 80GB"),
        ({"software": "vllm"}, "vllm-0.11"),
        ({"accelerator": "Tesla K40", "n_accelerators": 4}, "fp32"),
    ],
)
def test_an_unknown_name_lists_the_nearest(arguments, nearest):
    with pytest.raises(UnknownNameError, match=nearest):
        request_energy(**{"model": "Llama-3.1-8B", "accelerator": H100, **REQUEST, **arguments})


def test_an_accelerator_without_a_published_number_is_refused_by_it():
    table = load("accelerators")
    unknown = table.loc[table["tdp_w"].isna(), "name"].iloc[0]
    with pytest.raises(ValueError, match="tdp_w"):
        request_energy("Llama-3.1-8B", unknown, **REQUEST)


def test_software_is_listed_oldest_first():
    assert serving_software() == ["pytorch-2023", "vllm-0.5", "vllm-0.11"]


@pytest.fixture(scope=once)
def today():
    return cal.fitted_tables()


@pytest.mark.parametrize("name", ["request_constants", "request_deviations", "request_errors"])
def test_fitted_constants_in_the_repository_are_what_the_code_gives_today(today, name):
    committed, fitted = load(name), today[name]
    pd.testing.assert_frame_equal(committed, fitted, check_dtype=False, rtol=2e-3, atol=1e-3, check_names=False)


def test_errors_on_what_was_left_out_meet_their_aims(today):
    errors = today["request_errors"].set_index("left_out")
    assert errors.loc["shape", "within_factor_2_percent"] >= 99 and errors.loc["shape", "median_error_percent"] < 10
    assert errors.loc["accelerator", "within_factor_2_percent"] >= 97
    assert errors.loc["accelerator", "median_error_percent"] < 20
    assert errors["coverage_percent"].between(88, 92).all()


def test_other_methods_are_worse_on_the_same_records():
    from energy_lib.comparison import compared

    table = compared()
    within = {m: (table[m].abs() < np.log(2)).mean() for m in ("FLOP over peak", "plain roofline", "EcoLogits")}
    assert max(within.values()) < (table["error_accelerator"].abs() < np.log(2)).mean()
    assert 10 < np.exp(-table["FLOP over peak"].median()) < 30  # about twenty times low, as the meter says


def test_the_fit_finds_constants_that_made_the_data():
    table, truth = cal.records(), cal.read_constants()
    energy, step = cal.predict(cal.inputs(table), truth)
    made = table.assign(energy_per_output_token_J=energy, output_throughput_tok_s=table["avg_batch_size"] / step)
    again = cal.fit(made)
    np.testing.assert_allclose(cal.predict(cal.inputs(table), again)[0], energy, rtol=0.05)
    assert again.bandwidth_share == pytest.approx(truth.bandwidth_share, rel=0.1)


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("number", [1, 2])
def test_memory_holds_the_largest_batch_and_not_one_request_more(number, bits):
    load = {"input_tokens": 300, "output_tokens": 500, "n_accelerators": number, "weight_bits": bits}
    model = shape()
    most = largest_batch(model, H100, most=100_000, **load)
    cache = most * (300 + 500 / 2) * 32 * 2 * 8 * 128 * 2  # the answers of a steady batch are half written
    assert model.stored_parameters * bits / 8 + cache == pytest.approx(number * H100.memory_byte, rel=0.01)
    assert request_energy(model, H100, batch=most, **load).energy_j > 0
    with pytest.raises(ValueError, match="GB"):
        request_energy(model, H100, batch=most + 1, **load)
    assert largest_batch(model, H100, most=10, **load) == 10


def test_one_request_alone_holds_its_whole_answer_at_its_end():
    cache = 32 * 2 * 8 * 128 * 2
    tokens = int((H100.memory_byte - 2 * shape().stored_parameters) / cache)
    assert request_energy(shape(), H100, input_tokens=1, output_tokens=tokens - 1, batch=1).energy_j > 0
    with pytest.raises(ValueError, match="GB"):
        request_energy(shape(), H100, input_tokens=1, output_tokens=tokens, batch=1)


@pytest.mark.parametrize("batch", [1, 2, 7])
def test_the_fullest_moment_of_a_steady_batch_is_that_of_requests_at_even_stages(batch):
    written = 600 * np.arange(1, batch + 1) / batch  # the last one ends
    assert held_tokens(100, 600, batch) == pytest.approx(np.mean(100 + written))


def test_nearly_every_load_that_was_measured_is_held():
    table = cal.records()
    refused = []
    for row in table[
        (table["data_parallel"].fillna(1) == 1) & (table["pipeline_parallel"].fillna(1) == 1)
    ].itertuples():
        bits = cal.WEIGHT_BITS[row.weight_precision]
        most = largest_batch(
            language_model(row.architecture),
            accelerator(row.accelerator),
            input_tokens=row.avg_input_tokens,
            output_tokens=row.avg_output_tokens,
            n_accelerators=row.n_gpus,
            weight_bits=bits,
            most=10_000,
        )
        # An average batch that is the limit counts requests that wait for memory.
        if most < row.avg_batch_size and row.avg_batch_size < 0.85 * (row.max_batch_size or np.inf):
            refused.append(row)
    assert len(refused) <= 0.01 * len(table)


def test_no_request_fits_where_the_weights_do_not():
    load = {"input_tokens": 1, "output_tokens": 1, "n_accelerators": 1, "weight_bits": 16}
    assert largest_batch(shape(layers=800), H100, most=100, **load) == 0


def test_intervals_cover_simulated_scatter_at_their_confidence():
    rng = np.random.default_rng(2)
    groups = pd.Series(np.repeat(np.arange(40), 50))
    covered = [cal.coverage(0.2 * rng.standard_normal(2000), groups) for _ in range(20)]
    assert 0.88 <= np.mean(covered) <= 0.92


@pytest.mark.parametrize(
    "name", ["Llama-3.1-70B", "DeepSeek-V3", "gpt-oss-120b", "Gemma-3-27b-it", "Nemotron-Nano-9B-v2"]
)
def test_one_request_is_what_it_is_in_an_array(name):
    given = {"input_tokens": [1, 300, 7000], "output_tokens": [0, 1, 900], "batch": [1, 2, 3], "weight_bits": [4, 8, 8]}
    many = request_energy(name, "B200 SXM", n_accelerators=8, **given)
    for i in range(3):
        one = request_energy(name, "B200 SXM", n_accelerators=8, **{key: value[i] for key, value in given.items()})
        assert one.energy_j == pytest.approx(many.energy_j[i], rel=1e-14)
        for part, joules in one.parts.items():
            assert joules == pytest.approx(many.parts[part][i], rel=1e-12), part


def test_a_board_that_a_caller_changes_is_his_own():
    accelerator("H100 SXM5 80GB").peak_flop_per_s["fp16"] = 1.0
    assert accelerator("H100 SXM5 80GB").peak("fp16") > 1e14
