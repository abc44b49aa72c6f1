"""The reader of executed notebooks: what it finds, and what it refuses."""

import json
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / "book" / "_ext"))
import record


def number(key: str, **parts: object) -> dict:
    return {"key": key, "what": "Joules per image", "value": 1.5, "unit": "J", "text": "1.5 J"} | parts


def chart(name: str, **parts: object) -> dict:
    said = {"description": "Points.", "source": "A table.", "data_as_of": "2021-04"}
    return {"name": name, "spec": {"mark": "point"}} | said | parts


def write(folder: Path, name: str, *cells: list[tuple[str, object]], heading: str = "# A title") -> None:
    shown = [
        {"cell_type": "code", "outputs": [{"data": {mime: data, "text/plain": "x"}} for mime, data in cell]}
        for cell in cells
    ]
    text = {"cell_type": "markdown", "source": [heading, "\n", "and words"]}
    (folder / f"{name}.ipynb").write_text(json.dumps({"cells": [text, *shown]}))


def test_numbers_come_in_the_order_of_the_book(tmp_path):
    write(tmp_path, "alpha", [(record.NUMBER_MIME, number("a.2")), (record.NUMBER_MIME, number("a.1"))])
    write(tmp_path, "beta", [(record.NUMBER_MIME, number("b"))])
    assert list(record.numbers(tmp_path)) == ["a.2", "a.1", "b"]
    assert list(record.numbers(tmp_path, ["beta", "alpha"])) == ["b", "a.2", "a.1"]


def test_a_number_keeps_its_parts_and_its_place(tmp_path):
    said = number("k", low=1.0, high=2.0, interval_text="1 to 2 J", interval_is="95 % interval", tables=["gpus"])
    write(tmp_path, "alpha", [], [(record.NUMBER_MIME, said)])
    found = record.numbers(tmp_path)["k"]
    assert (found.notebook, found.cell, found.tables) == ("alpha", 3, ("gpus",))
    assert found.note == "Joules per image; 95 % interval: 1 to 2 J"


def test_a_number_without_interval_says_why(tmp_path):
    write(tmp_path, "alpha", [(record.NUMBER_MIME, number("k", no_interval="a count"))])
    assert record.numbers(tmp_path)["k"].note == "Joules per image; a count"


def test_titles_are_first_headings(tmp_path):
    write(tmp_path, "alpha", heading="# What a joule buys")
    write(tmp_path, "beta", heading="no heading")
    assert record.titles(tmp_path) == {"alpha": "What a joule buys", "beta": "beta"}


@pytest.mark.parametrize(
    ("mime", "item"),
    [
        (record.NUMBER_MIME, number("same")),
        (record.CHART_MIME, chart("same")),
        (record.TABLE_MIME, {"name": "same", "columns": [], "rows": []}),
    ],
)
def test_a_name_published_twice_is_refused_with_both_places(tmp_path, mime, item):
    write(tmp_path, "alpha", [(mime, item)])
    write(tmp_path, "beta", [(mime, item)])
    with pytest.raises(record.RecordError, match=r"'beta', cell 2.*'same'.*'alpha', cell 2"):
        record.read(tmp_path)


def test_a_number_without_text_is_refused_with_its_place(tmp_path):
    write(tmp_path, "alpha", [(record.NUMBER_MIME, {"key": "k", "what": "w", "value": 1, "unit": "J"})])
    with pytest.raises(record.RecordError, match=r"'alpha', cell 2.*text"):
        record.numbers(tmp_path)


def test_a_chart_says_which_of_its_words_are_missing(tmp_path):
    write(tmp_path, "alpha", [(record.CHART_MIME, chart("c", source="", data_as_of=None))])
    assert record.charts(tmp_path)["c"].missing == ["source", "data_as_of"]


def test_a_table_row_of_the_wrong_length_is_refused(tmp_path):
    table = {"name": "t", "columns": [{"name": "a"}, {"name": "b"}], "rows": [["1", "2"], ["3"]]}
    write(tmp_path, "alpha", [(record.TABLE_MIME, table)])
    with pytest.raises(record.RecordError, match="'t', row 2 has 1 cells for 2 columns"):
        record.tables(tmp_path)


def test_a_number_that_rests_on_an_unknown_table_is_refused(tmp_path):
    write(tmp_path, "alpha", [(record.NUMBER_MIME, number("k", tables=["gpu"]))])
    with pytest.raises(record.RecordError, match="no table 'gpu'; nearest: gpus"):
        record.check_tables(record.read(tmp_path), {"gpus", "claims"})


def test_a_broken_notebook_is_named(tmp_path):
    (tmp_path / "alpha.ipynb").write_text("{")
    with pytest.raises(record.RecordError, match=r"alpha\.ipynb: not a notebook"):
        record.read(tmp_path)


def test_near_names_are_suggested():
    assert record.nearest("vision.best", ["vision.best.x", "nlp.y"]) == "; nearest: vision.best.x"
    assert "none is published" in record.nearest("zzz", ["vision.best.x"])
