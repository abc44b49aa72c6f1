"""Which rows of the tables, and which charts, changed since an edition was frozen."""

from __future__ import annotations

import csv
import io
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).resolve().parents[1] / "book" / "_ext"))

import editions
import fingerprint
import project
import record

SHOWN = 20  # rows of one table, before the rest is counted only

Rows = dict[tuple[str, ...], dict[str, str]]


def since(root: Path, old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """For each table that changed since the edition `old`: its rows that appeared, vanished or hold other values.

    The values are those of the commit of the edition. Where this copy lacks it, and for what values do not tell, such
    as another order, the fingerprints that the edition keeps name the rows and the columns.
    """
    commit, lines = commit_of(root, old), []
    for described in project.package(root)["resources"]:
        name, path = described["name"], f"data/{described['path']}"
        before, after = old["data"].get(name), new["data"].get(name)
        if before is None or after is None or before == after:
            continue
        key = described["schema"].get("primaryKey", [])
        key = [key] if isinstance(key, str) else key
        earlier = project.git(root, "show", f"{commit}:{path}") if commit else ""
        told = (
            compared(name, rows(earlier, key), rows((root / path).read_text(encoding="utf-8"), key)) if earlier else []
        )
        lines += told or shortened(name, [f"{name} {place}" for place in fingerprint.differences(before, after)])
    return lines


def commit_of(root: Path, old: Mapping[str, Any]) -> str:
    """The commit of an edition; empty where this copy lacks it."""
    return project.git(root, "log", "-1", "--format=%H", "--", f"book/editions/{old['edition']}.json").strip()


def charts_since(root: Path, old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, str]:
    """The hashes of the charts of today; that of the edition where no row differs by more than the tolerance."""
    found, commit = dict(new["charts"]), commit_of(root, old)
    changed = [name for name, known in old["charts"].items() if name in found and found[name] != known]
    if not (changed and commit):
        return found
    today = record.charts(root / "notebooks")
    with tempfile.TemporaryDirectory() as folder:
        for name in {today[name].notebook for name in changed}:
            earlier = project.git(root, "show", f"{commit}:notebooks/{name}.ipynb")
            if earlier:
                (Path(folder) / f"{name}.ipynb").write_text(earlier, encoding="utf-8")
        before = record.charts(Path(folder))
    for name in changed:
        if name in before:
            drawn = [list(editions.row_sets(chart.spec)) for chart in (before[name], today[name])]
            found[name] = old["charts"][name] if editions.agree(*drawn) else found[name]
    return found


def rows(text: str, key: list[str]) -> Rows:
    """The rows of a table by their key; by all their cells where it has none."""
    return {tuple(row.get(part, "") for part in key or row): row for row in csv.DictReader(io.StringIO(text))}


def compared(name: str, old: Rows, new: Rows) -> list[str]:
    """A line for each row that differs.

    >>> compared("gpus", {("A",): {"gpu": "A", "tdp_w": "250"}}, {("A",): {"gpu": "A", "tdp_w": "300"}, ("B",): {}})
    ['gpus [A]: tdp_w 250 -> 300', 'gpus [B]: new']
    """
    lines = []
    for key in [*old, *(key for key in new if key not in old)]:
        place = f"{name} [{', '.join(key)}]"
        if key not in new:
            lines.append(f"{place}: gone")
        elif key not in old:
            lines.append(f"{place}: new")
        elif old[key] != new[key]:
            cells = [column for column in {**old[key], **new[key]} if old[key].get(column) != new[key].get(column)]
            told = (f"{cell} {old[key].get(cell) or 'empty'} -> {new[key].get(cell) or 'empty'}" for cell in cells)
            lines.append(f"{place}: " + ", ".join(told))
    return shortened(name, lines)


def shortened(name: str, lines: list[str]) -> list[str]:
    more = len(lines) - SHOWN
    return lines[:SHOWN] + ([f"{name}: {more} more rows"] if more > 0 else [])
