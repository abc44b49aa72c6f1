"""Make one figure of the book again: its picture and the rows that it draws, in _build/figures."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from inputs import BUILD, NOTEBOOKS, ROOT, fingerprints

from notebooks import execute, reason_to_execute

sys.path.append(str(ROOT / "book" / "_ext"))
import chart_table
import drawing
import record

from energy_lib.chart_look import theme

TARGET = BUILD / "figures"


def notebook_of(name: str) -> Path:
    """The text that makes a figure; raises `SystemExit` with the nearest names where none does."""
    placed = {}
    for text in sorted(NOTEBOOKS.glob("*.md")):
        for line in text.read_text(encoding="utf-8").splitlines():
            if line.startswith("```{chart} "):
                placed[line.split()[1]] = text
    if name not in placed:
        raise SystemExit(f"no notebook has a figure {name!r}{record.nearest(name, placed)}")
    return placed[name]


def make(name: str) -> list[Path]:
    """Re-execute the figure's notebook if anything that it depends on changed; returns the files written."""
    text = notebook_of(name)
    if reason := reason_to_execute(text, fingerprints()):
        print(f"executing notebooks/{text.name}: {reason}", flush=True)
        execute(text)
    chart = record.charts(NOTEBOOKS)[name]
    cache = BUILD / ".cache"
    chart_table.write(chart, TARGET)
    for mode in drawing.MODES:
        for suffix, width in drawing.pictures(chart.spec):
            drawn = drawing.svg(chart.spec, theme(mode), width, cache)
            (TARGET / f"{name}-{mode}{suffix}.svg").write_text(drawn, encoding="utf-8")
    (TARGET / f"{name}.png").write_bytes(drawing.chart_png(chart.spec, theme("light"), cache))
    return sorted(TARGET.glob(f"{name}[.-]*"))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", help="for example fig-vision-energy")
    for path in make(parser.parse_args().name):
        print(path.relative_to(ROOT))
    return 0


if __name__ == "__main__":
    sys.exit(main())
