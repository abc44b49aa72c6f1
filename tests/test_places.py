"""A warning points at the line that its author edits; a broken table is told before anything is computed."""

import sys
from pathlib import Path

import jupytext
import pytest
import small_book

sys.path.append(str(Path(__file__).parents[1] / "tools"))
import check_tables
import inputs
import places

TEXTS = sorted(inputs.NOTEBOOKS.glob("*.md"))


@pytest.mark.parametrize("text", TEXTS, ids=lambda text: text.stem)
def test_every_line_of_every_cell_is_found_in_its_text(text):
    lines = text.read_text(encoding="utf-8").splitlines()
    for number, cell in enumerate(jupytext.read(text).cells, start=1):
        for line, written in enumerate(cell.source.splitlines(), start=1):
            told = places.in_texts(
                f"{inputs.ROOT}/notebooks/{text.stem}.ipynb:{number * places.CELL + line + 1}: WARNING: x"
            )
            page, place, said = told.split(":", 2)
            assert (page, said) == (f"notebooks/{text.stem}.md", " WARNING: x")
            assert lines[int(place) - 1] == written


def test_what_is_no_place_in_a_notebook_is_left_as_it_is():
    assert places.in_texts(f"{inputs.ROOT}/book/data.md:7: WARNING: x\n") == "book/data.md:7: WARNING: x\n"
    assert places.in_texts("notebooks/none.ipynb:10004: x") == "notebooks/none.ipynb:10004: x"
    assert places.in_texts("notebooks/vision.ipynb:9990004: x") == "notebooks/vision.ipynb:9990004: x"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The tools' own notes lie elsewhere."""
    monkeypatch.setattr(check_tables, "PASSED", tmp_path / "tables.json")
    return tmp_path


def test_tables_that_passed_are_not_read_again_until_they_change(folder, monkeypatch):
    assert check_tables.all_pass()
    monkeypatch.setattr("energy_lib.validation.validate_changed", None)
    assert check_tables.all_pass()
    hashes = check_tables.tables()
    monkeypatch.setattr(check_tables, "tables", lambda: {**hashes, "table gpus": "another"})
    with pytest.raises(TypeError):
        check_tables.all_pass()


def test_a_broken_row_is_told_in_one_line_before_anything_is_executed(tmp_path):
    folder = small_book.make(tmp_path)
    table = folder / "data" / "paper" / "gpus.csv"
    lines = table.read_text(encoding="utf-8").splitlines(keepends=True)
    lines[3] = lines[3].replace(",", ",,", 1)
    table.write_text("".join(lines), encoding="utf-8")
    done = small_book.run(folder, "notebooks.py")
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("data/paper/gpus.csv, line 4, ")


def test_a_build_warns_at_the_line_of_the_text(tmp_path):
    folder = small_book.make(tmp_path)
    text = folder / "notebooks" / "vision.md"
    text.write_text(text.read_text(encoding="utf-8") + "\n{val}`story.rowz`\n\n[dead](nowhere.md)\n", encoding="utf-8")
    lines = text.read_text(encoding="utf-8").splitlines()
    assert small_book.run(folder, "notebooks.py").returncode == 0
    done = small_book.run(folder, "book.py")
    assert done.returncode == 1
    for word in ("story.rowz", "nowhere.md"):
        (said,) = [line for line in done.stderr.splitlines() if word in line]
        place = next(number for number, line in enumerate(lines, start=1) if word in line)
        assert said.startswith(f"notebooks/vision.md:{place}: WARNING")
