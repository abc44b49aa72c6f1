"""Render the book from the executed notebooks into _build/html; the last good book stays until the new one is whole.

`--execute` first brings the notebooks up to date.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterable
from pathlib import Path

import places
import progress
import sums
from alone import FULL, alone, told
from inputs import BUILD, ROOT, book_sources, digest, sha256

import notebooks
from notebooks import COLOUR

sys.path.append(str(ROOT / "book" / "_ext"))
import citation
import project

HTML, PREVIOUS, NEXT = BUILD / "html", BUILD / "html.previous", BUILD / "html.next"
STAMP = "inputs.sha256"
FRONT = "book/index.html"
LITTLE_BYTES = 1_000_000  # free on a disk that is to be called full
STEP = re.compile(r"(reading|writing)\b.*\[ *(\d+)%\] (\S+)")  # how Sphinx says how far it is


def render(lock: int, builder: str = "html") -> Path:
    """Run Jupyter Book with warnings as errors, away from the published folder; returns the folder it wrote.

    What it read is kept for the next time, unless it was interrupted. Pages are always written again: those of a file
    that has gone, or that was half written, would be published otherwise.
    """
    work = work_folder(builder)
    interrupted = work / "interrupted"
    if interrupted.exists():
        shutil.rmtree(work)
    shutil.rmtree(work / "_build" / builder, ignore_errors=True)
    work.mkdir(parents=True, exist_ok=True)
    interrupted.touch()
    command = [sys.executable, ROOT / "tools" / "render.py", "build", ".", "-W", "-n", "--keep-going"]
    with subprocess.Popen(
        [*command, "--toc", "book/_toc.yml", "--path-output", work, "--builder", builder],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        errors="replace",
        env={**os.environ, "SOURCE_DATE_EPOCH": str(int(citation.read(ROOT).moment.timestamp()))},
        pass_fds=[lock],
    ) as process:
        warnings = threading.Thread(target=pass_on_warnings, args=[process.stderr])
        warnings.start()
        for line in process.stdout:
            if found := STEP.search(COLOUR.sub("", line)):
                progress.show(f"{found[1]} pages", f"{found[2]} %, {found[3]}")
        warnings.join()
    progress.clear()
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, "jupyter-book")
    interrupted.unlink()
    return work / "_build" / builder


def pass_on_warnings(lines: Iterable[str]) -> None:
    """Print warnings and errors, at the lines of the texts that authors edit."""
    for line in lines:
        progress.clear()
        print(places.in_texts(COLOUR.sub("", line)), end="", file=sys.stderr, flush=True)


def work_folder(builder: str) -> Path:
    """What is read for pages differs from what is read for paper: each is kept apart."""
    return BUILD / ("work" if builder == "html" else f"work.{builder}")


def write_root(html: Path) -> None:
    """The site's own address leads to the front page; whoever shares it shows the same title, words and picture."""
    from bs4 import BeautifulSoup

    head = (html / FRONT).read_text(encoding="utf-8").partition("</head>")[0]
    front = BeautifulSoup(head, "html.parser")
    kept = [*front.head.find_all(["meta", "title"]), *front.head.find_all("link", rel="canonical")]
    title = front.title.get_text()
    (html / "index.html").write_text(
        "<!DOCTYPE html>\n"
        f'<html lang="en"><head>{"".join(map(str, kept))}<meta http-equiv="refresh" content="0; url={FRONT}"/></head>'
        f'<body><a href="{FRONT}">{title}</a></body></html>\n',
        encoding="utf-8",
    )


def put_in_place(rendered: Path) -> None:
    shutil.rmtree(NEXT, ignore_errors=True)
    os.replace(rendered, NEXT)
    shutil.rmtree(PREVIOUS, ignore_errors=True)
    if HTML.exists():
        os.replace(HTML, PREVIOUS)
    os.replace(NEXT, HTML)
    shutil.rmtree(PREVIOUS, ignore_errors=True)


def recover() -> None:
    """After an interruption between the two renames the last good book is still there, under its other name."""
    shutil.rmtree(NEXT, ignore_errors=True)
    if not HTML.exists() and PREVIOUS.exists():
        os.replace(PREVIOUS, HTML)


def made_from() -> str:
    """A hash of all that the book depends on: its sources, and the commit, addresses and date that its pages name."""
    named = [project.commit(ROOT), citation.read(ROOT).moment, *map(os.environ.get, (project.SITE, project.REPOSITORY))]
    return sha256(f"{digest(book_sources())} {named}".encode())


def is_current(stamp: str) -> bool:
    """Whether the published book was made from inputs with this stamp, and is whole."""
    published = HTML / STAMP
    known = published.read_text(encoding="utf-8").strip() if published.exists() else None
    return known == stamp and not sums.faults(sums.contents(HTML))


def main(execute: bool = False) -> int:
    if execute and not notebooks.bring_up_to_date():
        return 1
    if is_current(made_from()):
        print("Nothing changed since the last build.")
    else:
        with alone() as lock:
            if not build(lock):
                return 1
    print(f"Open {(HTML / 'index.html').relative_to(ROOT)} in a browser.")
    return 0


def build(lock: int) -> bool:
    """Render and publish, unless another tool just did; whether there is a book of today."""
    import check_site

    began = time.monotonic()
    recover()
    stamp = made_from()
    if is_current(stamp):
        return True
    kept = "; the last good book stays" if HTML.exists() else ""
    try:
        rendered = render(lock)
    except subprocess.CalledProcessError as error:
        full = f" {FULL}" if shutil.disk_usage(BUILD).free < LITTLE_BYTES else ""
        shutil.rmtree(BUILD / "work", ignore_errors=True)  # or the next run would not meet the same warnings again
        again = " What was kept from earlier builds is removed: if the fault is not in your text, run it again."
        print(f"The book did not build (exit {error.returncode}){kept}.{full or again}", file=sys.stderr)
        return False
    progress.show("checking pages", "links, figures and tables")
    write_root(rendered)
    (rendered / STAMP).write_text(stamp + "\n", encoding="utf-8")
    sums.write(rendered)
    faults = check_site.faults(rendered)
    progress.clear()
    if faults:
        print(*faults, f"The book must not be published: {len(faults)} faults{kept}.", sep="\n", file=sys.stderr)
        return False
    put_in_place(rendered)
    print(f"Rendered in {time.monotonic() - began:.1f} s.")
    return True


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--execute", action="store_true", help="bring the notebooks up to date before")
    arguments = parser.parse_args()
    sys.exit(told(lambda: main(arguments.execute)))
