"""A new row is read with its units, completed, checked, questioned where it looks wrong, and put in its place."""

import csv
import io
import shutil
import sys
from pathlib import Path

import pandas as pd
import pytest

from energy_lib import calibration, datasets, derived, image_records, plausible, study
from energy_lib.add_row import add_row
from energy_lib.checks import RowError, UnknownNameError
from energy_lib.cli import main
from energy_lib.left_out import left_out, summary
from energy_lib.written import plain_number, read_number

DATA = Path(__file__).resolve().parents[1] / "data"
RESOURCES = {resource["name"]: resource for resource in datasets.package()["resources"]}
IMAGE_MODEL = {
    "model": "ExampleNet",
    "family": "ExampleNet",
    "date": "2020-06-10",
    "date_accuracy_reached": "2020-06-10",
    "top1": "80.0",
    "params_M": "25.0",
    "gflops": "8.2GFLOP",
    "gflops_is_estimate": "false",
    "basis_gflops": "specified",
    "extra_data": "false",
    "architecture": "CNN",
    "input_res": "224",
    "evidence": "original paper",
    "confidence": "high",
}
SHAPE = {
    "model": "Example 8B",
    "family": "Example",
    "release_date": "2026-02-20",
    "kind": "decoder",
    "layers": "32",
    "hidden": "4096",
    "heads": "32",
    "kv_heads": "8",
    "head_dim": "128",
    "ffn": "14336",
    "gated_mlp": "true",
    "vocab": "128256",
    "tied_embeddings": "false",
    "max_context": "131072",
    "reported_total_B": "8.03",
    "source": "Made up.",
}
RUN = {
    "benchmark_version": "v3.0",
    "benchmark_date": "2025-12-01",
    "modality": "text",
    "task": "lm-arena-chat",
    "model_id": "meta-llama/Llama-3.1-8B-Instruct",
    "nickname": "Llama 3.1 8B",
    "architecture": "Dense Transformer",
    "total_params_B": "8",
    "weight_precision": "bfloat16",
    "gpu": "NVIDIA H100",
    "gpu_short": "H100-SXM-80GB",
    "n_gpus": "1",
    "tensor_parallel": "1",
    "pipeline_parallel": "1",
    "expert_parallel": "1",
    "data_parallel": "1",
    "serving": "vLLM 0.11.1",
    "max_batch_size": "24",
    "avg_batch_size": "24",
    "avg_input_tokens": "300",
    "avg_input_tokens_basis": "assumed: LMArena prompts with history, not published with the results",
    "avg_output_tokens": "640",
    "energy_per_request_J": "126",
    "output_throughput_tok_s": "2400",
    "median_itl_ms": "9.9",
    "p90_itl_ms": "11.5",
    "avg_power_basis": "measured",
    "repeat": "1",
    "source": "Made up.",
}
CHIP = {
    "name": "Example X1",
    "vendor": "Example",
    "segment": "server_gpu",
    "status": "released",
    "release_date": "2026-09-01",
    "date_precision": "month",
    "tdp_w": "1000",
    "tdp_basis": "TDP",
    "fp32_tflops": "80",
    "fp16_tensor_tflops": "2000",
    "fp8_tflops": "4000",
    "memory_gb": "288",
    "bandwidth_gbs": "8000",
    "sparsity_status": "dense",
    "basis": "specified",
    "spec_verified": "true",
    "in_trend_server": "true",
    "core": "true",
    "tensor_check_tflops": "2050",
    "sources": "Made up.",
}
EDGE = CHIP | {
    "segment": "edge",
    "tdp_w": "15",
    "fp32_tflops": "1.9",
    "fp16_tensor_tflops": "4",
    "fp8_tflops": "",
    "memory_gb": "16",
    "bandwidth_gbs": "100",
    "tensor_check_tflops": "4.1",
}


def copy_tables(folder):
    """The tables, with every fifth run of the largest that is used here: a row's rules are the same in any company."""
    shutil.copytree(DATA, folder)
    path = folder / RESOURCES["mlenergy_llm"]["path"]
    head, *runs = path.read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text("".join([head, *runs[::5]]), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def untouched(tmp_path_factory):
    """A copy of the tables that no test changes: refused rows leave nothing behind."""
    return copy_tables(tmp_path_factory.mktemp("untouched") / "data")


@pytest.fixture
def folder(tmp_path):
    return copy_tables(tmp_path / "data")


def lines(folder, table):
    return (folder / RESOURCES[table]["path"]).read_bytes().decode("utf-8").splitlines()


def refusal(folder, table, row, **how):
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    with pytest.raises(RowError) as caught:
        add_row(table, row, data_dir=folder, **how)
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    return str(caught.value)


# Numbers as they are written


@pytest.mark.parametrize(
    ("text", "unit", "value"),
    [
        ("4.1GMAC", "1e9 FLOP", 8.2),
        ("8.2 GFLOP", "1e9 MAC", 4.1),
        ("0.001kWh", "J", 3600),
        ("3600J", "Wh", 1),
        ("700000mW", "W", 700),
        ("4PFLOP/s", "1e12 FLOP/s", 4000),
        ("4PFLOPS", "1e12 FLOP/s", 4000),
        ("600TOPS", "1e12 op/s", 600),
        ("8TB/s", "1e9 B/s", 8000),
        ("25M", "1e6 parameters", 25),
        ("8B", "1e9 parameters", 8),
        ("9.9ms", "1e-3 s", 9.9),
        ("2 min", "s", 120),
        ("3mJ/token", "J/token", 0.003),
        ("1.2MW", "MW", 1.2),
        ("50%", "1", 0.5),
        ("250kcal/d", "kWh/d", 250 * 4184 / 3.6e6),
    ],
)
def test_a_number_is_converted_to_the_unit_of_its_column(text, unit, value):
    assert read_number("x", text, unit)[0] == pytest.approx(value, rel=1e-11)


@pytest.mark.parametrize("text", ["", "W", "1,500", "1_000", "nan", "inf", "0x10", "7 apples", "3J", "3m"])
def test_what_is_no_number_in_the_unit_is_refused(text):
    with pytest.raises(ValueError, match="x: "):
        read_number("x", text, "W")


@pytest.mark.parametrize("value", [0.3, 7e11, 1500.0, 0.00012, 8.2, -2.5])
def test_a_plain_number_reads_back_as_itself(value):
    assert float(plain_number(value)) == value and "e" not in plain_number(value)


# Columns that follow from others


# How far published cells are rounded; shapes lack the learned positions of models before 2023.
ROUNDING = {"tensor_check_ratio": 2e-3} | dict.fromkeys(
    ("params_total_B", "params_active_B", "params_matmul_active_B"), 0.013
)


@pytest.mark.parametrize("table", derived.FORMULAS)
def test_formulas_give_the_columns_of_every_row_of_their_table(table):
    frame = datasets.load(table).astype(object)
    rows = frame.where(frame.notna(), None).to_dict("records")
    for formula in derived.FORMULAS[table]:
        values = [(derived.determined(formula, derived.Row(**row)), row[formula.column]) for row in rows]
        found = [(value, cell) for value, cell in values if value is not None]
        assert len(found) >= 15
        for value, cell in found:
            if isinstance(value, str | bool):
                assert value == cell
            else:
                assert cell == pytest.approx(value, rel=ROUNDING.get(formula.column, 5e-4), abs=2e-4)


def test_a_language_model_is_completed_from_its_shape(folder):
    said = add_row("llm_architectures", SHAPE, data_dir=folder)
    row = datasets.load("llm_architectures", folder).iloc[-1]
    assert row["params_total_B"] == pytest.approx(8.03, rel=1e-4)
    assert (row["attention"], row["kv_elements_per_token_full"], row["params_expert_total_B"]) == ("GQA", 65536, 0)
    assert said.count("computed") == 12


def test_a_measurement_is_completed_and_agrees_with_itself(folder):
    said = add_row("mlenergy_llm", RUN | {"energy_per_request_J": "0.035Wh"}, data_dir=folder)
    row = datasets.load("mlenergy_llm", folder).query("max_batch_size == 24").iloc[0]
    assert row["energy_per_request_J"] == 126
    assert row["avg_power_per_gpu_W"] == pytest.approx(126 / 640 * 2400)
    assert "energy_per_request_J = 126: from 0.035Wh" in said and "No fit" not in said


def test_a_typed_cell_that_contradicts_its_formula_is_refused(untouched):
    said = refusal(untouched, "llm_architectures", SHAPE | {"params_total_B": "80.3", "reported_total_B": "80.3"})
    assert "params_total_B = 80.3, but 8.02999501 follows" in said
    said = refusal(untouched, "mlenergy_llm", RUN | {"energy_per_request_Wh": "0.0352"})
    assert "mlenergy_llm.csv, line 225, column" in said and "A watt-hour is 3600 joules" in said
    assert "Leave energy_per_request_Wh out" in said or "Leave energy_per_request_J out" in said


# Where a row goes


def test_a_row_stands_after_the_rows_of_its_date_and_changes_no_other(folder):
    before = lines(folder, "vision_models")
    day = before[40].split(",")[2]
    add_row("vision_models", IMAGE_MODEL | {"date": day, "date_accuracy_reached": day}, data_dir=folder)
    after = lines(folder, "vision_models")
    at = next(i for i, line in enumerate(after) if line.startswith("ExampleNet"))
    assert after[:at] + after[at + 1 :] == before
    assert after[at - 1].split(",")[2] == day < after[at + 1].split(",")[2]


def test_a_row_without_a_date_stands_last_and_dated_rows_before_it(folder):
    undated = CHIP | {"name": "Example X2", "release_date": "", "date_precision": ""}
    add_row("accelerators", undated, data_dir=folder, sure=True)
    assert lines(folder, "accelerators")[-1].startswith("Example X2")
    add_row("accelerators", CHIP, data_dir=folder, sure=True)
    assert datasets.load("accelerators", folder)["release_date"].dropna().is_monotonic_increasing
    assert lines(folder, "accelerators")[-1].startswith("Example X2")


@pytest.mark.parametrize("table", [name for name, resource in RESOURCES.items() if "orderedBy" in resource])
def test_tables_are_in_the_order_that_their_description_names(table):
    dates = datasets.load(table)[RESOURCES[table]["orderedBy"]]
    assert dates.dropna().is_monotonic_increasing and dates.notna().is_monotonic_decreasing


def test_line_ends_of_another_system_stay(folder):
    path = folder / RESOURCES["vision_models"]["path"]
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    add_row("vision_models", IMAGE_MODEL, data_dir=folder)
    assert path.read_bytes().count(b"\r\n") == path.read_bytes().count(b"\n") == 96


def test_a_write_that_fails_leaves_the_table_as_it_was(folder, monkeypatch):
    def fail(*_):
        raise OSError("no space left on device")

    before = sorted((path, path.read_bytes()) for path in folder.rglob("*") if path.is_file())
    monkeypatch.setattr("energy_lib.add_row.os.replace", fail)
    with pytest.raises(OSError, match="no space"):
        add_row("vision_models", IMAGE_MODEL, data_dir=folder)
    assert sorted((path, path.read_bytes()) for path in folder.rglob("*") if path.is_file()) == before


def test_the_clone_at_hand_is_the_one_that_is_written(folder, monkeypatch):
    monkeypatch.chdir(folder.parent)
    assert add_row("vision_models", IMAGE_MODEL).startswith(str(folder))


# What is asked


def test_without_a_terminal_missing_columns_are_listed_with_meaning_unit_and_range(untouched):
    said = refusal(untouched, "vision_models", {"model": "ExampleNet"})
    assert "params_M               Number of parameters, in millions. In 1e6 parameters. 0.5 to 5000." in said
    assert "architecture           Kind of network. One of: CNN; Transformer; Hybrid." in said
    assert "flop_convention" not in said  # one value is allowed, so it is filled in
    said = refusal(untouched, "llm_architectures", {"model": "Example 8B"})
    assert "layers" in said and "params_total_B" not in said.replace("reported_total_B", "")


def test_a_terminal_is_asked_again_until_the_answer_fits(folder, capsys):
    answers = iter(["", "840", "84"])
    given = {name: text for name, text in IMAGE_MODEL.items() if name != "top1"}
    add_row("vision_models", given, data_dir=folder, ask=lambda prompt: next(answers))
    assert "840 is out of range: allowed is 40 to 100" in capsys.readouterr().out
    assert datasets.load("vision_models", folder).set_index("model").loc["ExampleNet", "top1"] == 84


def test_a_terminal_that_ends_refuses_the_row(untouched):
    def end(_):
        raise EOFError

    assert "model is required" in refusal(untouched, "vision_models", {}, ask=end)


def test_a_questioned_row_is_written_when_the_answer_or_the_option_is_yes(folder):
    odd = IMAGE_MODEL | {"params_M": "250"}
    assert "nothing was written" in refusal(folder, "vision_models", odd, ask=lambda _: "n")
    add_row("vision_models", odd, data_dir=folder, ask=lambda _: "y")
    add_row("vision_models", odd | {"model": "ExampleNet 2"}, data_dir=folder, sure=True)
    assert len(lines(folder, "vision_models")) == 97


# Slips, with the cross-check columns empty

SLIPS = {
    "MAC typed for FLOP": ("vision_models", IMAGE_MODEL, {"gflops": "4.1"}, "write 4.1GFLOP, or 4.1GMAC"),
    "FLOP without a word": ("vision_models", IMAGE_MODEL, {"gflops": "4.1G"}, "does not say what is counted"),
    "FLOPs of a paper": ("vision_models", IMAGE_MODEL, {"gflops": "4.1GFLOPs"}, "GFLOPs"),
    "FLOP ten times": ("vision_models", IMAGE_MODEL, {"gflops": "82GFLOP"}, "a digit too many"),
    "FLOP a tenth": ("vision_models", IMAGE_MODEL, {"gflops": "0.82GFLOP"}, "a digit too few"),
    "MFLOP for GFLOP": ("vision_models", IMAGE_MODEL, {"gflops": "8200GFLOP"}, "gflops = 8200 x 1e9 FLOP is"),
    "TFLOP for GFLOP": ("vision_models", IMAGE_MODEL, {"gflops": "0.0082GFLOP"}, "allowed is 0.05 to 10000"),
    "parameters ten times": ("vision_models", IMAGE_MODEL, {"params_M": "250"}, "params_M = 250"),
    "parameters, not millions": ("vision_models", IMAGE_MODEL, {"params_M": "25000000"}, "allowed is 0.5 to 5000"),
    "a share for per cent": ("vision_models", IMAGE_MODEL, {"top1": "0.8"}, "allowed is 40 to 100"),
    "kWh for J": ("mlenergy_llm", RUN, {"energy_per_request_J": "0.000035"}, "allowed is 1 to 1e+06, in J"),
    "Wh for J": ("mlenergy_llm", RUN, {"energy_per_request_J": "0.035"}, "allowed is 1 to 1e+06, in J"),
    "J for Wh": (
        "mlenergy_llm",
        RUN,
        {"energy_per_request_J": "", "energy_per_request_Wh": "126"},
        "energy_per_output_token_J",
    ),
    "energy ten times": ("mlenergy_llm", RUN, {"energy_per_request_J": "1260"}, "avg_power"),
    "energy twice": ("mlenergy_llm", RUN, {"energy_per_request_J": "252"}, "avg_power"),
    "energy half": ("mlenergy_llm", RUN, {"energy_per_request_J": "63"}, "energy_per_request_J = 63"),
    "seconds for milliseconds": ("mlenergy_llm", RUN, {"median_itl_ms": "0.0099"}, "allowed is 1 to 2000"),
    "parameters of a run": ("mlenergy_llm", RUN, {"total_params_B": "80"}, "total_params_B = 80"),
    "mW for W": ("accelerators", CHIP, {"tdp_w": "1000000"}, "allowed is 0.5 to 30000"),
    "mW for W of a module": ("accelerators", EDGE, {"tdp_w": "15000"}, "tdp_w = 15000"),
    "kW for W": ("accelerators", CHIP, {"tdp_w": "1"}, "tdp_w = 1 W is"),
    "power ten times": ("accelerators", CHIP, {"tdp_w": "10000"}, "tdp_w = 10000"),
    "peaks ten times": ("accelerators", CHIP, {"fp32_tflops": "800", "tensor_check_tflops": ""}, "fp32_tflops = 800"),
    "sparse, checked": ("accelerators", CHIP, {"fp16_tensor_tflops": "4000"}, "tensor_check_ratio"),
    "sparse, unchecked": (
        "accelerators",
        CHIP,
        {"fp16_tensor_tflops": "4000", "fp8_tflops": "8000", "tensor_check_tflops": ""},
        "nothing shows that fp16_tensor_tflops, fp8_tflops are dense",
    ),
    "sparse at 8 bits": ("accelerators", CHIP, {"fp8_tflops": "8000"}, "fp8_tflops is 4 times fp16_tensor_tflops"),
    "sparse as printed": (
        "accelerators",
        CHIP,
        {"vendor_headline_sparse": "2000 FP16 (sparse)"},
        "is the sparse rate of vendor_headline_sparse",
    ),
    "MB/s for GB/s": ("accelerators", CHIP, {"bandwidth_gbs": "8000000"}, "bandwidth_gbs"),
    "width ten times": ("llm_architectures", SHAPE, {"hidden": "40960"}, "check_total_rel_err"),
    "millions for billions": ("llm_architectures", SHAPE, {"reported_total_B": "8030"}, "check_total_rel_err"),
    "thousands of watts on a human": (
        "human_energy",
        {
            "kind": RESOURCES["human_energy"]["schema"]["fields"][0]["constraints"].get("enum", ["primary energy"])[0],
            "population": "Exampleland",
            "year": "2020",
            "watts": "5000000",
            "derivation": "Made up.",
            "basis": "derived",
            "source": "Made up.",
            "confidence": "low",
        },
        {},
        "watts",
    ),
}


@pytest.mark.parametrize("slip", SLIPS)
def test_a_slip_is_refused_or_questioned(untouched, slip):
    table, row, change, what = SLIPS[slip]
    assert what in refusal(untouched, table, row | change)


@pytest.mark.parametrize(
    ("table", "row"),
    [("vision_models", IMAGE_MODEL), ("mlenergy_llm", RUN), ("accelerators", CHIP), ("accelerators", EDGE)],
)
def test_rows_without_a_slip_are_taken_without_a_question(folder, table, row):
    assert ": added" in add_row(table, row, data_dir=folder)


@pytest.mark.parametrize("table", ["vision_models", "gpus", "nlp_models"])
def test_at_most_one_in_ten_rows_that_are_right_is_questioned(table):
    frame, resource = datasets.load(table), RESOURCES[table]
    typed = set(frame.attrs["units"]) - derived.columns(table)
    questioned = 0
    for i in frame.index[::2]:
        others = frame.drop(index=i)
        others.attrs = frame.attrs
        row = {name: None if pd.isna(cell) else cell for name, cell in frame.loc[i].items()}
        questioned += bool(plausible.questions(others, row, typed, resource["orderedBy"]))
    assert questioned <= len(frame.index[::2]) / 10


def test_a_table_with_few_rows_questions_nothing():
    few = datasets.load("gpus").head(5)
    row = {name: None if pd.isna(cell) else cell for name, cell in few.iloc[0].items()} | {"watts": 10**6}
    assert plausible.questions(few, row, set(few.attrs["units"]), "launch_date") == []


# What else is refused


def test_unknown_tables_and_columns_are_refused_with_the_nearest(untouched):
    with pytest.raises(UnknownNameError, match="'vision_models'"):
        add_row("vision_modles", {}, data_dir=untouched)
    with pytest.raises(UnknownNameError, match="'gflops'"):
        add_row("vision_models", {"gflop": "1"}, data_dir=untouched)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"architecture": "cnn"}, "the nearest is 'CNN'"),
        ({"date": "10.6.2020"}, "must be a date such as 2021-09-12"),
        ({"date": "2035-06-10"}, "allowed is 2012-01-01 to 2027-12-31"),
        ({"date": "2020-06-31"}, "must be a date such as 2021-09-12"),
        ({"extra_data": "no"}, "must be true or false"),
        ({"input_res": "224.5"}, "must be a whole number of px"),
        ({"model": "AlexNet"}, "primary-key"),
        ({"evidence": "=cmd()"}, "must not begin like a formula"),
        ({"date_accuracy_reached": "2019-01-01"}, "An accuracy cannot be published before the model"),
    ],
)
def test_a_broken_row_is_refused_with_its_rule(untouched, change, what):
    assert what in refusal(untouched, "vision_models", IMAGE_MODEL | change)


def test_all_that_is_wrong_in_the_cells_is_said_at_once(untouched):
    said = refusal(
        untouched, "vision_models", IMAGE_MODEL | {"top1": "840", "architecture": "cnn", "params_M": "25 apples"}
    )
    assert "top1 = 840" in said and "'CNN'" in said and "25 apples" in said


def test_fitted_tables_are_written_by_code_alone(untouched):
    assert "make fit" in refusal(untouched, "request_constants", {})


def test_a_reference_that_does_not_exist_is_refused(untouched):
    row = {"model_id": "example/Example-8B", "architecture": "Llama-3.1-9B", "match": "exact"}
    with pytest.raises(UnknownNameError, match=r"'Llama-3\.1-9B': the nearest are 'Llama-3\.1-8B'"):
        add_row("model_architecture", row, data_dir=untouched)


def test_the_command_says_in_plain_lines_what_is_wrong(untouched, monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    assert main(["add-row", "vision_models", "gflops=4.1", "--data-dir", str(untouched)]) == 2
    assert "\n  gflops: '4.1' does not say" in capsys.readouterr().err
    for words in (["gflops"], ["top1=1", "top1=2"]):
        assert main(["add-row", "vision_models", *words, "--data-dir", str(untouched)]) == 2
    said = capsys.readouterr().err
    assert "must be name=value" in said and "top1 is given twice" in said


# What no fit uses


def test_a_later_image_model_is_listed_and_moves_nothing_of_the_study(folder, monkeypatch):
    later = IMAGE_MODEL | {"date": "2023-06-10", "date_accuracy_reached": "2023-06-10"}
    said = add_row("vision_models", later, data_dir=folder)
    assert "No fit or trend uses it: the study's trends end with 2021-12-31" in said
    assert "ExampleNet" in set(datasets.load("vision_models", folder)["model"])
    before, load = study.Study.published().vision, datasets.load
    monkeypatch.setattr(datasets, "load", lambda name: load(name, folder))
    pd.testing.assert_frame_equal(study.Study.published().vision, before)


def test_a_measurement_of_a_model_without_a_shape_says_that_no_fit_uses_it(folder):
    said = add_row("mlenergy_llm", RUN | {"model_id": "example/Example-8B"}, data_dir=folder)
    assert "No fit or trend uses it: the model's shape is not known: model_architecture does not name it" in said


def test_every_measured_row_is_fitted_or_has_a_reason():
    reasons = {
        name: left_out(datasets.load(name)) for name in ("mlenergy_llm", "measured_vision", "measured_vision_mlperf")
    }
    kept = {name: int((reason == "").sum()) for name, reason in reasons.items()}
    images = image_records.measured_records()
    sound = images[images["doubt"] == ""]["source"].value_counts()
    assert kept == {
        "mlenergy_llm": len(calibration.records()),
        "measured_vision": sound["ImageNetEff22"],
        "measured_vision_mlperf": sound["MLPerf edge"] + len(image_records.server_records()),
    }
    text = summary("mlenergy_llm")
    counts = [int(line.split()[0]) for line in text.splitlines()[1:]]
    assert text.startswith(f"mlenergy_llm: {sum(counts)} of {len(datasets.load('mlenergy_llm'))} rows enter no fit")


def test_cells_are_quoted_where_they_must_be(folder):
    add_row("vision_models", IMAGE_MODEL | {"evidence": 'a paper, "the" one'}, data_dir=folder)
    row = next(line for line in lines(folder, "vision_models") if line.startswith("ExampleNet"))
    assert 'a paper, "the" one' in next(csv.reader([row]))
