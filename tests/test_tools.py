"""The build tools redo only what changed and never lose the last good result."""

import json
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from nbclient.exceptions import CellExecutionError

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tools"))

import inputs  # noqa: E402

import book  # noqa: E402
import notebooks  # noqa: E402

HEADER = (ROOT / "notebooks" / "hardware.md").read_text(encoding="utf-8").split("# Hardware")[0]
CELL = "# Story\n\n```{code-cell} ipython3\nfrom energy_lib import load\n\nlen(load('gpus'))\n```\n"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A copy of the library and the tables with one small notebook, which the tools take for the project."""
    for name in ("energy_lib", "data"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "requirements.txt", tmp_path)
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks" / "story.md").write_text(HEADER + CELL, encoding="utf-8")
    monkeypatch.setattr(inputs, "ROOT", tmp_path)
    monkeypatch.setattr(inputs, "BUILD", tmp_path / "_build")
    monkeypatch.setattr(notebooks, "NOTEBOOKS", tmp_path / "notebooks")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return tmp_path


@pytest.fixture(scope="module")
def executed():
    """The bytes of the executed story, once a test has executed it: they are the same in every copy."""
    return []


@pytest.fixture
def story(folder, executed):
    text = folder / "notebooks" / "story.md"
    if not executed:
        notebooks.execute(text)
        executed.append(text.with_suffix(".ipynb").read_bytes())
    text.with_suffix(".ipynb").write_bytes(executed[0])
    return text


def reason(text):
    return notebooks.reason_to_execute(text, inputs.fingerprints())


def test_a_notebook_is_stale_until_it_is_executed_and_then_not(folder):
    text = folder / "notebooks" / "story.md"
    assert reason(text) == "it was never executed"
    notebooks.execute(text)
    assert reason(text) is None


def append(path, text):
    path.write_text(path.read_text(encoding="utf-8") + text, encoding="utf-8")


NEW_CODE = "\nADDED = 1\n"


@pytest.mark.parametrize(
    ("changed", "text", "said"),
    [
        ("notebooks/story.md", "\n```{code-cell} ipython3\n1 + 1\n```\n", "its code changed"),
        ("energy_lib/datasets.py", NEW_CODE, "energy_lib/datasets.py changed"),
        ("energy_lib/datasets.py", "\ndef unfinished(", "energy_lib/datasets.py changed"),
        ("data/paper/gpus.csv", "\n", "table gpus changed"),
        ("requirements.txt", "\n", "requirements.txt changed"),
    ],
)
def test_a_change_of_what_it_depends_on_makes_a_notebook_stale_and_is_named(folder, story, changed, text, said):
    append(folder / changed, text)
    assert reason(story) == said


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        ("data/paper/nlp_models.csv", "\n"),
        ("energy_lib/publish.py", NEW_CODE),
        ("energy_lib/datasets.py", "\n# A comment.\n"),
        ("notebooks/story.md", "\nOne word more.\n"),
    ],
)
def test_a_change_of_what_its_outputs_do_not_depend_on_leaves_a_notebook_alone(folder, story, changed, text):
    append(folder / changed, text)
    assert reason(story) is None


def test_other_line_ends_change_nothing(folder, story):
    for path in [story, folder / "requirements.txt", *folder.glob("energy_lib/*.py"), *folder.glob("data/**/*.csv")]:
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert notebooks.stale() == ({}, [])


def test_new_prose_is_put_beside_the_outputs_as_an_execution_would(folder, story):
    append(story, "\nOne word more.\n")
    assert notebooks.stale() == ({}, [story])
    notebooks.put_prose(story)
    assert notebooks.stale() == ({}, [])
    put = story.with_suffix(".ipynb").read_bytes()
    notebooks.execute(story)
    assert story.with_suffix(".ipynb").read_bytes() == put


CODE = '''"""Says what."""

def f(x: int = 1, *, y: str | None = None) -> str:
    """Says more."""
    # Says why.
    match x:
        case [1, *rest] if rest:
            return f"{x!r:>{y}} {x=} {'a' 'b'}"
    return lambda z: z**2.50  # and more
'''


def test_the_hash_of_code_is_the_same_in_every_version_of_python():
    assert inputs.code_sha256(CODE)[:16] == "a1c3944b02a3a2b9"


@pytest.mark.parametrize("word", ["Says what.", "Says more.", "Says why.", "and more"])
def test_what_is_said_of_code_is_no_part_of_it(word):
    assert inputs.code_sha256(CODE.replace(word, "Else.")) == inputs.code_sha256(CODE)
    assert inputs.code_sha256(CODE.replace(word, "\n\n")) == inputs.code_sha256(CODE)


@pytest.mark.parametrize(
    ("old", "new"),
    [("2.50", "2.51"), ("1, *", "2, *"), ("'a'", "'c'"), ("!r", "!s"), ("None", "1"), ("def f", "async def f")],
)
def test_code_that_does_something_else_has_another_hash(old, new):
    assert inputs.code_sha256(CODE.replace(old, new)) != inputs.code_sha256(CODE)


def test_a_touched_file_with_the_same_content_changes_nothing(folder, story):
    (folder / "data" / "paper" / "gpus.csv").touch()
    assert reason(story) is None


def test_a_damaged_notebook_is_stale(story):
    story.with_suffix(".ipynb").write_text("{", encoding="utf-8")
    assert reason(story) == "its .ipynb cannot be read"


def test_executing_twice_gives_the_same_bytes(story):
    first = story.with_suffix(".ipynb").read_bytes()
    notebooks.execute(story)
    assert story.with_suffix(".ipynb").read_bytes() == first


def test_a_failing_cell_keeps_the_last_good_notebook(story):
    good = story.with_suffix(".ipynb").read_bytes()
    story.write_text(story.read_text(encoding="utf-8").replace("len(", "1 / 0 * len("), encoding="utf-8")
    with pytest.raises(CellExecutionError, match="ZeroDivisionError"):
        notebooks.execute(story)
    assert story.with_suffix(".ipynb").read_bytes() == good
    assert not list(story.parent.glob("*.unfinished"))


@pytest.fixture
def site(tmp_path, monkeypatch):
    for name, path in {"HTML": "html", "PREVIOUS": "html.previous", "NEXT": "html.next"}.items():
        monkeypatch.setattr(book, name, tmp_path / path)
    book.HTML.mkdir()
    (book.HTML / "index.html").write_text("last good book")
    rendered = tmp_path / "rendered"
    rendered.mkdir()
    (rendered / "index.html").write_text("new book")
    return rendered


def test_a_new_book_replaces_the_old_one_whole(site):
    book.put_in_place(site)
    assert (book.HTML / "index.html").read_text() == "new book"
    assert not book.PREVIOUS.exists() and not book.NEXT.exists()


@pytest.mark.parametrize("moment", [0, 1])
def test_an_interruption_while_it_is_replaced_loses_no_book(site, monkeypatch, moment):
    replace, calls = book.os.replace, []

    def interrupted(source, target):
        if len(calls) == moment:
            raise KeyboardInterrupt
        calls.append(source)
        replace(source, target)

    monkeypatch.setattr(book.os, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        book.put_in_place(site)
    monkeypatch.setattr(book.os, "replace", replace)
    book.recover()
    assert (book.HTML / "index.html").read_text() == "last good book"


def test_a_book_that_does_not_build_leaves_the_last_good_one(site, monkeypatch, capsys):
    def broken(lock):
        raise subprocess.CalledProcessError(1, "jupyter-book")

    monkeypatch.setattr(book, "render", broken)
    monkeypatch.setattr(book, "BUILD", book.HTML.parent)
    (book.BUILD / "work").mkdir()
    monkeypatch.setattr(book, "ROOT", book.HTML.parent)
    monkeypatch.setattr(book, "made_from", lambda: "today")
    assert book.main() == 1
    assert (book.HTML / "index.html").read_text() == "last good book"
    assert "the last good book stays" in capsys.readouterr().err
    assert not (book.BUILD / "work").exists()  # what was read there would hide the warnings from the next build


def test_make_says_which_python_it_needs(tmp_path):
    for name in ("Makefile", "pyproject.toml", "requirements.txt"):
        shutil.copy(ROOT / name, tmp_path)
    old = tmp_path / "python2"
    pretend = "import sys; sys.version_info = (2, 7); sys.version = '2.7'; exec(sys.argv[1])"
    old.write_text(f'#!/bin/sh\nexec python3 -c "{pretend}" "$2"\n')
    old.chmod(0o755)
    run = subprocess.run(["make", "book", f"PYTHON={old}"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert run.returncode != 0
    assert "Python 3.11 or later is needed, this is 2.7" in run.stderr


def test_every_place_that_names_the_edition_names_the_same_one():
    edition = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    assert json.loads((ROOT / "data/datapackage.json").read_text(encoding="utf-8"))["version"] == edition
    for page, words in (
        ("README.md", f"edition {edition}"),
        ("book/changes.md", f"## Edition {edition}"),
    ):
        assert words in (ROOT / page).read_text(encoding="utf-8"), page
