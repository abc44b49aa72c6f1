"""Released editions: what each published, what moved since, and whether book/changes.md says why.

An edition is one file, `book/editions/NAME.json`, written by `make release`.
"""

import csv
import fnmatch
import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from math import isclose
from pathlib import Path
from typing import Any

import project
import record
from fingerprint import fingerprint

FOLDER = Path("book") / "editions"
CHANGES = Path("book") / "changes.md"
KEPT = ("what", "value", "low", "high", "unit", "text", "interval_text", "notebook")
DIGITS = 5  # of the rows of charts, whose hash no last digit may change
COMPARED = ("value", "low", "high", "unit", "text")
TOLERANCE = 1e-6  # relative: below it a number has not moved, as processors differ in last digits
# A line of book/changes.md that says why numbers moved: - `key`, `other.*`: the reason
REASON = re.compile(r"^[-*] +((?:`[^`\n]+`(?:,| and)? *)+): *(\S.*)$", re.MULTILINE)
PATTERN = re.compile(r"[a-z0-9_]+\.[a-z0-9_.*?]*\Z", re.IGNORECASE)


@dataclass(frozen=True)
class Move:
    """A published number that moved, appeared (`old` is None) or vanished (`new` is None)."""

    key: str
    old: Mapping[str, Any] | None
    new: Mapping[str, Any] | None

    @property
    def kind(self) -> str:
        if self.old is None:
            return "appeared"
        return "vanished" if self.new is None else "moved"

    @property
    def change(self) -> str:
        """By how much the value moved: in per cent, or as a difference from zero."""
        if self.old is None or self.new is None:
            return self.kind
        before, after = self.old["value"], self.new["value"]
        if before == after:
            return "interval or unit only"
        if isinstance(before, str) or isinstance(after, str):
            return "in words"
        return f"{100 * (after / before - 1):+.3g} %" if before else f"{after - before:+.3g}"


def with_interval(number: Mapping[str, Any] | None) -> str:
    """A number of an edition as pages show it."""
    if number is None:
        return "\N{EN DASH}"
    return number["text"] + (f" ({number['interval_text']})" if number["interval_text"] else "")


def snapshot(root: Path, found: record.Record) -> dict[str, Any]:
    """What the executed notebooks and the tables hold now, in the form of an edition."""
    numbers = sorted(found.numbers.items())
    return {
        "numbers": {key: {part: getattr(number, part) for part in KEPT} for key, number in numbers},
        "charts": {name: chart_data(chart.spec) for name, chart in sorted(found.charts.items())},
        "tables": {name: _hash([table.columns, table.rows]) for name, table in sorted(found.tables.items())},
        "data": {name: sums(path) | fingerprint(path) for name, path in sorted(data_files(root).items())},
    }


def data_files(root: Path) -> dict[str, Path]:
    """The file of every table of `data/` by the table's name."""
    return {each["name"]: root / "data" / each["path"] for each in project.package(root)["resources"]}


def sums(path: Path) -> dict[str, Any]:
    """SHA-256 and number of rows of a table."""
    content = path.read_bytes()
    rows = sum(1 for _ in csv.reader(content.decode("utf-8").splitlines(keepends=True))) - 1
    return {"sha256": hashlib.sha256(content).hexdigest(), "rows": rows}


def chart_data(spec: Mapping[str, Any]) -> str:
    """A hash of all rows that a chart draws, whatever it looks like and whatever names its data sets bear."""
    return _hash(sorted(_hash(_rounded(rows)) for rows in row_sets(spec)))


def _rounded(part: Any) -> Any:
    """The same with its numbers to fewer digits than machines agree on."""
    if isinstance(part, float):
        return float(f"{part:.{DIGITS}g}")
    if isinstance(part, Mapping):
        return {name: _rounded(inner) for name, inner in part.items()}
    return [_rounded(inner) for inner in part] if isinstance(part, list | tuple) else part


def row_sets(part: Any) -> Iterator[Any]:
    if isinstance(part, Mapping):
        yield from part.get("datasets", {}).values()
        data = part.get("data")
        if isinstance(data, Mapping) and "values" in data:
            yield data["values"]
        for name, inner in part.items():
            if name not in ("datasets", "data"):
                yield from row_sets(inner)
    elif isinstance(part, list | tuple):
        for inner in part:
            yield from row_sets(inner)


def _hash(what: Any) -> str:
    return hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()


def released(root: Path) -> dict[str, dict[str, Any]]:
    """Every released edition by name, the first one first."""
    found = [json.loads(path.read_text(encoding="utf-8")) for path in (root / FOLDER).glob("*.json")]
    return {each["edition"]: each for each in sorted(found, key=lambda each: _rank(each["edition"]))}


def _rank(name: str) -> list[int]:
    return [int(part) for part in name.split(".")]


def moves(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Move]:
    """Numbers that differ between two editions in value or interval by more than `TOLERANCE`, in unit or in words."""
    before, after = old["numbers"], new["numbers"]
    return [
        Move(key, before.get(key), after.get(key))
        for key in sorted({*before, *after})
        if not agree(_compared(before.get(key)), _compared(after.get(key)))
    ]


def _compared(number: Mapping[str, Any] | None) -> list[Any] | None:
    return None if number is None else [number[part] for part in COMPARED]


def agree(old: Any, new: Any) -> bool:
    """Whether two things are the same, in all their parts, up to `TOLERANCE` in numbers.

    >>> agree({"x": [1.0, "a"]}, {"x": [1.0 + 1e-9, "a"]}), agree([1.0], [1.00001]), agree([1.0], [1.0, 2.0])
    (True, False, False)
    """
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        return old.keys() == new.keys() and all(agree(part, new[name]) for name, part in old.items())
    if isinstance(old, list | tuple) and isinstance(new, list | tuple):
        return len(old) == len(new) and all(map(agree, old, new))
    if isinstance(old, float) or isinstance(new, float):
        return isinstance(old, int | float) and isinstance(new, int | float) and isclose(old, new, rel_tol=TOLERANCE)
    return old == new


def differences(old: Mapping[str, Any], new: Mapping[str, Any], part: str) -> dict[str, str]:
    """Names of one part, such as charts, that changed, appeared or vanished."""
    before, after = old[part], new[part]
    return {
        name: "appeared" if name not in before else "vanished" if name not in after else "changed"
        for name in sorted({*before, *after})
        if before.get(name) != after.get(name)
    }


def reasons(changes: str, last: str) -> list[str]:
    """The keys and patterns for which the text above the heading of edition `last` gives a reason."""
    new = re.split(rf"^## Edition {re.escape(last)}\b", changes, maxsplit=1, flags=re.MULTILINE)[0]
    return [pattern for names, _ in REASON.findall(new) for pattern in re.findall(r"`([^`]+)`", names)]


def faults(moved: Iterable[Move], patterns: Iterable[str]) -> list[str]:
    """What keeps a change from landing: moves without a reason, and reasons without a move."""
    moved, patterns = list(moved), list(patterns)
    without = [f"{move.key} {move.kind}, and nothing says why" for move in unexplained(moved, patterns)]
    return idle_reasons(moved, patterns) + without


def unexplained(moved: Iterable[Move], patterns: Iterable[str]) -> list[Move]:
    """The moves for which no reason is given."""
    allowed = [pattern for pattern in patterns if PATTERN.match(pattern)]
    return [move for move in moved if not any(fnmatch.fnmatchcase(move.key, pattern) for pattern in allowed)]


def idle_reasons(moved: Iterable[Move], patterns: Iterable[str]) -> list[str]:
    """What is wrong with the reasons: those that could excuse anything, and those for what did not move."""
    moved, made = list(moved), []
    for pattern in patterns:
        if not PATTERN.match(pattern):
            made.append(f"`{pattern}` is no key and no pattern that begins with a key's first word, such as `vision.*`")
        elif not any(fnmatch.fnmatchcase(move.key, pattern) for move in moved):
            made.append(f"`{pattern}` gives a reason, but no such number moved")
    return made
