"""`make serve` shows the built book, reloads the page after a rebuild, and says in a sentence that a port is taken."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import pytest
import small_book

import book

ROOT = Path(__file__).parents[1]


@contextmanager
def serving(folder: Path, **changed: str):
    """`make serve` of a copy, on a port that is free; gives its address once it serves."""
    environment = small_book.environment(folder, PORT="0", **changed)
    command = small_book.command(folder, "serve.py")
    started = {"stdout": subprocess.PIPE, "text": True, "start_new_session": True}
    with subprocess.Popen(command, cwd=folder, env=environment, **started) as process:
        try:
            said = next(line for line in process.stdout if line.startswith("Serving"))
            yield re.search(r"http://[\d.:]+", said).group()
        finally:
            os.killpg(process.pid, signal.SIGTERM)  # with a rebuild that may be running


def got(address: str) -> str:
    with urllib.request.urlopen(address, timeout=60) as answer:
        return answer.read().decode()


def wait_until(is_so, seconds: float = 300) -> None:
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.2)


def test_a_page_is_reloaded_after_a_rebuild_by_a_script_that_its_policy_allows(tmp_path):
    folder = small_book.make(tmp_path)
    with serving(folder) as address:
        page, built = got(f"{address}/book/index.html"), folder / "_build" / "html" / "book" / "index.html"
        (script,) = re.findall(r'<script src="(/reload[^"]+)"></script>', page)
        assert "script-src 'self'" in page and "connect-src 'self'" in page
        assert "location.reload()" in got(address + script)
        assert script not in built.read_text(encoding="utf-8")
        seen = got(f"{address}/{book.STAMP}")
        (folder / "book" / "index.md").write_text("# Book\n\n{val}`story.rows` GPUs, and a word.\n", encoding="utf-8")
        wait_until(lambda: "and a word" in got(f"{address}/book/index.html"))
        assert got(f"{address}/{book.STAMP}") != seen


@pytest.mark.nightly
def test_a_browser_that_shows_a_page_shows_the_new_one(tmp_path, browser):
    folder = small_book.make(tmp_path)
    with serving(folder) as address:
        page = browser.new_page()
        page.goto(f"{address}/book/index.html")
        page.wait_for_timeout(3000)  # until the script has seen which book this is
        (folder / "book" / "index.md").write_text("# Book\n\n{val}`story.rows` GPUs, and a word.\n", encoding="utf-8")
        page.get_by_text("and a word").wait_for(timeout=300_000)
        page.close()


@pytest.mark.parametrize("port", ["taken", "0x", "99999"])
def test_a_port_that_cannot_be_served_at_is_told_in_one_sentence(port):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1]) if port == "taken" else port
        command = [sys.executable, str(ROOT / "tools" / "serve.py")]
        run = subprocess.run(
            command, env={**os.environ, "PORT": port}, capture_output=True, text=True, check=False, timeout=60
        )
    assert run.returncode == 1
    assert run.stdout == ""
    assert run.stderr.count("\n") == 1 and port in run.stderr and re.search(r"PORT=\d+", run.stderr)
