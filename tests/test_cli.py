"""The command line gives the library's answers, as a table or JSON, and refuses in one line."""

import contextlib
import io
import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from worlds import TOML

from energy_lib import joule_to_kwh, request_energy
from energy_lib.cli import ESTIMATE, INTRODUCTION, PROGRAM, SCENARIO, main
from energy_lib.draws import simulate
from energy_lib.scenario_file import FORM, read_scenario

REQUEST = {"input_tokens": 300, "output_tokens": 500, "batch": 64, "n_accelerators": 4}
ARGUMENTS = [f"--{name.replace('_', '-')}={value}" for name, value in REQUEST.items()]
ANSWER = ["estimate", "--model=Llama-3.1-70B", "--accelerator=H100 SXM5 80GB", *ARGUMENTS]


@pytest.fixture
def mine(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(TOML, encoding="utf-8")
    return str(path)


def said(*arguments):
    with contextlib.redirect_stdout(io.StringIO()) as out:
        assert main(arguments) == 0
    return out.getvalue()


def test_an_estimate_is_that_of_the_library():
    found = json.loads(said(*ANSWER, "--requests-per-day=100", "--pue=1.2", "--server-overhead=1.5", "--json"))
    expected = request_energy("Llama-3.1-70B", "H100 SXM5 80GB", **REQUEST)
    for name, joules in (("median", expected.energy_j), ("low", expected.low_j), ("high", expected.high_j)):
        assert found["energy_per_request_chip_j"][name] == pytest.approx(float(joules))
        assert found["energy_per_request_j"][name] == pytest.approx(float(joules) * 1.5 * 1.2)
        assert found["energy_per_day_wh"][name] == pytest.approx(float(joules) * 1.5 * 1.2 * 100 / 3600)
        yearly = float(joule_to_kwh(joules)) * 1.5 * 1.2 * 100 * 365.25
        assert found["energy_per_year_kwh"][name] == pytest.approx(yearly)
    assert sum(found["parts_chip_j"].values()) == pytest.approx(float(expected.energy_j))


def test_a_shape_of_the_model_is_the_model():
    shape = "layers=32,hidden=4096,heads=32,kv_heads=8,head_dim=128,ffn=14336,vocab=128256,gated_mlp=1"
    rest = ["--accelerator=H100 SXM5 80GB", "--input-tokens=300", "--output-tokens=500", "--batch=8", "--json"]
    one, two = (json.loads(said("estimate", which, *rest)) for which in (f"--shape={shape}", "--model=Llama-3.1-8B"))
    assert one["energy_per_request_j"] == pytest.approx(two["energy_per_request_j"], rel=0.02)


def test_a_table_shows_the_figures_of_the_json():
    table = said(*ANSWER, "--requests-per-day=100")
    found = json.loads(said(*ANSWER, "--requests-per-day=100", "--json"))
    row = next(line for line in table.splitlines() if line.startswith("kWh a year"))
    median, low, high = (float(figure) for figure in row.removeprefix("kWh a year").split())
    assert (median, low, high) == pytest.approx(
        [found["energy_per_year_kwh"][n] for n in ("median", "low", "high")], rel=0.01
    )
    assert all(len(line) <= 120 for line in table.splitlines())


def test_a_scenario_is_that_of_the_library(mine):
    found = json.loads(said("scenario", mine, "--draws=500", "--seed=3", "--target-twh=3000", "--json"))
    draws = simulate(read_scenario(mine), draws=500, rng=np.random.default_rng(3))
    rows = [r for r in found["by_year"] if (r["measure"], r["stream"]) == ("energy_twh", "all")]
    np.testing.assert_allclose([r["mean"] for r in rows], draws.mean())
    change = sum(row["change_twh"] for row in found["decomposition"])
    assert change == pytest.approx(draws.mean()[-1] - draws.mean()[0])
    assert found["break_even"]["low"] < found["break_even"]["high"]
    assert {row["factor"] for row in found["needed"]} >= {"people", "pue", "frontier_share"}


def test_a_scenario_as_a_table_names_every_year_and_factor(mine):
    table = said("scenario", mine, "--draws=500", "--target-twh=3000")
    for word in (
        *map(str, range(2025, 2031)),
        "hardware",
        "tokens_per_request",
        "Efficiency cancels",
        "alone for 3000 TWh",
    ):
        assert word in table
    assert all(len(line) <= 120 for line in table.splitlines())


def test_a_scenario_of_one_year_has_nothing_to_split(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(f"last_year = 2025\n{TOML}", encoding="utf-8")
    assert "2025" in said("scenario", str(path), "--draws=100")
    assert json.loads(said("scenario", str(path), "--draws=100", "--json"))["break_even"] is None


def test_the_form_asks_for_every_key_and_reads_once_filled_in(tmp_path):
    filled = re.sub(r"(?m)^(\w+) =( +#|$)", r"\1 = 1.0 #", FORM).replace("first_year = 1.0", "first_year = 2025")
    path = tmp_path / "mine.toml"
    path.write_text(filled, encoding="utf-8")
    assert read_scenario(path).people.start.value == 1.0
    assert said("scenario", "--form").strip() == FORM.strip()


@pytest.mark.parametrize("text", [INTRODUCTION, ESTIMATE, SCENARIO])
def test_every_example_of_the_help_runs(text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("mine.toml").write_text(TOML, encoding="utf-8")
    commands = [line.strip() for line in text.replace("\\\n", " ").splitlines() if line.strip().startswith(PROGRAM)]
    assert commands
    for command in commands:
        arguments = shlex.split(command.split(">")[0].removeprefix(PROGRAM))
        assert said(*arguments).strip()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "the following arguments are required"),
        (["estimat"], "invalid choice: 'estimat'"),
        ([*ANSWER, "--model=Llama-3.1-70"], "unknown language model 'Llama-3.1-70': the nearest are 'Llama-3.1-70B'"),
        ([*ANSWER, "--accelerator=H100 SXM"], "'H100 SXM5 80GB'"),
        ([*ANSWER, "--batch=0"], "batch = 0"),
        ([*ANSWER, "--batch=many"], "argument --batch: invalid float value: 'many'"),
        ([*ANSWER, "--pue=0.5"], "pue = 0.5"),
        ([*ANSWER, "--n-accelerators=1"], "n_accelerators = 2 or more"),
        ([*ANSWER, "--colour"], "unrecognized arguments: --colour"),
        (ANSWER[:-2], "required: --batch"),
        ([*ANSWER, "--shape=layers=2"], "not allowed with argument --model"),
        (["estimate", "--shape=layer=2", *ANSWER[2:]], "unknown key of --shape 'layer': the nearest are 'layers'"),
        (["estimate", "--shape=layers=x", *ANSWER[2:]], "layers = 'x' must be a whole number"),
        (["estimate", "--shape=layers=2", *ANSWER[2:]], "--shape lacks hidden, heads"),
        (["scenario"], "no scenario file is given"),
        (["scenario", "absent.toml"], "No such file"),
        (["scenario", "mine.toml", "--draws=0"], "draws = 0"),
        (["scenario", "mine.toml", "--seed=-1"], "seed = -1"),
        (["scenario", "mine.toml", "--target-twh=-1"], "target_twh = -1"),
        (["scenario", "form.toml"], "form.toml is not TOML"),
        (["scenario", "wrong.toml"], "unknown key of a scenario 'poeple': the nearest is 'people'"),
    ],
)
def test_a_wrong_command_is_one_line_on_stderr_and_exit_code_2(arguments, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for name, text in (("mine", TOML), ("form", FORM), ("wrong", TOML.replace("people", "poeple"))):
        Path(f"{name}.toml").write_text(text, encoding="utf-8")
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1
    assert message in err


def test_the_module_runs_as_a_program_and_ends_with_the_exit_code():
    done = subprocess.run([sys.executable, "-m", "energy_lib", "scenario"], capture_output=True, text=True, check=False)
    assert done.returncode == 2 and done.stderr.startswith("energy_lib: no scenario file")
