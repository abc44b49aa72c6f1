"""Settings that all tests share, and the browser and the served book of those that open pages."""

import os
import re
import sys
from pathlib import Path

import pytest
from hypothesis import settings
from sharing import WITH_MUTANTS

ROOT = Path(__file__).parents[1]
sys.path.append(str(ROOT / "tools"))

# Property tests draw the same cases every time: a red test stays red until it is mended.
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.register_profile("mutants", derandomize=True, deadline=None, max_examples=15, database=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))


@pytest.fixture(autouse=WITH_MUTANTS)
def nothing_remembered():
    """Each test reaches what it needs itself."""
    for name in [name for name in sys.modules if name.startswith("energy_lib")]:
        for value in vars(sys.modules[name]).values():
            if hasattr(value, "cache_clear"):
                value.cache_clear()


@pytest.hookimpl(tryfirst=True)  # before `-m` chooses
def pytest_collection_modifyitems(items):
    """Tests that open a page need Debian's Chromium: they are those of `make test-browser`, and not of `make test`."""
    for item in items:
        if {"browser", "chromium"} & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def chromium():
    """Path of the browser; CHROMIUM names another one than Debian's."""
    path = os.environ.get("CHROMIUM", "/usr/bin/chromium")
    if not Path(path).exists():
        pytest.fail(f"there is no Chromium at {path}: install it, or name it in CHROMIUM", pytrace=False)
    return path


@pytest.fixture(scope="session")
def browser(chromium):
    """One Chromium for all tests that open pages; each takes a context of its own."""
    from playwright.sync_api import sync_playwright

    arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=arguments)
        yield started
        started.close()


@pytest.fixture(scope="session")
def book_url():
    """Address of the built book, served as GitHub Pages does; BOOK_HTML names another folder."""
    from hosting import served

    folder = Path(os.environ.get("BOOK_HTML", ROOT / "_build" / "html")).resolve()
    if not (folder / "index.html").is_file():
        pytest.fail(f"there is no built book at {folder}: run `make book` first", pytrace=False)
    with served(folder) as address:
        yield address


@pytest.fixture
def opened(browser, book_url):
    """A function that opens a page of the book; a script that failed on it fails the test.

    `blocked` is a pattern of addresses that do not answer; `before` is done to the page before it opens.
    """
    contexts, faults = [], []

    def open_(path, *, blocked=None, before=None, **window):
        contexts.append(browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **window}))
        page = contexts[-1].new_page()
        page.on("pageerror", lambda error: faults.append(str(error)))
        if blocked:
            page.route(re.compile(blocked), lambda route: route.abort())
        if before:
            before(page)
        page.goto(book_url + path)
        return page

    yield open_
    for context in contexts:
        context.close()
    assert faults == []


@pytest.fixture(scope="session")
def node_modules():
    """Folder of the packages that package.json names."""
    path = ROOT / "node_modules"
    if not (path / ".package-lock.json").is_file():
        pytest.fail("the tests' JavaScript packages are not installed: run `make test-browser`", pytrace=False)
    return path
