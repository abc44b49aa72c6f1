"""The edition for paper, as a reader finds it; `make test-pdf` builds it first."""

import re
import subprocess
import sys
import tomllib
import unicodedata
from pathlib import Path

import pybtex.database
import pytest
import small_book
from bs4 import BeautifulSoup

sys.path.append(str(Path(__file__).parents[1] / "tools"))
sys.path.append(str(Path(__file__).parents[1] / "book" / "_ext"))
import pdf
import record
import sums

ROOT = Path(__file__).resolve().parent.parent
SITE = ROOT / "_build" / "html"
# Line ends may stand between words, and marks that let a long word break.
SAME = {ord("\N{HYPHEN}"): "-", ord("\N{NO-BREAK SPACE}"): " ", ord("\N{ZERO WIDTH SPACE}"): None}


def poppler(tool: str, *options: str) -> str:
    command = [tool, *options, str(pdf.PDF), *(["-"] if tool == "pdftotext" else [])]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def plain(text: str) -> str:
    """The letters of a text without what typesetting changes: spaces, line ends and letters drawn as one."""
    return re.sub(r"\s+", "", unicodedata.normalize("NFKC", text.translate(SAME)))


def numbered(kind: str) -> list[str]:
    """The numbers that the pages give their figures or tables."""
    found = []
    for page in SITE.glob("*/*.html"):
        soup = BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser")
        found += [number.get_text().strip() for number in soup.select("span.caption-number")]
    return sorted(number for number in found if number.startswith(kind))


@pytest.fixture(scope="module")
def text() -> str:
    return poppler("pdftotext")


@pytest.fixture(scope="module")
def log() -> str:
    return pdf.LOG.read_text(encoding="utf-8", errors="replace")


@pytest.fixture(scope="module")
def published() -> record.Record:
    return record.read(ROOT / "notebooks")


@pytest.mark.pdf
@pytest.mark.parametrize("kind", ["Figure", "Table"])
def test_figures_and_tables_are_those_of_the_pages_with_their_numbers(text, kind):
    printed = re.findall(rf"^({kind} (?:\d+\.)?\d+):", text, re.MULTILINE)
    assert len(printed) > 20
    assert sorted(printed) == numbered(kind)


@pytest.mark.pdf
def test_every_chart_is_drawn_as_lines_and_letters(published):
    assert len(published.charts) > 40
    pictures = poppler("pdfimages", "-list").splitlines()[2:]
    assert pictures == []


@pytest.mark.pdf
def test_no_reference_is_left_open(text, log):
    assert "??" not in text
    assert "undefined references" not in log


@pytest.mark.pdf
def test_nothing_runs_over_a_margin_or_out_of_its_cell(log):
    assert "Output written on" in log
    assert re.findall(r"Overfull .*", log) == []


@pytest.mark.pdf
def test_no_character_is_missing_from_its_font(log):
    assert re.findall(r"Missing character: .*", log) == []


@pytest.mark.pdf
def test_every_headline_number_is_printed(text, published):
    printed = plain(text)
    headlines = [number for number in published.numbers.values() if number.headline]
    assert headlines
    assert [number.key for number in headlines if plain(number.text) not in printed] == []


@pytest.mark.pdf
def test_every_cited_work_is_in_the_bibliography(text):
    works = pybtex.database.parse_file(ROOT / "book" / "references.bib").entries.values()
    titles = [plain(re.sub("[{}]", "", work.fields["title"])).lower() for work in works]
    page = BeautifulSoup((SITE / "book" / "cite.html").read_text(encoding="utf-8"), "html.parser")
    works_listed = [plain(work.get_text()).lower() for work in page.select("div.citation")]
    ended = [title if title.endswith("?") else f"{title}." for title in titles]
    listed = [max((title for title in ended if title in work), key=len).rstrip(".") for work in works_listed]
    assert len(set(listed)) == len(works_listed) > 0
    printed = plain(text).lower().replace("-", "")  # a hyphen at the end of a line is lost
    assert [title for title in listed if title.replace("-", "") not in printed] == []


@pytest.mark.pdf
def test_every_font_is_embedded():
    rows = poppler("pdffonts").splitlines()[2:]
    assert rows
    assert [row for row in rows if row.split()[-5] != "yes"] == []


@pytest.mark.pdf
def test_the_file_says_what_it_is():
    facts = poppler("pdfinfo")
    edition = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    assert re.search(r"Title:\s+The Energy of Inference", facts)
    assert f"Edition {edition}" in facts
    assert "(A4)" in facts


@pytest.mark.pdf
def test_every_link_within_the_file_has_its_place(log):
    assert re.findall(r".*name\{.*\} has been referenced but does not exist.*", log) == []


@pytest.mark.pdf
def test_it_lies_beside_the_pages_with_its_sum():
    assert (SITE / pdf.PDF.name).read_bytes() == pdf.PDF.read_bytes()
    assert sums.faults(sums.contents(SITE)) == []


@pytest.mark.pdf
def test_code_of_notebooks_is_not_printed(text):
    assert 'find_spec("energy_lib")' in (ROOT / "notebooks" / "vision.md").read_text(encoding="utf-8")
    assert "find_spec" not in text


@pytest.mark.nightly
def test_the_same_sources_give_the_same_bytes_on_paper(tmp_path):
    made = []
    for name, zone in (("here", "Pacific/Kiritimati"), ("mit Größe und 空白", "America/St_Johns")):
        folder = tmp_path / name
        folder.mkdir()
        small_book.make(folder)
        for tool in ("notebooks.py", "pdf.py"):
            done = small_book.run(folder, tool, TZ=zone)
            assert done.returncode == 0, done.stderr
        made.append((folder / "_build" / "html" / pdf.PDF.name).read_bytes())
    assert made[0] == made[1]


def test_without_latex_it_says_what_to_install(monkeypatch, capsys):
    monkeypatch.setenv("PATH", "/nowhere")
    assert pdf.main() == 1
    assert "latexmk and xelatex not found. On Debian: apt-get install latexmk texlive-xetex" in capsys.readouterr().err
