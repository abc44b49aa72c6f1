"""Where the project lives: its site, its repository, its edition, and the commit that a build was made from."""

import json
import os
import subprocess
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

PACKAGE = Path("data") / "datapackage.json"
# A fork's workflow sets these two, so that its pages lead to itself.
SITE, REPOSITORY = "BOOK_SITE_URL", "BOOK_REPOSITORY_URL"
# Stands in addresses until a page is written, so that another commit is no reason to read pages again.
AT = "THE-COMMIT-OF-THIS-BUILD"


def edition(root: Path) -> str:
    """The edition of the book, which is the version of the library."""
    return tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]


def archive_name(edition: str) -> str:
    """The file that holds the whole built book of an edition."""
    return f"energy-of-inference-{edition}.zip"


def package(root: Path) -> dict[str, Any]:
    """The description of all tables."""
    return json.loads((root / PACKAGE).read_text(encoding="utf-8"))


def licences(resource: Mapping[str, Any], package: Mapping[str, Any]) -> list[dict[str, str]]:
    """The licences of a table: its own, or those of all tables."""
    return resource.get("licenses") or package["licenses"]


def commit(root: Path) -> str:
    """The commit that the tracked files are at; empty outside a clone, and where they differ from it."""
    changed = git(root, "status", "--porcelain", "--untracked-files=no")
    return "" if changed else git(root, "rev-parse", "HEAD").strip()


def site_url(config: Mapping[str, Any]) -> str:
    """Address of the published book, ending in a slash; `config` is that of Sphinx."""
    return (os.environ.get(SITE) or config["html_baseurl"]).rstrip("/") + "/"


def repository_url(config: Mapping[str, Any]) -> str:
    """Address of the repository, without a slash at its end."""
    return (os.environ.get(REPOSITORY) or config["html_theme_options"]["repository_url"]).rstrip("/")


def source_url(config: Mapping[str, Any], path: str, line: int | None = None) -> str:
    """Address of a file of the repository as it is when the page is written, at a line of it."""
    return f"{repository_url(config)}/blob/{AT}/{path}" + (f"?plain=1#L{line}" if line else "")


def source_at(config: Mapping[str, Any], root: Path) -> str:
    """What `AT` stands for: the commit of this build, or the branch where the files differ from it."""
    return commit(root) or config["html_theme_options"]["repository_branch"]


def git(root: Path, *arguments: str) -> str:
    """What git prints in the repository of the project; empty where it fails, as it does outside a clone.

    A copy that lies inside somebody else's repository is no clone of ours, so that git may not look further up.
    """
    within = {**os.environ, "GIT_CEILING_DIRECTORIES": str(root.resolve().parent)}
    try:
        run = subprocess.run(
            ["git", *arguments], cwd=root, env=within, capture_output=True, encoding="utf-8", check=False
        )
    except OSError:
        return ""
    return run.stdout if run.returncode == 0 else ""
