"""Adds a row to a table of `data/`: read with units, completed, checked in full, questioned, and put in its place."""

from __future__ import annotations

import csv
import datetime as dt
import io
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from energy_lib import datasets
from energy_lib.checks import RowError, unknown_name
from energy_lib.derived import FORMULAS, Row, columns, derived, determined
from energy_lib.left_out import left_out
from energy_lib.plausible import questions
from energy_lib.written import counts_operations, plain_number, read_number

COMPUTED_DIGITS = 9
AGREEMENT = 0.02  # relative difference of a typed cell from its formula beyond which one of them is wrong
_PLAIN = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")


class Cell(NamedTuple):
    """What a row holds in one column: the value, the text of the file, and a word on where it is from."""

    value: Any
    text: str
    note: str = ""


def add_row(
    table: str,
    given: Mapping[str, str],
    *,
    data_dir: str | Path | None = None,
    ask: Callable[[str], str] | None = None,
    sure: bool = False,
) -> str:
    """Add a row to `table` from the texts `given` by column, and return what was done.

    Numbers may carry a unit, which is converted. Columns that the others determine are computed. The new table is
    checked in full before it replaces the old one, and nothing is written when a check fails. `ask` is called with a
    prompt for each required column that is missing, and once when a value looks wrong; without it, both refuse the row,
    the second unless `sure`. `data_dir` is another folder with a `datapackage.json`.

    Raises `UnknownNameError` for a table or column that does not exist, and `RowError` with all that is wrong.
    """
    if data_dir is None and Path("data", datasets.DESCRIPTOR).is_file():  # the clone at hand, not the one installed
        data_dir = "data"
    old = datasets.load(table, data_dir)
    resource = next(r for r in datasets.package(data_dir)["resources"] if r["name"] == table)
    path = Path(old.attrs["path"])
    folder = Path(str(path).removesuffix(resource["path"]))
    if resource["path"].startswith("fitted/"):
        raise RowError(f"{table} is fitted by code: `make fit` writes it from the measured tables")
    fields = {field["name"]: field for field in resource["schema"]["fields"]}
    cells = _read(table, given, fields)
    typed = set(cells)
    _complete(table, cells, fields)
    while missing := _missing(table, cells, fields):
        if ask is None:
            raise RowError(_lacking(table, [fields[name] for name in missing]))
        cells[missing[0]] = _asked(fields[missing[0]], ask)
        typed.add(missing[0])
        _complete(table, cells, fields)
    _disagreements(table, cells, fields, typed)
    _known_references(resource, cells, folder)
    row = {name: cells[name].value if name in cells else None for name in fields}
    date = resource.get("orderedBy")
    doubtful = questions(old, row, typed, date)
    text, line = _with_row(path, [cells[name].text if name in cells else "" for name in fields], list(fields), date)
    said = "\n".join(f"  {question}" for question in doubtful)
    try:
        new = _checked(table, text, folder)
    except datasets.TableError as error:
        computable = [name for name in typed if name in columns(table) and f"'{name}'" in str(error)]
        hint = f"\n  Leave {min(computable)} out, and it is computed." if computable else ""
        raise RowError(f"{error}; nothing was written{hint}" + (f"\n{said}" if said else "")) from None
    if doubtful and not sure:
        if ask is None:
            raise RowError(f"{table}: this looks wrong, and nothing was written:\n{said}\nIf it is right, add --yes.")
        if ask(f"This looks wrong:\n{said}\nWrite it all the same? [y/N] ").strip().lower() not in ("y", "yes"):
            raise RowError(f"{table}: nothing was written")
    shapes = datasets.load("model_architecture", folder) if table == "mlenergy_llm" else None
    unused = left_out(new, shapes).iloc[line - 2]
    _replace(path, text)
    notes = [f"  {name} = {cell.text}: {cell.note}" for name in fields if (cell := cells.get(name)) and cell.note]
    return "\n".join(
        [f"{path}, line {line}: added", *notes, *([f"  No fit or trend uses it: {unused}"] if unused else [])]
    )


def _read(table: str, given: Mapping[str, str], fields: Mapping[str, dict]) -> dict[str, Cell]:
    faults, cells = [], {}
    for name, text in given.items():
        if name not in fields:
            raise unknown_name(f"column of {table}", name, fields)
        if not text.strip():
            continue
        try:
            cells[name] = _cell(fields[name], text.strip())
        except (ValueError, LookupError) as error:
            faults.append(str(error))
    if faults:
        raise RowError("\n".join([f"{table}: nothing was written", *(f"  {fault}" for fault in faults)]))
    return cells


def _cell(field: Mapping[str, Any], text: str) -> Cell:
    name, kind, limits = field["name"], field["type"], field["constraints"]
    if kind in ("number", "integer"):
        return _number(field, text)
    if kind == "boolean":
        if text not in ("true", "false"):
            raise ValueError(f"{name}: {text!r} must be true or false")
        return Cell(text == "true", text)
    if "enum" in limits and text not in limits["enum"]:
        raise unknown_name(name, text, limits["enum"])
    if kind == "date":
        if not _is_date(text):
            raise ValueError(f"{name}: {text!r} must be a date such as 2021-09-12")
        if not limits.get("minimum", text) <= text <= limits.get("maximum", text):
            raise ValueError(f"{name}: {text} is out of range: allowed is {limits['minimum']} to {limits['maximum']}")
    return Cell(text, text)


def _is_date(text: str) -> bool:
    try:
        return dt.date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _number(field: Mapping[str, Any], text: str) -> Cell:
    name, unit, limits = field["name"], field["unit"], field["constraints"]
    value, converted = read_number(name, text, unit)
    if counts_operations(unit) and not re.search("FLOP|MAC|op", text):
        raise ValueError(
            f"{name}: {text!r} does not say what is counted: write {text}GFLOP, or {text}GMAC where the source counts "
            "multiply-adds, which many papers call FLOPs"
        )
    if field["type"] == "integer":
        if value != round(value):
            raise ValueError(f"{name}: {text!r} must be a whole number of {unit}")
        value = round(value)
    low, high = limits.get("minimum", -float("inf")), limits.get("maximum", float("inf"))
    if not low <= value <= high:
        raise ValueError(
            f"{name} = {value:g} is out of range: allowed is {low:g} to {high:g}, in {unit}. "
            "A number in another unit carries it, as in 0.001kWh"
        )
    return Cell(value, text if _PLAIN.fullmatch(text) else plain_number(value), f"from {text}" if converted else "")


def _complete(table: str, cells: dict[str, Cell], fields: Mapping[str, dict]) -> None:
    """Fill in what the cells determine, and required columns that allow one value only."""
    for name, field in fields.items():
        allowed = field["constraints"].get("enum", ())
        if name not in cells and field["constraints"]["required"] and len(allowed) == 1:
            cells[name] = Cell(allowed[0], allowed[0])
    row = {name: cells[name].value if name in cells else None for name in fields}
    for name, value in derived(table, row).items():
        cells[name] = _computed(value, fields[name]["type"])


def _computed(value: Any, kind: str) -> Cell:
    if kind == "boolean":
        return Cell(value, str(value).lower(), "computed")
    if kind not in ("number", "integer"):
        return Cell(value, value, "computed")
    rounded = round(value) if kind == "integer" else float(f"{value:.{COMPUTED_DIGITS}g}")
    return Cell(rounded, plain_number(rounded), "computed")


def _missing(table: str, cells: Mapping[str, Cell], fields: Mapping[str, dict]) -> list[str]:
    """Required columns that have no cell: those that must be typed first, without what will follow from them."""
    missing = [name for name in fields if name not in cells and fields[name]["constraints"]["required"]]
    waiting = [f for f in FORMULAS.get(table, ()) if any(name not in cells for name in f.needs.split())]
    following: set[str] = set()
    to_type = [name for name in missing if name not in {formula.column for formula in waiting}]
    while True:
        known = following.union(cells, to_type)
        more = {f.column for f in waiting if f.column not in known and known.issuperset(f.needs.split())}
        if not more:
            return to_type + [name for name in missing if name not in known]
        following |= more


def _disagreements(table: str, cells: Mapping[str, Cell], fields: Mapping[str, dict], typed: set[str]) -> None:
    """Refuse typed cells that the others contradict: identities of the table may be wider, or say less."""
    row = Row(**{name: cells[name].value if name in cells else None for name in fields})
    for formula in FORMULAS.get(table, ()):
        if formula.column not in typed or (value := determined(formula, row)) is None:
            continue
        have = cells[formula.column].value
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if abs(have - value) > AGREEMENT * abs(value) if number else have != value:
            shown = f"{value:.{COMPUTED_DIGITS}g}" if number else value
            raise RowError(
                f"{table}: {formula.column} = {cells[formula.column].text}, but {shown} follows from the others. "
                f"Leave {formula.column} out, and it is computed; or correct them. Nothing was written"
            )


def _known_references(resource: Mapping[str, Any], cells: Mapping[str, Cell], folder: Path) -> None:
    """Refuse a name that another table does not have, with the nearest that it has."""
    for key in resource["schema"].get("foreignKeys", []):
        names = [key["fields"]] if isinstance(key["fields"], str) else key["fields"]
        others = key["reference"]["fields"]
        if len(names) > 1 or names[0] not in cells:
            continue
        known = datasets.load(key["reference"]["resource"], folder)[others if isinstance(others, str) else others[0]]
        if cells[names[0]].value not in set(known):
            raise unknown_name(f"{names[0]} (of {key['reference']['resource']})", cells[names[0]].value, known)


def _lacking(table: str, fields: list[Mapping[str, Any]]) -> str:
    width = max(len(field["name"]) for field in fields)
    lines = [f"  {field['name']:<{width}}  {_meaning(field)}" for field in fields]
    if any(field["name"] in columns(table) for field in fields):
        lines.append("The last of these can follow from one another: give one, and see which are still missing.")
    return "\n".join([f"{table}: these columns are required and missing; nothing was written", *lines])


def _meaning(field: Mapping[str, Any]) -> str:
    limits, words = field["constraints"], re.sub(r" Added in this edition[^.]*\.", "", field["description"])
    if "enum" in limits:
        return f"{words} One of: {'; '.join(limits['enum'])}."
    unit = f" In {field['unit']}." if field.get("unit", "1") != "1" else ""
    span = f" {limits['minimum']} to {limits['maximum']}." if {"minimum", "maximum"} <= limits.keys() else ""
    kind = {"boolean": " true or false.", "date": " As 2021-09-12."}.get(field["type"], "")
    return f"{words}{unit}{kind}{span}"


def _asked(field: Mapping[str, Any], ask: Callable[[str], str]) -> Cell:
    while True:
        try:
            if text := ask(f"{_meaning(field)}\n{field['name']} = ").strip():
                return _cell(field, text)
        except EOFError:
            raise RowError(f"{field['name']} is required; nothing was written") from None
        except (ValueError, LookupError) as error:
            print(error)


def _with_row(path: Path, texts: list[str], names: list[str], date: str | None) -> tuple[str, int]:
    """The text of the file with the new row, and its line: after all rows of its date or an earlier one."""
    with open(path, encoding="utf-8", newline="") as file:
        lines = file.readlines()
    end = "\r\n" if lines[0].endswith("\r\n") else "\n"
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator=end).writerow(texts)
    at = len(lines)
    if date and (day := texts[names.index(date)]):
        days = [row[names.index(date)] for row in csv.reader(lines)]
        while at > 1 and (not days[at - 1] or days[at - 1] > day):
            at -= 1
    return "".join([*lines[:at], out.getvalue(), *lines[at:]]), at + 1


def _checked(table: str, text: str, folder: Path) -> pd.DataFrame:
    """The table with its new text, loaded from a copy beside the tables that it refers to."""
    descriptor = datasets.package(folder)
    paths = {resource["name"]: resource["path"] for resource in descriptor["resources"]}
    resource = next(r for r in descriptor["resources"] if r["name"] == table)
    needed = {key["reference"]["resource"] for key in resource["schema"].get("foreignKeys", [])} - {table}
    with tempfile.TemporaryDirectory() as copy:
        for path in (datasets.DESCRIPTOR, *(paths[name] for name in needed)):
            (Path(copy) / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(folder / path, Path(copy) / path)
        (Path(copy) / paths[table]).parent.mkdir(parents=True, exist_ok=True)
        (Path(copy) / paths[table]).write_text(text, encoding="utf-8", newline="")
        try:
            return datasets.load(table, copy)
        except datasets.TableError as error:
            raise datasets.TableError(str(error).replace(str(Path(copy).resolve()), str(folder))) from None


def _replace(path: Path, text: str) -> None:
    """Put the new text in the place of the old at once, so that no reader ever sees half of it."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with open(handle, "w", encoding="utf-8", newline="") as file:
            file.write(text)
        shutil.copymode(path, name)
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise
