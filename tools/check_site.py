"""Finds what must not be published in a rendered book.

Dead links, figures without a number or a picture, pictures without a text, tables that would widen a phone's page.
"""

from __future__ import annotations

import functools
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

from lxml import html

# The frames in which a wide table scrolls by itself, and the tables that are laid out to fit a phone without one.
SCROLL_FRAMES = {"pst-scrollable-table-container", "chart-table", "chart-page"}
FITTING = {"indextable", "explorer-table"}


@functools.cache
def page(path: Path) -> html.HtmlElement:
    return html.document_fromstring(path.read_bytes(), parser=html.HTMLParser(encoding="utf-8", huge_tree=True))


@functools.cache
def anchors(path: Path) -> frozenset[str]:
    return frozenset(page(path).xpath("//@id"))


def fault_of_link(start: Path, href: str) -> str | None:
    """Why a link within the site leads nowhere, or None."""
    parts = urlsplit(href)
    if parts.scheme or parts.netloc:
        return None
    target = (start.parent / unquote(parts.path)).resolve() if parts.path else start
    if not target.is_file():
        return f"{href}: no such file"
    if parts.fragment and target.suffix == ".html" and unquote(parts.fragment) not in anchors(target):
        return f"{href}: no such anchor"
    return None


def dead_links(path: Path) -> Iterator[str]:
    for href in page(path).xpath("//a/@href"):
        fault = fault_of_link(path, href)
        if fault:
            yield f"dead link, {fault}"


def article(path: Path) -> html.HtmlElement:
    return next(page(path).iter("article"), page(path))


def figures_in_want(path: Path) -> Iterator[str]:
    """Figures without a picture or a number."""
    for figure in article(path).iter("figure"):
        name = figure.get("id") or _words(figure)[:40]
        caption = next(figure.iter("figcaption"), None)
        if not figure.xpath(".//img"):
            yield f"figure {name}: no picture"
        if caption is None or not re.match(r"Figure [\d.]+", _words(caption)):
            yield f"figure {name}: no number"


def pictures_in_want(path: Path) -> Iterator[str]:
    """Pictures that are not there, or say nothing to those who do not see them."""
    for image in article(path).iter("img"):
        if not image.get("alt", "").strip():
            yield f"picture {image.get('src')}: no text alternative"
        if fault := fault_of_link(path, image.get("src", "")):
            yield f"picture {fault}"
    for srcset in article(path).xpath(".//source/@srcset"):
        if fault := fault_of_link(path, srcset):
            yield f"picture {fault}"


def wide_tables(path: Path) -> Iterator[str]:
    """Tables outside a frame that scrolls."""
    for table in article(path).iter("table"):
        scrolls = any(SCROLL_FRAMES & _classes(frame) for frame in table.iterancestors())
        if not scrolls and not FITTING & _classes(table):
            yield f"table {table.get('id') or _words(table)[:40]!r}: not in a frame that scrolls, so wider than a phone"


def _classes(tag: html.HtmlElement) -> set[str]:
    return set(tag.get("class", "").split())


def _words(tag: html.HtmlElement) -> str:
    return " ".join(tag.text_content().split())


CHECKS: tuple[Callable[[Path], Iterator[str]], ...] = (dead_links, figures_in_want, pictures_in_want, wide_tables)


def pages(site: Path) -> list[Path]:
    return sorted(path for path in site.rglob("*.html") if "_static" not in path.relative_to(site).parts)


def faults(site: Path) -> list[str]:
    """Every fault of a rendered site, each with its page."""
    site = site.resolve()
    page.cache_clear()
    anchors.cache_clear()
    return [f"{path.relative_to(site)}: {fault}" for path in pages(site) for check in CHECKS for fault in check(path)]


if __name__ == "__main__":
    found = faults(Path(sys.argv[1]))
    print("\n".join(found) or "no fault")
    sys.exit(bool(found))
