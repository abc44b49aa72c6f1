"""The SHA-256 sums of a built book, and whether a book is the one that they were made of.

`python tools/sums.py [folder or .zip]` names what is changed, missing or extra; `sha256sum --check SHA256SUMS` in the
book's folder does the first two.
"""

from __future__ import annotations

import hashlib
import os
import re
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path

from inputs import ROOT

NAME = "SHA256SUMS"
LINE = re.compile(r"([0-9a-f]{64})  (.+)")


def lines(files: Mapping[str, bytes]) -> str:
    """A line for each file, sorted, as `sha256sum --check` reads it.

    >>> print(lines({"a.txt": b"hello"}), end="")
    2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824  a.txt
    """
    return "".join(f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in sorted(files.items()))


def contents(site: Path) -> dict[str, bytes]:
    """The content of every file of a book by its name, from a folder or from an archive that holds one folder."""
    if site.is_dir():
        paths = (path for path in site.rglob("*") if path.is_file())
        return {path.relative_to(site).as_posix(): path.read_bytes() for path in paths}
    with zipfile.ZipFile(site) as archive:
        names = [entry.filename for entry in archive.infolist() if not entry.is_dir()]
        top = os.path.commonpath(names)
        return {name.removeprefix(f"{top}/"): archive.read(name) for name in names}


def write(site: Path) -> None:
    """Leave the sums of all other files in the folder of a book."""
    files = contents(site)
    files.pop(NAME, None)
    (site / NAME).write_text(lines(files), encoding="utf-8")


def faults(files: dict[str, bytes]) -> list[str]:
    """What differs from the sums that a book brings with it, a line for each file."""
    others = {name: content for name, content in files.items() if name != NAME}
    if NAME not in files:
        return [f"{NAME}: missing, so nothing can be checked"]
    found = [LINE.fullmatch(line) for line in files[NAME].decode("utf-8", "replace").splitlines()]
    if not found or None in found:
        return [f"{NAME}: not a list of SHA-256 sums"]
    said = {match[2]: match[1] for match in found}
    told = {name: "missing" for name in said.keys() - others.keys()}
    told |= {name: "extra" for name in others.keys() - said.keys()}
    for name in said.keys() & others.keys():
        if hashlib.sha256(others[name]).hexdigest() != said[name]:
            told[name] = "changed"
    return [f"{name}: {what}" for name, what in sorted(told.items())]


def main() -> int:
    site = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "_build" / "html"
    if not site.exists():
        print(f"{site} does not exist: name the folder or archive of a book, or run `make book`.", file=sys.stderr)
        return 1
    try:
        files = contents(site)
    except (zipfile.BadZipFile, zipfile.zlib.error) as error:
        print(f"{site} is neither a folder nor a whole archive: {error}.", file=sys.stderr)
        return 1
    if found := faults(files):
        print(*found, f"{site} is not the book that its sums were made of: {len(found)} faults.", sep="\n")
        return 1
    print(f"{site}: {len(files) - 1} files are what {NAME} says.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
