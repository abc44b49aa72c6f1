"""Bring the executed notebooks up to date with their texts, the library and the tables: NAME.md -> NAME.ipynb.

Where only prose changed it is put beside the outputs that are there; the others are executed, beside one another.
"""

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
from typing import TYPE_CHECKING, Any

import check_tables
from alone import WHAT_TO_DO, alone, told
from inputs import NOTEBOOKS, ROOT, RUN_TIMES, fingerprints, read_json, replace, sha256, text_sha256

if TYPE_CHECKING:
    from nbformat import NotebookNode

# jupytext, nbformat and nbclient load when they are needed: finding that nothing changed takes less time than they do.

DEPENDS_ON, TEXT = "depends_on", "its text"
# Run after the last cell: the modules and tables that were used, as `fingerprints` names them.
WHAT_WAS_USED = """
import json, sys
from pathlib import Path
import energy_lib
from energy_lib.datasets import loaded
_root = Path(energy_lib.__file__).parents[1]
_used = [module.__file__ for name, module in sys.modules.items() if name.partition(".")[0] == "energy_lib"]
_used = [Path(path).relative_to(_root).as_posix() for path in _used]
print(json.dumps(_used + [f"table {name}" for name in loaded()]))
"""
CELL_TIMEOUT_S = 1800  # a laptop that does much else at once still finishes; a cell that hangs is found
PICTURE, PICTURE_FROM, PICTURE_OF = (
    ROOT / "book" / "_static" / "picture.png",
    NOTEBOOKS / "vision.ipynb",
    "fig-vision-energy",
)
CHART_MIME = "application/vnd.energy.chart+json"
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def reason_to_execute(text: Path, current: dict[str, str]) -> str | None:
    """What changed since the text was executed into its notebook; `None` if nothing that its outputs depend on did."""
    return _reason(text, current)[0]


def _reason(text: Path, current: dict[str, str]) -> tuple[str | None, bool]:
    """Why a text is to be executed, and whether it is to be written anew in any case."""
    executed = text.with_suffix(".ipynb")
    if not executed.exists():
        return "it was never executed", True
    try:
        used = dict(json.loads(executed.read_bytes())["metadata"][DEPENDS_ON])
        as_it_was = used.pop(TEXT) == text_sha256(text)
        same_code = as_it_was or code_of(read_text(text)) == code_of(read_executed(text))
    except Exception:  # a damaged file, whatever the damage, is executed anew
        return "its .ipynb cannot be read", True
    changed = [name for name, fingerprint in used.items() if current.get(name) != fingerprint]
    changed += [] if same_code else ["its code"]
    return (f"{', '.join(sorted(changed)[:3])} changed" if changed else None), not as_it_was


def read_text(text: Path) -> NotebookNode:
    """The cells of a text, named by their place: random names would make every execution a change."""
    import jupytext

    notebook = jupytext.read(text)
    for count, cell in enumerate(notebook.cells):
        cell["id"] = f"{text.stem}-{count}"
    return notebook


def read_executed(text: Path) -> NotebookNode:
    import nbformat

    return nbformat.read(text.with_suffix(".ipynb"), as_version=4)


def code_of(notebook: NotebookNode) -> str:
    """A hash of what is executed: the code cells in their order, and what executes them."""
    cells = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    return sha256(json.dumps([notebook.metadata.get("kernelspec"), cells]).encode())


def put_prose(text: Path) -> None:
    """Give an executed notebook the prose and the tags of its text; its code, and so its outputs, are the same."""
    notebook, executed = read_text(text), read_executed(text)
    ran = [cell for cell in executed.cells if cell.cell_type == "code"]
    for cell in notebook.cells:
        if cell.cell_type == "code":
            before = ran.pop(0)
            cell["outputs"], cell["execution_count"] = before.outputs, before.execution_count
    notebook.metadata = {**executed.metadata, **notebook.metadata}
    write(text, notebook, {**executed.metadata[DEPENDS_ON], TEXT: text_sha256(text)})


def execute(text: Path) -> float:
    """Execute one text into its notebook, which is replaced only when all cells have run; returns the seconds taken."""
    import nbformat
    from nbclient import NotebookClient
    from traitlets.config import Config

    began = time.monotonic()
    before = {**fingerprints(), TEXT: text_sha256(text)}
    notebook = read_text(text)
    notebook.cells.append(nbformat.v4.new_code_cell(WHAT_WAS_USED))
    with tempfile.TemporaryDirectory() as sockets:
        # Sockets in a folder of its own, not ports: kernels that start at once cannot take each other's.
        settings = Config({"KernelManager": {"transport": "ipc", "ip": f"{sockets}/kernel"}})
        resources = {"metadata": {"path": str(NOTEBOOKS)}}
        NotebookClient(
            notebook, config=settings, timeout=CELL_TIMEOUT_S, record_timing=False, resources=resources
        ).execute()
    used = [TEXT, "requirements.txt", *json.loads(notebook.cells.pop().outputs[0]["text"])]
    write(text, notebook, {name: before[name] for name in used})
    return time.monotonic() - began


def write(text: Path, notebook: NotebookNode, depends_on: dict[str, str]) -> None:
    import nbformat

    notebook.metadata[DEPENDS_ON] = dict(sorted(depends_on.items()))
    notebook.metadata.get("language_info", {}).pop("version", None)  # outputs do not depend on it, the file would
    replace(text.with_suffix(".ipynb"), f"{nbformat.writes(notebook)}\n".encode())


def explain_failure(error: Exception) -> str:
    """Why a notebook was not executed, and what to do where that is not in its cell."""
    from nbclient.exceptions import CellExecutionError, DeadKernelError

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
    cells = json.loads(PICTURE_FROM.read_bytes())["cells"]
    outputs = [output.get("data", {}) for cell in cells for output in cell.get("outputs", [])]
    chart = next(data for data in outputs if data.get(CHART_MIME, {}).get("name") == PICTURE_OF)
    picture = base64.b64decode("".join(chart["image/png"]))
    if not PICTURE.exists() or PICTURE.read_bytes() != picture:
        replace(PICTURE, picture)


def keep_time(name: str, taken: float) -> None:
    """Note the seconds of an execution; they stay out of the notebook, which no clock may change."""
    replace(RUN_TIMES, json.dumps({**read_json(RUN_TIMES), name: taken}, sort_keys=True).encode())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="only say which notebooks are stale; fail if any is")
    parser.add_argument("--all", action="store_true", help="execute every notebook, stale or not")
    arguments = parser.parse_args()
    if arguments.check:
        return check()
    return 0 if bring_up_to_date(everything=arguments.all) else 1


def check() -> int:
    if not check_tables.all_pass():
        return 1
    to_execute, to_write = stale()
    for text, reason in {**dict.fromkeys(to_write, "its prose changed"), **to_execute}.items():
        print(f"notebooks/{text.stem}.ipynb is stale: {reason}. Run `make notebooks`.", file=sys.stderr)
    return 1 if to_execute or to_write else 0


def bring_up_to_date(everything: bool = False) -> bool:
    """Execute what is stale, and put changed prose in place; whether all notebooks are up to date."""
    if not check_tables.all_pass():
        return False
    if any(stale(everything)):
        with alone():
            to_execute, to_write = stale(everything)
            for text in to_write:
                put_prose(text)
                print(f"notebooks/{text.stem}.ipynb has the new prose; its code did not change.", flush=True)
            if not execute_all(to_execute):
                return False
    save_picture()
    return True


def stale(everything: bool = False) -> tuple[dict[Path, str], list[Path]]:
    """The texts to execute, each with the reason; and those of which only the prose changed."""
    current = fingerprints()
    found = {text: _reason(text, current) for text in sorted(NOTEBOOKS.glob("*.md"))}
    to_execute = {text: why or "as asked" for text, (why, _) in found.items() if why or everything}
    return to_execute, [text for text, (_, new) in found.items() if new and text not in to_execute]


@contextlib.contextmanager
def stopped_at_once() -> Iterator[None]:
    """Ctrl-C does not wait for the threads."""
    try:
        yield
    except KeyboardInterrupt:
        print("Stopped; what was executed before stays.", file=sys.stderr, flush=True)
        os._exit(130)


def execute_all(texts: dict[Path, str]) -> bool:
    """Execute texts beside one another, those first that took longest the last time; whether all could be."""
    failed, took = False, read_json(RUN_TIMES)
    # Threads, for the work is done by the kernels, which end when this process does, however it ends.
    with ThreadPoolExecutor(min(len(texts), os.cpu_count() or 1) or 1) as pool, stopped_at_once():
        runs: dict[Any, str] = {}
        for text in sorted(texts, key=lambda text: (-took.get(text.stem, 0), text)):
            print(f"executing notebooks/{text.stem}.md: {texts[text]}", flush=True)
            runs[pool.submit(execute, text)] = text.stem
        for run in as_completed(runs):
            name = runs[run]
            try:
                taken = run.result()
                keep_time(name, taken)
                print(f"notebooks/{name}.ipynb done in {taken:.1f} s", flush=True)
            except Exception as error:  # whatever happened to one notebook, the others go on
                failed = True
                said = explain_failure(error)
                print(f"notebooks/{name}.md failed; its last good .ipynb stays.\n{said}", file=sys.stderr, flush=True)
    return not failed


if __name__ == "__main__":
    sys.exit(told(main))
