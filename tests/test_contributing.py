"""The recipes, the forms and the workflows do what they say."""

import re
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
RECIPES = re.findall(r"```csv (\S+)\n(.+?)\n```", (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"), re.DOTALL)
LOAD = "import sys, energy_lib; print(len(energy_lib.load(sys.argv[1])))"

sys.path.append(str(ROOT / "tools"))
import links  # noqa: E402


def rows_after(folder: Path, table: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-c", LOAD, Path(table).stem]
    return subprocess.run(
        command, cwd=folder, env={"PYTHONPATH": str(folder)}, capture_output=True, text=True, check=False
    )


@pytest.fixture
def a_copy(tmp_path):
    for name in ("energy_lib", "data"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def test_there_is_a_recipe_for_a_model_a_measurement_and_an_accelerator():
    assert [table for table, _ in RECIPES] == [
        "data/paper/vision_models.csv",
        "data/language/mlenergy_llm.csv",
        "data/hardware/accelerators.csv",
    ]


@pytest.mark.parametrize(("table", "row"), RECIPES, ids=[Path(table).stem for table, _ in RECIPES])
def test_the_row_of_a_recipe_is_taken_by_its_table(a_copy, table, row):
    before = int(rows_after(a_copy, table).stdout)
    with (a_copy / table).open("a", encoding="utf-8") as file:
        file.write(row + "\n")
    after = rows_after(a_copy, table)
    assert after.returncode == 0, after.stderr
    assert int(after.stdout) == before + 1


def test_a_broken_row_is_refused_with_its_place(a_copy):
    table, row = RECIPES[0]
    with (a_copy / table).open("a", encoding="utf-8") as file:
        file.write(row.replace(",84.0,", ",840,") + "\n")
    refused = rows_after(a_copy, table)
    assert refused.returncode != 0
    assert re.search(r"vision_models.csv, line \d+, column 'top1'", refused.stderr), refused.stderr


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
