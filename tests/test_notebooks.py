"""The executed notebooks are the texts, executed in full, in order and with today's inputs."""

import base64
import doctest
import re
import subprocess
import sys
from pathlib import Path

import jupytext
import nbformat
import pytest

from energy_lib.publish import CHART_MIME, NUMBER_MIME, TABLE_MIME

ROOT = Path(__file__).resolve().parent.parent
TEXTS = sorted((ROOT / "notebooks").glob("*.md"))


def test_there_are_notebooks():
    assert {text.stem for text in TEXTS} >= {"hardware", "vision", "nlp", "adoption", "replication"}


@pytest.fixture(params=TEXTS, ids=lambda text: text.stem)
def pair(request):
    text = request.param
    return jupytext.read(text), nbformat.read(text.with_suffix(".ipynb"), as_version=4)


def test_text_and_executed_notebook_have_the_same_cells(pair):
    text, executed = ([(cell.cell_type, cell.source) for cell in notebook.cells] for notebook in pair)
    assert text == executed


def test_every_code_cell_ran_in_order_without_error(pair):
    code = [cell for cell in pair[1].cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    assert not [o for cell in code for o in cell.outputs if o.output_type == "error" or o.get("name") == "stderr"]


def test_no_cell_is_longer_than_25_lines(pair):
    assert not [cell.source for cell in pair[1].cells if cell.cell_type == "code" and cell.source.count("\n") >= 25]


def test_cells_that_publish_leave_the_showing_to_the_page(pair):
    for cell in pair[1].cells:
        published = [o for o in cell.get("outputs", []) if any("energy" in mime for mime in o.get("data", {}))]
        assert not published or "remove-output" in cell.metadata.get("tags", [])


def test_no_date_of_data_is_typed(pair):
    code = "\n".join(cell.source for cell in pair[0].cells if cell.cell_type == "code")
    assert not re.findall(r'data_as_of\s*=\s*"\d', code)


def published(notebook, mime):
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    return [output["data"][mime] for output in outputs if mime in output.get("data", {})]


def test_a_year_is_printed_as_a_year(pair):
    rows = [row for table in published(pair[1], TABLE_MIME) for row in table["rows"] if "year" in row]
    assert [cell for row in rows for cell in row if re.fullmatch(r"\d,\d{3}( to \d,\d{3})?", cell)] == []
    numbers = [number["text"] for number in published(pair[1], NUMBER_MIME) if number["unit"] in ("", "year")]
    assert [text for text in numbers if re.fullmatch(r"1,9\d\d|2,0[0-3]\d", text)] == []


def test_a_headline_that_a_choice_moves_out_of_its_interval_is_quoted_with_that_choice():
    moved = [
        number["key"]
        for text in TEXTS
        for number in published(nbformat.read(text.with_suffix(".ipynb"), as_version=4), NUMBER_MIME)
        if number["no_interval"] == "one choice changed"
    ]
    bare = []
    for page in [*TEXTS, *(ROOT / "book").glob("*.md")]:
        quoted = set(re.findall(r"\{(?:num|val)\}`([^`]+)`", page.read_text(encoding="utf-8")))
        bare += [(page.name, key) for key in moved if key.rpartition(".")[0] in quoted and key not in quoted]
    assert "vision.best.energy_2021_j.high_confidence" in moved
    assert bare == []


def test_every_notebook_answers_in_the_same_order(pair):
    prose = "\n".join(cell.source for cell in pair[0].cells if cell.cell_type == "markdown")
    parts = [
        "**Question.**",
        "**Answer.**",
        "```{chart}",
        "## How we know",
        "## Limits",
        "## Data and how to reproduce",
    ]
    places = [prose.find(part) for part in parts]
    assert -1 not in places and places == sorted(places)


def test_no_notebook_is_stale():
    command = [sys.executable, str(ROOT / "tools" / "notebooks.py"), "--check"]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr


def test_the_picture_of_the_readme_is_its_chart_of_today():
    outputs = [
        o
        for cell in nbformat.read(ROOT / "notebooks/vision.ipynb", as_version=4).cells
        for o in cell.get("outputs", [])
    ]
    pictures = [
        o["data"]["image/png"]
        for o in outputs
        if o.get("data", {}).get(CHART_MIME, {}).get("name") == "fig-vision-energy"
    ]
    assert [base64.b64decode(p) for p in pictures] == [(ROOT / "book/_static/picture.png").read_bytes()]


def test_the_readme_runs():
    assert doctest.testfile(str(ROOT / "README.md"), module_relative=False).failed == 0
