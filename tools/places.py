"""Where a warning of Sphinx about an executed notebook lies in the text that its author edits."""

from __future__ import annotations

import functools
import re
from pathlib import Path

from inputs import ROOT

CELL = 10_000  # the parser counts lines by cells, and begins with 2: the fourth line of the second cell is 20005
PLACE = re.compile(r"\bnotebooks/(\w+)\.ipynb:(\d+)")


def in_texts(line: str) -> str:
    """A warning that names the line of the text: `notebooks/hardware.md:120`, not `notebooks/hardware.ipynb:40005`."""
    return PLACE.sub(lambda found: _in_text(found[1], int(found[2]), found[0]), line.replace(f"{ROOT}/", ""))


def _in_text(name: str, number: int, given: str) -> str:
    text = ROOT / "notebooks" / f"{name}.md"
    cell, line = divmod(number, CELL)
    starts = cell_starts(text) if text.is_file() else []
    return f"notebooks/{name}.md:{starts[cell - 1] + line - 2}" if 0 < cell <= len(starts) else given


@functools.cache
def cell_starts(text: Path) -> list[int]:
    """The line, counted from 1, at which what is written in each cell begins."""
    import jupytext

    lines, starts, start = text.read_text(encoding="utf-8").splitlines(), [], 0
    for cell in jupytext.read(text).cells:
        written = cell.source.splitlines()
        while start < len(lines) and lines[start : start + len(written)] != written:
            start += 1
        starts.append(start + 1)
        start += len(written)
    return starts
