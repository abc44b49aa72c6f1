"""Other methods on the same records: each is what its authors publish, written out by hand for one record."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy.linalg import fractional_matrix_power
from scipy.stats import t as student
from sharing import once

from energy_lib import accelerator, fit_growth, language_model, load, request_energy
from energy_lib.comparison import (
    MLPERF,
    MLPERF_BATCH,
    MLPERF_BOARDS,
    Power,
    ecologits_j,
    flop_over_peak_j,
    metered_growth,
    metered_power,
    mlperf,
    plain_roofline_j,
)
from energy_lib.energy import largest_batch

H100 = accelerator("H100 SXM5 80GB")
# Llama-3.1-8B as its makers describe it: 32 layers with 8 heads of 128 numbers for keys, and as many for values, in 16
# bits; 8.03 billion parameters, of which 0.525 billion (128,256 words of 4,096 numbers) are only looked up.
COMPUTED = 8.03e9 - 128_256 * 4096
CACHE_BYTE_PER_TOKEN = 32 * 2 * 8 * 128 * 2
ATTENTION_FLOP_PER_PAIR = 32 * 2 * 2 * 32 * 128  # scores and values, 32 heads for queries


def record(**changed):
    values = {
        "architecture": "Llama-3.1-8B",
        "accelerator": H100.name,
        "weight_precision": "bfloat16",
        "avg_input_tokens": 1000.0,
        "avg_output_tokens": 500.0,
        "avg_batch_size": 1.0,
        "n_gpus": 1,
        "software": "vllm-0.11",
        "pipeline_parallel": 1.0,
        "data_parallel": 1.0,
        "total_params_B": 8.03,
        "active_params_B": 8.03,
    }
    return pd.DataFrame([values | changed])


def test_the_method_of_the_study_divides_two_operations_a_weight_and_token_by_peak_and_power():
    tokens_for_each_written = (1000 + 500) / 500
    expected = 2 * COMPUTED * tokens_for_each_written / H100.peak("fp16") * H100.tdp_w
    assert flop_over_peak_j(record())[0] == pytest.approx(expected, rel=1e-3)


def test_the_method_of_the_study_counts_the_experts_in_use_alone():
    mixture = record(architecture="Mixtral-8x7B-v0.1")
    used = load("llm_architectures").set_index("model").loc["Mixtral-8x7B-v0.1", "params_active_B"] * 1e9
    expected = 2 * used * 3 / H100.peak("fp16") * H100.tdp_w
    assert flop_over_peak_j(mixture)[0] == pytest.approx(expected, rel=0.02)  # without the words looked up


def test_a_roofline_of_one_request_waits_for_weights_and_cache():
    read = 2 * COMPUTED + CACHE_BYTE_PER_TOKEN * (1000 + 500 / 2)
    prompt = 2 * 1000 * COMPUTED + ATTENTION_FLOP_PER_PAIR * 1000**2 / 2
    seconds = read / H100.bandwidth_byte_per_s + prompt / H100.peak("fp16") / 500
    assert plain_roofline_j(record())[0] == pytest.approx(seconds * H100.tdp_w, rel=1e-3)


def test_a_roofline_of_many_short_requests_waits_for_arithmetic():
    many = record(avg_batch_size=5000.0, avg_input_tokens=1.0, avg_output_tokens=2.0)
    step = 2 * COMPUTED + ATTENTION_FLOP_PER_PAIR * 2
    prompt = 2 * COMPUTED + ATTENTION_FLOP_PER_PAIR / 2
    seconds = (step + prompt / 2) / H100.peak("fp16")
    assert plain_roofline_j(many)[0] == pytest.approx(seconds * H100.tdp_w, rel=1e-3)


def test_a_roofline_shares_its_work_among_gpus_and_adds_up_their_power():
    assert plain_roofline_j(record(n_gpus=4))[0] == pytest.approx(plain_roofline_j(record())[0], rel=1e-9)


def test_a_roofline_of_a_mixture_moves_every_expert_that_somebody_uses_and_computes_those_in_use():
    mixtral = language_model("Mixtral-8x7B-v0.1")
    crowd = record(architecture=mixtral.name, avg_batch_size=4000.0, avg_input_tokens=1.0, avg_output_tokens=1e6)
    alone = record(architecture=mixtral.name, avg_input_tokens=1.0, avg_output_tokens=1.0)
    attended = ATTENTION_FLOP_PER_PAIR * 5e5  # Mixtral has the attention of the model above
    used = mixtral.dense_parameters + mixtral.expert_parameters * 2 / 8
    cache_s = CACHE_BYTE_PER_TOKEN * 5e5 / H100.bandwidth_byte_per_s
    assert plain_roofline_j(crowd)[0] == pytest.approx(
        H100.tdp_w * max(cache_s, (2 * used + attended) / H100.peak("fp16")), rel=0.01
    )
    assert plain_roofline_j(alone)[0] == pytest.approx(H100.tdp_w * 2 * used / H100.bandwidth_byte_per_s, rel=0.01)


@pytest.mark.parametrize(("billions", "gpus"), [(8.0, 1), (70.0, 4), (405.0, 16)])
def test_ecologits_is_its_published_equation(billions, gpus):
    # Wh a token and GPU = alpha e^(beta 64) P + gamma; 16-bit weights and a fifth on GPUs of 80 GB, a power of two.
    assert gpus == 2 ** math.ceil(math.log2(1.2 * billions * 2 / 80)) or billions < 40
    wh = 1.1665e-6 * math.exp(-0.011206 * 64) * billions + 4.0529e-5
    found = ecologits_j(record(total_params_B=billions, active_params_B=billions, avg_batch_size=8.0))
    assert found[0] == pytest.approx(wh * 3600 * gpus, rel=1e-3)


def test_ecologits_may_take_the_batch_of_the_record():
    wh = 1.1665e-6 * math.exp(-0.011206 * 8) * 8.03 + 4.0529e-5
    assert ecologits_j(record(avg_batch_size=8.0), own_batch=True)[0] == pytest.approx(wh * 3600, rel=1e-3)


@pytest.fixture(scope=once)
def walls():
    return mlperf()


def test_mlperf_results_are_those_of_boards_scenarios_and_models_that_are_known(walls):
    published = load("mlperf_power")
    names = published["model"].str.removesuffix("-99").str.removesuffix("-99.9")
    known = (
        published["accelerator"].isin(MLPERF_BOARDS)
        & published["scenario"].isin(MLPERF_BATCH)
        & names.isin(MLPERF["benchmark"])
    )
    keys = ["round", "system_name", "benchmark", "scenario"]
    expected = published[known].assign(benchmark=names)[keys].drop_duplicates()
    assert sorted(map(tuple, walls[keys].to_numpy())) == sorted(map(tuple, expected.to_numpy()))
    assert set(walls["benchmark"]) <= set(MLPERF["benchmark"]) and len(walls) > 10


def test_the_joules_of_a_wall_are_those_of_the_table_measured_before_estimated(walls):
    for row in walls.itertuples():
        measured = row.J_per_output_token
        assert row.wall_j == (row.J_per_output_token_est if np.isnan(measured) else measured)
        assert row.ratio == pytest.approx(row.wall_j / row.chip_j)


def test_what_is_said_of_mlperf_is_what_a_request_of_that_kind_takes(walls):
    assumed = MLPERF.set_index("benchmark")
    for row in walls.itertuples():
        model = assumed.loc[row.benchmark]
        one = request_energy(
            model["architecture"],
            MLPERF_BOARDS[row.accelerator],
            input_tokens=model["input_tokens"],
            output_tokens=row.tokens_per_sample * model["beams"],
            batch=row.batch,
            n_accelerators=int(min(model["copy_on"], row.n_accelerators)),
            weight_bits=16,
        )
        assert row.chip_j == pytest.approx(float(one.energy_j) / row.tokens_per_sample, rel=1e-9)


def test_a_batch_of_mlperf_is_as_assumed_or_all_that_memory_holds(walls):
    for row in walls.itertuples():
        board = accelerator(MLPERF_BOARDS[row.accelerator])
        load = {
            "input_tokens": row.input_tokens,
            "output_tokens": row.tokens_per_sample * row.beams,
            "n_accelerators": min(row.copy_on, row.n_accelerators),
            "weight_bits": 16,
        }
        most = largest_batch(language_model(row.architecture), board, most=100_000, **load)
        assert row.batch == min(MLPERF_BATCH[row.scenario], most)
    assert (walls["batch"] < walls["scenario"].map(MLPERF_BATCH)).any()


def test_a_power_is_found_with_errors_by_family():
    families = np.array(list("aaabbcccddee"))
    x = np.linspace(np.log(1e8), np.log(1e11), 12)
    scatter = np.array([0.3, -0.2, 0.1, -0.3, 0.2, 0.05, -0.1, 0.4, -0.5, 0.1, 0.2, -0.25])
    y = np.log(2e-9) + 0.6 * x + scatter
    power = metered_power(pd.DataFrame({"flop": np.exp(x), "energy_j": np.exp(y), "family": families}))
    # CR2 (Bell and McCaffrey 2002), written out for the slope alone: a_g = (I - H)_gg^(-1/2) x_g (X'X)^-1.
    design = np.column_stack([np.ones(12), x - x.mean()])
    bread = np.linalg.inv(design.T @ design)
    rest = np.eye(12) - design @ bread @ design.T
    halves = np.zeros((12, 5))
    for column, family in enumerate("abcde"):
        mine = families == family
        root = fractional_matrix_power(rest[np.ix_(mine, mine)], -0.5).real
        halves[mine, column] = root @ design[mine] @ bread[:, 1]
    squares = np.linalg.eigvalsh(halves.T @ rest @ halves)
    error = np.sqrt(np.sum((rest @ y @ halves) ** 2))
    freedom = squares.sum() ** 2 / (squares**2).sum()
    slope = np.polyfit(x, y, 1)[0]
    assert power == pytest.approx((slope, error, freedom), rel=1e-6)
    margin = student.ppf(0.975, freedom) * error
    assert power.interval() == pytest.approx((slope - margin, slope + margin), rel=1e-6)


def growth(factor, sd):
    """A trend of eight years whose slope is ln(factor), with noise of that size."""
    years = np.arange(2012.0, 2020.0)
    noise = sd * np.array([1, -1, -1, 1, 1, -1, -1, 1])  # neither level nor slope
    return fit_growth(years, np.exp(np.log(factor) * (years - 2012) + noise))


def test_joules_that_follow_operations_grow_by_their_power_over_what_hardware_gained():
    factor, low, high = metered_growth(growth(2.0, 0.0), Power(0.5, 0.0, 10.0), growth(1.3, 0.0))
    assert factor == pytest.approx(2.0**0.5 / 1.3)
    assert low == pytest.approx(factor) and high == pytest.approx(factor)


def test_the_interval_of_metered_growth_holds_what_drawing_all_three_holds():
    flop, efficiency, power = growth(2.0, 0.3), growth(1.3, 0.2), Power(0.6, 0.05, 9.0)
    rng = np.random.default_rng(3)

    def drawn(trend):
        return rng.normal(trend.slope, np.sqrt(trend.covariance[1][1]), 200_000)

    slopes = rng.normal(power.value, power.error, 200_000) * drawn(flop) - drawn(efficiency)
    found = np.log(metered_growth(flop, power, efficiency))
    assert found[0] == pytest.approx(slopes.mean(), abs=0.001)
    # Satterthwaite: what a sum of variances knows, from what each of them does.
    parts = [(0.6 * flop._slope_error, 6.0), (np.log(2.0) * 0.05, 9.0), (efficiency._slope_error, 6.0)]
    freedom = sum(error**2 for error, _ in parts) ** 2 / sum(error**4 / known for error, known in parts)
    margin = student.ppf(0.975, freedom) * slopes.std()
    assert found[1:] == pytest.approx([slopes.mean() - margin, slopes.mean() + margin], abs=0.01)
