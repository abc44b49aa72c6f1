"""The prose: spelt as British English, finished, short, and without results that somebody typed."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("book/*.md"), *ROOT.glob("notebooks/*.md")])
TEXTS = [*PAGES, ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "data" / "README.md"]
ALLOWED = yaml.safe_load((ROOT / "tests" / "prose_allowed.yml").read_text(encoding="utf-8"))
LEFT_OVER = r"\b(?:TODO|FIXME|XXX|TBD|lorem|ipsum)\b|\?\?"
AMERICAN = (
    r"\b(?:colors?|gray|behaviors?|centers?|licenses|program(?:ed|ing)|favor\w*|model(?:ed|ing)|label(?:ed|ing)|catalog|"
    r"(?:analy|organi|recogni|optimi|summari|normali|reali|utili|minimi|maximi|quanti|speciali|generali)z(?:e|es|ed|ing|ation)s?)\b"
)
LONGEST_SENTENCE, LONGEST_PARAGRAPH = 50, 110  # words


def prose(text: str) -> str:
    """The words that a reader sees: without code, equations, addresses and what notebooks compute."""
    text = re.sub(r"\A---\n.*?\n---\n", "", text, flags=re.DOTALL)
    text = re.sub(
        r"^(```+)\{(?:chart|record-table|admonition|glossary)\}.*\n((?:.|\n)*?)^\1$",
        r"\n\2\n",
        text,
        flags=re.MULTILINE,
    )
    text = re.sub(r"^(```+)(?:.|\n)*?^\1$", "", text, flags=re.MULTILINE)
    text = re.sub(r"^:+.*$|^\s*:[\w-]+:.*$", "", text, flags=re.MULTILINE)
    text = re.sub(r"\$\$?[^$]+\$\$?", "", text)
    text = re.sub(r"\{(?:num|val)\}`[^`]+`", "NUMBER", text)
    text = re.sub(r"\{[\w:]+\}`([^<`]*?)\s*(?:<[^`]*>)?`", r"\1", text)
    text = re.sub(r"(`+).*?\1", "", text)
    text = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", text)
    return re.sub(r"<[^>]+>|https?://\S+", "", text)


def paragraphs(text: str) -> list[str]:
    blocks = re.split(r"\n\s*\n|\n(?=\s*(?:[-*]|\d+\.)\s)", prose(text))
    return [" ".join(block.split()) for block in blocks if block.strip() and not block.lstrip().startswith(("#", "|"))]


def sentences(paragraph: str) -> list[str]:
    return re.split(r"(?<=[.?!])\s+(?=[A-Z*\"])", paragraph)


def typed_numbers(text: str, page: str = "") -> list[str]:
    """Numbers in prose that are no year, no part of a name and not allowed on a page."""
    text = prose(text)
    for pattern in [*ALLOWED["every page"], *ALLOWED.get(page, [])]:
        text = re.sub(pattern, "", text)
    # A name is joined to its number (FP32, GPT-3), or stands before it in capitals (RTX 5000).
    text = re.sub(r"\b[A-Za-z][\w.]*-?\d[\w.\-]*|\b[A-Z]\w*[A-Z]\w* \d[\w.]*\b|^\d+\.\s", "", text, flags=re.MULTILINE)
    return re.findall(r"(?<![\w.])(?!(?:19|20)\d\d(?!\d|[.,]\d))\d[\d.,]*(?: [\w%]+)?", text)


@pytest.fixture(params=TEXTS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def text(request):
    return request.param.read_text(encoding="utf-8")


def test_words_are_spelt_right():
    paths = [
        *TEXTS,
        *ROOT.glob(".github/**/*.md"),
        *ROOT.glob(".github/**/*.yml"),
        *ROOT.glob("energy_lib/*.py"),
        *ROOT.glob("book/_ext/*.py"),
    ]
    command = [Path(sys.executable).with_name("codespell"), "--ignore-words", ROOT / "tests" / "words.txt", *paths]
    run = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    assert run.stdout + run.stderr == ""


def test_nothing_is_left_over(text):
    assert re.findall(LEFT_OVER, prose(text)) == []


def test_spelling_is_british(text):
    assert re.findall(AMERICAN, prose(text)) == []


def test_no_sentence_is_overlong(text):
    said = [sentence for paragraph in paragraphs(text) for sentence in sentences(paragraph)]
    assert [sentence for sentence in said if len(sentence.split()) > LONGEST_SENTENCE] == []


def test_no_paragraph_is_overlong(text):
    assert [paragraph for paragraph in paragraphs(text) if len(paragraph.split()) > LONGEST_PARAGRAPH] == []


@pytest.mark.parametrize("path", PAGES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_no_result_is_typed(path):
    page = path.relative_to(ROOT).with_suffix("").as_posix()
    assert typed_numbers(path.read_text(encoding="utf-8"), page) == []


def test_every_allowed_number_is_still_there():
    pages = {
        path.relative_to(ROOT).with_suffix("").as_posix(): prose(path.read_text(encoding="utf-8")) for path in PAGES
    }
    for page, patterns in ALLOWED.items():
        texts = pages.values() if page == "every page" else [pages[page]]
        assert [pattern for pattern in patterns if not any(re.search(pattern, text) for text in texts)] == []


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ("It doubled every 2.8 years, by {num}`a.b`.", ["2.8 years"]),
        ("GPT-3 of 2020 on an A100 in FP16, an RTX 5000, 2012-2021.", []),
        ("A picture takes 0.4 J.", ["0.4 J"]),
        ("```{code-cell} ipython3\nx = 5.3\n```\nand `7 times`.", []),
        ("```{chart} fig-a\nIt fell by 43 times.\n```", ["43 times"]),
    ],
)
def test_a_typed_number_is_found_and_a_name_is_not(said, found):
    assert typed_numbers(said) == found


def test_a_long_sentence_is_found_across_lines():
    long = "Then " + "and\n".join(["it went on "] * 20) + " to its end."
    assert max(len(sentence.split()) for sentence in sentences(paragraphs(long)[0])) > LONGEST_SENTENCE
