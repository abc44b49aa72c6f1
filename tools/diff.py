"""What moved since the last edition: published numbers, charts and tables, as text or as Markdown.

    make diff                            everything that moved, and by how much
    python tools/diff.py --markdown      the same for a comment on a pull request
    python tools/diff.py --check         fails where a number moved and book/changes.md does not say why
    make release                         freezes what is published now as the edition that pyproject.toml names

A reason is a line above the last edition's heading in book/changes.md that begins with the keys it explains:
- `vision.best.*`, `nlp.gpt3.energy_j`: the accelerator table holds a newer chip.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Collection
from datetime import UTC, date, datetime
from pathlib import Path

import table_diff
from inputs import ROOT, RUN_TIMES

sys.path.append(str(ROOT / "book" / "_ext"))

import citation
import editions
import project
import record

PARTS = {"charts": "Charts", "tables": "Small tables", "data": "Data tables"}


def now(root: Path) -> dict:
    return editions.snapshot(root, record.read(root / "notebooks"))


def as_text(old: dict, new: dict, rows: list[str], unexplained: Collection[str] = ()) -> str:
    """What moved, each number once; those in `unexplained` are marked."""
    moved = editions.moves(old, new)
    lines = [_summary(old, moved)]
    for move in moved:
        before, after = editions.with_interval(move.old), editions.with_interval(move.new)
        mark = "  no reason yet" if move.key in unexplained else ""
        lines.append(f"  {move.key}: {before} -> {after}  [{move.change}]{mark}")
    for part, title in PARTS.items():
        found = editions.differences(old, new, part)
        if found:
            lines.append(f"{title}: " + ", ".join(f"{name} {what}" for name, what in found.items()))
    return "\n".join([*lines, *rows])


def as_markdown(old: dict, new: dict, rows: list[str]) -> str:
    moved = editions.moves(old, new)
    lines = ["### " + _summary(old, moved)]
    if moved:
        lines += ["", "| Number | Before | Now | Change |", "|---|---|---|---|"]
        for move in moved:
            cells = (f"`{move.key}`", editions.with_interval(move.old), editions.with_interval(move.new), move.change)
            lines.append("| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |")
    for part, title in PARTS.items():
        found = editions.differences(old, new, part)
        if found:
            lines += ["", f"**{title}:** " + ", ".join(f"`{name}` {what}" for name, what in found.items())]
    fenced = ["", "```", *(row.replace("`", "'") for row in rows), "```"] if rows else []
    return "\n".join(lines + fenced)


def _summary(old: dict, moved: list[editions.Move]) -> str:
    counts = {kind: sum(move.kind == kind for move in moved) for kind in ("moved", "appeared", "vanished")}
    said = ", ".join(f"{count} {kind}" for kind, count in counts.items() if count)
    return f"Published numbers since edition {old['edition']}: {said or 'none moved'}."


def unexplained(root: Path, old: dict, new: dict) -> list[str]:
    """Faults that keep a change from landing."""
    return editions.faults(editions.moves(old, new), reasons(root, old))


def reasons(root: Path, old: dict) -> list[str]:
    """The keys and patterns for which book/changes.md gives a reason."""
    return editions.reasons((root / editions.CHANGES).read_text(encoding="utf-8"), old["edition"])


def how_to_explain(old: dict, missing: list[editions.Move]) -> str:
    """Where a reason is written and how, with one of the numbers that lack it."""
    key = missing[0].key
    return (
        f"Say why in {editions.CHANGES}, above `## Edition {old['edition']}`, in a line that begins with the keys:"
        f"\n- `{key}`, `{key.split('.')[0]}.*`: the reason in a sentence."
    )


def release(root: Path, day: date) -> str:
    """Freeze what is published now as the version of pyproject.toml; says what was written, or exits saying why not."""
    name, known = project.edition(root), editions.released(root)
    if _is_tagged(root, name):
        raise SystemExit(f"Edition {name} is tagged v{name}: it stays as it is. Name the next one in pyproject.toml.")
    earlier = {edition: each for edition, each in known.items() if edition != name}
    new = now(root)
    if f"\n## Edition {name}\n" not in (root / editions.CHANGES).read_text(encoding="utf-8"):
        raise SystemExit(f"{editions.CHANGES} has no heading `## Edition {name}`: say there what is new.")
    if earlier:
        faults = unexplained(root, list(earlier.values())[-1], new)
        if faults:
            raise SystemExit("\n".join([f"Edition {name} cannot be released:", *faults]))
    times = json.loads(RUN_TIMES.read_text(encoding="utf-8")) if RUN_TIMES.exists() else {}
    ran = {"cores": os.cpu_count(), "run_time_s": {each: round(taken) for each, taken in sorted(times.items())}}
    frozen = {"edition": name, "released": day.isoformat(), **ran, **new}
    described = citation.dated((root / citation.FILE).read_text(encoding="utf-8"), name, day)
    archived = citation.zenodo(citation.parsed(described))
    target = editions.FOLDER / f"{name}.json"
    made = {
        target: json.dumps(frozen, ensure_ascii=False, indent=1) + "\n",
        Path(citation.FILE): described,
        Path(".zenodo.json"): json.dumps(archived, ensure_ascii=False, indent=2) + "\n",
    }
    (root / editions.FOLDER).mkdir(exist_ok=True)
    for path, text in made.items():
        _write(root / path, text)
    return f"Edition {name} of {day}: {len(new['numbers'])} numbers, in {target}."


def _write(path: Path, text: str) -> None:
    unfinished = path.with_suffix(path.suffix + ".unfinished")
    unfinished.write_text(text, encoding="utf-8")
    os.replace(unfinished, path)


def _is_tagged(root: Path, name: str) -> bool:
    return bool(project.git(root, "tag", "--list", f"v{name}").strip())


def today() -> date:
    """The day of SOURCE_DATE_EPOCH where it is set, so that a release can be made again."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    return datetime.fromtimestamp(int(epoch), UTC).date() if epoch else datetime.now(UTC).date()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--markdown", action="store_true", help="print Markdown")
    parser.add_argument("--check", action="store_true", help="fail where nothing says why a number moved")
    parser.add_argument("--release", action="store_true", help="freeze what is published now as an edition")
    arguments = parser.parse_args()
    if arguments.release:
        print(release(ROOT, today()))
        return 0
    known = list(editions.released(ROOT).values())
    if not known:
        print("No edition is released yet: nothing to compare with.")
        return 0
    old, new = known[-1], now(ROOT)
    moved, given = editions.moves(old, new), reasons(ROOT, old)
    missing, idle = editions.unexplained(moved, given), editions.idle_reasons(moved, given)
    advice = [*idle, *([how_to_explain(old, missing)] if missing else [])]
    if arguments.check:
        told = [f"{move.key} {move.kind}, and nothing says why" for move in missing]
        print(*told, *advice, sep="\n", end="\n" if advice else "", file=sys.stderr)
        return 1 if advice else 0
    new["charts"] = table_diff.charts_since(ROOT, old, new)
    rows = table_diff.since(ROOT, old, new)
    if arguments.markdown:
        print(as_markdown(old, new, rows), *editions.faults(moved, given), sep="\n")
    else:
        print(as_text(old, new, rows, {move.key for move in missing}), *advice, sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
