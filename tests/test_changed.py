"""The page of changes keeps old values, and the status page the times of a release."""

import json
import shutil
import sys
from pathlib import Path

import pytest
from bs4 import BeautifulSoup
from sphinx.testing.util import SphinxTestApp

sys.path.append(str(Path(__file__).parents[1] / "book" / "_ext"))
import editions
import status
from test_diff import number

ROOT = Path(__file__).parents[1]
CONF = """def setup(app):
    app.add_config_value("external_toc_path", "none.yml", "env")
"""
SETTINGS = {
    "extensions": ["myst_nb", "changed"],
    "html_baseurl": "https://site.test/",
    "html_theme_options": {"repository_url": "https://github.com/code/book", "repository_branch": "main"},
    "html_theme": "sphinx_book_theme",
    "root_doc": "index",
}


@pytest.fixture
def built(tmp_path):
    """A function that builds one page over some editions, and returns it."""

    def build(text, *known):
        root = tmp_path / "src"
        (root / editions.FOLDER).mkdir(parents=True)
        (root / "data").mkdir()
        (root / "data" / "datapackage.json").write_text('{"resources": []}', encoding="utf-8")
        shutil.copy(ROOT / "CITATION.cff", root)
        (root / "conf.py").write_text(CONF, encoding="utf-8")
        (root / "index.md").write_text(f"# Changes\n\n{text}\n", encoding="utf-8")
        for each in known:
            path = root / editions.FOLDER / f"{each['edition']}.json"
            path.write_text(json.dumps(each), encoding="utf-8")
        app = SphinxTestApp("html", srcdir=root, builddir=tmp_path / "out", confoverrides=SETTINGS)
        app.build()
        page = BeautifulSoup((app.outdir / "index.html").read_text(encoding="utf-8"), "html.parser").find("article")
        build.warnings = app.warning.getvalue()
        app.cleanup()
        return page

    return build


def edition(name, day="2026-01-01", **numbers):
    empty = {"charts": {}, "tables": {}, "data": {}}
    return {
        "edition": name,
        "released": day,
        "numbers": {key.replace("__", "."): each for key, each in numbers.items()},
        **empty,
    }


def rows(page, table):
    return [
        [cell.get_text(" ", strip=True) for cell in row.find_all("td")]
        for row in page.select(f"table.{table} tbody tr")
    ]


def test_a_moved_number_stands_with_its_old_and_new_value(built):
    old = edition("2026.1", a__b=number(2.0, text="2 years"), a__gone=number())
    new = edition("2026.2", a__b=number(3.0, text="3 years"), a__new=number())
    page = built("```{moved-numbers} 2026.2\n```", old, new)
    assert "3 published numbers differ from those of edition 2026.1" in page.get_text()
    assert rows(page, "moved") == [
        ["A thing a.b", "2 years (1.0 to 2.0 years)", "3 years (1.0 to 2.0 years)", "+50 %"],
        ["A thing a.gone", "1.5 years (1.0 to 2.0 years)", "\N{EN DASH}", "vanished"],
        ["A thing a.new", "\N{EN DASH}", "1.5 years (1.0 to 2.0 years)", "appeared"],
    ]


def test_what_moved_since_the_last_edition_is_shown_without_a_name(built):
    page = built("```{moved-numbers}\n```", edition("2026.1"), edition("2026.2", a__b=number()))
    assert rows(page, "moved") == [["A thing a.b", "1.5 years (1.0 to 2.0 years)", "\N{EN DASH}", "vanished"]]


def test_the_first_edition_has_nothing_before_it(built):
    assert "no earlier edition" in built("```{moved-numbers} 2026.1\n```", edition("2026.1")).get_text()


def test_an_edition_that_was_never_released_is_an_error(built):
    built("```{moved-numbers} 2026.3\n```", edition("2026.1"))
    assert "no edition '2026.3'; released: 2026.1" in built.warnings


def test_every_edition_is_listed_with_where_to_read_it(built):
    page = built("```{editions}\n```", edition("2025.9", "2025-09-08", a__b=number()), edition("2025.10", "2025-10-01"))
    listed = rows(page, "editions")
    assert [row[:3] for row in listed[1:]] == [["2025.10", "1 October 2025", "0"], ["2025.9", "8 September 2025", "1"]]
    links = [tag["href"] for tag in page.select("table.editions a")]
    assert "https://github.com/code/book/releases/download/v2025.9/energy-of-inference-2025.9.zip" in links
    assert "https://github.com/code/book/releases/tag/v2025.9" in links


def test_the_status_page_shows_the_times_that_a_release_kept():
    kept = {"edition": "2026.1", "cores": 2, "run_time_s": {"nlp": 40, "vision": 2}}
    said, table = status.times_nodes(kept, {"nlp": "Language"}, "notebooks")
    assert said.astext().endswith("2 notebooks on 2 cores, 42 s together.")
    assert [entry.astext() for entry in table.findall(lambda node: node.tagname == "entry")][2:] == [
        "Language",
        "40",
        "vision",
        "2",
    ]


def test_without_a_release_the_status_page_says_so():
    (said,) = status.times_nodes({}, {}, "notebooks")
    assert "when an edition is released" in said.astext()
