"""What stands around the text: explained words, the time to read, where to go, how to run a page and how to mend it."""

import json
import os
import re
import sys
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml
from bs4 import Tag
from docutils import nodes
from sphinx.errors import ExtensionError
from test_book import soup

ROOT = Path(__file__).parents[1]
HTML = Path(os.environ.get("BOOK_HTML", ROOT / "_build" / "html")).resolve()
TOC = yaml.safe_load((ROOT / "book" / "_toc.yml").read_text(encoding="utf-8"))
NOTEBOOKS = [f"notebooks/{path.stem}" for path in sorted((ROOT / "notebooks").glob("*.md"))]

sys.path.append(str(ROOT / "book" / "_ext"))
import published  # noqa: E402
import reading  # noqa: E402

ABOUT = yaml.safe_load((ROOT / "book" / "reading.yml").read_text(encoding="utf-8"))
PAGES = [TOC["root"], *published.files(TOC)]


def article(page: str) -> Tag:
    return soup(HTML / f"{page}.html").find("article")


def a_page(words: int, charts: int = 0) -> nodes.document:
    from docutils.utils import new_document

    document = new_document("page")
    document += nodes.paragraph("", "word " * words)
    document += [reading.ChartPicture(chart="x") for _ in range(charts)]
    return document


@pytest.mark.parametrize(("words", "charts", "minutes"), [(5, 0, 1), (2200, 0, 10), (2200, 4, 12)])
def test_time_to_read_is_that_of_words_and_charts(words, charts, minutes):
    assert reading.minutes(a_page(words, charts)) == minutes


def test_code_takes_no_time_to_read():
    page = a_page(440)
    page += nodes.literal_block("", "x = 1\n" * 5000)
    assert reading.minutes(page) == 2


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda about: about.pop("notebooks/vision"), "says nothing of the chapter 'notebooks/vision'"),
        (lambda about: about["notebooks/vision"].pop("know"), "'notebooks/vision': without know"),
        (lambda about: about["notebooks/vision"]["next"].update({"book/nowhere": "x"}), "no page 'book/nowhere'"),
    ],
)
def test_a_chapter_that_is_not_described_fails_the_build_by_name(change, said):
    about = json.loads(json.dumps(ABOUT))
    change(about)
    with pytest.raises(ExtensionError, match=re.escape(said)):
        reading.check(about, TOC)


@pytest.mark.parametrize("page", sorted(ABOUT))
def test_a_page_says_its_time_what_to_know_and_what_is_next(page):
    line = article(page).select_one("h1 + p.reading").get_text()
    assert re.match(r"\d+ minutes? to read\. To know first: .+\.$", line), line
    assert "What next: " in article(page).select_one(".page-foot").get_text()


@pytest.mark.parametrize("page", PAGES)
def test_a_mistake_is_reported_with_its_page_and_edition(page):
    link = article(page).find("a", string="Report a mistake on this page")["href"]
    filled = parse_qs(urlsplit(link).query)
    form = yaml.safe_load((ROOT / ".github" / "ISSUE_TEMPLATE" / filled["template"][0]).read_text(encoding="utf-8"))
    assert filled["page"] == [page]
    assert {"page", "edition"} <= {field.get("id") for field in form["body"]}


@pytest.mark.parametrize("page", NOTEBOOKS)
def test_a_notebook_page_is_run_and_taken(page):
    foot = article(page).select_one(".page-foot")
    links = {link.get_text(): link["href"] for link in foot.find_all("a")}
    assert links["Binder"].startswith("https://mybinder.org/v2/gh/")
    assert parse_qs(urlsplit(links["Binder"]).query) == {"urlpath": [f"lab/tree/{page}.ipynb"]}
    assert links["Colab"].endswith(f"/{page}.ipynb")
    for said in ("notebook with its results", "text"):
        assert (HTML / page).parent.joinpath(links[said]).resolve().is_file()


@pytest.mark.parametrize("page", NOTEBOOKS)
def test_the_text_of_a_notebook_is_the_one_that_is_edited(page):
    assert (HTML / "_sources" / f"{page}.md").read_bytes() == (ROOT / f"{page}.md").read_bytes()


@pytest.mark.parametrize("page", NOTEBOOKS)
def test_a_notebook_installs_the_project_where_it_is_absent(page):
    repository = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))["repository"]
    path = urlsplit(repository["url"]).path
    text = (ROOT / f"{page}.md").read_text(encoding="utf-8")
    first = re.search(r"```\{code-cell\}.*?```", text, re.DOTALL).group()
    assert f"-r https://raw.githubusercontent.com{path}/{repository['branch']}/binder/requirements.txt" in first
    assert f"git+{repository['url']}\n" in first


@pytest.mark.parametrize("page", [*NOTEBOOKS, "book/index"])
def test_an_explained_word_carries_what_the_glossary_says(page):
    glossary = article("book/glossary")
    terms = article(page).select("a.term")
    for term in terms:
        said = glossary.find(id=urlsplit(term["href"]).fragment).find_next("dd").find("p").get_text()
        assert " ".join(term["data-said"].split()) == " ".join(said.split())
    assert len(terms) >= 3


def test_every_word_of_the_field_is_explained():
    words = {term.get_text().rstrip("#¶").strip() for term in article("book/glossary").select("dt")}
    asked = "FLOP,MAC,FLOP/s,joule,watt,Wh,inference,token,prefill,decode,KV cache,batch,expert,roofline"
    asked += ",arithmetic intensity,TDP,PUE,boundary,doubling time,interval,best of each year"
    assert set(asked.split(",")) <= words


def test_the_front_page_leads_to_every_chapter_and_shows_three_charts():
    front = article("book/index")
    cards = {(HTML / "book" / link["href"]).resolve() for link in front.select(".sd-card a[href]")}
    chapters = [name for part in TOC["parts"] if part.get("numbered") for name in published.files(part)]
    assert {HTML / f"{name}.html" for name in chapters} <= cards
    assert len(front.select("figure.chart-figure")) == 3
