"""Re-execute the notebooks whose text, library or tables changed: NAME.md -> NAME.ipynb, in parallel."""

from __future__ import annotations

import argparse
import base64
import json
import os
import re
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

import jupytext
import nbformat
from inputs import NOTEBOOKS, ROOT, RUN_TIMES, fingerprints, sha256
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from traitlets.config import Config

DEPENDS_ON = "depends_on"
# Run after the last cell: the modules and tables that were used, as `fingerprints` names them.
WHAT_WAS_USED = """
import json, sys
from energy_lib.datasets import loaded
_modules = ["__init__", *(name.removeprefix("energy_lib.") for name in sys.modules if name.startswith("energy_lib."))]
print(json.dumps([f"energy_lib/{name}.py" for name in _modules] + [f"table {name}" for name in loaded()]))
"""
CELL_TIMEOUT_S = 1200
PICTURE, PICTURE_FROM, PICTURE_OF = (
    ROOT / "book" / "_static" / "picture.png",
    NOTEBOOKS / "vision.ipynb",
    "fig-vision-energy",
)
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def reason_to_execute(text: Path, current: dict[str, str]) -> str | None:
    """What changed since the text was executed into its notebook; `None` if nothing that it depends on did."""
    executed = text.with_suffix(".ipynb")
    if not executed.exists():
        return "it was never executed"
    try:
        used = nbformat.read(executed, as_version=4).metadata[DEPENDS_ON]
    except Exception:  # a damaged file, whatever the damage, is executed anew
        return "its .ipynb cannot be read"
    current = {**current, "its text": sha256(text.read_bytes())}
    changed = [name for name, fingerprint in used.items() if current.get(name) != fingerprint]
    return f"{', '.join(sorted(changed)[:3])} changed" if changed else None


def execute(text: Path) -> float:
    """Execute one text into its notebook, which is replaced only when all cells have run; returns the seconds taken."""
    began = time.monotonic()
    before = {**fingerprints(), "its text": sha256(text.read_bytes())}
    notebook = jupytext.read(text)
    notebook.cells.append(nbformat.v4.new_code_cell(WHAT_WAS_USED))
    for count, cell in enumerate(notebook.cells):
        cell["id"] = f"{text.stem}-{count}"  # random ids would make every execution a change
    with tempfile.TemporaryDirectory() as sockets:
        # Sockets in a folder of its own, not ports: kernels that start at once cannot take each other's.
        settings = Config({"KernelManager": {"transport": "ipc", "ip": f"{sockets}/kernel"}})
        resources = {"metadata": {"path": str(NOTEBOOKS)}}
        NotebookClient(
            notebook, config=settings, timeout=CELL_TIMEOUT_S, record_timing=False, resources=resources
        ).execute()
    used = ["its text", "requirements.txt", *json.loads(notebook.cells.pop().outputs[0]["text"])]
    notebook.metadata[DEPENDS_ON] = {name: before[name] for name in sorted(used)}
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


def keep_time(name: str, taken: float) -> None:
    """Note the seconds of an execution; they stay out of the notebook, which no clock may change."""
    kept = json.loads(RUN_TIMES.read_text(encoding="utf-8")) if RUN_TIMES.exists() else {}
    RUN_TIMES.parent.mkdir(exist_ok=True)
    RUN_TIMES.write_text(json.dumps({**kept, name: taken}, sort_keys=True), encoding="utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="only say which notebooks are stale; fail if any is")
    parser.add_argument("--all", action="store_true", help="execute every notebook, stale or not")
    arguments = parser.parse_args()

    current = fingerprints()
    reasons = {text: reason_to_execute(text, current) for text in sorted(NOTEBOOKS.glob("*.md"))}
    stale = [text for text, reason in reasons.items() if reason or arguments.all]
    if arguments.check:
        for text in stale:
            print(f"notebooks/{text.stem}.ipynb is stale: {reasons[text]}. Run `make notebooks`.", file=sys.stderr)
        return 1 if stale else 0
    failed = False
    with ProcessPoolExecutor(min(len(stale), os.cpu_count() or 1) or 1) as pool:
        runs = {}
        for text in stale:
            print(f"executing notebooks/{text.stem}.md: {reasons[text] or 'as asked'}", flush=True)
            runs[pool.submit(execute, text)] = text
        for run in as_completed(runs):
            name = runs[run].stem
            try:
                taken = run.result()
                keep_time(name, taken)
                print(f"notebooks/{name}.ipynb done in {taken:.1f} s", flush=True)
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
