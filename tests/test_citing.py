"""How to cite: one description of the work, the same edition everywhere, and a citation at the end of every page.

Reads the site that `make book` built; BOOK_HTML names another one.
"""

import json
import re
import sys
import tomllib
from dataclasses import replace
from datetime import date
from pathlib import Path

import jsonschema
import pytest
import yaml
from bs4 import BeautifulSoup
from pybtex.database import parse_string
from test_book import HTML, PAGES, page

sys.path.append(str(Path(__file__).parents[1] / "book" / "_ext"))
import citation

ROOT = Path(__file__).parents[1]
WORK = citation.read(ROOT)
CFF = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
EDITION = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
PACKAGE = json.loads((ROOT / "data" / "datapackage.json").read_text(encoding="utf-8"))


def block(name: str) -> BeautifulSoup:
    return page(name).find("article").find("details", class_="cite-page")


def entry_of(name: str):
    entries = parse_string(block(name).find("pre").get_text(), "bibtex").entries
    assert len(entries) == 1
    return next(iter(entries.items()))


def test_the_citation_file_obeys_the_published_schema():
    schema = json.loads((ROOT / "tests" / "schemas" / "cff-1.2.0.json").read_text(encoding="utf-8"))
    jsonschema.Draft7Validator(schema, format_checker=jsonschema.FormatChecker()).validate(yaml.safe_load(CFF))


def test_the_schema_refuses_a_citation_without_authors():
    schema = json.loads((ROOT / "tests" / "schemas" / "cff-1.2.0.json").read_text(encoding="utf-8"))
    known = yaml.safe_load(CFF)
    del known["authors"]
    with pytest.raises(jsonschema.ValidationError, match="authors"):
        jsonschema.Draft7Validator(schema).validate(known)


def test_whoever_cites_or_archives_is_told_the_edition_of_the_library():
    known = yaml.safe_load(CFF)
    archived = json.loads((ROOT / ".zenodo.json").read_text(encoding="utf-8"))
    assert {known["version"], known["preferred-citation"]["edition"], archived["version"]} == {EDITION}


def test_the_citation_leads_where_the_book_lives():
    known = yaml.safe_load(CFF)
    settings = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    assert known["url"] == known["preferred-citation"]["url"] == settings["html"]["baseurl"]
    assert known["repository-code"] == settings["repository"]["url"]


def test_one_day_is_stated_everywhere():
    known = yaml.safe_load(CFF)
    preferred, day = known["preferred-citation"], WORK.released
    assert preferred["date-released"] == known["date-released"] == day.isoformat()
    assert (preferred["year"], preferred["month"]) == (day.year, day.month)


def test_zenodo_is_told_what_the_citation_file_says():
    assert json.loads((ROOT / ".zenodo.json").read_text(encoding="utf-8")) == citation.zenodo(WORK)


def test_another_day_leaves_the_dates_of_cited_works_alone():
    made = yaml.safe_load(citation.dated(CFF, "2027.2", date(2027, 2, 3)))
    assert (made["version"], made["date-released"]) == ("2027.2", "2027-02-03")
    assert (made["preferred-citation"]["year"], made["preferred-citation"]["month"]) == (2027, 2)
    assert made["references"] == yaml.safe_load(CFF)["references"]
    assert citation.dated(CFF, WORK.edition, WORK.released) == CFF


def test_bibtex_keeps_titles_that_hold_signs_of_tex():
    title = r"50 % of R&D: {x}_1 #2 ~ ^ \ $"
    entry = next(
        iter(parse_string(citation.bibtex(WORK, "https://x.test/", part=title, name="a"), "bibtex").entries.values())
    )
    plain = entry.fields["title"]
    for written, sign in ((r"\textbackslash{}", "\\"), (r"\textasciitilde{}", "~"), (r"\textasciicircum{}", "^")):
        plain = plain.replace(written, sign)
    assert re.sub(r"\\([{}&%$#_])", r"\1", plain) == title


@pytest.mark.parametrize("name", PAGES)
def test_every_page_ends_with_its_own_citation(name):
    key, entry = entry_of(name)
    title = page(name).find("h1").find(string=True).strip()
    assert entry.type == ("book" if name == PAGES[0] else "incollection")
    assert entry.fields["url"] == page(name).find("link", rel="canonical")["href"]
    assert entry.fields["edition"] == EDITION
    assert entry.fields["year"] == str(WORK.released.year)
    if name != PAGES[0]:
        assert re.sub(r"\\([{}&%$#_])", r"\1", entry.fields["title"]) == title
    words = block(name).find("p").get_text()
    assert EDITION in words and citation.long_date(WORK.released) in words and entry.fields["url"] in words
    assert key.endswith(EDITION.replace(".", "_"))
    assert block(name).parent.find_all(recursive=False)[-1] == block(name)


def test_no_two_pages_share_a_key():
    keys = [entry_of(name)[0] for name in PAGES]
    assert len(set(keys)) == len(keys)


def test_code_text_and_every_table_have_their_licence_in_the_book():
    rows = [row.find_all("td") for row in page("book/cite").select("table.licences tbody tr")]
    covered = {what.strip(): row[0].get_text(" ", strip=True) for row in rows for what in row[1].get_text().split(",")}
    assert covered["code"] == "MIT License"
    assert covered["text and charts"] == "Creative Commons Attribution 4.0 International"
    for resource in PACKAGE["resources"]:
        licences = resource.get("licenses") or PACKAGE["licenses"]
        assert covered[resource["name"]].split(" ; ") == [licence["title"] for licence in licences]


def test_the_licences_lie_in_the_repository():
    assert (ROOT / "LICENSE").read_text(encoding="utf-8").startswith("MIT License")
    text = (ROOT / "LICENSES" / "CC-BY-4.0.txt").read_text(encoding="utf-8")
    assert text.startswith("Creative Commons Attribution 4.0 International")
    assert "Section 8 \N{EN DASH} Interpretation" in text


def test_an_edition_is_cited_by_its_own_date():
    earlier = replace(WORK, edition="2025.1", released=date(2025, 1, 2))
    assert "edition 2025.1, 2 January 2025. https://x.test/" in citation.sentence(earlier, "https://x.test/")


def test_the_built_book_is_the_one_under_test():
    assert json.loads((HTML / "numbers.json").read_text(encoding="utf-8"))["edition"] == EDITION
