"""What is known of a table without keeping it: digests of its columns and rows, and where another version differs.

A row and a column whose digests differ cross at the cell that changed, so a reviewer is told the place.
"""

from __future__ import annotations

import csv
import hashlib
import io
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any, NamedTuple

ROW_DIGITS = 4  # of each row's digest; a column's is long enough to miss nothing
COLUMN_DIGITS = 16


class Difference(NamedTuple):
    """One place where a table differs: its line in the new file (0 for the table as a whole), its columns, and how."""

    line: int
    columns: tuple[str, ...]
    what: str

    def __str__(self) -> str:
        place = f"line {self.line}" if self.line else "the whole table"
        where = f", column {', '.join(map(repr, self.columns))}" if self.columns else ""
        return f"{place}{where}: {self.what}"


def fingerprint(path: Path) -> dict[str, Any]:
    """Digests of a CSV file: `columns` by name, in order, and `rows`, one after the other in one text."""
    rows = list(csv.reader(io.StringIO(path.read_text(encoding="utf-8"), newline="")))
    header, body = rows[0], rows[1:]
    columns = {name: _digest([row[i] for row in body], COLUMN_DIGITS) for i, name in enumerate(header)}
    return {"columns": columns, "rows": "".join(_digest(row, ROW_DIGITS) for row in body)}


def differences(before: dict[str, Any], after: dict[str, Any]) -> list[Difference]:
    """Where a table differs from an earlier one, by their fingerprints; empty where every cell is the same."""
    old, new = list(before["columns"]), list(after["columns"])
    if old != new:
        gone, come = [c for c in old if c not in new], [c for c in new if c not in old]
        kinds = (
            (gone, "column is gone"),
            (come, "column is new"),
            (new if not gone + come else [], "columns are in another order"),
        )
        return [Difference(0, tuple(names), what) for names, what in kinds if names]
    changed = tuple(c for c in new if before["columns"][c] != after["columns"][c])
    if not changed:
        return []
    rows, earlier = _rows(after), _rows(before)
    if rows == earlier:  # digests of rows are short: once in 65,536 they miss a change that a column's does not
        return [Difference(0, changed, "a row has changed")]
    if sorted(rows) == sorted(earlier):
        first = next(i for i, row in enumerate(rows) if row != earlier[i])
        return [Difference(first + 2, changed, "rows are in another order from here on")]
    return _of_rows(earlier, rows, changed)


def _of_rows(before: list[str], after: list[str], changed: tuple[str, ...]) -> list[Difference]:
    found = []
    for kind, i, j, start, end in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        both = min(j - i, end - start)
        if kind == "equal":
            continue
        found += [Difference(n + 2, changed, "row has changed") for n in range(start, start + both)]
        found += [Difference(n + 2, (), "row is new") for n in range(start + both, end)]
        if (missing := j - i - both) > 0:
            found.append(Difference(end + 2, (), f"{missing} row{'s are' if missing > 1 else ' is'} gone before here"))
    return found


def _rows(known: dict[str, Any]) -> list[str]:
    text = known["rows"]
    return [text[i : i + ROW_DIGITS] for i in range(0, len(text), ROW_DIGITS)]


def _digest(cells: list[str], digits: int) -> str:
    return hashlib.sha256("\x1f".join(cells).encode()).hexdigest()[:digits]
