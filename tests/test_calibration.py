"""The fit of a request's constants: records as the equations take them, errors counted by hand, and a fit that finds
what made the data. Small tables, so that it is quick; the whole fit is tested in test_request."""

import numpy as np
import pandas as pd
import pytest
from sharing import once

from energy_lib import accelerator, load, request_energy
from energy_lib import calibration as cal
from energy_lib.serving import Constants


@pytest.fixture(scope=once)
def records():
    return cal.records()


@pytest.fixture(scope=once)
def truth():
    return cal.read_constants()


def made_of(table, constants):
    """Records that would have been measured if the constants were the truth."""
    energy, step = cal.predict(cal.inputs(table), constants)
    return table.assign(energy_per_output_token_J=energy, output_throughput_tok_s=table["avg_batch_size"] / step)


@pytest.fixture(scope=once)
def few(records, truth):
    """Some records of four shapes on two accelerators, made without noise."""
    shapes = records.groupby("shape")["accelerator"].nunique().nlargest(4).index
    table = records[records["shape"].isin(shapes) & records["accelerator"].isin(["H100 SXM5 80GB", "B200 SXM"])]
    return made_of(table.groupby(["shape", "accelerator"]).head(6).reset_index(drop=True), truth)


def test_records_are_all_text_on_boards_and_software_that_are_known(records):
    measured, known = load("mlenergy_llm"), load("model_architecture")["model_id"]
    text = measured[(measured["modality"] == "text") & measured["model_id"].isin(known)]
    assert len(records) == len(text) and records["energy_per_output_token_J"].sum() == pytest.approx(
        text["energy_per_output_token_J"].sum()
    )
    boards = records.groupby("accelerator")["gpu_short"].unique()
    assert set(boards["H100 SXM5 80GB"]) == {"H100-SXM-80GB"} and set(boards["A100 SXM4 40GB"]) == {
        "A100",
        "A100-SXM4-40GB",
    }
    software = records.groupby("software")["benchmark_version"].unique()
    assert {name: {version[:2] for version in versions} for name, versions in software.items()} == {
        "pytorch-2023": {"v1"},
        "vllm-0.5": {"v2"},
        "vllm-0.11": {"v3"},
    }


def test_models_of_one_shape_share_it_and_others_do_not(records):
    assert (records.groupby("architecture")["shape"].nunique() == 1).all()
    sizes = load("llm_architectures").set_index("model")[["layers", "hidden", "ffn"]].astype(float)
    for _, names in records.groupby("shape")["architecture"].unique().items():
        assert len(sizes.loc[names].drop_duplicates()) == 1
    assert records["shape"].nunique() < records["architecture"].nunique()


def test_a_record_is_put_into_the_equations_as_it_was_served(records):
    shapes, device, served = cal.inputs(records)
    board = accelerator("B200 SXM")
    at = records.index[(records["accelerator"] == board.name) & (records["weight_precision"] == "mxfp4")][0]
    row = records.loc[at]
    # The four-bit models keep all but their experts in 16 bits, and a scale for every 32 of four bits.
    assert (served.dense_bits[at], served.expert_bits[at]) == (16.0, 4.25)
    assert (served.batch[at], served.n_accelerators[at]) == (row["avg_batch_size"], row["n_gpus"])
    assert (served.input_tokens[at], served.output_tokens[at]) == (row["avg_input_tokens"], row["avg_output_tokens"])
    assert (device.name[at], device.tdp_w[at]) == (board.name, 1000.0)
    assert (device.peak_flop_per_s[at], device.bandwidth_byte_per_s[at]) == (2.25e15, 8e12)
    eight = records.index[records["weight_precision"] == "fp8"][0]
    assert served.dense_bits[eight] == served.expert_bits[eight] == 8.0
    assert served.software[eight] == records.loc[eight, "software"]
    assert shapes.layers[at] == load("llm_architectures").set_index("model").loc[row["architecture"], "layers"]
    for given, name in ((served.pipeline_stages, "pipeline_parallel"), (served.data_parallel, "data_parallel")):
        np.testing.assert_array_equal(given, records[name].astype(float).fillna(1.0))


def test_what_is_predicted_of_a_record_is_what_a_request_of_its_kind_takes(records, truth):
    plain = records[
        (records["software"] == "vllm-0.11")
        & (records["weight_precision"] == "bfloat16")
        & (records["pipeline_parallel"].fillna(1) == 1)
        & (records["data_parallel"].fillna(1) == 1)
    ].head(5)
    energy, step_s = cal.predict(cal.inputs(plain), truth)
    for (_, row), joules, seconds in zip(plain.iterrows(), energy, step_s, strict=True):
        one = request_energy(
            row["architecture"],
            row["accelerator"],
            input_tokens=row["avg_input_tokens"],
            output_tokens=row["avg_output_tokens"],
            batch=row["avg_batch_size"],
            n_accelerators=row["n_gpus"],
        )
        assert joules * row["avg_output_tokens"] == pytest.approx(float(one.energy_j))
        # A step writes one token of each request of the batch, and the power in it lies between idle and rated.
        power = joules * row["avg_batch_size"] / seconds / row["n_gpus"]
        assert 0.1 < power / accelerator(row["accelerator"]).tdp_w < 1.0


def test_measured_joules_and_seconds_are_those_of_the_record():
    table = pd.DataFrame(
        {"avg_batch_size": [8.0, 3.0], "output_throughput_tok_s": [400.0, 30.0], "energy_per_output_token_J": [2, 5]}
    )
    energy, step = cal.measured(table)
    assert energy.tolist() == [2.0, 5.0] and step.tolist() == pytest.approx([0.02, 0.1])


def test_a_vector_becomes_constants_software_and_deviations_in_their_order():
    logs = np.log(np.arange(1.0, len(cal.PRIORS) + 1) / 100)
    made = cal.constants_of(np.concatenate([logs, [0.1, 0.2, 0.3, 0.4]]), ["A", "B"])
    place = {name: (i + 1) / 100 for i, name in enumerate(cal.PRIORS)}
    assert isinstance(made, Constants) and made.bandwidth_share == pytest.approx(place["bandwidth_share"])
    assert made.compute_share == pytest.approx(place["compute_share"])
    assert made.software["vllm-0.5"].prompt_layer_s == pytest.approx(place["vllm-0.5.prompt_layer_s"])
    assert made.software["vllm-0.11"].sequence_s == pytest.approx(place["vllm-0.11.sequence_s"])
    assert [name for name, s in made.software.items() if s.launches_overlap] == ["pytorch-2023"]
    assert [name for name, s in made.software.items() if s.layers_active] == ["vllm-0.11"]
    a, b = made.deviations["A"], made.deviations["B"]
    assert (a.bandwidth_logit, b.bandwidth_logit, a.standby_log, b.standby_log) == (0.1, 0.2, 0.3, 0.4)


def test_a_record_of_what_was_expected_leaves_the_constants_where_they_were_expected(few):
    expected = np.concatenate([np.log([prior[0] for prior in cal.PRIORS.values()]), np.zeros(4)])
    made = made_of(few, cal.constants_of(expected, sorted(few["accelerator"].unique())))
    found, devices = cal.fit_logs(made)
    assert devices == ["B200 SXM", "H100 SXM5 80GB"]
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_a_fit_of_records_without_noise_predicts_them(few, truth):
    fitted = cal.fit(few)
    assert np.abs(cal.log_errors(few, fitted)).max() < 0.06
    _, step = cal.predict(cal.inputs(few), fitted)
    assert np.abs(np.log(step / cal.measured(few)[1])).max() < 0.15
    assert fitted.bandwidth_share <= cal.HIGHEST_SHARE


def test_one_record_that_is_far_off_moves_the_others_little(few):
    wrong = few.copy()
    wrong.loc[0, "energy_per_output_token_J"] *= 20
    errors = cal.log_errors(few, cal.fit(wrong))
    assert np.abs(errors[1:]).max() < 0.15


def test_half_the_measured_joules_are_an_error_of_ln_2(few, truth):
    np.testing.assert_allclose(cal.log_errors(few, truth), 0.0, atol=1e-12)
    halved = few.assign(energy_per_output_token_J=few["energy_per_output_token_J"] / 2)
    np.testing.assert_allclose(cal.log_errors(halved, truth), np.log(2.0))


def test_the_error_of_a_group_is_that_of_a_fit_of_the_others(few):
    errors, logs = cal.left_out_errors(few, "accelerator")
    assert len(logs) == 2 and all(len(fold) == len(cal.PRIORS) for fold in logs)
    for group, fold in zip(few["accelerator"].unique(), logs, strict=True):
        out = few["accelerator"] == group
        fitted = cal.fit(few[~out])
        assert group not in fitted.deviations
        np.testing.assert_allclose(errors[out], cal.log_errors(few[out], fitted))
        assert np.exp(fold[list(cal.PRIORS).index("active_share")]) == pytest.approx(fitted.active_share)


@pytest.mark.parametrize(
    ("n", "confidence", "rank"), [(9, 0.9, 9), (19, 0.9, 18), (99, 0.9, 90), (3, 0.5, 2), (5, 0.9, 5)]
)
def test_an_interval_reaches_to_the_rank_that_holds_for_one_record_more(n, confidence, rank):
    # Conformal: the ceil((n + 1) confidence)-th smallest error, the largest where there are too few.
    errors = np.arange(1, n + 1) / 100 * np.where(np.arange(n) % 2, -1, 1)
    shuffled = np.random.default_rng(1).permutation(errors)
    assert cal.interval_factor(shuffled, confidence) == pytest.approx(np.exp(rank / 100))


def test_coverage_holds_each_group_against_the_width_of_the_others():
    errors, groups = np.array([0.1, 0.1, 0.3, -0.2, 0.05]), pd.Series(["a", "a", "b", "b", "c"])
    # a: 0.3 wide, both inside. b: 0.1 wide, none. c: 0.3 wide, inside.
    assert cal.coverage(errors, groups) == pytest.approx(3 / 5)


def test_the_summary_of_errors_is_what_one_counts_by_hand():
    errors = np.log([1.1, 1.05, 0.9, 2.5, 0.4, 1.2])
    groups = pd.Series(list("aabbcc"))
    found = cal.error_summary(errors, groups)
    assert found["records"] == 6 and found["groups"] == 3
    assert found["within_factor_2_percent"] == pytest.approx(100 * 4 / 6)
    assert found["median_error_percent"] == pytest.approx(100 * (0.1 + 0.2) / 2)
    assert found["interval_factor"] == pytest.approx(2.5)
    assert found["coverage_percent"] == pytest.approx(100 * cal.coverage(errors, groups))


@pytest.fixture
def small(few, monkeypatch):
    """The library with a few records with noise in place of all."""
    noise = np.exp(0.05 * np.random.default_rng(4).standard_normal(len(few)))
    table = few.assign(energy_per_output_token_J=few["energy_per_output_token_J"] * noise)
    monkeypatch.setattr(cal, "records", lambda: table)
    cal.cross_validate.cache_clear()
    yield table
    cal.cross_validate.cache_clear()


def test_fitted_tables_hold_the_fit_its_jackknife_and_its_errors(small, tmp_path):
    tables = cal.fitted_tables()
    folded, folds = cal.cross_validate()
    logs, devices = cal.fit_logs(small)
    constants = tables["request_constants"].set_index("name")
    assert constants.index.tolist() == list(cal.PRIORS)
    np.testing.assert_allclose(constants["value"], np.exp(logs[: len(cal.PRIORS)]))
    assert constants.loc["standby_share", ["unit", "basis"]].tolist() == ["TDP", "derived"]
    assert constants.loc["standby_share", "meaning"] == "power while a job is on the chip"
    # Jackknife over groups (Efron 1982): (k - 1)/k of the squares about the mean; 1.645 of its root for 90 %.
    k = len(folds)
    assert k == small["shape"].nunique()
    own = [fold[list(cal.PRIORS).index("memory_share")] for fold in folds]
    margin = 1.645 * np.sqrt((k - 1) * np.var(own))
    value, low, high = constants.loc["memory_share", ["value", "low", "high"]]
    assert np.log([value / low, high / value]) == pytest.approx([margin, margin])
    deviations = tables["request_deviations"].set_index("accelerator")
    assert deviations.index.tolist() == devices and (deviations["basis"] == "derived").all()
    assert deviations.loc[devices[0], "standby_log"] == pytest.approx(logs[len(cal.PRIORS) + 2])
    errors = tables["request_errors"].set_index("left_out")
    for by in ("shape", "accelerator"):
        expected, _ = cal.left_out_errors(small, by)
        np.testing.assert_allclose(folded[f"error_{by}"], expected)
        assert errors.loc[by].drop("basis").to_dict() == pytest.approx(cal.error_summary(expected, small[by]))
    cal.write(tmp_path)
    for name, table in tables.items():
        written = pd.read_csv(tmp_path / f"{name}.csv")
        pd.testing.assert_frame_equal(written, table, check_dtype=False, rtol=1e-4)
        assert b"\r" not in (tmp_path / f"{name}.csv").read_bytes()


def test_constants_read_again_are_those_of_the_tables(truth):
    values = load("request_constants").set_index("name")["value"]
    deviations = load("request_deviations").set_index("accelerator")
    assert truth.cache_efficiency == pytest.approx(values["cache_efficiency"])
    assert truth.software["vllm-0.5"].link_s == pytest.approx(values["vllm-0.5.link_s"])
    assert set(truth.deviations) == set(deviations.index)
    for name, row in deviations.iterrows():
        assert truth.deviations[name].bandwidth_logit == pytest.approx(row["bandwidth_logit"])
        assert truth.deviations[name].standby_log == pytest.approx(row["standby_log"])
