"""What stands around a page: its time, what to know before, where to go after; how to run, take and mend it."""

import shutil
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import project
import yaml
from docutils import nodes
from figures import ChartPicture
from published import file_link, files
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

WORDS_A_MINUTE, MINUTES_A_CHART = 220, 0.5
NOT_READ = (nodes.literal_block, nodes.math_block, nodes.table, nodes.raw, nodes.comment)


class PageFoot(nodes.container):
    """The box under a page; only pages on a screen have one."""


def minutes(doctree: nodes.document) -> int:
    """The time to read a page: its words, without code, tables and equations, and a look at each chart."""
    read = (text for text in doctree.findall(nodes.Text) if not within(text, NOT_READ))
    words = sum(len(text.astext().split()) for text in read)
    charts = len(list(doctree.findall(ChartPicture)))
    return max(1, round(words / WORDS_A_MINUTE + charts * MINUTES_A_CHART))


def within(node: nodes.Node, kinds: tuple[type, ...]) -> bool:
    while node := node.parent:
        if isinstance(node, kinds):
            return True
    return False


def surround(app: Sphinx, doctree: nodes.document) -> None:
    """Puts the line under the title, and the box under the text, of each page of the book."""
    page, first = app.env.docname, next(doctree.findall(nodes.section), None)
    if first is None or page not in app.energy_pages:
        return
    about = app.energy_reading.get(page, {})
    app.env.note_dependency(str(reading_file(app)))
    foot = PageFoot(classes=["page-foot"])
    if about:
        first.insert(1, head(minutes(doctree), about, page))
        foot += after(about, page)
    if is_notebook(app, page):
        foot += run_and_take(app, page)
    foot += mend(app, page)
    doctree += foot


def head(time: int, about: dict[str, Any], page: str) -> nodes.paragraph:
    """The line under the title."""
    plural = "" if time == 1 else "s"
    line = nodes.paragraph("", "", nodes.strong("", f"{time} minute{plural}"), classes=["reading"])
    line += nodes.Text(" to read. To know first: " + about["know"].rstrip("."))
    for number, before in enumerate(about.get("first", [])):
        line += [nodes.Text("; best after " if number == 0 else " and "), page_link(before, page)]
    line += nodes.Text(".")
    return line


def after(about: dict[str, Any], page: str) -> nodes.paragraph:
    """Where to go next, and for what."""
    line = nodes.paragraph("", "", nodes.strong("", "What next: "))
    for number, (target, why) in enumerate(about["next"].items()):
        line += [nodes.Text("; or " if number else ""), page_link(target, page), nodes.Text(f", {why}")]
    line += nodes.Text(".")
    return line


def run_and_take(app: Sphinx, page: str) -> nodes.paragraph:
    """Buttons that run a notebook elsewhere, and the notebook as files."""
    line = nodes.paragraph("", "", nodes.strong("", "This page is a notebook. "), classes=["run"])
    line += [nodes.Text("Run it on "), *buttons(app, page), nodes.Text(". Take it as a ")]
    line += [
        file_link(f"_sources/{page}.ipynb", "notebook with its results"),
        nodes.Text(" or as "),
        file_link(f"_sources/{page}.md", "text"),
    ]
    line += nodes.Text(".")
    return line


def buttons(app: Sphinx, page: str) -> list[nodes.Node]:
    """Links to Binder, and to Colab where the repository is one that it can open."""
    repository = urlsplit(project.repository_url(app.config))
    name = repository.path.strip("/")
    file = f"{page}.ipynb"
    on_github = repository.hostname == "github.com"
    where = f"gh/{name}" if on_github else f"git/{quote(repository.geturl(), safe='')}"
    made = [
        button("Binder", f"https://mybinder.org/v2/{where}/{project.AT}?" + urlencode({"urlpath": f"lab/tree/{file}"}))
    ]
    if on_github:
        made += [
            nodes.Text(" or "),
            button("Colab", f"https://colab.research.google.com/github/{name}/blob/{project.AT}/{file}"),
        ]
    return made


def button(name: str, address: str) -> nodes.reference:
    return nodes.reference("", name, refuri=address, classes=["run-button"])


def mend(app: Sphinx, page: str) -> nodes.paragraph:
    """A link to the form for mistakes, filled with the page and the edition."""
    filled = {"template": "page.yml", "page": page, "edition": project.edition(Path(app.srcdir))}
    address = f"{project.repository_url(app.config)}/issues/new?{urlencode(filled)}"
    line = nodes.paragraph("", "", nodes.reference("", "Report a mistake on this page", refuri=address))
    line += nodes.Text(", ask about it, or ")
    how = project.source_url(app.config, "CONTRIBUTING.md")
    line += [nodes.reference("", "add a model or a measurement", refuri=how), nodes.Text(".")]
    return line


def page_link(target: str, page: str) -> addnodes.pending_xref:
    """A link to another page, by its title."""
    made = addnodes.pending_xref(
        "", refdomain="std", reftype="doc", reftarget=f"/{target}", refexplicit=False, refwarn=True
    )
    made["refdoc"] = page
    made += nodes.inline("", target, classes=["std", "std-doc"])
    return made


def is_notebook(app: Sphinx, page: str) -> bool:
    return page.startswith(f"{app.config.energy_notebooks}/")


def reading_file(app: Sphinx) -> Path:
    return Path(app.srcdir) / "book" / "reading.yml"


def read_settings(app: Sphinx) -> None:
    """Reads what is said about pages, once a build; a chapter about which nothing is said is an error."""
    toc = yaml.safe_load((Path(app.srcdir) / app.config.external_toc_path).read_text(encoding="utf-8"))
    app.energy_pages = {toc["root"], *files(toc)}
    app.energy_reading = yaml.safe_load(reading_file(app).read_text(encoding="utf-8"))
    check(app.energy_reading, toc)


def check(about: dict[str, Any], toc: dict[str, Any]) -> None:
    """Raise where a chapter, or a part of what is said of it, is missing or unknown."""
    pages = {toc["root"], *files(toc)}
    chapters = {name for part in toc.get("parts", []) if part.get("numbered") for name in files(part)}
    for page in sorted(chapters - set(about)):
        raise ExtensionError(
            f"book/reading.yml says nothing of the chapter {page!r}: what to know before it, what is next"
        )
    for page, said in about.items():
        for target in [page, *said.get("first", []), *said.get("next", {})]:
            if target not in pages:
                raise ExtensionError(
                    f"book/reading.yml, {page!r}: the book has no page {target!r}; it has {', '.join(sorted(pages))}"
                )
        if missing := {"know", "next"} - set(said):
            raise ExtensionError(f"book/reading.yml, {page!r}: without {', '.join(sorted(missing))}")


def copy_texts(app: Sphinx, error: Exception | None) -> None:
    """Puts the texts of the notebooks beside the executed notebooks that Sphinx copies."""
    if error or app.builder.format != "html":
        return
    for page in app.energy_pages:
        text = Path(app.srcdir) / f"{page}.md"
        if is_notebook(app, page):
            shutil.copy(text, Path(app.outdir) / "_sources" / text.relative_to(app.srcdir))


def visit_html(translator: Any, node: PageFoot) -> None:
    translator.body.append(translator.starttag(node, "div", ""))


def depart_html(translator: Any, node: PageFoot) -> None:
    translator.body.append("</div>\n")


def leave_out(translator: Any, node: PageFoot) -> None:
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, bool]:
    for name in ("published", "figures"):
        app.setup_extension(name)
    skipped = {kind: (leave_out, None) for kind in ("latex", "text")}
    app.add_node(PageFoot, html=(visit_html, depart_html), **skipped)
    app.connect("builder-inited", read_settings)
    app.connect("doctree-read", surround)
    app.connect("build-finished", copy_texts)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
