"""Checks tables in full against `datapackage.json`, and records the digests of those that pass.

`python -m energy_lib.validation` checks the tables whose digest is not on record, and records them; `--all` checks
every one. What the rules of Frictionless let through is checked here too.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from energy_lib import datasets
from energy_lib.datasets import DESCRIPTOR, VALIDATED, TableError

# Stricter than float() and int(), which also take "nan", "1_000", blanks, and digits of other scripts.
_PLAIN = {
    "number": re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?"),
    "integer": re.compile(r"[+-]?[0-9]+"),
    "date": re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}"),
}
_MARKUP = re.compile(r"<[a-zA-Z/!?]")


def validate(name: str, data_dir: str | Path | None = None) -> None:
    """Check a table in full: columns, cells, types, ranges, keys and identities.

    Raises `TableError` with file, line, column, rule and value of the first fault, and the number of the others; and
    where Frictionless is not installed.

    >>> validate("gpus")
    """
    folder = datasets.folder_of(data_dir)
    resource = datasets.resource_of(name, folder)
    path, fields = folder / resource["path"], resource["schema"]["fields"]
    rows = datasets.rows_of(path)
    faults = list(_shape_faults(rows, fields))
    if not faults:
        faults = [*_cell_faults(rows, fields), *_schema_faults(resource, folder)]
    if faults:
        faults.sort(key=lambda fault: fault.line)
        more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
        raise TableError(f"{path}, {faults[0]}{more}")


def validate_changed(data_dir: str | Path | None = None, *, everything: bool = False) -> list[str]:
    """Check the tables whose digest is not on record, or all, and record the digests; returns the names of the checked.

    Raises `TableError` with the first fault of each table that fails, a line each; those that pass are recorded.
    """
    folder = datasets.folder_of(data_dir)
    recorded, names = datasets.recorded_digests(folder), datasets.tables(folder)
    known = {name: recorded[name] for name in names if name in recorded}
    checked, broken = [], []
    for name in names:
        current = datasets.digest(name, folder)
        if everything or known.get(name) != current:
            known.pop(name, None)
            try:
                validate(name, folder)
            except TableError as error:
                broken.append(str(error))
                continue
            known[name] = current
            checked.append(name)
    if known != recorded:
        _write(folder / VALIDATED, json.dumps(known, indent=0, sort_keys=True) + "\n")
    if broken:
        raise TableError("\n".join(broken))
    return checked


def main(arguments: Sequence[str] | None = None) -> int:
    """Check tables and say how many; 1 after one line on stderr that names the first fault."""
    parser = argparse.ArgumentParser(prog="python -m energy_lib.validation", description=__doc__)
    parser.add_argument("--all", action="store_true", help="check every table, on record or not")
    parser.add_argument("--data-dir", help="another folder with a datapackage.json")
    given = parser.parse_args(arguments)
    try:
        checked = validate_changed(given.data_dir, everything=given.all)
    except TableError as error:
        print(error, file=sys.stderr)
        return 1
    if checked:
        print(f"Checked {len(checked)} tables: {', '.join(checked)}.")
    return 0


class _Fault(NamedTuple):
    """One broken rule; faults sort by line."""

    line: int
    column: str
    rule: str
    found: str

    def __str__(self) -> str:
        return f"line {self.line}, {self.column}: {self.rule}; found {self.found}"


def _shape_faults(rows: list[list[str]], fields: list[dict[str, Any]]) -> Iterator[_Fault]:
    """Columns and cells that are missing, too many or out of order: whatever else is wrong may follow from these."""
    labels, names = rows[0] if rows else [], [field["name"] for field in fields]
    for name in names:
        if name not in labels:
            yield _Fault(1, f"column {name!r}", "missing-column: all that are described must be there", repr(labels))
    for label in labels:
        if label not in names or labels.count(label) > 1:
            yield _Fault(1, f"column {label!r}", "extra-column: not in the description, or there twice", repr(label))
    if sorted(labels) == sorted(names) and labels != names:
        at = next(i for i, name in enumerate(names) if labels[i] != name)
        yield _Fault(1, f"column {names[at]!r}", f"column-order: must be column number {at + 1}", repr(labels[at]))
    if labels == names:
        for line, row in enumerate(rows[1:], start=2):
            if len(row) != len(names):
                beyond = "the whole row" if len(row) > len(names) else f"column {names[len(row)]!r}"
                yield _Fault(line, beyond, f"stray-row: must have {len(names)} cells", f"{len(row)} cells: {row}")


def _cell_faults(rows: list[list[str]], fields: list[dict[str, Any]]) -> Iterator[_Fault]:
    """What frictionless lets through: blanks around a cell, line breaks in it, NaN and infinity as numbers."""
    for line, row in enumerate(rows, start=1):
        for field, cell in zip(fields, row, strict=False):
            column = f"column {field['name']!r}"
            if cell and (cell != cell.strip() or not cell.isprintable()):
                yield _Fault(line, column, "no blanks around a value and no control characters in it", repr(cell))
            plain = _PLAIN.get(field["type"])
            if line > 1 and cell and plain and not plain.fullmatch(cell):
                yield _Fault(line, column, f"must be a plain {field['type']}", repr(cell))
            if cell[:1] in ("=", "+", "-", "@") and not _PLAIN["number"].fullmatch(cell):
                yield _Fault(line, column, "must not begin like a formula, which spreadsheets would run", repr(cell))
            if _MARKUP.search(cell):
                yield _Fault(
                    line, column, "no markup: a '<' must not stand before a letter, '/', '!' or '?'", repr(cell)
                )


def _schema_faults(resource: dict[str, Any], folder: Path) -> Iterator[_Fault]:
    frictionless = _frictionless(folder / resource["path"])
    reasons = {identity["formula"]: identity["reason"] for identity in resource.get("identities", [])}
    checklist = frictionless.Checklist(checks=[frictionless.checks.row_constraint(formula=f) for f in reasons])
    needed = {each["name"]: each for each in (resource, *datasets.referred(resource, folder))}
    package = {**datasets.package(folder), "resources": list(needed.values())}
    try:
        described = frictionless.Package.from_descriptor(package, basepath=str(folder))
        report = described.get_resource(resource["name"]).validate(checklist)
    except frictionless.FrictionlessException as error:
        raise TableError(f"{folder / DESCRIPTOR}: {resource['name']} cannot be checked: {error}") from None
    names = [field["name"] for field in resource["schema"]["fields"]]
    for error in (*report.errors, *(e for task in report.tasks for e in task.errors)):
        yield _fault(error, names, reasons)


def _frictionless(path: Path) -> Any:
    """Frictionless, without what jsonschema would compile for seconds: the grammar of a format that no table has."""
    grammar = "rfc3987_syntax"
    sys.modules.setdefault(grammar, None)
    try:
        import frictionless
        import frictionless.checks
        import jsonschema  # noqa: F401  what looks for the grammar
    except ImportError:
        raise TableError(
            f"{path}: its digest is not on record in {VALIDATED}, so that it must be checked before use, which needs "
            "Frictionless: pip install 'energy-lib[tables]'"
        ) from None
    finally:
        if sys.modules[grammar] is None:
            del sys.modules[grammar]
    return frictionless


def _fault(error: Any, names: list[str], reasons: dict[str, str]) -> _Fault:
    """An error of frictionless, in our words where they say more."""
    line = getattr(error, "row_number", None) or 1
    cells = getattr(error, "cells", [])
    used, rule, note = [], error.type, error.note or error.message
    if error.type == "row-constraint":
        formula = next(f for f in reasons if f'"{f}"' in note)
        used = [name for name in names if re.search(rf"\b{re.escape(name)}\b", formula)]
        rule, note = "identity", reasons[formula]
    elif error.type == "foreign-key":
        used = error.field_names
    elif getattr(error, "field_name", None):
        used = [error.field_name]
    row = dict(zip(names, cells, strict=False))
    found = ", ".join(f"{name} = {row.get(name)!r}" for name in used) or repr(cells)
    return _Fault(line, f"column {', '.join(map(repr, used))}" if used else "the whole row", f"{rule}: {note}", found)


def _write(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    unfinished = path.with_name(f"{path.name}.unfinished")
    try:
        unfinished.write_text(text, encoding="utf-8", newline="\n")
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


if __name__ == "__main__":
    sys.exit(main())
