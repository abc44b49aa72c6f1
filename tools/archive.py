"""Pack the built book into one file that stays readable: _build/energy-of-inference-EDITION.zip, and its sum beside it.

The same book gives the same bytes on any day: entries are sorted, and their time is that of SOURCE_DATE_EPOCH, or the
day of the edition.
"""

from __future__ import annotations

import os
import sys
import zipfile
from datetime import datetime
from pathlib import Path

import sums
from inputs import ROOT

sys.path.append(str(ROOT / "book" / "_ext"))

import citation
import project

PERMISSIONS = 0o644 << 16
LEVEL = 9


def pack(html: Path, target: Path, when: datetime) -> None:
    """Write the archive of a built book; its files lie in a folder of the archive's name."""
    files = sums.contents(html)
    unfinished = target.with_suffix(".unfinished")
    with zipfile.ZipFile(unfinished, "w") as archive:
        for name, content in sorted(files.items()):
            entry = zipfile.ZipInfo(f"{target.stem}/{name}", when.timetuple()[:6])
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, PERMISSIONS
            entry.create_system = 3  # Unix, wherever it is packed
            archive.writestr(entry, content, compresslevel=LEVEL)
    os.replace(unfinished, target)


def main() -> int:
    html = ROOT / "_build" / "html"
    if not (html / "index.html").is_file():
        print("There is no built book in _build/html: run `make book` first.", file=sys.stderr)
        return 1
    if found := sums.faults(sums.contents(html)):
        print(*found, "The book in _build/html is not whole: run `make book` first.", sep="\n", file=sys.stderr)
        return 1
    work = citation.read(ROOT)
    target = ROOT / "_build" / project.archive_name(work.edition)
    pack(html, target, work.moment)
    content = target.read_bytes()
    target.with_name(f"{target.name}.sha256").write_text(sums.lines({target.name: content}), encoding="utf-8")
    print(f"{target.relative_to(ROOT)}: {len(content) / 1e6:.1f} MB, sums beside it.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
