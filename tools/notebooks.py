"""Re-execute the notebooks whose text, library or tables changed: NAME.md -> NAME.ipynb, in parallel."""

from __future__ import annotations

import argparse
import base64
import os
import re
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

import jupytext
import nbformat
from inputs import NOTEBOOKS, ROOT, digest, library_and_tables
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from traitlets.config import Config

STAMP = "inputs_sha256"
CELL_TIMEOUT_S = 300
PICTURE, PICTURE_FROM, PICTURE_OF = (
    ROOT / "book" / "_static" / "picture.png",
    NOTEBOOKS / "vision.ipynb",
    "fig-vision-energy",
)
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def inputs_digest(text: Path) -> str:
    """Hash of all that the executed notebook of a text depends on."""
    return digest([text, *library_and_tables()])


def is_stale(text: Path) -> bool:
    executed = text.with_suffix(".ipynb")
    if not executed.exists():
        return True
    try:
        metadata = nbformat.read(executed, as_version=4).metadata
    except Exception:  # a damaged file, whatever the damage, is executed anew
        return True
    return metadata.get(STAMP) != inputs_digest(text)


def execute(text: Path) -> float:
    """Execute one text into its notebook, which is replaced only when all cells have run; returns the seconds taken."""
    began = time.monotonic()
    stamp = inputs_digest(text)
    notebook = jupytext.read(text)
    for count, cell in enumerate(notebook.cells):
        cell["id"] = f"{text.stem}-{count}"  # random ids would make every execution a change
    with tempfile.TemporaryDirectory() as sockets:
        # Sockets in a folder of its own, not ports: kernels that start at once cannot take each other's.
        settings = Config({"KernelManager": {"transport": "ipc", "ip": f"{sockets}/kernel"}})
        resources = {"metadata": {"path": str(NOTEBOOKS)}}
        NotebookClient(
            notebook, config=settings, timeout=CELL_TIMEOUT_S, record_timing=False, resources=resources
        ).execute()
    notebook.metadata[STAMP] = stamp
    notebook.metadata.get("language_info", {}).pop("version", None)  # outputs do not depend on it, the file would
    target = text.with_suffix(".ipynb")
    unfinished = target.with_suffix(".ipynb.unfinished")
    try:
        nbformat.write(notebook, unfinished)
        os.replace(unfinished, target)
    finally:
        unfinished.unlink(missing_ok=True)
    return time.monotonic() - began


def save_picture() -> None:
    """Keep the picture that README.md shows equal to its chart."""
    from energy_lib.publish import CHART_MIME

    cells = nbformat.read(PICTURE_FROM, as_version=4).cells
    outputs = [output.get("data", {}) for cell in cells for output in cell.get("outputs", [])]
    chart = next(data for data in outputs if data.get(CHART_MIME, {}).get("name") == PICTURE_OF)
    picture = base64.b64decode(chart["image/png"])
    if not PICTURE.exists() or PICTURE.read_bytes() != picture:
        PICTURE.write_bytes(picture)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="only say which notebooks are stale; fail if any is")
    parser.add_argument("--all", action="store_true", help="execute every notebook, stale or not")
    arguments = parser.parse_args()

    texts = sorted(NOTEBOOKS.glob("*.md"))
    stale = texts if arguments.all else [text for text in texts if is_stale(text)]
    if arguments.check:
        for text in stale:
            print(
                f"notebooks/{text.stem}.ipynb is older than its text, the library or the tables: run `make notebooks`",
                file=sys.stderr,
            )
        return 1 if stale else 0
    failed = False
    with ProcessPoolExecutor(min(len(stale), os.cpu_count() or 1) or 1) as pool:
        runs = {}
        for text in stale:
            print(f"executing notebooks/{text.stem}.md", flush=True)
            runs[pool.submit(execute, text)] = text
        for run in as_completed(runs):
            name = runs[run].stem
            try:
                print(f"notebooks/{name}.ipynb done in {run.result():.1f} s", flush=True)
            except CellExecutionError as error:
                failed = True
                message = COLOUR.sub("", str(error))
                print(
                    f"notebooks/{name}.md failed; its last good .ipynb stays.\n{message}", file=sys.stderr, flush=True
                )
    if stale and not failed:
        save_picture()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
