"""Leads readers and robots to the pages: sitemap.xml, robots.txt, and an Atom feed of the editions."""

import html
import xml.etree.ElementTree as ET
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import project
import social
from bs4 import BeautifulSoup, Tag
from citing import page_url
from editions import released
from head import FEED
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

SITEMAP = "http://www.sitemaps.org/schemas/sitemap/0.9"
ATOM = "http://www.w3.org/2005/Atom"
CHANGES = "book/changes"
LINKED = (("a", "href"), ("img", "src"), ("source", "srcset"))


def sitemap(addresses: list[str]) -> bytes:
    """The addresses of all pages, as search engines read them."""
    top = ET.Element("urlset", xmlns=SITEMAP)
    for address in addresses:
        ET.SubElement(ET.SubElement(top, "url"), "loc").text = address
    return _xml(top)


def feed(site: str, page: str, title: str, authors: tuple[str, ...], entries: list[dict[str, Any]]) -> bytes:
    """The feed: an entry for each edition, newest first, with its section of the page of changes."""
    top = ET.Element("feed", {"xmlns": ATOM, "xml:lang": "en"})
    _add(top, "id", page)
    _add(top, "title", f"{title}: changes")
    _add(top, "updated", max(entry["updated"] for entry in entries))
    ET.SubElement(top, "link", rel="self", type="application/atom+xml", href=site + FEED)
    ET.SubElement(top, "link", rel="alternate", type="text/html", href=page)
    for author in authors:
        _add(ET.SubElement(top, "author"), "name", author)
    for entry in entries:
        made = ET.SubElement(top, "entry")
        for part in ("id", "title", "updated"):
            _add(made, part, entry[part])
        ET.SubElement(made, "link", rel="alternate", type="text/html", href=entry["id"])
        _add(made, "content", entry["content"]).set("type", "html")
    return _xml(top)


def entries(body: str, page: str, dates: dict[str, date]) -> list[dict[str, str]]:
    """The sections of the page of changes that tell of a released edition, with links that work elsewhere."""
    found = []
    for section in BeautifulSoup(body, "html.parser").find_all("section"):
        heading = section.find(["h1", "h2", "h3"], recursive=False)
        for anchor in heading.find_all("a", class_="headerlink"):
            anchor.decompose()
        title = heading.get_text(" ", strip=True)
        day = dates.get(title.removeprefix("Edition "))
        if day:
            heading.decompose()
            content = _portable(section, page).decode_contents().strip()
            updated = f"{day.isoformat()}T00:00:00Z"
            found.append({"id": f"{page}#{section['id']}", "title": title, "updated": updated, "content": content})
    return found


def _portable(section: Tag, page: str) -> Tag:
    """A section whose links and pictures are addresses of their own, without what needs a script."""
    for tag in section.find_all(["script", "style"]):
        tag.decompose()
    for kind, attribute in LINKED:
        for tag in section.find_all(kind, attrs={attribute: True}):
            tag[attribute] = urljoin(page, tag[attribute])
    return section


def _add(parent: ET.Element, name: str, text: str) -> ET.Element:
    made = ET.SubElement(parent, name)
    made.text = text
    return made


def _xml(top: ET.Element) -> bytes:
    ET.indent(top)
    return ET.tostring(top, encoding="utf-8", xml_declaration=True) + b"\n"


def write_feed(app: Sphinx, page: str, template: str, context: Any, doctree: Any) -> None:
    """Writes the feed whenever the page of changes is written."""
    if page == CHANGES and doctree is not None:
        work, address = app.energy_work, page_url(app, page)
        dates = {name: date.fromisoformat(each["released"]) for name, each in released(Path(app.srcdir)).items()}
        told = entries(context["body"], address, dates | {work.edition: work.released})
        if not told:
            raise ExtensionError(f"{page}.md has no section `## Edition {work.edition}` for the feed to tell of")
        site = project.site_url(app.config)
        for entry in told:
            if entry["title"].endswith(work.edition):  # earlier ones may have had another chart
                entry["content"] = _picture(app, site, page) + entry["content"]
        text = feed(site, address, work.short_title, work.authors, told)
        (Path(app.outdir) / FEED).write_bytes(text)


def _picture(app: Sphinx, site: str, page: str) -> str:
    """The picture that the page is shared with, for readers of feeds, which run no script."""
    alt = html.escape(app.energy_record.charts[app.config.energy_social_chart].description)
    return f'<p><img src="{site}{social.picture_path(page)}" alt="{alt}"></p>'


def write_map(app: Sphinx, error: Exception | None) -> None:
    """Writes the list of pages, and where robots find it."""
    if error or app.builder.format != "html":
        return
    out, site = Path(app.outdir), project.site_url(app.config)
    pages = sorted(page_url(app, page) for page in app.env.found_docs)
    (out / "sitemap.xml").write_bytes(sitemap(pages))
    (out / "robots.txt").write_text(f"User-agent: *\nAllow: /\n\nSitemap: {site}sitemap.xml\n", encoding="utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    app.setup_extension("citing")
    app.connect("html-page-context", write_feed)
    app.connect("build-finished", write_map)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
