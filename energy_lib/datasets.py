"""The tables of `data/`, with types, units and sources, each checked against `datapackage.json` before it is used."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import time
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from threading import RLock
from typing import Any, NamedTuple, TypeVar

import numpy as np
import pandas as pd

from energy_lib.checks import unknown_name

DESCRIPTOR = "datapackage.json"
VALIDATED = "validated.json"  # digests of the tables that passed every check
INDEX_LOOKS_AFTER_S = 1.0
_HERE = Path(__file__).resolve().parent
_RULES = _HERE / "validation.py"
_PANDAS_3 = int(pd.__version__.split(".")[0]) >= 3
Made = TypeVar("Made")


class TableError(ValueError):
    """A table that breaks its description; the message says file, line, column, rule and what was found."""


def load(name: str, data_dir: str | Path | None = None) -> pd.DataFrame:
    """The table `name`, one column for each field of its schema and in that order.

    Numbers come as float64, integers as int64 (Int64 where cells may be empty), booleans as bool, dates as datetime64,
    text as strings. `.attrs` holds `name`, `title`, `licence`, `sources`, `units` (by column) and `path`. The frame is
    a copy: change it freely. `data_dir` is another folder with a `datapackage.json`.

    A table whose digest is on record passed all checks and is read straight; any other is checked in full first, which
    needs Frictionless. Threads may ask at once: the first one reads, the others wait.

    Raises `UnknownNameError` for a name that is not in `tables()`, and `TableError` for a table that breaks its schema,
    its keys or its identities.

    >>> gpus = load("gpus")
    >>> gpus.attrs["units"]["watts"]
    'W'
    >>> str(gpus["launch_date"].dt.year.min())
    '2010'
    """
    # From pandas 3 on a shallow copy is enough: columns are copied when they are written to.
    return _current(name, data_dir).frame.copy(deep=not _PANDAS_3)


def index(name: str, make: Callable[[pd.DataFrame], Made], data_dir: str | Path | None = None) -> Made:
    """What `make` builds of the table `name`; built once, and again when the table's file changes.

    A look-up in it costs no copy of the table, and the file is looked at once a second at most. Whoever gets what was
    built must not change it.

    >>> watts = index("gpus", lambda table: dict(zip(table["gpu"], table["watts"], strict=True)))
    >>> watts["GeForce GTX 580"]
    244
    """
    table = _current(name, data_dir, looked_at_within_s=INDEX_LOOKS_AFTER_S)
    if make not in table.made:
        with _lock:
            if make not in table.made:
                table.made[make] = make(table.frame.copy(deep=not _PANDAS_3))
    return table.made[make]


def loaded() -> list[str]:
    """Names of the tables that this process has loaded, sorted: what its results depend on."""
    return sorted({name for _, name in _tables})


def tables(data_dir: str | Path | None = None) -> list[str]:
    """Names of all tables, in the order of `datapackage.json`.

    >>> tables()[:3]
    ['vision_models', 'nlp_models', 'gpus']
    """
    return [resource["name"] for resource in _description(folder_of(data_dir)).package["resources"]]


def package(data_dir: str | Path | None = None) -> dict[str, Any]:
    """The description of all tables, as `datapackage.json` holds it.

    Raises `TableError` if the file cannot be read or is not JSON.

    >>> package()["name"]
    'energy-of-inference'
    """
    return deepcopy(_description(folder_of(data_dir)).package)


def sha256(name: str, data_dir: str | Path | None = None) -> str:
    """SHA-256 of the file of table `name`, in hexadecimal: the same digest means the same bytes.

    Raises `UnknownNameError` for an unknown table, and `TableError` if the file is missing.

    >>> len(sha256("gpus"))
    64
    """
    folder = folder_of(data_dir)
    return hashlib.sha256(_bytes(folder / resource_of(name, folder)["path"])).hexdigest()


def digest(name: str, data_dir: str | Path | None = None) -> str:
    """SHA-256 of all that decides whether a table is valid: its rows, its description, the tables that it refers to,
    and the rules that check it; the same for any line ends.

    >>> digest("gpus") == recorded_digests()["gpus"]
    True
    """
    folder = folder_of(data_dir)
    resource = resource_of(name, folder)
    total = hashlib.sha256(json.dumps(resource, sort_keys=True).encode())
    for path in (_RULES, *(folder / other["path"] for other in (resource, *referred(resource, folder)))):
        total.update(hashlib.sha256(_bytes(path).replace(b"\r\n", b"\n")).digest())
    return total.hexdigest()


def recorded_digests(data_dir: str | Path | None = None) -> dict[str, str]:
    """Digests of the tables that were checked in full, by name, as `python -m energy_lib.validation` recorded them."""
    try:
        return dict(json.loads((folder_of(data_dir) / VALIDATED).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):  # no record, or a damaged one: every table is checked before its use
        return {}


def folder_of(data_dir: str | Path | None) -> Path:
    """The folder that holds the tables: the one asked for, that of an installed wheel, or that of a clone."""
    return _own_folder() if data_dir is None else Path(data_dir).resolve()


@cache
def _own_folder() -> Path:
    for folder in (_HERE / "data", _HERE.parent / "data"):
        if (folder / DESCRIPTOR).is_file():
            return folder
    raise TableError(
        f"no {DESCRIPTOR} in {_HERE / 'data'} or {_HERE.parent / 'data'}: energy_lib is not fully installed"
    )


def resource_of(name: str, folder: Path) -> dict[str, Any]:
    """The description of one table. Raises `UnknownNameError`."""
    resources = _description(folder).resources
    if name not in resources:
        raise unknown_name("table", name, resources)
    return resources[name]


def referred(resource: dict[str, Any], folder: Path) -> list[dict[str, Any]]:
    """Descriptions of the tables that the foreign keys of a table name, in their order."""
    keys = resource["schema"].get("foreignKeys", [])
    return [resource_of(name, folder) for name in dict.fromkeys(key["reference"]["resource"] for key in keys)]


def text_of(path: Path) -> str:
    """The text of a file. Raises `TableError` where it cannot be read or is not plain UTF-8."""
    data = _bytes(path)
    if data.startswith(b"\xef\xbb\xbf"):
        raise TableError(f"{path}, line 1: starts with a byte-order mark; save it as UTF-8 without one")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise TableError(f"{path}, line {line}: not UTF-8: byte 0x{data[error.start]:02x}") from None


def rows_of(path: Path) -> list[list[str]]:
    """The cells of a file, its header first. Raises `TableError` where it is not CSV."""
    try:
        return list(csv.reader(io.StringIO(text_of(path), newline=""), strict=True))
    except csv.Error as error:
        raise TableError(f"{path}: not CSV: {error}") from None


class _Description(NamedTuple):
    """`datapackage.json` as it was read, and the state of the file then."""

    stamp: tuple[int, int]
    package: dict[str, Any]
    resources: dict[str, dict[str, Any]]


@dataclass
class _Table:
    """A table as it was read, the files that decide whether it is valid, as they were, and what `index` built of it."""

    stamps: dict[str, tuple[int, int]]
    frame: pd.DataFrame
    looked_at_s: float
    made: dict[Callable, Any] = field(default_factory=dict)

    def is_fresh(self, looked_at_within_s: float) -> bool:
        """Whether the files are as they were; they are not looked at again within that time."""
        now = time.monotonic()
        if now - self.looked_at_s < looked_at_within_s:
            return True
        self.looked_at_s = now
        return all(_stamp(path) == stamp for path, stamp in self.stamps.items())


# What this process has read, by folder and by folder and name. One thread at a time reads.
_descriptions: dict[Path, _Description] = {}
_tables: dict[tuple[Path, str], _Table] = {}
_lock = RLock()


def _description(folder: Path) -> _Description:
    path = folder / DESCRIPTOR
    stamp, known = _stamp(path), _descriptions.get(folder)
    if known is not None and known.stamp == stamp:
        return known
    try:
        descriptor = json.loads(text_of(path))
    except json.JSONDecodeError as error:
        raise TableError(f"{path}, line {error.lineno}: not JSON: {error.msg}") from None
    resources = {r["name"]: r for r in descriptor["resources"]} if _describes_tables(descriptor) else {}
    if not resources or len(resources) < len(descriptor["resources"]):
        raise TableError(f"{path}: 'resources' must be a list of tables, each with its own name, a path and a schema")
    _descriptions[folder] = _Description(stamp, descriptor, resources)
    return _descriptions[folder]


def _describes_tables(descriptor: Any) -> bool:
    resources = descriptor.get("resources") if isinstance(descriptor, dict) else None
    return isinstance(resources, list) and all(
        isinstance(r, dict) and {"name", "path", "title", "schema"} <= r.keys() for r in resources
    )


def _current(name: str, data_dir: str | Path | None, looked_at_within_s: float = 0.0) -> _Table:
    """The table as its files are now, or were when they were last looked at."""
    folder = folder_of(data_dir)
    known = _tables.get((folder, name))
    if known is None or not known.is_fresh(looked_at_within_s):
        with _lock:
            known = _tables.get((folder, name))
            if known is None or not known.is_fresh(0.0):
                known = _tables[folder, name] = _read(resource_of(name, folder), folder)
    return known


def _stamp(path: str | Path) -> tuple[int, int]:
    try:
        stat = os.stat(path)
    except OSError as error:
        raise TableError(f"{path}: cannot be read: {error.strerror}") from None
    return stat.st_mtime_ns, stat.st_size


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise TableError(f"{path}: cannot be read: {error.strerror}") from None


def _read(resource: dict[str, Any], folder: Path) -> _Table:
    files = (DESCRIPTOR, *(each["path"] for each in (resource, *referred(resource, folder))))
    looked_at_s = time.monotonic()  # before anything is read
    stamps = {str(folder / file): _stamp(folder / file) for file in files}
    name, path, fields = resource["name"], folder / resource["path"], resource["schema"]["fields"]
    if recorded_digests(folder).get(name) != digest(name, folder):
        from energy_lib import validation  # most tables are on record, and this loads Frictionless

        validation.validate(name, folder)
    rows = rows_of(path)
    cells = list(zip(*rows[1:], strict=True)) or [()] * len(fields)
    frame = pd.DataFrame({each["name"]: _column(each, values) for each, values in zip(fields, cells, strict=True)})
    frame.attrs = {
        "name": resource["name"],
        "title": resource["title"],
        "licence": ", ".join(licence["name"] for licence in resource.get("licenses", [])),
        "sources": deepcopy(resource.get("sources", [])),
        "units": {each["name"]: each["unit"] for each in fields if "unit" in each},
        "path": str(path),
    }
    return _Table(stamps, frame, looked_at_s)


def _column(described: dict[str, Any], cells: tuple[str, ...]) -> pd.Series:
    required, kind = described.get("constraints", {}).get("required", False), described["type"]
    if kind == "number":
        return pd.Series(np.array([float(cell) if cell else np.nan for cell in cells], dtype=float))
    if kind == "integer":
        values = [int(cell) if cell else None for cell in cells]
        return pd.Series(values, dtype="int64" if required else "Int64")
    if kind == "boolean":
        values = [cell == "true" if cell else None for cell in cells]
        return pd.Series(values, dtype="bool" if required else "boolean")
    if kind == "date":
        return pd.Series(np.array([cell or "NaT" for cell in cells], dtype="datetime64[ns]"))
    return pd.Series([cell or None for cell in cells], dtype="str" if _PANDAS_3 else "object")
