"""The recipes, the forms and the workflows do what they say."""

import io
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from energy_lib import load
from energy_lib.cli import main
from energy_lib.datasets import TableError

ROOT = Path(__file__).parents[1]
GITHUB = ROOT / ".github"
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))
FORMS = sorted(path for path in (GITHUB / "ISSUE_TEMPLATE").glob("*.yml") if path.stem != "config")
BASH = re.findall(r"```console\n(.+?)\n```", (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"), re.DOTALL)
RECIPES = [
    recipe
    for text in BASH
    for recipe in text.replace("\\\n", " ").splitlines()
    if " add-row " in recipe and "TABLE" not in recipe
]
FITTED = """
import energy_lib, energy_lib.calibration
print(*(len(energy_lib.load(table)) for table in {tables}))
print("example/Example-8B" in set(energy_lib.calibration.records()["model_id"]))
"""

sys.path.append(str(ROOT / "tools"))
import links  # noqa: E402


@pytest.fixture(scope="module")
def a_copy(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clone")
    for name in ("energy_lib", "data"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def run(folder: Path, command: list[str]) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        env={"PYTHONPATH": str(folder)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def recipe(table: str) -> list[str]:
    """The arguments of Python in the recipe that adds a row to a table, as a shell would split them."""
    command = next(shlex.split(text) for text in RECIPES if f" add-row {table} " in text)
    assert command[0] == ".venv/bin/python"
    return command[1:]


TABLES = ["vision_models", "llm_architectures", "model_architecture", "mlenergy_llm", "accelerators"]


def test_there_are_recipes_for_models_a_measurement_and_an_accelerator():
    assert [shlex.split(text)[4] for text in RECIPES] == TABLES


def test_each_recipe_as_written_adds_a_row_that_is_loaded_and_says_what_uses_it(a_copy, monkeypatch, capsys):
    first = run(a_copy, recipe(TABLES[0]))
    assert first.returncode == 0, first.stderr
    said = [first.stdout]
    monkeypatch.chdir(a_copy)
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    for table in TABLES[1:]:
        python, module, *arguments = recipe(table)
        assert (python, module) == ("-m", "energy_lib")
        assert main(arguments) == 0, capsys.readouterr().err
        said.append(capsys.readouterr().out)
    for table, text in zip(TABLES, said, strict=True):
        assert text.startswith(str(a_copy)) and re.search(rf"/{table}\.csv, line \d+: added\n", text), text
        assert ("No fit or trend uses it" in text) == (table == "vision_models"), text
    counts, fitted = run(a_copy, ["-c", FITTED.format(tables=TABLES)]).stdout.splitlines()
    assert list(map(int, counts.split())) == [len(load(table)) + 1 for table in TABLES]
    assert fitted == "True"


def test_a_recipe_with_a_wrong_value_is_refused_with_its_place(a_copy, monkeypatch, capsys):
    monkeypatch.chdir(a_copy)
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    assert main([word.replace("top1=84.0", "top1=840") for word in recipe("vision_models")[2:]]) == 2
    assert "top1 = 840 is out of range: allowed is 40 to 100, in %" in capsys.readouterr().err


def test_a_broken_row_is_refused_with_its_place(a_copy):
    path = a_copy / "data/paper/vision_models.csv"
    lines = path.read_text(encoding="utf-8").splitlines()
    lines[4] = lines[4].replace(",72.37,", ",723.7,")
    path.write_text("\n".join([*lines, ""]), encoding="utf-8")
    with pytest.raises(TableError, match=r"vision_models.csv, line 5, column 'top1'.*'723\.7'"):
        load("vision_models", a_copy / "data")


@pytest.mark.parametrize(("kind", "paths"), [("github-workflows", WORKFLOWS), ("github-issue-forms", FORMS)])
def test_workflows_and_forms_follow_their_schemas(kind, paths):
    command = [Path(sys.executable).with_name("check-jsonschema"), "--builtin-schema", f"vendor.{kind}", *paths]
    run = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr


def commands(path: Path) -> str:
    jobs = yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"].values()
    return "\n".join(step.get("run", "") for job in jobs for step in job["steps"])


@pytest.mark.parametrize("path", [*WORKFLOWS, ROOT / "CONTRIBUTING.md", ROOT / "README.md"], ids=lambda path: path.stem)
def test_every_make_target_that_is_named_exists(path):
    text = commands(path) if path in WORKFLOWS else path.read_text(encoding="utf-8")
    known = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = set(re.findall(r"(?:^\s*|`)make ([a-z0-9-]+)", text, re.MULTILINE)) - {"with"}
    assert named <= known, named - known


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_every_file_that_a_workflow_runs_exists(path):
    run = re.findall(r"(?:^|\s)((?:tools|\.ci|book)/[\w./-]+)", commands(path), re.MULTILINE)
    assert [file for file in run if not (ROOT / file).exists()] == []


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_actions_are_pinned_and_rights_are_named(path):
    workflow = yaml.safe_load(path.read_text(encoding="utf-8"))
    steps = [step for job in workflow["jobs"].values() for step in job["steps"]]
    used = [step["uses"] for step in steps if "uses" in step]
    assert [name for name in used if not re.search(r"@v\d+\.\d+\.\d+$", name)] == []
    assert workflow["permissions"]
    for step in steps:
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"]["fetch-depth"] == 0


def test_what_may_write_on_a_pull_request_runs_nothing_of_it():
    comment = yaml.safe_load((GITHUB / "workflows" / "comment.yml").read_text(encoding="utf-8"))
    used = [step.get("uses", "") for job in comment["jobs"].values() for step in job["steps"]]
    assert not [name for name in used if name.startswith("actions/checkout")]
    preview = yaml.safe_load((GITHUB / "workflows" / "preview.yml").read_text(encoding="utf-8"))
    assert preview["permissions"] == {"contents": "read"}


def pins(path: Path) -> dict[str, str]:
    return dict(re.findall(r"^([\w.-]+)==([\w.]+)", path.read_text(encoding="utf-8"), re.MULTILINE))


def test_binder_installs_the_versions_of_the_book_with_their_hashes():
    binder, book = pins(ROOT / "binder" / "requirements.txt"), pins(ROOT / "requirements.txt")
    assert {"altair", "pandas", "ecologits", "statsmodels"} <= set(binder)
    assert {name: version for name, version in binder.items() if book.get(name) != version} == {}
    lines = (ROOT / "binder" / "requirements.txt").read_text(encoding="utf-8")
    assert lines.count("==") <= lines.count("--hash=sha256:")


def test_links_out_of_the_book_are_reported_and_fail_nothing():
    pages = {"https://a.test/": {"x.html"}, "https://b.test/": {"y.html", "x.html"}}
    said = links.report(pages, {"https://a.test/": None, "https://b.test/": "status 404"})
    assert said == "1 of 2 addresses answered.\n- https://b.test/: status 404; linked from x.html, y.html"
    assert "no network" in links.report(pages, dict.fromkeys(pages, "no answer"))
