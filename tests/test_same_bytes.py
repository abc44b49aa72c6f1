"""Two builds of the same sources give the same bytes, whatever machine, day and place they are made in."""

import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime, time
from pathlib import Path

import pytest
import small_book
import sums

sys.path.append(str(small_book.ROOT / "book" / "_ext"))
import citation

EDITION_DAY = datetime.combine(citation.read(small_book.ROOT).released, time(), UTC)
# Beside the folder's name; one core more or less changes how work is divided.
HERE = {"PYTHONHASHSEED": "0", "LC_ALL": "C", "LANG": "C", "TZ": "Pacific/Kiritimati", "HOME": "/nowhere"}
THERE = {
    "PYTHONHASHSEED": "4321",
    "LC_ALL": "C.UTF-8",
    "LANG": "de_DE.UTF-8",
    "TZ": "America/St_Johns",
    "SOURCE_DATE_EPOCH": str(int(EDITION_DAY.timestamp())),
}


def made(folder: Path, cores: str, surroundings: dict[str, str]) -> dict[str, bytes]:
    """All files of the site and the executed notebooks of a copy, by name."""
    folder.mkdir()
    small_book.make(folder, with_cache=False)
    left = {name: value for name, value in os.environ.items() if not name.startswith(("LC_", "LANG", "SOURCE_DATE"))}
    environment = {**left, "PYTHONPATH": str(folder), **surroundings}

    def run(tool: str) -> None:
        command = ["taskset", "--cpu-list", cores, *small_book.command(folder, tool)]
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr

    run("notebooks.py")
    run("book.py")
    shutil.copy(small_book.ROOT / "notebooks" / "hardware.md", folder / "notebooks")
    run("notebooks.py")
    executed = {path.name: path.read_bytes() for path in (folder / "notebooks").glob("*.ipynb")}
    return sums.contents(folder / "_build" / "html") | executed


@pytest.mark.nightly
def test_two_builds_of_the_same_sources_are_the_same_to_the_byte(tmp_path):
    cores = sorted(os.sched_getaffinity(0))
    here = made(tmp_path / "here", str(cores[0]), HERE)
    there = made(tmp_path / "dort, mit Größe und 空白", ",".join(map(str, cores)), THERE)
    assert here.keys() == there.keys()
    assert {"vision.ipynb", "hardware.ipynb", "index.html", "sbom.cdx.json", sums.NAME} <= here.keys()
    assert [name for name in sorted(here) if here[name] != there[name]] == []
