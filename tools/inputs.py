"""Which inputs a result depends on, by content, so that nothing is redone and nothing stale is kept."""

from __future__ import annotations

import ast
import contextlib
import hashlib
import json
import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = ROOT / "notebooks"
BUILD = ROOT / "_build"
RUN_TIMES = BUILD / "run_times.json"  # seconds by notebook; a release keeps them
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)

# What draws and what executes starts from a tool that imports this module, or from make, which says the same: the
# script engine that draws charts puts the ticks of their time axes where the machine's zone has midnight.
os.environ["TZ"] = "UTC"
time.tzset()
# The library's arrays are small: threads of the linear algebra only wait for each other, on a busy machine for minutes,
# and its sums must not depend on the number of cores.
os.environ.update(OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1")


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def text_sha256(path: Path) -> str:
    """The hash of a file, the same for any line ends."""
    return sha256(path.read_bytes().replace(b"\r\n", b"\n"))


def fingerprints() -> dict[str, str]:
    """A hash for everything that a notebook may depend on besides its text: modules, tables, the pinned versions.

    A module is its code, without comments and docstrings. A table is its rows and its own description; a change of
    another table leaves it alone.
    """
    return {"requirements.txt": text_sha256(ROOT / "requirements.txt")} | modules() | tables()


def modules() -> dict[str, str]:
    """A hash of the code of every module of the library; parsing all of them takes a second, so hashes are kept."""
    kept_in = BUILD / ".cache" / "code.json"
    kept, this = read_json(kept_in), text_sha256(Path(__file__))
    texts = {
        path: sha256(f"{this} {text_sha256(path)}".encode()) for path in sorted((ROOT / "energy_lib").rglob("*.py"))
    }
    known = {text: kept.get(text) or code_sha256(path.read_text(encoding="utf-8")) for path, text in texts.items()}
    if known != kept:
        with contextlib.suppress(OSError):  # of a folder that cannot be written to
            kept_in.parent.mkdir(parents=True, exist_ok=True)
            replace(kept_in, json.dumps(known).encode())
    return {path.relative_to(ROOT).as_posix(): known[text] for path, text in texts.items()}


def code_sha256(source: str) -> str:
    """The hash of what a module does: of its syntax without comments, docstrings and places, in any Python version."""
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return sha256(source.encode())
    return sha256(repr(_syntax(tree)).encode())


def _syntax(node: Any) -> Any:
    """A syntax tree as lists. What is empty is left out, as Python versions differ in which empty fields a node has."""
    if isinstance(node, list):
        return [_syntax(part) for part in node]
    if not isinstance(node, ast.AST):
        return node
    fields = dict(ast.iter_fields(node))
    if isinstance(node, DOCUMENTED) and ast.get_docstring(node, clean=False):
        fields["body"] = node.body[1:]
    if isinstance(node, ast.JoinedStr):  # Python 3.12 ends some with an empty text
        fields["values"] = [part for part in node.values if getattr(part, "value", None) != ""]
    shown = {name: _syntax(part) for name, part in fields.items() if part is not None and part != []}
    return [type(node).__name__, *shown.items()]


def tables() -> dict[str, str]:
    """A hash of every table: of its rows and its own description."""
    resources = json.loads((ROOT / "data" / "datapackage.json").read_text(encoding="utf-8"))["resources"]
    return {
        f"table {each['name']}": sha256(f"{json.dumps(each)} {text_sha256(ROOT / 'data' / each['path'])}".encode())
        for each in resources
    }


def book_sources() -> list[Path]:
    """What the rendered book depends on."""
    frame = [p for p in (ROOT / "book").rglob("*") if p.is_file() and p.suffix != ".pyc"]
    data = [p for p in (ROOT / "data").rglob("*") if p.suffix in (".csv", ".json")]
    settings = [ROOT / name for name in ("_config.yml", "CITATION.cff", "pyproject.toml", "requirements.txt")]
    return [*frame, *NOTEBOOKS.glob("*.ipynb"), *data, *(ROOT / "energy_lib").rglob("*.py"), *settings]


def digest(paths: Iterable[Path]) -> str:
    """SHA-256 over the names and contents of files, whatever their order, line ends, times or place on disk."""
    total = hashlib.sha256()
    for path in sorted(paths):
        total.update(path.relative_to(ROOT).as_posix().encode() + b"\0")
        total.update(text_sha256(path).encode())
    return total.hexdigest()


def read_json(path: Path) -> dict[str, Any]:
    """What a file that a tool keeps for itself holds; nothing where there is none, or a damaged one."""
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError, TypeError):
        return {}


def replace(path: Path, content: bytes) -> None:
    """Write a file whole or not at all."""
    unfinished = path.with_name(f"{path.name}.unfinished")
    try:
        unfinished.write_bytes(content)
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)
