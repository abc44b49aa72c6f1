"""The printed edition, as a reader and a screen reader find it; `make test-pdf` builds it first."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "book" / "_ext"), str(ROOT / "tools")]
import record  # noqa: E402

import book  # noqa: E402

pytestmark = pytest.mark.pdf

# A point is a third of a millimetre: less than that over the margin nobody sees.
LIMIT_PT = 1.0
# Between words, pdftotext writes line ends, and LaTeX its own hyphens.
SAME = {ord("\N{HYPHEN}"): "-", ord("\N{NO-BREAK SPACE}"): " ", ord("\N{ZERO WIDTH SPACE}"): None}


def poppler(tool: str, *options: str) -> str:
    command = [tool, *options, str(book.PDF), *(["-"] if tool == "pdftotext" else [])]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def plain(text: str) -> str:
    """The letters of a text without what typesetting changes: spaces and line ends."""
    return re.sub(r"\s+", "", text.translate(SAME))


@pytest.fixture(scope="module")
def text() -> str:
    return poppler("pdftotext")


@pytest.fixture(scope="module")
def log() -> str:
    return book.PDF.with_suffix(".log").read_text(encoding="utf-8", errors="replace")


@pytest.fixture(scope="module")
def published() -> record.Record:
    return record.read(ROOT / "notebooks")


def test_every_published_chart_is_a_numbered_figure(text, published):
    captions = set(re.findall(r"^Fig(?:ure|\.)\s+((?:[A-Z0-9]+\.)?\d+)[.:]?\s", text, re.M))
    assert len(captions) >= len(published.charts) > 0


def test_no_reference_is_left_open(text, log):
    assert "??" not in text
    assert "undefined references" not in log


def test_nothing_runs_over_the_margin(log):
    over = [float(size) for size in re.findall(r"Overfull \\hbox \(([\d.]+)pt too wide\)", log)]
    assert [size for size in over if size > LIMIT_PT] == []


def test_no_character_is_missing_from_its_font(log):
    assert re.findall(r"Missing character: .*", log) == []


def test_every_headline_number_is_printed(text, published):
    printed = plain(text)
    headlines = [number for number in published.numbers.values() if number.headline]
    assert headlines
    assert [number.key for number in headlines if plain(number.text) not in printed] == []


def test_every_cited_work_is_in_the_bibliography(text):
    printed = plain(text)
    for title in (
        "Trends in AI inference energy consumption",
        "Compute and Energy Consumption",
    ):
        assert plain(title).lower() in printed.lower()


def test_every_font_is_embedded():
    rows = poppler("pdffonts").splitlines()[2:]
    assert rows
    assert [row for row in rows if row.split()[-5] != "yes"] == []


def test_the_file_says_what_it_is():
    facts = poppler("pdfinfo")
    edition = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    assert re.search(r"Title:\s+The Energy of Inference", facts)
    assert f"Edition {edition}" in facts
    assert "(A4)" in facts


def test_code_of_notebooks_is_not_printed(text):
    assert "publish.chart(" not in text
