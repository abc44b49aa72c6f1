"""How to cite: a folded block at the end of each page, {cite-book}, {cite-tables}, and {licences} of everything."""

import html
from pathlib import Path
from typing import Any

import citation
import project
from docutils import nodes
from published import link, table_node
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

PAGE = "book/cite"


class CiteBook(SphinxDirective):
    """The citation of the whole edition, in words and as BibTeX."""

    def run(self) -> list[nodes.Node]:
        work, address = self.env.app.energy_work, project.site_url(self.config)
        return _cited(citation.sentence(work, address), citation.bibtex(work, address))


class CiteTables(SphinxDirective):
    """The citation of the tables together, in words and as BibTeX."""

    def run(self) -> list[nodes.Node]:
        self.env.note_dependency(str(Path(self.env.srcdir) / project.PACKAGE))
        title = project.package(Path(self.env.srcdir))["title"]
        work, address = self.env.app.energy_work, page_url(self.env.app, self.config.energy_data_page)
        return _cited(citation.sentence(work, address, title=title), citation.dataset_bibtex(work, address, title))


def _cited(words: str, entry: str) -> list[nodes.Node]:
    return [nodes.block_quote("", nodes.paragraph("", words)), nodes.literal_block(entry, entry, language="bibtex")]


class Licences(SphinxDirective):
    """What may be done with the code, the text and every table."""

    def run(self) -> list[nodes.Node]:
        self.env.note_dependency(str(Path(self.env.srcdir) / project.PACKAGE))
        package = project.package(Path(self.env.srcdir))
        covered: dict[tuple[str, ...], list[nodes.Node]] = {
            (citation.CODE_LICENCE,): [nodes.Text("code")],
            (citation.TEXT_LICENCE,): [nodes.Text("text and charts")],
        }
        known = {name: _licence(name) for name in citation.LICENCES}
        for resource in sorted(package["resources"], key=lambda each: each["name"]):
            licences = project.licences(resource, package)
            known |= {licence["name"]: licence for licence in licences}
            tables = covered.setdefault(tuple(licence["name"] for licence in licences), [])
            tables += [nodes.Text(", ")] if tables else []
            tables.append(link(self.config.energy_data_page, f"table-{resource['name']}", resource["name"]))
        rows = [[_named(known, names), nodes.paragraph("", "", *what)] for names, what in covered.items()]
        return [table_node((("Licence", 35), ("What", 65)), rows, ["licences"])]


def _named(known: dict[str, dict[str, str]], names: tuple[str, ...]) -> nodes.paragraph:
    line = nodes.paragraph()
    for name in names:
        line += [nodes.Text("; ")] if line.children else []
        line += nodes.reference("", known[name]["title"], refuri=known[name]["path"])
    return line


def _licence(name: str) -> dict[str, str]:
    title, path = citation.LICENCES[name]
    return {"title": title, "path": path}


def page_url(app: Sphinx, page: str) -> str:
    """The address at which a page of the book is published."""
    return f"{project.site_url(app.config)}{page}.html"


def page_citation(app: Sphinx, page: str, title: str) -> tuple[str, str]:
    """The citation of one page, in words and as BibTeX; the front page stands for the whole."""
    work, address = app.energy_work, page_url(app, page)
    if page == app.config.root_doc:
        return citation.sentence(work, address), citation.bibtex(work, address)
    entry = citation.bibtex(work, address, part=title, name=Path(page).name)
    return citation.sentence(work, address, part=title), entry


def add_citation(app: Sphinx, page: str, template: str, context: Any, doctree: Any) -> None:
    """Ends every page of the book with a quiet block that says how to cite it."""
    if doctree is None:
        return
    words, entry = page_citation(app, page, app.env.titles[page].astext())
    licence = context["pathto"](PAGE)
    context["body"] += (
        "<details class='folded cite-page'><summary>How to cite this page</summary>"
        f"<p>{html.escape(words)}</p>"
        f"<div class='highlight-bibtex notranslate'>{app.builder.highlighter.highlight_block(entry, 'bibtex')}</div>"
        f"<p>What licence covers what: <a class='reference internal' href='{licence}'>how to cite</a>.</p></details>"
    )


def read_work(app: Sphinx, config: Any) -> None:
    """Reads CITATION.cff, and the address of the site where a fork names its own."""
    app.energy_work = citation.read(Path(app.srcdir))
    config.html_baseurl = project.site_url(config)


def setup(app: Sphinx) -> dict[str, bool]:
    app.setup_extension("published")
    app.add_directive("cite-book", CiteBook)
    app.add_directive("cite-tables", CiteTables)
    app.add_directive("licences", Licences)
    app.connect("config-inited", read_work)
    app.connect("html-page-context", add_citation)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
