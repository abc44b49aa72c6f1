"""The status page: {software} that made the book, {run-times} of its notebooks, {table-sums}."""

import platform
import tomllib
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import editions
from docutils import nodes
from packaging.requirements import Requirement
from published import file_link, link, table_node
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

EXTRAS = ("fit", "tables", "notebooks", "book")  # the rest of the extras tests the book, and leaves no mark on it


def software(root: Path) -> dict[str, str]:
    """The version of every package that pyproject.toml asks for to make the book, as installed."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    asked = [*project["dependencies"], *(line for extra in EXTRAS for line in project["optional-dependencies"][extra])]
    names = {Requirement(line).name for line in asked} - {project["name"]} | {"sphinx", "sphinx-book-theme"}
    return {"Python": platform.python_version()} | {
        name: found for name in sorted(names, key=str.lower) if (found := _version(name))
    }


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:  # the comparison with other estimators is optional
        return None


class Software(SphinxDirective):
    """Name and version of what made the book."""

    def run(self) -> list[nodes.Node]:
        self.env.note_reread()
        rows = [[nodes.paragraph("", text) for text in row] for row in software(Path(self.env.srcdir)).items()]
        return [table_node((("Package", 60), ("Version", 40)), rows, ["software"])]


class RunTimes(SphinxDirective):
    """Seconds that each notebook took when the last edition was released."""

    def run(self) -> list[nodes.Node]:
        self.env.note_reread()
        known = list(editions.released(Path(self.env.srcdir)).values())
        return times_nodes(known[-1] if known else {}, self.env.app.energy_record.titles, self.config.energy_notebooks)


def times_nodes(edition: Mapping[str, Any], titles: Mapping[str, str], folder: str) -> list[nodes.Node]:
    """The run times that an edition kept, as a table; a sentence where it kept none."""
    times = edition.get("run_time_s")
    if not times:
        return [nodes.paragraph("", "Run times are recorded when an edition is released.")]
    said = (
        f"Whole seconds from start to last cell, when edition {edition['edition']} was released: "
        f"{len(times)} notebooks on {edition['cores']} cores, {sum(times.values())} s together."
    )
    rows = []
    for name, taken in times.items():
        page = link(f"{folder}/{name}", "", titles.get(name, name))
        rows.append([nodes.paragraph("", "", page), nodes.paragraph("", str(taken))])
    return [
        nodes.paragraph("", said),
        table_node((("Notebook", 70), ("Time (s)", 30)), rows, ["run-times"], ["left", "right"]),
    ]


class TableSums(SphinxDirective):
    """SHA-256 and rows of every table."""

    def run(self) -> list[nodes.Node]:
        root = Path(self.env.srcdir)
        rows = []
        for name, path in sorted(editions.data_files(root).items()):
            self.env.note_dependency(str(path))
            sums = editions.sums(path)
            parts = (
                file_link(path.relative_to(root).as_posix(), name),
                nodes.Text(f"{sums['rows']:,}"),
                nodes.literal("", sums["sha256"]),
            )
            rows.append([nodes.paragraph("", "", part) for part in parts])
        return [table_node((("Table", 26), ("Rows", 10), ("SHA-256", 64)), rows, ["sums"], ["left", "right", "left"])]


def setup(app: Sphinx) -> dict[str, bool]:
    app.setup_extension("published")
    app.add_directive("software", Software)
    app.add_directive("run-times", RunTimes)
    app.add_directive("table-sums", TableSums)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
