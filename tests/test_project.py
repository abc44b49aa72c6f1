"""Where pages say that they are from."""

import subprocess
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "book" / "_ext"))
import project

CONFIG = {
    "html_baseurl": "https://site.test/book",
    "html_theme_options": {"repository_url": "https://code.test/book/", "repository_branch": "main"},
}


def git(folder: Path, *arguments: str) -> str:
    named = ["git", "-c", "user.name=A", "-c", "user.email=a@b.test", *arguments]
    return subprocess.run(named, cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


def a_clone(folder: Path) -> Path:
    git(folder, "init", "--quiet")
    (folder / "table.csv").write_text("a\n1\n")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--message", "A table")
    return folder


def test_a_source_is_linked_at_the_commit_it_was_built_from(tmp_path):
    clone = a_clone(tmp_path)
    head = git(clone, "rev-parse", "HEAD")
    address = project.source_url(CONFIG, "table.csv", 2).replace(project.AT, project.source_at(CONFIG, clone))
    assert address == f"https://code.test/book/blob/{head}/table.csv?plain=1#L2"


def test_a_source_with_changes_is_linked_at_the_branch(tmp_path):
    clone = a_clone(tmp_path)
    (clone / "table.csv").write_text("a\n2\n")
    assert project.source_at(CONFIG, clone) == "main"


def test_outside_a_clone_there_is_no_commit_whatever_repository_lies_around_it(tmp_path):
    copy = a_clone(tmp_path) / "copy"
    copy.mkdir()
    assert project.commit(copy) == ""


def test_a_fork_names_its_own_places(monkeypatch):
    monkeypatch.setenv("BOOK_SITE_URL", "https://fork.test")
    monkeypatch.setenv("BOOK_REPOSITORY_URL", "https://code.test/fork")
    assert project.site_url(CONFIG) == "https://fork.test/"
    assert project.repository_url(CONFIG) == "https://code.test/fork"


def test_the_edition_is_the_version_of_the_library():
    assert project.edition(Path(__file__).parents[1]).count(".") == 1
