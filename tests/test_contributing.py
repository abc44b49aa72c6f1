"""The recipes, the forms and the workflows do what they say."""

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

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
LOAD = "import sys, energy_lib; print(len(energy_lib.load(sys.argv[1])))"
FITTED = "from energy_lib import calibration; print('example/Example-8B' in set(calibration.records()['model_id']))"

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


def test_each_recipe_as_written_adds_a_row_that_is_loaded_and_says_what_uses_it(a_copy):
    for table in TABLES:
        before = int(run(a_copy, ["-c", LOAD, table]).stdout)
        added = run(a_copy, recipe(table))
        assert added.returncode == 0, added.stderr
        assert f"{table}.csv, line " in added.stdout and ": added" in added.stdout
        assert ("No fit or trend uses it" in added.stdout) == (table == "vision_models"), added.stdout
        assert int(run(a_copy, ["-c", LOAD, table]).stdout) == before + 1
    assert run(a_copy, ["-c", FITTED]).stdout.strip() == "True"


def test_a_recipe_with_a_wrong_value_is_refused_with_its_place(a_copy):
    refused = run(a_copy, [word.replace("top1=84.0", "top1=840") for word in recipe("vision_models")])
    assert refused.returncode == 2
    assert "top1 = 840 is out of range: allowed is 40 to 100, in %" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_broken_row_is_refused_with_its_place(a_copy):
    path = a_copy / "data/paper/vision_models.csv"
    lines = path.read_text(encoding="utf-8").splitlines()
    path.write_text(
        "\n".join([*lines[:4], lines[4].replace("2014-04-11", "2014-04-31"), *lines[5:]]) + "\n", encoding="utf-8"
    )
    refused = run(a_copy, ["-c", LOAD, "vision_models"])
    assert refused.returncode != 0
    assert re.search(r"vision_models.csv, line 5, column '\w+'", refused.stderr), refused.stderr


@pytest.mark.parametrize("path", [*WORKFLOWS, *FORMS], ids=lambda path: path.stem)
def test_workflows_and_forms_follow_their_schemas(path):
    kind = "vendor.github-workflows" if path in WORKFLOWS else "vendor.github-issue-forms"
    command = [Path(sys.executable).with_name("check-jsonschema"), "--builtin-schema", kind, path]
    run = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr


def commands(path: Path) -> str:
    jobs = yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"].values()
    return "\n".join(step.get("run", "") for job in jobs for step in job["steps"])


@pytest.mark.parametrize("path", [*WORKFLOWS, ROOT / "CONTRIBUTING.md", ROOT / "README.md"], ids=lambda path: path.stem)
def test_every_make_target_that_is_named_exists(path):
    text = commands(path) if path in WORKFLOWS else path.read_text(encoding="utf-8")
    known = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = set(re.findall(r"(?:^\s*|`)make ([a-z-]+)", text, re.MULTILINE)) - {"with"}
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
