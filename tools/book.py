"""Render the book from the executed notebooks into _build/html; the last good book stays until the new one is whole."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import check_site
from bs4 import BeautifulSoup
from inputs import ROOT, book_sources, digest

BUILD = ROOT / "_build"
HTML, PREVIOUS, NEXT = BUILD / "html", BUILD / "html.previous", BUILD / "html.next"
STAMP = "inputs.sha256"
FRONT = "book/index.html"


def render() -> Path:
    """Run Jupyter Book with warnings as errors, away from the published folder; returns the folder it wrote."""
    work = BUILD / "work"
    command = [
        Path(sys.executable).parent / "jupyter-book",
        "build",
        ".",
        "--toc",
        "book/_toc.yml",
        "--path-output",
        work,
    ]
    # Warnings and errors go to standard error; what goes to standard output only repeats where the pages are.
    subprocess.run(
        [*map(str, command), "-W", "-n", "--keep-going", "-q"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL
    )
    write_root(work / "_build" / "html")
    return work / "_build" / "html"


def write_root(html: Path) -> None:
    """The site's own address leads to the front page; whoever shares it shows the same title, words and picture."""
    front = BeautifulSoup((html / FRONT).read_text(encoding="utf-8"), "html.parser")
    kept = [*front.head.find_all(["meta", "title"]), *front.head.find_all("link", rel="canonical")]
    title = front.title.get_text()
    (html / "index.html").write_text(
        "<!DOCTYPE html>\n"
        f'<html lang="en"><head>{"".join(map(str, kept))}<meta http-equiv="refresh" content="0; url={FRONT}"/></head>'
        f'<body><a href="{FRONT}">{title}</a></body></html>\n',
        encoding="utf-8",
    )


def put_in_place(rendered: Path, stamp: str) -> None:
    shutil.rmtree(NEXT, ignore_errors=True)
    shutil.copytree(rendered, NEXT)
    (NEXT / STAMP).write_text(stamp + "\n", encoding="utf-8")
    shutil.rmtree(PREVIOUS, ignore_errors=True)
    if HTML.exists():
        os.replace(HTML, PREVIOUS)
    os.replace(NEXT, HTML)
    shutil.rmtree(PREVIOUS, ignore_errors=True)


def recover() -> None:
    """After an interruption between the two renames the last good book is still there, under its other name."""
    if not HTML.exists() and PREVIOUS.exists():
        os.replace(PREVIOUS, HTML)


def main() -> int:
    began = time.monotonic()
    recover()
    stamp = digest(book_sources())
    published = HTML / STAMP
    if published.exists() and published.read_text(encoding="utf-8").strip() == stamp:
        print("Nothing changed since the last build.")
    else:
        try:
            rendered = render()
        except subprocess.CalledProcessError as error:
            shutil.rmtree(BUILD / "work", ignore_errors=True)  # or the next run would not meet the same warnings again
            kept = "; the last good book stays" if HTML.exists() else ""
            print(f"The book did not build (exit {error.returncode}){kept}.", file=sys.stderr)
            return 1
        if faults := check_site.faults(rendered):
            kept = "; the last good book stays" if HTML.exists() else ""
            print(*faults, f"The book must not be published: {len(faults)} faults{kept}.", sep="\n", file=sys.stderr)
            return 1
        put_in_place(rendered, stamp)
        print(f"Rendered in {time.monotonic() - began:.1f} s.")
    print(f"Open {(HTML / 'index.html').relative_to(ROOT)} in a browser.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
