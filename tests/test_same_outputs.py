"""Outputs of notebooks are compared as they mean: what a reader sees to the letter, numbers within the tolerance."""

import copy
import os
import subprocess
import sys
from pathlib import Path

import nbformat
import numpy as np
import pytest
from perturbed import RELATIVE_MOVE, perturbed
from same_outputs import differences

from energy_lib import load
from energy_lib.publish import CHART_MIME, NUMBER_MIME, RELATIVE_TOLERANCE, TABLE_MIME

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
LAST_DIGIT = 1 + RELATIVE_TOLERANCE / 1000
MORE_THAN_A_LAST_DIGIT = 1 + RELATIVE_TOLERANCE * 10


def outputs_with(mime):
    """The outputs of the first committed cell that publishes such a thing."""
    cells = [cell for path in NOTEBOOKS for cell in nbformat.read(path, as_version=4).cells]
    return next(c.outputs for c in cells if any(mime in out.get("data", {}) for out in c.get("outputs", [])))


NUMBER, CHART, TABLE = map(outputs_with, (NUMBER_MIME, CHART_MIME, TABLE_MIME))


def datasets(outputs):
    return outputs[0]["data"][CHART_MIME]["spec"]["datasets"]


def first_rows(outputs):
    return next(rows for rows in datasets(outputs).values() if len(rows) > 1)


def scaled(outputs, factor):
    row = first_rows(outputs)[0]
    field = next(name for name, value in row.items() if type(value) is float)
    row[field] *= factor


def with_another_digit(text):
    digit = next(character for character in text if character.isdigit())
    return text.replace(digit, str((int(digit) + 1) % 10), 1)


def changed(part, key, change):
    part[key] = change(part[key])


DOCTORED = {
    "a printed digit of a number": (
        NUMBER,
        lambda outputs: changed(outputs[0]["data"][NUMBER_MIME], "text", with_another_digit),
    ),
    "a printed digit of plain text": (
        NUMBER,
        lambda outputs: changed(outputs[0]["data"], "text/plain", with_another_digit),
    ),
    "a number by more than the tolerance": (CHART, lambda outputs: scaled(outputs, MORE_THAN_A_LAST_DIGIT)),
    "a row of a chart": (CHART, lambda outputs: first_rows(outputs).pop()),
    "a row of a table": (TABLE, lambda outputs: outputs[0]["data"][TABLE_MIME]["rows"].pop()),
    "a label of a chart": (
        CHART,
        lambda outputs: changed(outputs[0]["data"][CHART_MIME]["table"]["columns"][0], "label", str.upper),
    ),
    "a label of a column": (
        TABLE,
        lambda outputs: changed(outputs[0]["data"][TABLE_MIME]["columns"][0], "label", str.upper),
    ),
    "the order of a chart's rows": (CHART, lambda outputs: first_rows(outputs).reverse()),
    "the order of a table's rows": (TABLE, lambda outputs: outputs[0]["data"][TABLE_MIME]["rows"].reverse()),
    "the order of outputs": (NUMBER, lambda outputs: outputs.reverse()),
    "an alternative text": (CHART, lambda outputs: changed(outputs[0]["data"][CHART_MIME], "description", str.lower)),
    "a picture that is missing": (CHART, lambda outputs: outputs[0]["data"].pop("image/png")),
    "an output that is missing": (NUMBER, lambda outputs: outputs.pop()),
    "an output that is new": (NUMBER, lambda outputs: outputs.append(outputs[0])),
}


@pytest.mark.parametrize("doctored", DOCTORED)
def test_a_change_that_a_reader_would_see_is_a_difference(doctored):
    committed, doctor = DOCTORED[doctored]
    executed = copy.deepcopy(committed)
    doctor(executed)
    assert differences(committed, executed)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_outputs_are_the_same_as_themselves(path):
    for cell in nbformat.read(path, as_version=4).cells:
        outputs = cell.get("outputs", [])
        assert differences(outputs, copy.deepcopy(outputs)) == []


def test_a_last_digit_and_the_pixels_of_a_picture_are_no_difference():
    executed = copy.deepcopy(CHART)
    scaled(executed, LAST_DIGIT)
    executed[0]["data"]["image/png"] = "other pixels"
    assert differences(CHART, executed) == []


def test_a_count_is_compared_to_the_last_one():
    assert differences([{"data": {NUMBER_MIME: {"value": 10**9}}}], [{"data": {NUMBER_MIME: {"value": 10**9 + 1}}}])


def test_a_difference_names_its_place_and_both_values():
    executed = copy.deepcopy(NUMBER)
    executed[1]["data"][NUMBER_MIME]["unit"] = "furlongs"
    unit = NUMBER[1]["data"][NUMBER_MIME]["unit"]
    said = f"outputs[1]['data']['{NUMBER_MIME}']['unit']: {unit!r} was committed, now it is 'furlongs'"
    assert differences(NUMBER, executed) == [said]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_no_cell_is_exempt_from_the_comparison(path):
    for cell in nbformat.read(path, as_version=4).cells:
        assert "nbval" not in str(cell.metadata).lower() + cell.source.lower()
        assert "raises-exception" not in cell.metadata.get("tags", [])


def test_a_perturbed_table_has_the_same_rows_in_the_same_order_of_dates_with_numbers_that_moved_a_little():
    table = load("vision_models")
    moved = perturbed(table, {"model"}, seed=1)
    assert moved["date"].equals(table["date"])
    assert not moved["model"].equals(table["model"]) and sorted(moved["model"]) == sorted(table["model"])
    before, after = table.set_index("model"), moved.set_index("model").loc[table["model"]]
    number = before["top1"].to_numpy()
    assert (after["top1"] != number).any()
    np.testing.assert_allclose(after["top1"], number, rtol=1.01 * RELATIVE_MOVE)


def test_nbval_compares_in_this_way_and_perturbs_tables_when_asked(tmp_path):
    shown = "from energy_lib import load\nprint(list(load('vision_models')['model']))"
    cells = [
        ("print(0.5)\n3.25", ["0.5\n", "3.25"]),
        ("print(0.5)\n3.25", ["0.5\n", "3.26"]),
        (shown, [f"{list(load('vision_models')['model'])}\n"]),
    ]
    notebook = nbformat.v4.new_notebook()
    for source, (printed, *result) in cells:
        outputs = [nbformat.v4.new_output("stream", name="stdout", text=printed)]
        outputs += [nbformat.v4.new_output("execute_result", {"text/plain": text}) for text in result]
        notebook.cells.append(nbformat.v4.new_code_cell(source, outputs=outputs, execution_count=1))
    nbformat.write(notebook, tmp_path / "small.ipynb")
    path = os.pathsep.join([str(ROOT), str(ROOT / "notebooks")])
    command = [sys.executable, "-m", "pytest", "-p", "conftest", "--nbval", "-rA", "-p", "no:cacheprovider"]
    run = subprocess.run(
        [*command, "--perturbed=1", "small.ipynb"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    results = [line.split()[0] for line in run.stdout.splitlines() if line.startswith(("PASSED", "FAILED"))]
    assert sorted(results) == ["FAILED", "FAILED", "PASSED"], run.stdout + run.stderr
    assert "'3.26' was committed, now it is '3.25'" in run.stdout
