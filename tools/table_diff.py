"""Which rows of the tables changed, compared with the commit in which an edition was frozen."""

from __future__ import annotations

import csv
import io
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

SHOWN = 20  # rows of one table, before the rest is counted only

Rows = dict[tuple[str, ...], dict[str, str]]


def since(root: Path, edition: str, changed: Mapping[str, str], resources: Iterable[Any]) -> list[str]:
    """For each changed table its rows that appeared, vanished or hold other values; or why they cannot be told."""
    if not changed:
        return []
    commit = _git(root, "log", "-1", "--format=%H", "--", f"book/editions/{edition}.json")
    if not commit:
        return ["Rows are not compared: this copy lacks the commit of the last edition."]
    lines = []
    for described in resources:
        if changed.get(described["name"]) == "changed":
            path = f"data/{described['path']}"
            key = described["schema"].get("primaryKey", [])
            key = [key] if isinstance(key, str) else key
            old = rows(_git(root, "show", f"{commit.strip()}:{path}"), key)
            lines += compared(described["name"], old, rows((root / path).read_text(encoding="utf-8"), key))
    return lines


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
    more = len(lines) - SHOWN
    return lines[:SHOWN] + ([f"{name}: {more} more rows"] if more > 0 else [])


def _git(root: Path, *arguments: str) -> str:
    found = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=False, encoding="utf-8")
    return found.stdout if found.returncode == 0 else ""
