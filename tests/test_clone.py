"""A clone has the same bytes, and so the same digests, whatever its owner's settings of git are."""

import ast
import re
import subprocess
from pathlib import Path

import pytest

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


def test_names_of_files_are_names_on_every_system():
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    names = listed.strip("\0").split("\0")
    assert len({name.lower() for name in names}) == len(names)
    assert [name for name in names if re.search(r'[<>:"\\|?*\x00-\x1f]|[. ](/|$)', name)] == []
    assert max(map(len, names)) < 120


@pytest.mark.parametrize("path", sorted((ROOT / "energy_lib").glob("*.py")), ids=lambda path: path.stem)
def test_the_library_needs_nothing_of_one_system(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    imported = {name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}
    imported |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert not imported & {"fcntl", "grp", "msvcrt", "pwd", "resource", "termios", "winreg"}
    opened = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and _called(node) in TEXTUAL]
    assert [node.lineno for node in opened if "encoding" not in {each.arg for each in node.keywords}] == []


TEXTUAL = {"open", "read_text", "write_text"}


def _called(call: ast.Call) -> str:
    """The name of a function, or of a method; `os.open` opens no text."""
    return ast.unparse(call.func).removeprefix("os.open").rpartition(".")[2]
