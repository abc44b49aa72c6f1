"""The built book: every page, link, figure and number is there, and nothing comes from elsewhere.

Reads the site that `make book` built; BOOK_HTML names another one.
"""

import functools
import os
import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
import yaml
from bs4 import BeautifulSoup

ROOT = Path(__file__).parents[1]
HTML = Path(os.environ.get("BOOK_HTML", ROOT / "_build" / "html")).resolve()
FETCHED = {"script": "src", "link": "href", "img": "src", "source": "srcset", "iframe": "src", "object": "data"}


def listed_pages() -> list[str]:
    toc = yaml.safe_load((ROOT / "book" / "_toc.yml").read_text(encoding="utf-8"))
    chapters = [chapter["file"] for part in toc["parts"] for chapter in part["chapters"]]
    return [toc["root"], *chapters]


PAGES = listed_pages()


@pytest.fixture(scope="session", autouse=True)
def built() -> None:
    if not (HTML / "index.html").is_file():
        pytest.fail(f"there is no built book at {HTML}: run `make book` first", pytrace=False)


@functools.cache
def soup(path: Path) -> BeautifulSoup:
    return BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")


@functools.cache
def anchors(path: Path) -> frozenset[str]:
    return frozenset(tag["id"] for tag in soup(path).find_all(id=True))


def page(name: str) -> BeautifulSoup:
    return soup(HTML / f"{name}.html")


def article(name: str) -> BeautifulSoup:
    return page(name).find("article")


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


@pytest.mark.parametrize("name", PAGES)
def test_page_is_built_and_says_something(name):
    words = article(name).get_text(" ", strip=True)
    assert article(name).find("h1")
    assert len(words.split()) > 40, words


@pytest.mark.parametrize("name", PAGES)
def test_every_link_within_the_book_leads_somewhere(name):
    path = HTML / f"{name}.html"
    links = [tag["href"] for tag in soup(path).find_all("a", href=True)]
    assert [fault for fault in map(functools.partial(fault_of_link, path), links) if fault] == []


@pytest.mark.parametrize("path", sorted(HTML.rglob("*.html")), ids=lambda path: path.stem)
def test_nothing_is_fetched_from_another_site(path):
    fetched = [
        tag[attribute]
        for kind, attribute in FETCHED.items()
        for tag in soup(path).find_all(kind, attrs={attribute: True})
        if re.match(r"(https?:)?//", tag[attribute]) and tag.get("rel") not in (["canonical"], ["license"])
    ]
    assert fetched == []


def test_no_stylesheet_fetches_from_another_site():
    for path in HTML.rglob("*.css"):
        sheet = path.read_text(encoding="utf-8")
        found = re.findall(r"(?:@import\s+|url\()\s*['\"]?((?:https?:)?//[^'\")\s]+)", sheet)
        assert found == [], path


@pytest.mark.parametrize("name", PAGES)
def test_every_picture_exists_and_says_what_it_shows(name):
    path = HTML / f"{name}.html"
    for image in article(name).find_all("img"):
        assert image.get("alt", "").strip(), image
        assert fault_of_link(path, image["src"]) is None, image
    for source in article(name).find_all("source"):
        assert fault_of_link(path, source["srcset"]) is None, source


@pytest.mark.parametrize("name", PAGES)
def test_every_figure_is_numbered_pictured_and_sourced(name):
    for figure in article(name).find_all("figure"):
        assert figure.find("img"), figure.get("id")
        assert re.match(r"Figure [\d.]+", figure.find("figcaption").get_text(strip=True)), figure.get("id")
        origin = figure.find(class_="chart-origin").get_text()
        assert re.search(r"Source: .+ data as of \d{4}", origin), origin


@pytest.mark.parametrize("name", PAGES)
def test_no_markup_is_left_unresolved(name):
    shown = (
        string
        for string in article(name).find_all(string=True)
        if not string.find_parent(["pre", "script", "code", "dt"])
    )
    text = " ".join(shown)
    assert re.findall(r"\?\?|\{\w+\}`|```|:::|\{numref\}|\bnan\b", text) == []


@pytest.mark.parametrize("name", PAGES)
def test_every_number_leads_to_its_row(name):
    path = HTML / f"{name}.html"
    for link in article(name).find_all("a", class_="num"):
        assert link.get("title"), link
        assert fault_of_link(path, link["href"]) is None
        assert urlsplit(link["href"]).fragment, link


def test_front_page_takes_its_numbers_from_the_notebooks():
    assert len(article("book/index").find_all("a", class_="num")) >= 10


def test_every_row_of_the_numbers_page_has_an_interval_or_a_reason():
    rows = [row.find_all("td") for row in article("book/numbers").select("table.numbers tbody tr")]
    assert rows
    assert [row[0].get_text() for row in rows if not row[2].get_text(strip=True)] == []


def test_every_table_can_be_downloaded_from_its_section():
    sections = article("book/data").select("section[id^='table-']")
    assert sections
    for section in sections:
        link = section.find("a", href=re.compile(r"\.csv$"))
        assert fault_of_link(HTML / "book" / "data.html", link["href"]) is None


def test_charts_are_drawn_from_the_site_itself():
    bundle = (HTML / "_static" / "vega-bundle.js").read_text(encoding="utf-8")
    assert "window.energyCharts" in bundle
    assert re.findall(r"https?://(?:cdn|unpkg)[^\"' ]*", bundle) == []


@pytest.mark.parametrize("path", sorted((HTML / "_static" / "charts").glob("*.svg")), ids=lambda path: path.stem)
def test_no_chart_is_squeezed_by_its_own_labels_or_marks(path):
    drawn = path.read_text(encoding="utf-8")
    width = float(re.search(r'width="([\d.]+)"', drawn).group(1))
    plot = float(re.search(r'class="background"[^>]*d="M[\d.,-]+h(-?[\d.]+)', drawn).group(1))
    assert plot >= width / 4, f"{plot:.0f} of {width:.0f} pixels are left to draw in"
