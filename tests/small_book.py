"""A small copy of the project, with a notebook and three pages, which all tools take for the whole one."""

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
COPIED = ("energy_lib", "data", "tools", "book")
FILES = ("_config.yml", "CITATION.cff", "pyproject.toml", "requirements.txt", "README.md", "LICENSE")
HEADER = (ROOT / "notebooks" / "hardware.md").read_text(encoding="utf-8").split("# Hardware")[0]
EDITION = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
STORY = """
# Story

{val}`story.rows` GPUs are in the table.

```{chart} fig-vision-energy
GPUs by their launch.
```

```{code-cell} ipython3
:tags: [remove-output]

import altair as alt

from energy_lib import load, publish

rows = load("gpus")
publish.number("story.rows", len(rows), "", what="GPUs", tables=["gpus"], no_interval="a count")
shown = rows[["launch_date", "watts"]].assign(watts=rows["watts"] / 3)
points = alt.Chart(shown).mark_point().encode(
    alt.X("launch_date:T").title("Launch"), alt.Y("watts:Q").title("TDP (thirds of a watt)")
)
publish.chart(
    "fig-vision-energy",
    points + alt.Chart(shown.head(2)).mark_rule().encode(alt.X("launch_date:T").title("Launch")),
    description="GPUs by their launch.", source="Makers", data_as_of="2021", tables=["gpus"],
)
```
"""
TOC = "format: jb-book\nroot: book/index\nchapters:\n" + "".join(
    f"  - file: {page}\n" for page in ("notebooks/vision", "book/numbers", "book/status", "book/changes", "book/cite")
)
PAGES = {
    "index": "# Book\n\n{val}`story.rows` GPUs.\n",
    "changes": f"# Changes\n\n## Edition {EDITION}\n\nThe first.\n",
    "cite": "# Cite\n\n```{cite-book}\n```\n",
    "numbers": "# Numbers\n\n```{numbers}\n```\n",
}


def make(folder: Path, *, with_cache: bool = True) -> Path:
    """Lay the copy out in a folder, with what is made once for all books, such as the script that draws charts."""
    for name in COPIED:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "_build"))
    for name in FILES:
        shutil.copy(ROOT / name, folder)
    if with_cache and (ROOT / "_build" / ".cache").is_dir():
        shutil.copytree(ROOT / "_build" / ".cache", folder / "_build" / ".cache")
    (folder / "notebooks").mkdir()
    (folder / "notebooks" / "vision.md").write_text(HEADER + STORY, encoding="utf-8")
    (folder / "book" / "_toc.yml").write_text(TOC, encoding="utf-8")
    (folder / "book" / "reading.yml").write_text(
        "notebooks/vision:\n  know: nothing\n  next:\n    book/cite: for the words\n", encoding="utf-8"
    )
    for name, text in PAGES.items():
        (folder / "book" / f"{name}.md").write_text(text, encoding="utf-8")
    return folder


def command(folder: Path, tool: str) -> list[str]:
    """How a tool of the copy is started."""
    return [sys.executable, str(folder / "tools" / tool)]


def environment(folder: Path, **changed: str) -> dict[str, str]:
    """Variables under which the copy's library is found, and not the project's."""
    return {**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1", **changed}


def run(folder: Path, tool: str, *, before: tuple[str, ...] = (), **changed: str) -> subprocess.CompletedProcess:
    """Run a tool of the copy to its end; `before` is a command that starts another one."""
    return subprocess.run(
        [*before, *command(folder, tool)],
        cwd=folder,
        env=environment(folder, **changed),
        capture_output=True,
        text=True,
        check=False,
    )
