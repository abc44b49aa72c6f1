"""Thousands of damaged tables: each is refused with its place and the reason, or shown to be another table than before.

A fault that breaks a rule of `datapackage.json` is refused by `load`. What breaks none, such as a plausible value in a
column that nothing checks, is pinned to its row and column by the fingerprints that `make diff` compares.

`make test` damages one column of each type of each table; `make test-nightly` all of them, many ways.
"""

from __future__ import annotations

import csv
import io
import json
import random
import re
import shutil
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import pandas as pd
import pytest

from energy_lib.datasets import TableError, load, package

sys.path.append(str(Path(__file__).parents[1] / "book" / "_ext"))
from fingerprint import differences, fingerprint

DATA = Path(__file__).resolve().parent.parent / "data"
RESOURCES = {resource["name"]: resource for resource in package()["resources"]}
ROWS = 12  # of each table: a row's rules are the same in any company
UNIT_SLIPS = (1 / 3600, 1 / 1000, 1 / 100, 1 / 10, 1 / 2, 2, 10, 100, 1000, 3600)
NUMBERS = ("number", "integer")
MUST_BE_NUMBERS = ("nan", "NaN", "inf", "-Infinity", "1e999", "", "12 W", "1,5", "0x10", "1_000", " 3", "\uff13")
MUST_BE_DATES = ("0001-01-01", "9999-12-31", "2021-02-30", "2021-13-01", "03/04/2021", "2021", "NaT", "44197")
HOSTILE_TEXTS = (
    "=cmd|' /C calc'!A0",
    "@SUM(1)",
    "+1+1",
    "-2+3",
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "a</td><b>",
    "two\nlines",
    "nul\x00byte",
    "tab\tinside",
    " padded ",
    "\u202eright to left",
)
ENCODINGS = {
    "byte-order mark": lambda text: b"\xef\xbb\xbf" + text.encode(),
    "UTF-16": lambda text: text.encode("utf-16"),
    "Latin-1": lambda text: (text.replace("\n", " é\n", 1)).encode("latin-1"),
    "a quote left open": lambda text: text.encode() + b'"',
    "a zip file": lambda text: b"PK\x03\x04" + text.encode()[:200],
    "nothing": lambda text: b"",
    "half of it": lambda text: text.encode()[: -len(text.splitlines()[-1]) // 2 - 1],
}


def rows_of(name: str) -> list[list[str]]:
    with open(DATA / RESOURCES[name]["path"], encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def text_of(rows: list[list[str]]) -> str:
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="\n").writerows(rows)
    return out.getvalue()


class Attacked:
    """One table, cut short, with the tables that it refers to, under a description of no others."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name, self.folder = name, folder
        resource = RESOURCES[name]
        self.fields = resource["schema"]["fields"]
        self.names = [field["name"] for field in self.fields]
        self.path = folder / resource["path"]
        body = rows_of(name)
        spread = range(1, len(body), max(1, len(body) // ROWS))
        self.rows = [body[0], *(body[i] for i in spread)]
        keys = [k for k in resource["schema"].get("foreignKeys", []) if k["reference"]["resource"] != name]
        others = sorted({key["reference"]["resource"] for key in keys})
        for other in others:
            (folder / RESOURCES[other]["path"]).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(DATA / RESOURCES[other]["path"], folder / RESOURCES[other]["path"])
        self.path.parent.mkdir(parents=True, exist_ok=True)
        described = {**package(), "resources": [resource, *(RESOURCES[other] for other in others)]}
        (folder / "datapackage.json").write_text(json.dumps(described), encoding="utf-8")
        self.path.write_text(text_of(self.rows), encoding="utf-8")
        self.good = load(name, folder)
        self.known = fingerprint(self.path)

    def again(self, thorough: bool) -> Attacked:
        """The same table for another test, with the same chance for each."""
        self.rng, self.thorough = random.Random(self.name), thorough
        return self

    def some(self, things: Iterable, number: int, few: int = 1) -> list:
        """So many of the things by chance where the attack is thorough, otherwise few: the next ones for each table."""
        things = list(things)
        if self.thorough:
            return self.rng.sample(things, min(number, len(things)))
        turn = few * list(RESOURCES).index(self.name)
        return [things[(turn + i) % len(things)] for i in range(min(few, len(things)))]

    def columns(self, *types: str) -> Iterator[tuple[int, dict, int]]:
        """Numbers and fields of the columns of some types, and a line to damage: all of them, or one of each type."""
        for type_ in types:
            places = [(i, field, self.line_with(i)) for i, field in enumerate(self.fields) if field["type"] == type_]
            yield from self.some([place for place in places if place[2]], len(places))

    def refusal(self, damaged: bytes | list[list[str]]) -> str | None:
        """What `load` says of a damaged file, or None where it loads."""
        raw = damaged if isinstance(damaged, bytes) else text_of(damaged).encode()
        self.path.write_bytes(raw)
        try:
            self.frame = load(self.name, self.folder)
        except TableError as error:
            assert str(self.path) in str(error), error
            return str(error)
        return None

    def pinned(self) -> list:
        """Where the damaged file differs from the good one, after a refusal that did not come."""
        return differences(self.known, fingerprint(self.path))

    def with_cell(self, line: int, column: int, cell: str) -> list[list[str]]:
        return [row if n != line else [*row[:column], cell, *row[column + 1 :]] for n, row in enumerate(self.rows, 1)]

    def line_with(self, column: int) -> int | None:
        """A line, by chance, whose cell in the column is not empty and not zero."""
        lines = [n for n, row in enumerate(self.rows, 1) if n > 1 and row[column] and row[column].strip("-0.") != ""]
        return self.rng.choice(lines) if lines else None

    def refused_at(self, line: int, column: int, cell: str) -> None:
        said = self.refusal(self.with_cell(line, column, cell))
        assert said, f"{self.name}, line {line}, column {self.names[column]}: {cell!r} was taken"
        assert f"line {line}, " in said and "found" in said, said


@pytest.fixture(scope="module", params=RESOURCES)
def attacked(request, tmp_path_factory):
    return Attacked(request.param, tmp_path_factory.mktemp(request.param))


@pytest.fixture(params=[False, pytest.param(True, marks=pytest.mark.nightly)], ids=["few", "all"])
def table(attacked, request):
    return attacked.again(thorough=request.param)


def test_text_and_numbers_that_are_none_are_refused(table):
    for column, field, line in table.columns(*NUMBERS, "date"):
        cells = MUST_BE_DATES if field["type"] == "date" else MUST_BE_NUMBERS
        wrong = [*cells, "1.5"] if field["type"] == "integer" else cells
        for cell in table.some([cell for cell in wrong if cell or field["constraints"]["required"]], 5, few=2):
            table.refused_at(line, column, cell)


def test_text_that_could_run_is_refused(table):
    for hostile in table.some(HOSTILE_TEXTS, len(HOSTILE_TEXTS), few=5):
        column = table.rng.choice([i for i, field in enumerate(table.fields) if field["type"] == "string"])
        table.refused_at(table.rng.randrange(2, len(table.rows) + 1), column, hostile)


def test_a_slip_of_unit_is_refused_or_pinned_to_its_cell(table):
    for column, field, line in table.columns(*NUMBERS):
        for factor in table.some(UNIT_SLIPS, 4):
            value = float(table.rows[line - 1][column]) * factor
            cell = str(round(value)) if field["type"] == "integer" else f"{value:.12g}"
            if float(cell) == float(table.rows[line - 1][column]):
                continue
            if said := table.refusal(table.with_cell(line, column, cell)):
                assert f"line {line}, " in said, said
            else:
                assert table.pinned() == [(line, (table.names[column],), "row has changed")]


def test_a_column_in_another_unit_is_refused_or_pinned(table):
    for column, _, _ in table.columns("number"):
        factor = table.rng.choice(UNIT_SLIPS)
        changed = [
            [*row[:column], f"{float(row[column]) * factor:.12g}", *row[column + 1 :]] if n and row[column] else row
            for n, row in enumerate(table.rows)
        ]
        if table.refusal(changed) is None:
            found = table.pinned()
            assert found and {d.columns for d in found} == {(table.names[column],)}


def test_columns_that_are_gone_new_twice_or_swapped_are_refused(table):
    width = len(table.names)
    one, two = sorted(table.rng.sample(range(width), 2))
    swapped = list(range(width))
    swapped[one], swapped[two] = two, one
    damaged = {
        "missing-column": [row[:one] + row[one + 1 :] for row in table.rows],
        "extra-column": [[*row, "new" if n == 0 else "1"] for n, row in enumerate(table.rows)],
        "extra-column:": [[*row, row[one]] for row in table.rows],
        "column-order": [[row[i] for i in swapped] for row in table.rows],
        "stray-row": [*table.rows, table.rows[-1][:-1]],
        "stray-row:": [*table.rows[:-1], [*table.rows[-1], "1"]],
    }
    for rule, rows in damaged.items():
        said = table.refusal(rows)
        assert said and rule.rstrip(":") in said and "line " in said, (rule, said)


def test_contents_of_two_columns_that_were_swapped_are_refused_or_pinned(table):
    for _ in range(6 if table.thorough else 1):
        one, two = table.rng.sample(range(len(table.names)), 2)
        swapped = list(range(len(table.names)))
        swapped[one], swapped[two] = two, one
        rows = [table.rows[0], *([row[i] for i in swapped] for row in table.rows[1:])]
        if rows == table.rows:
            continue
        if table.refusal(rows) is None:
            assert {c for d in table.pinned() for c in d.columns} == {table.names[one], table.names[two]}


def test_a_row_there_twice_is_refused(table):
    for line in table.some(range(2, len(table.rows) + 1), 3):
        said = table.refusal([*table.rows, table.rows[line - 1]])
        assert said and f"line {len(table.rows) + 1}, " in said and re.search("primary-key|unique", said), said


def test_rows_that_are_gone_or_moved_are_pinned(table):
    for gone in table.some(range(1, len(table.rows)), 3):
        assert table.refusal(table.rows[:gone] + table.rows[gone + 1 :]) is None
        assert table.pinned() == [(gone + 1, (), "1 row is gone before here")]
    moved = [table.rows[0], *table.rows[:0:-1]]
    if moved != table.rows and table.refusal(moved) is None:
        assert table.pinned()[0].what == "rows are in another order from here on"


@pytest.mark.parametrize("fault", ENCODINGS)
def test_files_in_another_encoding_or_cut_off_are_refused_or_pinned(table, fault):
    if table.refusal(ENCODINGS[fault](text_of(table.rows))) is None:
        assert fault == "half of it" and table.pinned()


def test_line_ends_of_another_system_change_nothing(table):
    raw = text_of(table.rows)
    if "\r" not in raw:
        assert table.refusal(raw.replace("\n", "\r\n").encode()) is None
        pd.testing.assert_frame_equal(table.frame, table.good)
        assert table.pinned() == []
