"""A clone has the same bytes, and so the same digests, whatever its owner's settings of git are."""

import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def cloned(folder: Path, autocrlf: str) -> dict[str, bytes]:
    """All files of a clone of what is committed, made with this setting for the ends of lines."""
    command = ["git", "-c", f"core.autocrlf={autocrlf}", "clone", "--quiet", "--depth=1", ROOT.as_uri(), folder]
    subprocess.run(command, check=True)
    files = [path for path in folder.rglob("*") if path.is_file() and ".git" not in path.parts]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def test_a_clone_that_would_turn_line_ends_has_the_bytes_of_any_other(tmp_path):
    plain, turned = cloned(tmp_path / "plain", "false"), cloned(tmp_path / "turned", "true")
    assert plain.keys() == turned.keys() and "data/datapackage.json" in plain
    assert [name for name, content in plain.items() if turned[name] != content] == []
