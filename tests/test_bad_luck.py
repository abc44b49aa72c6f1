"""Whatever happens to a build, the last good book stays, the next run recovers, and the message says what to do.

The kill points that take a build each, and what needs the right to mount, are those of `make test-nightly`.
"""

import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import small_book
import sums

import book
import notebooks

KILLS = 50
FAR = 10_000  # operations: more than any of the small steps below takes
KEPT = f"{book.work_folder('html').relative_to(small_book.ROOT)}/_build"
DAMAGED = {
    "what was read of a page": (f"{KEPT}/.doctrees", "*.doctree"),
    "what was read of all pages": (f"{KEPT}/.doctrees", "environment.pickle"),
    "a drawn chart": ("_build/.cache", "*.svg"),
    "the script of the charts": ("_build/.cache", "*.js"),
    "a page that was not published": (f"{KEPT}/html", "*.html"),
    "the published page": ("_build/html", "vision.html"),
    "an executed notebook": ("notebooks", "vision.ipynb"),
    "the run times": ("_build", "run_times.json"),
    "the picture of the readme": ("book/_static", "picture.png"),
}


def killed_at(operation: int, step) -> bool:
    """Run a step in a process that is killed just before so many operations on files; whether it was."""
    child = os.fork()
    if child == 0:
        left = operation

        def hook(event: str, _arguments: tuple) -> None:
            nonlocal left
            if event != "os.kill" and (event == "open" or event.startswith(("os.", "shutil."))):
                if left == 0:
                    os.kill(os.getpid(), signal.SIGKILL)
                left -= 1

        try:
            sys.addaudithook(hook)
            step()
            os._exit(0)
        finally:
            os._exit(1)
    status = os.waitpid(child, 0)[1]
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status)


def test_a_book_put_in_place_is_whole_at_every_moment(tmp_path, monkeypatch):
    for name, path in {"HTML": "html", "PREVIOUS": "html.previous", "NEXT": "html.next"}.items():
        monkeypatch.setattr(book, name, tmp_path / path)
    for moment in range(FAR):
        for folder, said in ((book.HTML, "old"), (tmp_path / "rendered", "new")):
            shutil.rmtree(folder, ignore_errors=True)
            (folder / "book").mkdir(parents=True)
            for page in ("index.html", "book/a.html", "book/b.html"):
                (folder / page).write_text(said)
            sums.write(folder)
        shutil.rmtree(book.PREVIOUS, ignore_errors=True)
        hit = killed_at(moment, lambda: book.put_in_place(tmp_path / "rendered"))
        book.recover()
        assert sums.faults(sums.contents(book.HTML)) == []
        assert {path.read_text() for path in book.HTML.rglob("*.html")} in ({"old"}, {"new"})
        if not hit:
            break
    assert 5 < moment < FAR


def test_a_file_is_written_whole_or_not_at_all_at_every_moment(tmp_path):
    target = tmp_path / "story.ipynb"
    for moment in range(FAR):
        target.write_bytes(b"old")
        hit = killed_at(moment, lambda: notebooks.replace(target, b"new"))
        assert target.read_bytes() in (b"old", b"new")
        if not hit:
            break
    assert 1 < moment < FAR
    assert target.read_bytes() == b"new"


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Path:
    """A built small book; tests take copies."""
    folder = small_book.make(tmp_path_factory.mktemp("built"))
    succeeds(folder)
    return folder


@pytest.fixture
def folder(built, tmp_path) -> Path:
    return shutil.copytree(built, tmp_path / "copy", symlinks=True)


def succeeds(folder: Path, *before: str, **changed: str) -> str:
    """Run both tools, which must not fail; what they said."""
    said = ""
    for tool in ("notebooks.py", "book.py"):
        done = small_book.run(folder, tool, before=before, **changed)
        assert done.returncode == 0, done.stderr
        said += done.stdout + done.stderr
    assert sums.faults(site(folder)) == []
    return said


def site(folder: Path) -> dict[str, bytes]:
    """The last good book, under the name that it has between the two renames if a kill fell there."""
    places = [folder / "_build" / name for name in ("html", "html.previous")]
    return sums.contents(next(place for place in places if place.exists()))


def change(folder: Path, version: int) -> None:
    """Make the published book, or the executed notebook, one of yesterday."""
    page = folder / "book" / "index.md"
    page.write_text(f"# Book\n\n{{val}}`story.rows` GPUs. Version {version}.\n", encoding="utf-8")
    text = folder / "notebooks" / "vision.md"
    words = text.read_text(encoding="utf-8").split("\nVersion ")[0]
    text.write_text(f"{words}\nVersion {version}.\n", encoding="utf-8")


def kill(folder: Path, tool: str, moment: float, group: bool) -> None:
    """Start a tool and kill it after some seconds, alone or with all that it started, as the system does."""
    command, environment = small_book.command(folder, tool), small_book.environment(folder)
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, cwd=folder, env=environment, start_new_session=True, **quiet) as process:
        time.sleep(moment)
        with contextlib.suppress(ProcessLookupError):
            (os.killpg if group else os.kill)(process.pid, signal.SIGKILL)


def survives(folder: Path, tool: str, kills: int) -> None:
    draw = random.Random(6)
    change(folder, 0)
    began = time.monotonic()
    succeeds(folder)
    longest = time.monotonic() - began
    executed, good = folder / "notebooks" / "vision.ipynb", site(folder)
    for count in range(1, kills + 1):
        change(folder, count)
        last = executed.read_bytes()
        kill(folder, tool, draw.uniform(0, longest * 0.8), group=bool(count % 2))
        now = site(folder)
        assert sums.faults(now) == []
        assert tool == "book.py" or now == good
        # A cell is the same in both, so the notebook is the one from before or the one of the new text, whole.
        new = executed.read_bytes()
        assert (
            new == last or f"Version {count}." in notebooks.nbformat.reads(new.decode(), as_version=4).cells[-1].source
        )
        if count % 10 == 0 or count == kills:
            succeeds(folder)
            assert f"Version {count}.".encode() in site(folder)["book/index.html"]
            assert f"Version {count}.".encode() in executed.read_bytes()
            good = site(folder)
    left = {path.name for path in (folder / "_build").iterdir()}
    assert left == {".cache", "html", "lock", "run_times.json", "work"}


@pytest.mark.parametrize("tool", ["book.py", "notebooks.py"])
@pytest.mark.nightly
def test_a_tool_killed_at_any_moment_leaves_the_last_good_book(folder, tool):
    survives(folder, tool, KILLS)


def test_a_build_killed_in_its_middle_leaves_the_last_good_book(folder):
    survives(folder, "book.py", 1)


@pytest.mark.parametrize("what", DAMAGED)
@pytest.mark.nightly
def test_a_damaged_file_is_made_anew(folder, what):
    good = site(folder)
    place, pattern = DAMAGED[what]
    if not (folder / place).exists():  # nothing is kept there after a build
        (folder / place).mkdir(parents=True)
        (folder / place / "left.html").write_text("a page of yesterday")
    found = sorted((folder / place).rglob(pattern))
    assert found
    for path in found:
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    (folder / "_build" / "html" / book.STAMP).unlink()  # so that the book is built
    assert small_book.run(folder, "notebooks.py").returncode == 0
    first = small_book.run(folder, "book.py")
    if first.returncode:
        assert "run it again" in first.stderr
        assert small_book.run(folder, "book.py").returncode == 0
    assert site(folder) == good


@pytest.mark.nightly
def test_a_second_build_waits_for_the_first(folder):
    change(folder, 1)
    succeeds(folder)
    change(folder, 2)
    assert small_book.run(folder, "notebooks.py").returncode == 0
    start = small_book.command(folder, "book.py"), {"cwd": folder, "env": small_book.environment(folder), "text": True}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    both = [subprocess.Popen(start[0], **start[1], **pipes) for _ in range(2)]
    said = ["".join(process.communicate()) for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert sorted("Rendered in" in text for text in said) == [False, True]
    assert ["waiting for its end" in text for text in said].count(True) == 1
    assert b"Version 2." in site(folder)["book/index.html"]


@pytest.mark.nightly
def test_neither_a_home_nor_a_network_nor_a_plain_path_is_needed(built, tmp_path):
    folder = shutil.copytree(built, tmp_path / "dort, mit Größe und 空白")
    shutil.rmtree(folder / "_build")
    (folder / "notebooks" / "vision.ipynb").unlink()
    succeeds(folder, "unshare", "--net", "env", "--unset=HOME", "--unset=XDG_CACHE_HOME")
    assert site(folder) == site(built)


@pytest.fixture
def mounted():
    """Mounts that end with the test."""
    places = []

    def mount(*arguments: str, at: Path) -> None:
        done = subprocess.run(["mount", *arguments, str(at)], capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.fail(f"this test mounts a folder, which needs root: {done.stderr}", pytrace=False)
        if at not in places:
            places.append(at)

    yield mount
    for place in reversed(places):
        subprocess.run(["umount", str(place)], check=True)


@pytest.mark.nightly
def test_a_full_disk_is_told_and_the_last_good_book_stays(built, tmp_path, mounted):
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted("-t", "tmpfs", "-o", "size=300m", "tmpfs", at=folder)
    shutil.copytree(built, folder, dirs_exist_ok=True)
    good, executed = site(folder), (folder / "notebooks" / "vision.ipynb").read_bytes()
    change(folder, 1)
    for left in (0, 20_000, 3_000_000):
        filler = folder / "filler"
        filler.write_bytes(b"0" * (shutil.disk_usage(folder).free - left))
        for tool in ("notebooks.py", "book.py") if left == 0 else ("book.py",):
            done = small_book.run(folder, tool)
            assert done.returncode == 1
            assert "Free some space, then run it again" in done.stderr, (left, done.stderr)
            assert "Traceback" not in done.stderr or tool == "book.py"
        assert site(folder) == good
        assert (folder / "notebooks" / "vision.ipynb").read_bytes() == executed
        filler.unlink()
    succeeds(folder)
    assert b"Version 1." in site(folder)["book/index.html"]


@pytest.mark.nightly
def test_a_folder_that_cannot_be_written_to_is_told(folder, mounted):
    good = site(folder)
    mounted("--bind", str(folder), at=folder)
    mounted("-o", "remount,ro,bind", at=folder)
    assert "Nothing changed" in succeeds(folder)
    subprocess.run(["mount", "-o", "remount,rw,bind", str(folder)], check=True)
    change(folder, 1)
    subprocess.run(["mount", "-o", "remount,ro,bind", str(folder)], check=True)
    for tool in ("notebooks.py", "book.py"):
        done = small_book.run(folder, tool)
        assert done.returncode == 1
        assert "Copy the project to a folder of your own" in done.stderr
        assert "Traceback" not in done.stderr
    assert site(folder) == good
