"""Re-execute the notebooks whose text, library or tables changed: NAME.md -> NAME.ipynb, in parallel."""

from __future__ import annotations

import argparse
import base64
import contextlib
import json
import os
import re
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

import jupytext
import nbformat
from alone import WHAT_TO_DO, alone, told
from inputs import NOTEBOOKS, ROOT, RUN_TIMES, fingerprints, sha256
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError
from traitlets.config import Config

DEPENDS_ON = "depends_on"
# Run after the last cell: the modules and tables that were used, as `fingerprints` names them.
WHAT_WAS_USED = """
import json, sys
from energy_lib.datasets import loaded
_modules = ["__init__", *(name.removeprefix("energy_lib.") for name in sys.modules if name.startswith("energy_lib."))]
print(json.dumps([f"energy_lib/{name}.py" for name in _modules] + [f"table {name}" for name in loaded()]))
"""
CELL_TIMEOUT_S = 1800  # a laptop that does much else at once still finishes; a cell that hangs is found
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
    replace(text.with_suffix(".ipynb"), f"{nbformat.writes(notebook)}\n".encode())
    return time.monotonic() - began


def what_befell(error: Exception) -> str:
    """Why a notebook was not executed, and what to do where that is not in its cell."""
    match error:
        case CellExecutionError():
            return COLOUR.sub("", str(error))
        case TimeoutError():
            return f"A cell took longer than {CELL_TIMEOUT_S} s, or its kernel gave no answer: run it again.\n{error}"
        case DeadKernelError():
            return f"Its kernel died, as it does when memory runs out: run it again with fewer at once.\n{error}"
        case OSError(errno=number) if number in WHAT_TO_DO:
            return f"{error}. {WHAT_TO_DO[number]}"
    return "".join(traceback.format_exception(error))


def save_picture() -> None:
    """Keep the picture that README.md shows equal to its chart."""
    from energy_lib.publish import CHART_MIME

    cells = nbformat.read(PICTURE_FROM, as_version=4).cells
    outputs = [output.get("data", {}) for cell in cells for output in cell.get("outputs", [])]
    chart = next(data for data in outputs if data.get(CHART_MIME, {}).get("name") == PICTURE_OF)
    picture = base64.b64decode(chart["image/png"])
    if not PICTURE.exists() or PICTURE.read_bytes() != picture:
        replace(PICTURE, picture)


def keep_time(name: str, taken: float) -> None:
    """Note the seconds of an execution; they stay out of the notebook, which no clock may change."""
    try:
        kept = dict(json.loads(RUN_TIMES.read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError, TypeError):  # none yet, or a damaged one
        kept = {}
    replace(RUN_TIMES, json.dumps({**kept, name: taken}, sort_keys=True).encode())


def replace(path: Path, content: bytes) -> None:
    """Write a file whole or not at all."""
    unfinished = path.with_name(f"{path.name}.unfinished")
    try:
        unfinished.write_bytes(content)
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="only say which notebooks are stale; fail if any is")
    parser.add_argument("--all", action="store_true", help="execute every notebook, stale or not")
    arguments = parser.parse_args()

    stale = reasons_to_execute(arguments.all)
    if arguments.check:
        for text, reason in stale.items():
            print(f"notebooks/{text.stem}.ipynb is stale: {reason}. Run `make notebooks`.", file=sys.stderr)
        return 1 if stale else 0
    if stale:
        with alone():
            if not execute_all(reasons_to_execute(arguments.all)):
                return 1
    save_picture()
    return 0


def reasons_to_execute(everything: bool) -> dict[Path, str]:
    """The texts to execute, each with the reason."""
    current = fingerprints()
    reasons = {text: reason_to_execute(text, current) for text in sorted(NOTEBOOKS.glob("*.md"))}
    return {text: reason or "as asked" for text, reason in reasons.items() if reason or everything}


@contextlib.contextmanager
def stopped_at_once() -> Iterator[None]:
    """Ctrl-C does not wait for the threads."""
    try:
        yield
    except KeyboardInterrupt:
        print("Stopped; what was executed before stays.", file=sys.stderr, flush=True)
        os._exit(130)


def execute_all(stale: dict[Path, str]) -> bool:
    """Execute texts beside one another; whether all could be."""
    failed = False
    # Threads, for the work is done by the kernels, which end when this process does, however it ends.
    with ThreadPoolExecutor(min(len(stale), os.cpu_count() or 1) or 1) as pool, stopped_at_once():
        runs = {}
        for text, reason in stale.items():
            print(f"executing notebooks/{text.stem}.md: {reason}", flush=True)
            runs[pool.submit(execute, text)] = text
        for run in as_completed(runs):
            name = runs[run].stem
            try:
                taken = run.result()
                keep_time(name, taken)
                print(f"notebooks/{name}.ipynb done in {taken:.1f} s", flush=True)
            except Exception as error:  # whatever befell one notebook, the others go on
                failed = True
                message = what_befell(error)
                print(
                    f"notebooks/{name}.md failed; its last good .ipynb stays.\n{message}", file=sys.stderr, flush=True
                )
    return not failed


if __name__ == "__main__":
    sys.exit(told(main))
