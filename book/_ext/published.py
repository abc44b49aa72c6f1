"""Places what the notebooks publish: the roles {num} and {val}, {numbers} and {record-table}."""

import json
import posixpath
from pathlib import Path
from typing import Any, ClassVar

import project
import record
import yaml
from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective, SphinxRole
from sphinx.util.nodes import make_refnode

logger = logging.getLogger(__name__)


LONG_CELL = 22  # columns with longer texts keep a width at which these read well


class SiteLink(nodes.Inline, nodes.TextElement):
    """A link to an anchor of another page (`todoc`, `anchor`) or to a file of the site (`file`)."""


class ResolveSiteLinks(SphinxPostTransform):
    """Turns site links into references once every page is known, and names the commit of the build in addresses."""

    default_priority = 5

    def run(self, **kwargs: Any) -> None:
        for node in list(self.document.findall(SiteLink)):
            node.replace_self(self._reference(node))
        for node in self.document.findall(nodes.reference):
            if project.AT in node.get("refuri", ""):
                node["refuri"] = node["refuri"].replace(project.AT, self.app.energy_source_at)

    def _reference(self, node: SiteLink) -> nodes.Element:
        here, builder = self.env.docname, self.app.builder
        children = [child.deepcopy() for child in node.children]
        if "file" in node and builder.format == "html":
            folder = posixpath.dirname(builder.get_target_uri(here))
            uri = posixpath.relpath(node["file"], folder or ".")
            return nodes.reference("", "", *children, refuri=uri, internal=True)
        if node.get("todoc") in self.env.found_docs:
            made = make_refnode(builder, here, node["todoc"], node["anchor"], children, node["hint"])
            made["classes"] += node["classes"]
            return made
        return nodes.inline("", "", *children, classes=node["classes"])


def link(todoc: str, anchor: str, text: str, hint: str = "", classes: tuple[str, ...] = ()) -> SiteLink:
    """A link to an anchor of a page; `hint` becomes its tooltip."""
    return SiteLink("", text, todoc=todoc, anchor=anchor, hint=hint, classes=list(classes))


def file_link(path: str, text: str) -> SiteLink:
    """A link to a file at a path of the site's root."""
    return SiteLink("", text, file=path, classes=["file"])


def table_links(env: Any, names: tuple[str, ...]) -> list[nodes.Node]:
    """Links to the tables' sections of the data page, with commas between."""
    made: list[nodes.Node] = []
    for name in names:
        made += [nodes.Text(", ")] if made else []
        made.append(link(env.config.energy_data_page, f"table-{name}", name))
    return made


class NumberRole(SphinxRole):
    """`{num}` shows a published number with its interval, `{val}` without; both link to its row."""

    def __init__(self, with_interval: bool) -> None:
        super().__init__()
        self.with_interval = with_interval

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        known = self.env.app.energy_record.numbers
        key = self.text.strip()
        if key not in known:
            logger.warning(
                "no notebook publishes the number %r%s",
                key,
                record.nearest(key, known),
                location=self.get_location(),
                type="energy",
                subtype="number",
            )
            self.env.note_reread()
            return [nodes.literal(key, key)], []
        number = known[key]
        note_notebook(self.env, number.notebook)
        text = _unbroken(number.text)
        if self.with_interval and number.interval_text:
            text += f" ({_unbroken(number.interval_text)})"
        page = self.env.config.energy_numbers_page
        return [link(page, key, text, number.note, ("num",))], []


def _unbroken(text: str, fits: int = 29) -> str:
    """The text on one line, if it has at most so many letters as fit there."""
    return text.replace(" ", "\N{NO-BREAK SPACE}") if len(text) <= fits else text


class Numbers(SphinxDirective):
    """Lists every published number, notebook by notebook."""

    HEADINGS = (("What", 44), ("Value", 14), ("Interval", 24), ("Tables", 18))

    def run(self) -> list[nodes.Node]:
        self.env.note_reread()
        found = self.env.app.energy_record
        sections = []
        for notebook, title in found.titles.items():
            numbers = [n for n in found.numbers.values() if n.notebook == notebook]
            if numbers:
                sections.append(self._section(notebook, title, numbers))
        return sections

    def _section(self, notebook: str, title: str, numbers: list[record.Number]) -> nodes.section:
        section = nodes.section(ids=[f"numbers-{notebook}"], names=[f"numbers-{notebook}"])
        section += nodes.title("", title)
        page = link(f"{self.env.config.energy_notebooks}/{notebook}", "", title)
        section += nodes.paragraph("", "", nodes.Text("Computed in "), page, nodes.Text("."))
        rows = [self._row(number) for number in numbers]
        section += table_node(self.HEADINGS, rows, ["numbers"])
        return section

    def _row(self, number: record.Number) -> list[nodes.Node]:
        key = nodes.literal("", number.key)
        what = nodes.paragraph("", "", nodes.target("", "", ids=[number.key]))
        what += [nodes.Text(number.what), nodes.Text(" "), key]
        interval = number.no_interval or ""
        if number.interval_text:
            interval = number.interval_text
            interval += f" ({_unbroken(number.interval_is)})" if number.interval_is else ""
        value = nodes.paragraph("", _unbroken(number.text, fits=14))
        if number.headline:
            value["classes"].append("headline")
        tables = nodes.paragraph("", "", *table_links(self.env, number.tables))
        return [what, value, nodes.paragraph("", interval), tables]


class RecordTable(SphinxDirective):
    """Places a small table that a notebook publishes; the body is its caption."""

    required_arguments = 1
    has_content = True
    option_spec: ClassVar = {"copy": directives.flag}

    def run(self) -> list[nodes.Node]:
        name, known = self.arguments[0], self.env.app.energy_record.tables
        if name not in known:
            return unknown(self, "table", name, known)
        table = known[name]
        note_notebook(self.env, table.notebook)
        headings = [(heading(column), 1) for column in table.columns]
        rows = [[nodes.paragraph("", cell) for cell in row] for row in table.rows]
        aligned = [column.get("align", "left") for column in table.columns]
        made = table_node(headings, rows, ["record"], aligned)
        wordy = [max(map(len, cells), default=0) > LONG_CELL for cells in zip(*table.rows, strict=True)]
        for row in made.findall(nodes.row):
            for entry, is_wordy in zip(row, wordy, strict=False):
                entry["classes"] += ["wordy"] if is_wordy else []
        made.insert(0, nodes.title("", "", *caption(self)[0]))
        give_label(self, made, name)
        return [made]


def heading(column: Any) -> str:
    """The words over a column, with the unit in parentheses."""
    label, unit = column.get("label") or column["name"], column.get("unit")
    return f"{label} ({unit})" if unit else label


def table_node(headings: Any, rows: Any, classes: list[str], aligned: list[str] | None = None) -> nodes.table:
    """A table of `(heading, relative width)` columns and rows of block nodes."""
    aligned = aligned or ["left"] * len(headings)
    group = nodes.tgroup(cols=len(headings))
    group += [nodes.colspec(colwidth=width) for _, width in headings]
    head = nodes.row()
    for (text, _), align in zip(headings, aligned, strict=True):
        head += nodes.entry("", nodes.paragraph("", text), classes=[f"text-{align}"])
    group += nodes.thead("", head)
    body = nodes.tbody()
    for cells in rows:
        row = nodes.row()
        for cell, align in zip(cells, aligned, strict=True):
            row += nodes.entry("", cell, classes=[f"text-{align}"])
        body += row
    group += body
    return nodes.table("", group, classes=[*classes, "colwidths-auto"])


def caption(directive: SphinxDirective) -> tuple[list[nodes.Node], list[nodes.Node]]:
    """The inline nodes of the body's first paragraph, and the blocks after it."""
    parsed = nodes.Element()
    directive.state.nested_parse(directive.content, directive.content_offset, parsed)
    if not parsed.children or not isinstance(parsed[0], nodes.paragraph):
        raise directive.error(f"{directive.name} {directive.arguments[0]}: a caption is missing")
    return parsed[0].children, parsed.children[1:]


def give_label(directive: SphinxDirective, node: nodes.Element, name: str) -> None:
    """Makes a placement the one that {numref} finds, and so numbers it; copies get none."""
    if "copy" not in directive.options:
        node["names"].append(nodes.fully_normalize_name(name))
        directive.state.document.note_explicit_target(node, node)


def unknown(directive: SphinxDirective, kind: str, name: str, known: Any) -> list[nodes.Node]:
    """Warns that nothing is published under a name."""
    logger.warning(
        "no notebook publishes the %s %r%s",
        kind,
        name,
        record.nearest(name, known),
        location=directive.get_location(),
        type="energy",
        subtype=kind,
    )
    directive.env.note_reread()
    return []


def note_notebook(env: Any, notebook: str) -> None:
    """Has the current page rebuilt when a notebook changes."""
    env.note_dependency(str(Path(env.srcdir) / env.config.energy_notebooks / f"{notebook}.ipynb"))


def read_record(app: Sphinx) -> None:
    """Reads the notebooks once a build, in the order of the table of contents."""
    folder = app.config.energy_notebooks
    app.energy_source_at = project.source_at(app.config, Path(app.srcdir))
    toc = Path(app.srcdir) / app.config.external_toc_path
    listed = files(yaml.safe_load(toc.read_text(encoding="utf-8"))) if toc.is_file() else []
    order = [Path(name).stem for name in listed if name.startswith(f"{folder}/")]
    try:
        app.energy_record = record.read(Path(app.srcdir) / folder, order)
        described = Path(app.srcdir) / "data" / "datapackage.json"
        if described.is_file():
            resources = json.loads(described.read_text(encoding="utf-8"))["resources"]
            record.check_tables(app.energy_record, {resource["name"] for resource in resources})
    except record.RecordError as error:
        raise ExtensionError(str(error)) from error


def files(toc: Any) -> list[str]:
    """The pages that a table of contents, or a part of it, lists; without its root."""
    if isinstance(toc, list):
        return [name for part in toc for name in files(part)]
    if isinstance(toc, dict):
        own = [toc["file"]] if "file" in toc else []
        return own + [name for part in toc.values() for name in files(part)]
    return []


def _pass(translator: Any, node: nodes.Node) -> None:
    """Headings in a page's contents list keep the words and lose the link."""


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_config_value("energy_notebooks", "notebooks", "env")
    app.add_config_value("energy_numbers_page", "book/numbers", "env")
    app.add_config_value("energy_data_page", "book/data", "env")
    app.add_node(SiteLink, **{name: (_pass, _pass) for name in ("html", "latex", "text")})
    app.add_role("num", NumberRole(with_interval=True))
    app.add_role("val", NumberRole(with_interval=False))
    app.add_directive("numbers", Numbers)
    app.add_directive("record-table", RecordTable)
    app.add_post_transform(ResolveSiteLinks)
    app.connect("builder-inited", read_record)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
