"""The tables of `data/`: each is checked against `datapackage.json` and returned with types, units and sources."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from energy_lib.checks import unknown_name

DESCRIPTOR = "datapackage.json"
_HERE = Path(__file__).resolve().parent


class TableError(ValueError):
    """A table that breaks its description; the message says file, line, column, rule and what was found."""


def load(name: str, data_dir: str | Path | None = None) -> pd.DataFrame:
    """The table `name`, checked, one column for each field of its schema and in that order.

    Numbers come as float64, integers as int64 (Int64 where cells may be empty), booleans as bool, dates as datetime64,
    text as strings. `.attrs` holds `name`, `title`, `licence`, `sources`, `units` (by column) and `path`. The frame is
    a copy: change it freely. `data_dir` is another folder with a `datapackage.json`.

    Raises `UnknownNameError` for a name that is not in `tables()`, and `TableError` for a table that breaks its schema,
    its keys or its identities.

    >>> gpus = load("gpus")
    >>> gpus.attrs["units"]["watts"]
    'W'
    >>> str(gpus["launch_date"].dt.year.min())
    '2010'
    """
    folder = _folder(data_dir)
    descriptor = package(folder)
    resource = _resource(name, descriptor)
    stamps = _stamps(resource, descriptor, folder)
    cached = _validated.get((str(folder), name))
    if cached is None or cached[0] != stamps:
        cached = _validated[str(folder), name] = (stamps, _read(resource, descriptor, folder))
    frame = cached[1].copy()
    frame.attrs = deepcopy(cached[1].attrs)
    return frame


def loaded() -> list[str]:
    """Names of the tables that this process has loaded, sorted: what its results depend on."""
    return sorted({name for _, name in _validated})


def tables(data_dir: str | Path | None = None) -> list[str]:
    """Names of all tables, in the order of `datapackage.json`.

    >>> tables()[:3]
    ['vision_models', 'nlp_models', 'gpus']
    """
    return [resource["name"] for resource in package(data_dir)["resources"]]


def package(data_dir: str | Path | None = None) -> dict[str, Any]:
    """The description of all tables, as `datapackage.json` holds it.

    Raises `TableError` if the file cannot be read or is not JSON.

    >>> package()["name"]
    'energy-of-inference'
    """
    path = _folder(data_dir) / DESCRIPTOR
    try:
        descriptor = json.loads(_text(path))
    except json.JSONDecodeError as error:
        raise TableError(f"{path}, line {error.lineno}: not JSON: {error.msg}") from None
    names = [r["name"] for r in descriptor["resources"]] if _describes_tables(descriptor) else None
    if names is None or len(set(names)) < len(names):
        raise TableError(f"{path}: 'resources' must be a list of tables, each with its own name, a path and a schema")
    return descriptor


def sha256(name: str, data_dir: str | Path | None = None) -> str:
    """SHA-256 of the file of table `name`, in hexadecimal: the same digest means the same bytes.

    Raises `UnknownNameError` for an unknown table, and `TableError` if the file is missing.

    >>> len(sha256("gpus"))
    64
    """
    folder = _folder(data_dir)
    return hashlib.sha256(_bytes(folder / _resource(name, package(folder))["path"])).hexdigest()


# By folder and table: the state of the files that were read, and the frame that came of them.
_validated: dict[tuple[str, str], tuple[tuple, pd.DataFrame]] = {}

# Stricter than float() and int(), which also take "nan", "1_000", blanks, and digits of other scripts.
_PLAIN = {
    "number": re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?"),
    "integer": re.compile(r"[+-]?[0-9]+"),
    "date": re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}"),
}
_MARKUP = re.compile(r"<[a-zA-Z/!?]")


class _Fault(NamedTuple):
    """One broken rule; faults sort by line."""

    line: int
    column: str
    rule: str
    found: str

    def __str__(self) -> str:
        return f"line {self.line}, {self.column}: {self.rule}; found {self.found}"


def _folder(data_dir: str | Path | None) -> Path:
    """The folder that holds the tables: the one asked for, that of an installed wheel, or that of a clone."""
    if data_dir is not None:
        return Path(data_dir).resolve()
    for folder in (_HERE / "data", _HERE.parent / "data"):
        if (folder / DESCRIPTOR).is_file():
            return folder
    raise TableError(
        f"no {DESCRIPTOR} in {_HERE / 'data'} or {_HERE.parent / 'data'}: energy_lib is not fully installed"
    )


def _describes_tables(descriptor: Any) -> bool:
    resources = descriptor.get("resources") if isinstance(descriptor, dict) else None
    return isinstance(resources, list) and all(
        isinstance(r, dict) and {"name", "path", "title", "schema"} <= r.keys() for r in resources
    )


def _resource(name: str, descriptor: dict[str, Any]) -> dict[str, Any]:
    by_name = {resource["name"]: resource for resource in descriptor["resources"]}
    if name not in by_name:
        raise unknown_name("table", name, by_name)
    return by_name[name]


def _stamps(resource: dict[str, Any], descriptor: dict[str, Any], folder: Path) -> tuple:
    """Path, time and size of every file that decides whether the table is valid."""
    keys = resource["schema"].get("foreignKeys", [])
    others = [_resource(key["reference"]["resource"], descriptor)["path"] for key in keys]
    stamps = []
    for path in (folder / p for p in (DESCRIPTOR, resource["path"], *others)):
        try:
            stat = path.stat()
        except OSError as error:
            raise TableError(f"{path}: cannot be read: {error.strerror}") from None
        stamps.append((str(path), stat.st_mtime_ns, stat.st_size))
    return tuple(stamps)


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise TableError(f"{path}: cannot be read: {error.strerror}") from None


def _text(path: Path) -> str:
    data = _bytes(path)
    if data.startswith(b"\xef\xbb\xbf"):
        raise TableError(f"{path}, line 1: starts with a byte-order mark; save it as UTF-8 without one")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise TableError(f"{path}, line {line}: not UTF-8: byte 0x{data[error.start]:02x}") from None


def _read(resource: dict[str, Any], descriptor: dict[str, Any], folder: Path) -> pd.DataFrame:
    path = folder / resource["path"]
    fields = resource["schema"]["fields"]
    try:
        rows = list(csv.reader(io.StringIO(_text(path), newline=""), strict=True))
    except csv.Error as error:
        raise TableError(f"{path}: not CSV: {error}") from None
    faults = list(_shape_faults(rows, fields))
    if not faults:
        faults = [*_cell_faults(rows, fields), *_schema_faults(resource, descriptor, folder)]
    if faults:
        faults.sort(key=lambda fault: fault.line)
        more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
        raise TableError(f"{path}, {faults[0]}{more}")
    cells = list(zip(*rows[1:], strict=True)) or [()] * len(fields)
    frame = pd.DataFrame({field["name"]: _column(field, values) for field, values in zip(fields, cells, strict=True)})
    frame.attrs = {
        "name": resource["name"],
        "title": resource["title"],
        "licence": ", ".join(licence["name"] for licence in resource.get("licenses", [])),
        "sources": deepcopy(resource.get("sources", [])),
        "units": {field["name"]: field["unit"] for field in fields if "unit" in field},
        "path": str(path),
    }
    return frame


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


def _schema_faults(resource: dict[str, Any], descriptor: dict[str, Any], folder: Path) -> Iterator[_Fault]:
    # Imported here because it takes as long as pandas, and most users of the library load no table.
    from frictionless import Checklist, FrictionlessException, Package, checks

    reasons = {identity["formula"]: identity["reason"] for identity in resource.get("identities", [])}
    checklist = Checklist(checks=[checks.row_constraint(formula=formula) for formula in reasons])
    referred = {key["reference"]["resource"] for key in resource["schema"].get("foreignKeys", [])}
    needed = [other for other in descriptor["resources"] if other["name"] in {resource["name"], *referred}]
    try:
        schema_package = Package.from_descriptor({**descriptor, "resources": needed}, basepath=str(folder))
        report = schema_package.get_resource(resource["name"]).validate(checklist)
    except FrictionlessException as error:
        raise TableError(f"{folder / DESCRIPTOR}: {resource['name']} cannot be checked: {error}") from None
    names = [field["name"] for field in resource["schema"]["fields"]]
    for error in (*report.errors, *(e for task in report.tasks for e in task.errors)):
        yield _fault(error, names, reasons)


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


def _column(field: dict[str, Any], cells: tuple[str, ...]) -> pd.Series:
    required = field.get("constraints", {}).get("required", False)
    values = [cell or None for cell in cells]
    if field["type"] == "number":
        return pd.Series([None if v is None else float(v) for v in values], dtype="float64")
    if field["type"] == "integer":
        return pd.Series([None if v is None else int(v) for v in values], dtype="int64" if required else "Int64")
    if field["type"] == "boolean":
        return pd.Series([None if v is None else v == "true" for v in values], dtype="bool" if required else "boolean")
    if field["type"] == "date":
        return pd.to_datetime(pd.Series(values, dtype="object"), format="%Y-%m-%d").astype("datetime64[ns]")
    return pd.Series(values, dtype="str" if int(pd.__version__.split(".")[0]) >= 3 else "object")
