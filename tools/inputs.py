"""Which files a result depends on, and one hash of them all, so that nothing is redone and nothing stale is kept."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = ROOT / "notebooks"


def library_and_tables() -> list[Path]:
    """What every notebook may depend on besides its own text."""
    tables = [p for p in (ROOT / "data").rglob("*") if p.suffix in (".csv", ".json")]
    return [*(ROOT / "energy_lib").glob("*.py"), *tables, ROOT / "requirements.txt"]


def book_sources() -> list[Path]:
    """What the rendered book depends on."""
    frame = [p for p in (ROOT / "book").rglob("*") if p.is_file() and p.suffix != ".pyc"]
    return [*frame, *NOTEBOOKS.glob("*.ipynb"), *library_and_tables(), ROOT / "_config.yml"]


def digest(paths: Iterable[Path]) -> str:
    """SHA-256 over the names and contents of files, whatever their order, times or place on disk."""
    total = hashlib.sha256()
    for path in sorted(paths):
        total.update(path.relative_to(ROOT).as_posix().encode() + b"\0")
        total.update(hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()
