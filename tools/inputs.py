"""Which inputs a result depends on, by content, so that nothing is redone and nothing stale is kept."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = ROOT / "notebooks"
RUN_TIMES = ROOT / "_build" / "run_times.json"  # seconds by notebook; a release keeps them

# What draws and what executes starts from a tool that imports this module, or from make, which says the same: the
# script engine that draws charts puts the ticks of their time axes where the machine's zone has midnight.
os.environ["TZ"] = "UTC"
time.tzset()
# The library's arrays are small: threads of the linear algebra only wait for each other, on a busy machine for minutes,
# and its sums must not depend on the number of cores.
os.environ.update(OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1")


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def fingerprints() -> dict[str, str]:
    """A hash for everything that a notebook may depend on besides its text: modules, tables, the pinned versions.

    A table is its rows and its own description; a change of another table leaves it alone.
    """
    found = {"requirements.txt": sha256((ROOT / "requirements.txt").read_bytes())}
    for module in (ROOT / "energy_lib").glob("*.py"):
        found[f"energy_lib/{module.name}"] = sha256(module.read_bytes())
    descriptor = json.loads((ROOT / "data" / "datapackage.json").read_text(encoding="utf-8"))
    for resource in descriptor["resources"]:
        rows = (ROOT / "data" / resource["path"]).read_bytes()
        found[f"table {resource['name']}"] = sha256(json.dumps(resource).encode() + rows)
    return found


def book_sources() -> list[Path]:
    """What the rendered book depends on."""
    frame = [p for p in (ROOT / "book").rglob("*") if p.is_file() and p.suffix != ".pyc"]
    tables = [p for p in (ROOT / "data").rglob("*") if p.suffix in (".csv", ".json")]
    settings = [ROOT / name for name in ("_config.yml", "CITATION.cff", "pyproject.toml", "requirements.txt")]
    return [*frame, *NOTEBOOKS.glob("*.ipynb"), *tables, *(ROOT / "energy_lib").glob("*.py"), *settings]


def digest(paths: Iterable[Path]) -> str:
    """SHA-256 over the names and contents of files, whatever their order, times or place on disk."""
    total = hashlib.sha256()
    for path in sorted(paths):
        total.update(path.relative_to(ROOT).as_posix().encode() + b"\0")
        total.update(sha256(path.read_bytes()).encode())
    return total.hexdigest()
