"""No published number moves unseen: `make diff` tells what moved, and its check asks for the reason."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import zipfile
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / "tools"))
sys.path.append(str(Path(__file__).parents[1] / "book" / "_ext"))
import archive
import diff
import editions
import project
import record
import sums
import table_diff

ROOT = Path(__file__).parents[1]
EDITION = project.edition(ROOT)
NEXT = "2999.1"
KEY = "vision.best.flop_doubling_years"


def number(value=1.5, low=1.0, high=2.0, text="1.5 years", unit="years"):
    return {
        "what": "A thing", "value": value, "low": low, "high": high, "unit": unit, "text": text,
        "interval_text": "1.0 to 2.0 years", "notebook": "n",
    }  # fmt: skip


def edition(name="2026.11", **numbers):
    numbers = {key.replace("__", "."): each for key, each in numbers.items()}
    return {"edition": name, "numbers": numbers, "charts": {}, "tables": {}, "data": {}}


def moves(old, new):
    return editions.moves(edition(**old), edition(**new))


@pytest.mark.parametrize(
    "changed", [{"value": 1.6}, {"low": 0.9}, {"high": "Infinity"}, {"text": "1.50 years"}, {"unit": "months"}]
)
def test_a_change_of_value_interval_unit_or_words_is_a_move(changed):
    found = moves({"a__b": number()}, {"a__b": {**number(), **changed}})
    assert [(move.key, move.kind) for move in found] == [("a.b", "moved")]


@pytest.mark.parametrize("part", ["value", "low", "high"])
def test_a_difference_that_no_page_shows_is_no_move(part):
    within, beyond = number()[part] * (1 + 1e-7), number()[part] * (1 + 1e-5)
    assert moves({"a__b": number()}, {"a__b": {**number(), part: within}}) == []
    assert len(moves({"a__b": number()}, {"a__b": {**number(), part: beyond}})) == 1


def test_the_same_number_in_another_place_has_not_moved():
    assert moves({"a__b": number()}, {"a__b": {**number(), "notebook": "m", "what": "Said better"}}) == []


def test_numbers_that_appear_and_vanish_are_told():
    found = moves({"a__old": number()}, {"a__new": number()})
    assert [(move.key, move.kind, move.change) for move in found] == [
        ("a.new", "appeared", "appeared"),
        ("a.old", "vanished", "vanished"),
    ]


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (2.0, 3.0, "+50 %"),
        (2.0, 1.9, "-5 %"),
        (0, 0.25, "+0.25"),
        ("holds", "differs", "in words"),
        (2, "none", "in words"),
    ],
)
def test_a_move_says_by_how_much(before, after, said):
    (move,) = moves({"a__b": number(before)}, {"a__b": number(after)})
    assert move.change == said


def test_an_interval_that_moves_alone_is_told_apart():
    (move,) = moves({"a__b": number()}, {"a__b": number(low=0.5)})
    assert move.change == "interval or unit only"


CHANGES = """# Changes

## Since the last edition

- `vision.best.*`, `nlp.gpt3.energy_j`: the accelerator table
  holds a newer chip.
* `hardware.fp32.doubling_years` and `hardware.fp32.factor_per_year`: a date was wrong.
- `nlp.all.x`:
- Some words about `nlp.all.y`: no reason of a number.

## Edition 2026.11

- `vision.all.flop`: told when that edition was made.
"""


def test_reasons_are_read_above_the_last_edition_only():
    assert editions.reasons(CHANGES, "2026.11") == [
        "vision.best.*",
        "nlp.gpt3.energy_j",
        "hardware.fp32.doubling_years",
        "hardware.fp32.factor_per_year",
    ]


def test_a_move_without_a_reason_is_a_fault_and_one_with_a_reason_is_none():
    found = moves({"vision__best__a": number(), "nlp__b": number()}, {"vision__best__a": number(2.0)})
    assert editions.faults(found, ["vision.best.*"]) == ["nlp.b vanished, and nothing says why"]
    assert editions.faults(found, ["vision.best.a", "nlp.?"]) == []


def test_a_reason_for_what_did_not_move_is_a_fault():
    assert editions.faults([], ["vision.best.*"]) == ["`vision.best.*` gives a reason, but no such number moved"]


@pytest.mark.parametrize("pattern", ["*", "*.energy_j", "?ision.*", "[a-z]*", "vision"])
def test_a_pattern_that_would_excuse_anything_excuses_nothing(pattern):
    found = moves({"vision__a__energy_j": number()}, {})
    assert len(editions.faults(found, [pattern])) == 2


def test_a_chart_is_compared_by_its_rows_whatever_it_looks_like():
    rows = [{"x": 1, "y": 2}, {"x": 2, "y": 3}]
    named = {"datasets": {"data-1f": rows}, "data": {"name": "data-1f"}, "mark": "point"}
    other = {"layer": [{"data": {"values": rows}, "mark": "line"}]}
    moved = {"datasets": {"data-1f": [rows[0]]}, "data": {"name": "data-1f"}, "mark": "point"}
    assert editions.chart_data(named) == editions.chart_data(other) != editions.chart_data(moved)


def test_editions_stand_in_the_order_of_their_names(tmp_path):
    folder = tmp_path / editions.FOLDER
    folder.mkdir(parents=True)
    for name in ("2026.11", "2026.2", "2027.1"):
        (folder / f"{name}.json").write_text(json.dumps(edition(name)), encoding="utf-8")
    assert list(editions.released(tmp_path)) == ["2026.2", "2026.11", "2027.1"]


@pytest.fixture
def copy(tmp_path):
    """A copy of what an edition is made from, with an edition frozen as things are."""
    for name in ("notebooks", "data"):
        shutil.copytree(ROOT / name, tmp_path / name)
    (tmp_path / "book").mkdir()
    for name in ("pyproject.toml", "CITATION.cff", "book/changes.md"):
        shutil.copy(ROOT / name, tmp_path / name)
    diff.release(tmp_path, date(2026, 11, 25))
    return tmp_path


def move_a_number(root):
    """Doubles one published number in its executed notebook."""
    path = root / "notebooks" / "vision.ipynb"
    notebook = json.loads(path.read_text(encoding="utf-8"))
    for cell in notebook["cells"]:
        for output in cell.get("outputs", []):
            for data in output.get("data", {}).values():
                if isinstance(data, dict) and data.get("key") == KEY:
                    data["value"] *= 2
    path.write_text(json.dumps(notebook), encoding="utf-8")


def explain_it(root):
    path = root / "book" / "changes.md"
    heading = f"## Edition {EDITION}\n"
    told = path.read_text(encoding="utf-8").replace(heading, f"- `{KEY}`: twice as long.\n\n{heading}", 1)
    path.write_text(told, encoding="utf-8")


def frozen(root):
    return list(editions.released(root).values())[-1]


def faults(root):
    return diff.unexplained(root, frozen(root), diff.now(root))


def test_nothing_has_moved_right_after_a_release(copy):
    assert faults(copy) == []
    assert diff.as_text(frozen(copy), diff.now(copy), []) == f"Published numbers since edition {EDITION}: none moved."


def test_a_number_that_moves_in_a_notebook_is_caught_until_the_changes_say_why(copy):
    move_a_number(copy)
    assert faults(copy) == [f"{KEY} moved, and nothing says why"]
    assert "[+100 %]" in diff.as_text(frozen(copy), diff.now(copy), [])
    assert f"| `{KEY}` |" in diff.as_markdown(frozen(copy), diff.now(copy), [])
    explain_it(copy)
    assert faults(copy) == []


def test_each_move_is_told_once_and_how_to_explain_it(copy):
    move_a_number(copy)
    old, new = frozen(copy), diff.now(copy)
    (move,) = missing = editions.unexplained(editions.moves(old, new), diff.reasons(copy, old))
    told = diff.as_text(old, new, [], {move.key})
    assert told.count(KEY) == 1 and told.endswith("no reason yet")
    advice = diff.how_to_explain(old, missing)
    line = advice.splitlines()[-1]
    assert str(editions.CHANGES) in advice and f"## Edition {EDITION}" in advice
    assert editions.reasons(line, EDITION) == [KEY, "vision.*"]


def nudge_a_chart(root, factor):
    """Multiplies one row of a chart in its executed notebook."""
    path = root / "notebooks" / "hardware.ipynb"
    notebook = json.loads(path.read_text(encoding="utf-8"))
    outputs = [output for cell in notebook["cells"] for output in cell.get("outputs", [])]
    chart = next(data for o in outputs for mime, data in o.get("data", {}).items() if mime == record.CHART_MIME)
    rows = next(iter(editions.row_sets(chart["spec"])))
    name = next(name for name, value in rows[0].items() if isinstance(value, float) and value)
    rows[0][name] *= factor
    path.write_text(json.dumps(notebook), encoding="utf-8")
    return chart["name"]


@pytest.mark.parametrize(("factor", "told"), [(1 + 1e-9, False), (1 + 1e-4, True)])
def test_a_chart_has_changed_where_a_row_differs_by_more_than_the_tolerance(copy, factor, told):
    git(copy, "init", "--quiet")
    git(copy, "add", ".")
    git(copy, "commit", "--quiet", "--message", "An edition")
    name = nudge_a_chart(copy, factor)
    new = diff.now(copy)
    new["charts"] = table_diff.charts_since(copy, frozen(copy), new)
    assert (name in editions.differences(frozen(copy), new, "charts")) == told


def test_a_number_cannot_vanish_unseen(copy):
    (copy / "notebooks" / "hardware.ipynb").unlink()
    assert any(fault.startswith("hardware.") and "vanished" in fault for fault in faults(copy))


def test_a_changed_cell_of_a_table_is_told(copy):
    path = copy / "data" / "paper" / "gpus.csv"
    path.write_text(path.read_text(encoding="utf-8").replace("250", "251", 1), encoding="utf-8")
    assert editions.differences(frozen(copy), diff.now(copy), "data") == {"gpus": "changed"}


def git(folder, *arguments):
    named = ["git", "-c", "user.name=A", "-c", "user.email=a@b.test", *arguments]
    subprocess.run(named, cwd=folder, check=True, capture_output=True)


def test_rows_are_compared_with_the_commit_of_the_edition(copy):
    git(copy, "init", "--quiet")
    git(copy, "add", ".")
    git(copy, "commit", "--quiet", "--message", "An edition")
    path = copy / "data" / "paper" / "gpus.csv"
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text("".join(lines[:-1]), encoding="utf-8")
    (told,) = table_diff.since(copy, frozen(copy), diff.now(copy))
    assert told.startswith("gpus [") and told.endswith("]: gone")


def rewritten(folder, change):
    """The table of chips with its lines changed by `change`, in a copy without history."""
    path = folder / "data" / "paper" / "gpus.csv"
    path.write_text("".join(change(path.read_text(encoding="utf-8").splitlines(keepends=True))), encoding="utf-8")
    return table_diff.since(folder, frozen(folder), diff.now(folder))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            lambda lines: [*lines[:5], lines[5].replace("FP", "BF"), *lines[6:]],
            "gpus line 6, column 'precision': row has changed",
        ),
        (lambda lines: [*lines[:5], *lines[6:]], "gpus line 6: 1 row is gone before here"),
        (lambda lines: [lines[0], *lines[:0:-1]], "rows are in another order from here on"),
    ],
)
def test_without_history_the_place_of_a_change_is_told(copy, monkeypatch, change, said):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(copy.parent))
    (told,) = rewritten(copy, change)
    assert said in told


def test_another_order_of_rows_is_told_with_history(copy):
    git(copy, "init", "--quiet")
    git(copy, "add", ".")
    git(copy, "commit", "--quiet", "--message", "An edition")
    (told,) = rewritten(copy, lambda lines: [lines[0], *lines[:0:-1]])
    assert told.startswith("gpus line 2") and "another order" in told


def test_a_new_edition_is_refused_until_its_moves_are_explained(copy):
    move_a_number(copy)
    for name in ("pyproject.toml", "book/changes.md"):
        path = copy / name
        text = path.read_text(encoding="utf-8").replace(f'version = "{EDITION}"', f'version = "{NEXT}"')
        path.write_text(text.replace("## Since the last edition", f"## Edition {NEXT}"), encoding="utf-8")
    with pytest.raises(SystemExit, match=f"{KEY} moved, and nothing says why"):
        diff.release(copy, date(2026, 12, 1))
    assert list(editions.released(copy)) == [EDITION]
    explain_it(copy)
    diff.release(copy, date(2026, 12, 1))
    assert list(editions.released(copy)) == [EDITION, NEXT]
    assert f'version: "{NEXT}"' in (copy / "CITATION.cff").read_text(encoding="utf-8")
    assert json.loads((copy / ".zenodo.json").read_text(encoding="utf-8"))["publication_date"] == "2026-12-01"


def test_an_edition_without_its_heading_is_refused(copy):
    changes = copy / "book" / "changes.md"
    changes.write_text("# Changes\n", encoding="utf-8")
    with pytest.raises(SystemExit, match="no heading `## Edition "):
        diff.release(copy, date(2026, 12, 1))


def test_a_tagged_edition_stays_as_it_is(copy):
    git(copy, "init", "--quiet")
    git(copy, "add", ".")
    git(copy, "commit", "--quiet", "--message", "An edition")
    git(copy, "tag", f"v{EDITION}")
    with pytest.raises(SystemExit, match="is tagged v"):
        diff.release(copy, date(2026, 12, 1))


def test_a_release_can_be_dated_from_outside(monkeypatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1764028800")
    assert diff.today() == date(2025, 11, 25)


def test_what_is_published_has_a_reason_for_every_move_since_the_last_edition():
    assert editions.released(ROOT)
    assert faults(ROOT) == []


@pytest.fixture
def site(tmp_path):
    html = tmp_path / "html"
    (html / "book").mkdir(parents=True)
    (html / "index.html").write_text("<p>front</p>", encoding="utf-8")
    (html / "book" / "a b.html").write_text("<p>page</p>", encoding="utf-8")
    sums.write(html)
    return html


def test_an_archive_holds_every_file_and_its_sum(site, tmp_path):
    target = tmp_path / "book-1.zip"
    archive.pack(site, target, datetime(2026, 11, 25, tzinfo=UTC))
    with zipfile.ZipFile(target) as packed:
        assert packed.testzip() is None
        packed.extractall(tmp_path / "out")
    folder = tmp_path / "out" / "book-1"
    subprocess.run(["sha256sum", "--check", "--strict", "--quiet", sums.NAME], cwd=folder, check=True)
    lines = (folder / sums.NAME).read_text(encoding="utf-8").splitlines()
    assert [line.split("  ")[1] for line in lines] == ["book/a b.html", "index.html"]
    assert lines[1].startswith(hashlib.sha256(b"<p>front</p>").hexdigest())


def test_the_same_book_packs_to_the_same_bytes(site, tmp_path):
    when = datetime(2026, 11, 25, tzinfo=UTC)
    other = tmp_path / "other"
    shutil.copytree(site, other)
    for path in other.rglob("*"):
        os.utime(path, (1, 1))
        path.chmod(0o700)
    packed = []
    for name, html in (("a", site), ("b", other)):
        (tmp_path / name).mkdir()
        archive.pack(html, tmp_path / name / "book.zip", when)
        packed.append((tmp_path / name / "book.zip").read_bytes())
    assert packed[0] == packed[1]
