"""Typeset the edition for paper, and lay it beside the pages: _build/html/energy-of-inference.pdf.

The last good file stays until the new one is whole.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import sums
from alone import alone, told
from inputs import ROOT

import book

sys.path.append(str(ROOT / "book" / "_ext"))
import citation
import printed

PROGRAMS = ("latexmk", "xelatex")
PACKAGES = ROOT / "tools" / "latex-packages.txt"  # of Debian; .ci/run and the workflows install them too
FOLDER = book.BUILD / "pdf"
PDF, LOG = FOLDER / printed.FILE, FOLDER / f"{printed.NAME}.log"


def typeset(folder: Path, lock: int) -> None:
    """Run LaTeX in `folder` until its references settle."""
    command = ["latexmk", "-xelatex", "-interaction=nonstopmode", "-halt-on-error", "-silent", f"{printed.NAME}.tex"]
    # The same bytes on any day.
    date = {"SOURCE_DATE_EPOCH": str(int(citation.read(ROOT).moment.timestamp())), "FORCE_SOURCE_DATE": "1"}
    run = subprocess.run(
        command, cwd=folder, check=False, capture_output=True, env={**os.environ, **date}, pass_fds=[lock]
    )
    if run.returncode:
        log = folder / LOG.name
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines() if log.exists() else []
        first = next((i for i, line in enumerate(lines) if line.startswith("!")), max(0, len(lines) - 8))
        print("\n".join(lines[first : first + 8]), file=sys.stderr)
        raise subprocess.CalledProcessError(run.returncode, command)


def put_in_place(typeset_in: Path, stamp: str) -> None:
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / book.STAMP).unlink(missing_ok=True)
    os.replace(typeset_in / LOG.name, LOG)
    os.replace(typeset_in / PDF.name, PDF)
    (FOLDER / book.STAMP).write_text(stamp + "\n", encoding="utf-8")


def is_current(stamp: str) -> bool:
    made_from = FOLDER / book.STAMP
    return PDF.exists() and made_from.exists() and made_from.read_text(encoding="utf-8").strip() == stamp


def build(lock: int) -> bool:
    """Typeset unless nothing changed; whether there is a file of today."""
    stamp = book.made_from()
    if is_current(stamp):
        return True
    began = time.monotonic()
    try:
        folder = book.render(lock, "latex")
        typeset(folder, lock)
    except subprocess.CalledProcessError as error:
        shutil.rmtree(book.work_folder("latex"), ignore_errors=True)
        kept = "; the last good one stays" if PDF.exists() else ""
        print(f"The PDF did not build (exit {error.returncode}){kept}.", file=sys.stderr)
        return False
    put_in_place(folder, stamp)
    print(f"Typeset in {time.monotonic() - began:.1f} s.")
    return True


def publish() -> None:
    """Lay the file beside the pages, with its sum among theirs."""
    beside = book.HTML / PDF.name
    if beside.exists() and beside.read_bytes() == PDF.read_bytes():
        return
    unfinished = book.BUILD / f"{PDF.name}.unfinished"
    shutil.copyfile(PDF, unfinished)
    os.replace(unfinished, beside)
    sums.write(book.HTML)


def main() -> int:
    if absent := [name for name in PROGRAMS if not shutil.which(name)]:
        packages = " ".join(PACKAGES.read_text(encoding="utf-8").split())
        print(f"{' and '.join(absent)} not found. On Debian: apt-get install {packages}", file=sys.stderr)
        return 1
    with alone() as lock:
        if not (book.build(lock) and build(lock)):
            return 1
        publish()
    print(f"Open {(book.HTML / PDF.name).relative_to(ROOT)}.")
    return 0


if __name__ == "__main__":
    sys.exit(told(main))
