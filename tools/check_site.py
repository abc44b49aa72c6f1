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

from bs4 import BeautifulSoup, Tag

# The frames in which a wide table scrolls by itself, and the tables that are laid out to fit a phone without one.
SCROLL_FRAMES = ["pst-scrollable-table-container", "chart-table", "chart-page"]
FITTING = {"indextable", "explorer-table"}


@functools.cache
def soup(path: Path) -> BeautifulSoup:
    return BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")


@functools.cache
def anchors(path: Path) -> frozenset[str]:
    return frozenset(tag["id"] for tag in soup(path).find_all(id=True))


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
    for tag in soup(path).find_all("a", href=True):
        fault = fault_of_link(path, tag["href"])
        if fault:
            yield f"dead link, {fault}"


def article(path: Path) -> Tag:
    return soup(path).find("article") or soup(path)


def figures_in_want(path: Path) -> Iterator[str]:
    """Figures without a picture or a number."""
    for figure in article(path).find_all("figure"):
        name = figure.get("id") or figure.get_text(" ", strip=True)[:40]
        caption = figure.find("figcaption")
        if not figure.find("img"):
            yield f"figure {name}: no picture"
        if not (caption and re.match(r"Figure [\d.]+", caption.get_text(strip=True))):
            yield f"figure {name}: no number"


def pictures_in_want(path: Path) -> Iterator[str]:
    """Pictures that are not there, or say nothing to those who do not see them."""
    for image in article(path).find_all("img"):
        if not image.get("alt", "").strip():
            yield f"picture {image.get('src')}: no text alternative"
        if fault := fault_of_link(path, image["src"]):
            yield f"picture {fault}"
    for source in article(path).find_all("source"):
        if fault := fault_of_link(path, source["srcset"]):
            yield f"picture {fault}"


def wide_tables(path: Path) -> Iterator[str]:
    """Tables outside a frame that scrolls."""
    for table in article(path).find_all("table"):
        if not table.find_parent(class_=SCROLL_FRAMES) and not FITTING & set(table.get("class", [])):
            words = table.get_text(" ", strip=True)
            yield f"table {table.get('id') or words[:40]!r}: not in a frame that scrolls, so wider than a phone"


CHECKS: tuple[Callable[[Path], Iterator[str]], ...] = (dead_links, figures_in_want, pictures_in_want, wide_tables)


def pages(site: Path) -> list[Path]:
    return sorted(path for path in site.rglob("*.html") if "_static" not in path.relative_to(site).parts)


def faults(site: Path) -> list[str]:
    """Every fault of a rendered site, each with its page."""
    site = site.resolve()
    soup.cache_clear()
    anchors.cache_clear()
    return [f"{page.relative_to(site)}: {fault}" for page in pages(site) for check in CHECKS for fault in check(page)]


if __name__ == "__main__":
    found = faults(Path(sys.argv[1]))
    print("\n".join(found) or "no fault")
    sys.exit(bool(found))
