"""Times of what people wait for, and ratios that hold on any machine; printed, never tested."""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from inputs import ROOT

RUNS = 5


def seconds(command: list, cwd: Path = ROOT) -> float:
    began = time.monotonic()
    environment = {**os.environ, "PYTHONPATH": str(cwd)}  # a copy runs its own energy_lib, not the installed one
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    subprocess.run(list(map(str, command)), cwd=cwd, check=True, env=environment, **quiet)
    return time.monotonic() - began


def make_book(copy: Path) -> float:
    python = Path(sys.executable)
    return sum(seconds([python, copy / "tools" / tool], copy) for tool in ("notebooks.py", "book.py"))


def building() -> None:
    """Time `make book` in a copy, so that the benchmark changes nothing here."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "book"
        shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(".venv", "_build", ".git", "__pycache__"))
        print(f"make book, fresh clone, environment installed   {make_book(copy):7.1f} s")
        print(f"make book, nothing changed                      {make_book(copy):7.1f} s")
        text = copy / "notebooks" / "hardware.md"
        text.write_text(text.read_text(encoding="utf-8") + "\nOne more line.\n", encoding="utf-8")
        print(f"make book, one notebook's text changed          {make_book(copy):7.1f} s")
        module = copy / "energy_lib" / "units.py"
        module.write_text(module.read_text(encoding="utf-8") + "\n# One more line.\n", encoding="utf-8")
        print(f"make book, energy_lib changed (all notebooks)   {make_book(copy):7.1f} s")


def importing() -> None:
    """Time of `import energy_lib` over that of `import pandas`, pair by pair, since a machine's speed drifts."""
    pairs = [
        [seconds([sys.executable, "-c", f"import {name}"]) for name in ("energy_lib", "pandas")]
        for _ in range(RUNS + 1)
    ]
    ratios = [ours / pandas for ours, pandas in pairs[1:]]  # the first pair warms the disk's cache
    print(f"import energy_lib / import pandas               {statistics.median(ratios):7.2f}   (aim: below 1.15)")


def testing() -> None:
    print(f"make test                                       {seconds(['make', 'test']):7.1f} s")


def main() -> int:
    importing()
    building()
    testing()
    return 0


if __name__ == "__main__":
    sys.exit(main())
