"""The built book: every page, link, figure and number is there, and nothing comes from elsewhere.

Reads the site that `make book` built; BOOK_HTML names another one.
"""

import functools
import os
import re
from pathlib import Path
from urllib.parse import urlsplit

import check_site
import jupytext
import pytest
import yaml
from bs4 import BeautifulSoup
from check_site import fault_of_link

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


def page(name: str) -> BeautifulSoup:
    return soup(HTML / f"{name}.html")


def article(name: str) -> BeautifulSoup:
    return page(name).find("article")


@pytest.mark.parametrize("name", PAGES)
def test_page_is_built_and_says_something(name):
    words = article(name).get_text(" ", strip=True)
    assert article(name).find("h1")
    assert len(words.split()) > 40, words


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("check", check_site.CHECKS, ids=lambda check: check.__name__)
def test_page_has_no_fault_that_keeps_it_from_being_published(check, name):
    assert list(check(HTML / f"{name}.html")) == []


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
def test_every_figure_is_sourced(name):
    for figure in article(name).find_all("figure"):
        origin = figure.find(class_="chart-origin").get_text()
        assert re.search(r"Source: .+ data as of \d{4}", origin), origin


@pytest.mark.parametrize("name", [name for name in PAGES if name.startswith("notebooks/")])
def test_all_code_is_on_the_page_behind_one_line_at_a_place(name):
    folded = article(name).select("div.cell > details.hide")
    shown = re.sub(r"\s", "", "".join(fold.get_text() for fold in folded))
    cells = jupytext.read(ROOT / f"{name}.md").cells
    hidden = [cell.source for cell in cells if "hide-input" in cell.metadata.get("tags", [])]
    assert len(hidden) > len(folded) > 0
    assert [code for code in hidden if re.sub(r"\s", "", code) not in shown] == []
    assert article(name).select("div.cell:has(> details.hide:only-child) + div.cell > details.hide:only-child") == []


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
