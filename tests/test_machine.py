"""What the built site tells machines: numbers and tables with schemas, heads of pages, map, feed, status.

Reads the site that `make book` built; BOOK_HTML names another one.
"""

import csv
import functools
import hashlib
import json
import sys
import xml.etree.ElementTree as ET
from datetime import date
from pathlib import Path
from urllib.parse import urlsplit

import jsonschema
import pytest
from bs4 import BeautifulSoup
from check_site import anchors
from frictionless import Resource
from PIL import Image
from test_book import HTML, PAGES, article, fault_of_link, listed_pages, page, soup

sys.path.append(str(Path(__file__).parents[1] / "book" / "_ext"))
import citation
import discovery
import head
import machine
import policy
import project
import record

ROOT = Path(__file__).parents[1]
WORK = citation.read(ROOT)
PACKAGE = project.package(ROOT)
TABLES = [resource["path"] for resource in PACKAGE["resources"]]
FIRST = PAGES[0]
SERVED = sorted(path for path in HTML.rglob("*.html") if (HTML / "_static") not in path.parents)  # parts lie in there
ATOM = {"atom": "http://www.w3.org/2005/Atom"}
STARTS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@functools.cache
def published() -> dict:
    return json.loads((HTML / "numbers.json").read_text(encoding="utf-8"))


def site() -> str:
    return page(FIRST).find("link", rel="canonical")["href"].removesuffix(f"{FIRST}.html")


def file_at(address: str) -> Path:
    assert address.startswith(site()), address
    return HTML / urlsplit(address.removeprefix(site())).path


def meta(name: str) -> dict[str, str]:
    tags = page(name).head.find_all("meta", content=True)
    return {tag.get("name") or tag.get("property"): tag["content"] for tag in tags}


def structured(name: str):
    return json.loads(page(name).find("script", type="application/ld+json").string)


def validator() -> jsonschema.Draft202012Validator:
    schema = json.loads((HTML / "numbers.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker())


def test_published_numbers_obey_their_schema():
    validator().validate(published())


@pytest.mark.parametrize(
    "damage",
    [
        {"low": None},
        {"no_interval": "because", "interval_is": "95 % interval"},
        {"value": None},
        {"tables": "gpus"},
        {"surprise": 1},
        {"key": "no key"},
        {"high": "unbounded"},
    ],
)
def test_the_schema_refuses_a_damaged_number(damage):
    numbers = published()["numbers"]
    sound = next(number for number in numbers if number["interval_is"])
    with pytest.raises(jsonschema.ValidationError):
        validator().validate({**published(), "numbers": [{**sound, **damage}]})


def test_every_number_of_the_notebooks_is_published_as_it_is():
    found = record.numbers(ROOT / "notebooks")
    listed = {number["key"]: number for number in published()["numbers"]}
    assert listed.keys() == found.keys()
    for key, number in listed.items():
        for part in machine.PARTS:
            assert number[part] == getattr(found[key], part), (key, part)
        assert tuple(number["tables"]) == found[key].tables
        assert (number["notebook"], number["cell"]) == (found[key].notebook, found[key].cell)


def test_every_number_leads_to_its_row_and_its_tables():
    names = {resource["name"] for resource in PACKAGE["resources"]}
    for number in published()["numbers"]:
        place = urlsplit(number["address"])
        assert place.fragment == number["key"]
        assert number["key"] in anchors(file_at(number["address"]))
        assert set(number["tables"]) <= names


@pytest.mark.parametrize("path", TABLES)
def test_every_table_lies_beside_its_description(path):
    described = json.loads((HTML / "data" / machine.resource_path(path)).read_text(encoding="utf-8"))
    table = HTML / "data" / path
    assert described["path"] == table.name
    assert described["hash"] == f"sha256:{hashlib.sha256(table.read_bytes()).hexdigest()}"
    assert described["bytes"] == table.stat().st_size
    assert described["licenses"] and described["schema"]["fields"]
    assert table.read_bytes() == (ROOT / "data" / path).read_bytes()


@pytest.mark.parametrize("path", TABLES)
def test_a_description_is_enough_to_read_and_check_its_table(path):
    resource = Resource.from_descriptor(str(HTML / "data" / machine.resource_path(path)))
    report = resource.validate()
    assert report.valid, report.flatten(["rowNumber", "fieldName", "message"])[:3]


@pytest.mark.parametrize("path", TABLES)
def test_no_text_of_a_published_table_starts_a_formula(path):
    fields = next(each for each in PACKAGE["resources"] if each["path"] == path)["schema"]["fields"]
    numeric = {field["name"] for field in fields if field["type"] in ("number", "integer")}
    with (HTML / "data" / path).open(newline="", encoding="utf-8") as handle:
        for row in csv.DictReader(handle):
            for column, cell in row.items():
                assert column in numeric or not cell.startswith(STARTS_A_FORMULA), (column, cell)


def test_the_data_page_links_every_table_and_its_description():
    links = {tag["href"] for tag in article("book/data").find_all("a", href=True)}
    for path in TABLES:
        assert {f"../data/{path}", f"../data/{machine.resource_path(path)}"} <= links


@pytest.mark.parametrize("name", PAGES)
def test_every_page_describes_itself_alike_to_all(name):
    said = meta(name)
    assert head.SHORTEST / 2 <= len(said["description"]) <= head.LONGEST
    assert said["description"][-1] in ".?!…"
    assert said["description"] == said["og:description"] == said["twitter:description"]
    assert said["og:title"] == said["twitter:title"]
    assert said["og:url"] == page(name).find("link", rel="canonical")["href"] == f"{site()}{name}.html"
    assert said["twitter:card"] == "summary_large_image"


def test_no_two_pages_have_the_same_description():
    said = [meta(name)["description"] for name in PAGES]
    assert len(set(said)) == len(said)


@pytest.mark.parametrize("name", PAGES)
def test_every_page_has_a_picture_for_sharing_with_words(name):
    said = meta(name)
    with Image.open(file_at(said["og:image"])) as picture:
        assert (picture.format, picture.size) == ("PNG", (1200, 630))
        assert str(picture.width) == said["og:image:width"] and str(picture.height) == said["og:image:height"]
        assert len(picture.convert("L").getcolors(256)) > 20  # not an empty canvas
    assert said["og:image"] == said["twitter:image"]
    assert said["og:image:alt"] == said["twitter:image:alt"] != ""


@pytest.mark.parametrize("name", PAGES)
def test_every_page_is_an_article_of_this_edition(name):
    told = structured(name)
    told = told["@graph"][0] if "@graph" in told else told
    assert told["@type"] == "ScholarlyArticle"
    assert told["url"] == f"{site()}{name}.html"
    assert told["description"] == meta(name)["description"]
    assert (told["version"], told["datePublished"]) == (WORK.edition, WORK.released.isoformat())
    assert told["license"].startswith("https://creativecommons.org/")
    assert told["author"][0]["name"] in WORK.authors
    assert ("isPartOf" in told) == (name != FIRST)


def test_search_engines_find_every_table_as_a_data_set():
    context = structured("book/data")
    assert context["@context"] == "https://schema.org"
    whole = context["@graph"][1]
    assert whole["@type"] == "Dataset"
    assert len(whole["hasPart"]) == len(TABLES)
    for told in [whole, *whole["hasPart"]]:
        assert 50 <= len(told["description"]) <= 5000  # what Google's data set search asks
        assert told["name"] and told["license"] and told["creator"]
        assert file_at(told["distribution"][0]["contentUrl"]).is_file()
        place = urlsplit(told["url"])
        assert not place.fragment or place.fragment in anchors(file_at(told["url"]))


def test_a_text_cannot_end_the_block_that_holds_it():
    block = head.data_block({"name": "</script><script>alert(1)</script>"})
    assert block.count("</script>") == 1
    assert json.loads(BeautifulSoup(block, "html.parser").find("script").string)["name"].startswith("</script>")


def test_descriptions_keep_whole_sentences_and_leave_labels_out():
    assert head.shortened("Short. " + "Very " * 60 + "long.") == "Short."
    cut = head.shortened("word " * 100)
    assert len(cut) <= head.LONGEST and cut.endswith("word…")


def test_the_map_lists_every_page_and_robots_are_told():
    found = ET.parse(HTML / "sitemap.xml").getroot()
    listed = [place.text for place in found.iter(f"{{{discovery.SITEMAP}}}loc")]
    assert sorted(listed) == sorted(f"{site()}{name}.html" for name in listed_pages())
    assert f"Sitemap: {site()}sitemap.xml" in (HTML / "robots.txt").read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("name", PAGES)
def test_every_page_names_the_feed(name):
    link = page(name).find("link", type="application/atom+xml")
    assert fault_of_link(HTML / f"{name}.html", link["href"]) is None


def test_the_feed_tells_of_this_edition_with_links_that_work_elsewhere():
    feed = ET.parse(HTML / "changes.atom").getroot()
    entry = next(
        each for each in feed.findall("atom:entry", ATOM) if WORK.edition in each.find("atom:title", ATOM).text
    )
    address = entry.find("atom:id", ATOM).text
    assert urlsplit(address).fragment in anchors(file_at(address))
    assert entry.find("atom:updated", ATOM).text == f"{WORK.released.isoformat()}T00:00:00Z"
    content = BeautifulSoup(entry.find("atom:content", ATOM).text, "html.parser")
    assert len(content.get_text().split()) > 20
    assert file_at(content.find("img")["src"]).is_file() and content.find("img")["alt"]
    assert all(tag["href"].startswith("http") for tag in content.find_all("a", href=True))
    for part in ("id", "title", "updated", "author"):
        assert feed.find(f"atom:{part}", ATOM) is not None
    assert feed.find("atom:link[@rel='self']", ATOM).get("href") == f"{site()}changes.atom"


def test_the_feed_leaves_out_what_is_not_released():
    body = (
        '<section id="c"><h1>Changes</h1><section id="next"><h2>Edition 2027.1</h2><p>Soon.</p></section>'
        '<section id="e"><h2>Edition 2026.5<a class="headerlink" href="#e">#</a></h2>'
        '<p><a href="../x.html">x</a></p><script>1</script></section></section>'
    )
    told = discovery.entries(body, "https://s.test/book/changes.html", {"2026.5": date(2026, 5, 6)})
    assert [(entry["title"], entry["updated"]) for entry in told] == [("Edition 2026.5", "2026-05-06T00:00:00Z")]
    assert told[0]["content"] == '<p><a href="https://s.test/x.html">x</a></p>'


def test_the_status_page_gives_sums_by_which_tables_can_be_checked():
    rows = [row.find_all("td") for row in article("book/status").select("table.sums tbody tr")]
    sums = {row[0].find("a")["href"]: row[2].get_text(strip=True) for row in rows}
    for path in TABLES:
        assert sums[f"../data/{path}"] == hashlib.sha256((ROOT / "data" / path).read_bytes()).hexdigest()


def test_the_status_page_gives_the_versions_that_are_installed():
    from importlib.metadata import version

    rows = [row.find_all("td") for row in article("book/status").select("table.software tbody tr")]
    found = {row[0].get_text(strip=True): row[1].get_text(strip=True) for row in rows}
    assert {"Python", "altair", "jupyter-book", "numpy", "pandas", "statsmodels"} <= found.keys()
    assert all(version(name) == said for name, said in found.items() if name != "Python")


@pytest.mark.parametrize("path", SERVED, ids=lambda path: path.relative_to(HTML).as_posix())
def test_a_page_that_is_served_states_its_policy_first(path):
    head_ = soup(path).head
    first = head_.find_all(True)[1]
    assert head_.find_all("meta", {"http-equiv": "Content-Security-Policy"}) == [first]
    allowed = first["content"]
    assert allowed.startswith("default-src 'none'")
    assert "'unsafe-eval'" not in allowed and "unsafe-inline" not in allowed.split("script-src")[1].split(";")[0]


def test_a_policy_allows_the_frame_and_not_the_text():
    made = policy.policy("<head><script>frame()</script></head><body><article><script>text()</script></article></body>")
    assert made.count("'sha256-") == 1
    assert made == policy.policy("<head><script>frame()</script></head>")


def test_a_policy_is_written_once():
    once = policy.with_policy('<head><meta charset="utf-8" /><script>a()</script></head>')
    assert policy.with_policy(once) == once
    assert once.count("Content-Security-Policy") == 1
