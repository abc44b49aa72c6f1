"""The directive {datapackage}: a section for each table of `data/`, written from its own description."""

import csv
import hashlib
import shutil
from pathlib import Path
from typing import Any

import project
from docutils import nodes
from docutils.statemachine import StringList
from machine import resource_path
from published import file_link, table_node
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

RULES = {
    "minimum": "at least {}",
    "maximum": "at most {}",
    "exclusiveMinimum": "above {}",
    "exclusiveMaximum": "below {}",
    "pattern": "pattern {}",
    "minLength": "{} characters or more",
    "maxLength": "{} characters or fewer",
}
FOLDED = 6  # tables with more columns than this fold their list away


class Folded(nodes.General, nodes.Element):
    """A block that opens at a click on `summary`."""


class DataPackage(SphinxDirective):
    """Describes every table: what it holds, where it is from, and what each column means."""

    def run(self) -> list[nodes.Node]:
        root = Path(self.env.srcdir)
        self.env.note_dependency(str(root / project.PACKAGE))
        package = project.package(root)
        sections = []
        for resource in package["resources"]:
            self.env.note_dependency(str(root / "data" / resource["path"]))
            sections.append(self._section(resource, root / "data" / resource["path"], package))
        return sections

    def _section(self, resource: Any, path: Path, package: Any) -> nodes.section:
        anchor = f"table-{resource['name']}"
        section = nodes.section(ids=[anchor], names=[anchor])
        self.state.document.note_explicit_target(section, section)
        section += nodes.title("", resource["title"])
        call = nodes.literal("", f'load("{resource["name"]}")')
        section += nodes.paragraph("", "", nodes.Text("In the library: "), call)
        if resource.get("description"):
            self.state.nested_parse(_lines(resource["description"]), 0, section)
        section += self._facts(resource, path, package)
        columns = resource["schema"]["fields"]
        listed = columns_table(columns, set(_as_list(resource["schema"].get("primaryKey"))))
        if len(columns) > FOLDED:
            section += Folded("", listed, summary=f"{len(columns)} columns and their meaning")
        else:
            section += listed
        return section

    def _facts(self, resource: Any, path: Path, package: Any) -> nodes.bullet_list:
        data = path.read_bytes()
        rows = sum(1 for _ in csv.reader(data.decode("utf-8").splitlines(keepends=True))) - 1
        facts = nodes.bullet_list(classes=["facts"])
        download = file_link(f"data/{resource['path']}", Path(resource["path"]).name)
        size = f" ({rows:,} rows, {len(data) / 1000:,.0f} kB)"
        schema = file_link(f"data/{resource_path(resource['path'])}", "schema")
        facts += _fact("Download", [download, nodes.Text(size + " · "), schema])
        licences = project.licences(resource, package)
        facts += _fact("Licence", _joined([self._named(licence) for licence in licences]))
        facts += _fact("Sources", _joined([self._named(source) for source in resource.get("sources", [])]))
        facts += _fact("SHA-256", [nodes.literal("", hashlib.sha256(data).hexdigest())])
        return facts

    def _named(self, thing: Any) -> list[nodes.Node]:
        """A licence or source: its title as a link, and which version."""
        url = thing.get("path", "")
        text, _ = self.state.inline_text(thing.get("title") or thing.get("name") or url, self.lineno)
        web = url.startswith(("http://", "https://"))
        made = [nodes.reference("", "", *text, refuri=url)] if web else text
        extra = [thing[part] for part in ("version", "commit", "accessed") if thing.get(part)]
        return made + ([nodes.Text(f" ({', '.join(extra)})")] if extra else [])


def columns_table(columns: Any, key: set[str]) -> nodes.table:
    """Name, meaning, unit, type, allowed values, and whether a cell may be empty."""
    headings = (
        ("Column", 18), ("Meaning", 40), ("Unit", 10), ("Type", 8), ("Allowed", 16), ("Empty", 8),
    )  # fmt: skip
    rows = []
    for column in columns:
        name = nodes.paragraph("", "", nodes.literal("", column["name"]))
        if column["name"] in key:
            name += nodes.Text(" (key)")
        required = column.get("constraints", {}).get("required", False) or column["name"] in key
        texts = [
            column.get("description", ""),
            column.get("unit", ""),
            column.get("type", ""),
            allowed(column.get("constraints", {})),
            "no" if required else "may be",
        ]
        rows.append([name, *(nodes.paragraph("", text) for text in texts)])
    return table_node(headings, rows, ["columns"])


def allowed(constraints: Any) -> str:
    """The rules that a column's values obey, in words."""
    rules = [text.format(constraints[rule]) for rule, text in RULES.items() if rule in constraints]
    if "enum" in constraints:
        rules.insert(0, "one of " + ", ".join(str(value) for value in constraints["enum"]))
    if constraints.get("unique"):
        rules.append("no value twice")
    return "; ".join(rules)


def _fact(name: str, content: list[nodes.Node]) -> nodes.list_item:
    return nodes.list_item("", nodes.paragraph("", "", nodes.strong("", name), nodes.Text(": "), *content))


def _joined(parts: list[list[nodes.Node]]) -> list[nodes.Node]:
    made: list[nodes.Node] = []
    for part in parts:
        made += ([nodes.Text("; ")] if made else []) + part
    return made or [nodes.Text("not stated")]


def _as_list(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value or [])


def _lines(text: str) -> StringList:
    return StringList(text.splitlines(), source=str(project.PACKAGE))


def visit_folded(translator: Any, node: Folded) -> None:
    translator.body.append(f"<details class='folded'><summary>{node['summary']}</summary>")


def depart_folded(translator: Any, node: Folded) -> None:
    translator.body.append("</details>")


def _pass(translator: Any, node: nodes.Node) -> None:
    """Print shows folded blocks open."""


def copy_data(app: Sphinx, error: Exception | None) -> None:
    """Serves the tables and their description at the addresses that the pages link to."""
    if error or app.builder.format != "html" or not (Path(app.srcdir) / project.PACKAGE).is_file():
        return
    source, target = Path(app.srcdir) / "data", Path(app.outdir) / "data"
    package = project.package(Path(app.srcdir))
    for name in ["datapackage.json", *(resource["path"] for resource in package["resources"])]:
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source / name, target / name)


def setup(app: Sphinx) -> dict[str, bool]:
    app.setup_extension("published")
    app.add_node(
        Folded,
        html=(visit_folded, depart_folded),
        latex=(_pass, _pass),
        text=(_pass, _pass),
    )
    app.add_directive("datapackage", DataPackage)
    app.connect("build-finished", copy_data)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
