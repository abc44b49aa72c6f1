"""What a page says of itself to search engines, to social networks and to machines, in its head."""

import html
import json
import re
from typing import Any

import citation
import project
import social
from citing import page_url
from docutils import nodes
from sphinx.application import Sphinx
from structured import article, datasets

LONGEST, SHORTEST = 200, 60  # characters of a description
FEED = "changes.atom"
# What is no prose of the page itself.
APART = (
    nodes.figure,
    nodes.table,
    nodes.Admonition,
    nodes.sidebar,
    nodes.block_quote,
    nodes.footnote,
    nodes.system_message,
)


def description(doctree: nodes.document) -> str:
    """The first sentences of a page, whole where they are short enough.

    The first paragraph counts, and those after it while there is too little.
    """
    found = ""
    for paragraph in doctree.findall(nodes.paragraph):
        if not _inside(paragraph, APART):
            found = f"{found} {_words(paragraph)}".strip()
        if len(found) >= SHORTEST:
            break
    return shortened(found) if found else ""


def _words(paragraph: nodes.paragraph) -> str:
    """A paragraph's text without the label, such as **Question.**, that it may begin with."""
    first = paragraph[0] if len(paragraph) else None
    label = first.astext() if isinstance(first, nodes.strong) and first.astext().endswith(".") else ""
    return " ".join(paragraph.astext().removeprefix(label).split())


def shortened(text: str) -> str:
    """As many whole sentences as fit; the first, cut between words, where none does.

    >>> shortened("One. " + "Two words " * 30)
    'One.'
    """
    kept = ""
    for part in re.split(r"(?<=[.?!]) ", text):
        if len(f"{kept} {part}") > LONGEST or (kept and part[-1] not in ".?!"):
            break
        kept = f"{kept} {part}".strip()
    return kept or text[: LONGEST - 1].rsplit(" ", 1)[0].rstrip(",;:") + "…"


def _inside(node: nodes.Node, kinds: tuple[type, ...]) -> bool:
    while node.parent is not None:
        node = node.parent
        if isinstance(node, kinds):
            return True
    return False


def add_head(app: Sphinx, page: str, template: str, context: Any, doctree: Any) -> None:
    """Writes description, card, feed and structured data into the head of every page of the book."""
    site = project.site_url(app.config)
    feed = f'<link rel="alternate" type="application/atom+xml" title="Changes" href="{context["pathto"](FEED, 1)}" />'
    context["metatags"] = context.get("metatags", "") + "\n    " + feed
    if doctree is None:
        context["metatags"] += '\n    <meta name="robots" content="noindex" />'
        return
    chart = social.chart_of(app, doctree)
    title = app.env.titles[page].astext()
    shown = app.energy_work.title if page == app.config.root_doc else title
    said = {
        "title": shown,
        "description": description(doctree) or shortened(" ".join(app.energy_work.abstract.split())),
        "url": page_url(app, page),
        "image": site + social.write_picture(app, page, shown, chart),
        "image_alt": app.energy_record.charts[chart].description,
    }
    structured = article(app.energy_work, site, said, whole=page == app.config.root_doc)
    if page == app.config.energy_data_page:
        structured = {"@context": structured.pop("@context"), "@graph": [structured, datasets(app, said)]}
    context["metatags"] += "".join(f"\n    {tag}" for tag in [*_tags(app.energy_work, said), data_block(structured)])


def _tags(work: citation.Work, said: dict[str, str]) -> list[str]:
    is_whole = said["title"] == work.title
    by_name = {
        "description": said["description"],
        "author": ", ".join(work.authors),
        "twitter:card": "summary_large_image",
        "twitter:title": said["title"],
        "twitter:description": said["description"],
        "twitter:image": said["image"],
        "twitter:image:alt": said["image_alt"],
    }
    by_property = {
        "og:type": "website" if is_whole else "article",
        "og:site_name": work.short_title,
        "og:locale": "en",
        "og:title": said["title"],
        "og:description": said["description"],
        "og:url": said["url"],
        "og:image": said["image"],
        "og:image:type": "image/png",
        "og:image:width": str(social.WIDTH),
        "og:image:height": str(social.HEIGHT),
        "og:image:alt": said["image_alt"],
        **({} if is_whole else {"article:published_time": work.released.isoformat()}),
    }
    named = [f'<meta name="{name}" content="{html.escape(value)}" />' for name, value in by_name.items()]
    return named + [f'<meta property="{name}" content="{html.escape(value)}" />' for name, value in by_property.items()]


def data_block(structured: Any) -> str:
    """Structured data as a block that no browser runs, and that no text within can end."""
    text = json.dumps(structured, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
    return f'<script type="application/ld+json">{text}</script>'


def setup(app: Sphinx) -> dict[str, bool]:
    app.setup_extension("citing")
    app.setup_extension("figures")
    app.add_config_value("energy_social_chart", "", "html")
    app.connect("html-page-context", add_head)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
