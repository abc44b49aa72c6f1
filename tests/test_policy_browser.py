"""Every page keeps to its own content security policy in Chromium, and what the policy forbids does not run.

BOOK_HTML names another built book.
"""

import os
import sys
from pathlib import Path

import pytest
from hosting import served
from test_pages_browser import PAGES as READ

sys.path.append(str(Path(__file__).parents[1] / "book" / "_ext"))
import policy

ROOT = Path(__file__).parents[1]
HTML = Path(os.environ.get("BOOK_HTML", ROOT / "_build" / "html")).resolve()
ROOT_PAGE, STATIC = HTML / "index.html", HTML / "_static"
BUILT = sorted(path for path in HTML.rglob("*.html") if STATIC not in path.parents and path != ROOT_PAGE)
# What a policy blocks is an error on the console, which fails the tests of the pages that test_pages_browser reads.
PAGES = [name for path in BUILT if (name := path.relative_to(HTML).as_posix()).removesuffix(".html") not in READ]
WATCH = """window.violations = [];
document.addEventListener("securitypolicyviolation",
    event => window.violations.push(event.violatedDirective + " " + event.blockedURI + " " + event.sample));"""
SCROLL = """async () => {
    for (let y = 0; y < document.body.scrollHeight; y += 600) {
        window.scrollTo(0, y);
        await new Promise(done => setTimeout(done, 30));
    }
}"""


@pytest.fixture
def page(browser):
    """A page that records what its policy blocked in `window.violations`."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.add_init_script(WATCH)
    yield context.new_page()
    context.close()


def open_whole(page, address):
    page.goto(address)
    page.evaluate(SCROLL)
    # A function, here and elsewhere: words would be evaluated at each look, which the policy forbids after the first.
    page.wait_for_function("() => !document.querySelector('.chart[data-bundle]:not(.drawn)')")


@pytest.mark.parametrize("name", PAGES)
def test_a_page_does_nothing_that_its_policy_forbids(page, book_url, name):
    open_whole(page, book_url + name)
    assert page.locator("meta[http-equiv='Content-Security-Policy']").count() == 1
    assert page.evaluate("window.violations") == []


def test_the_address_of_the_site_leads_to_the_front_page(page, book_url):
    page.goto(book_url)
    page.wait_for_url("**/book/index.html")
    assert page.evaluate("window.violations") == []


@pytest.mark.parametrize("name", ["book/index.html", "notebooks/vision.html", "search.html?q=energy"])
def test_pages_that_are_opened_as_files_keep_to_it_too(page, name):
    open_whole(page, f"file://{HTML}/{name}")
    assert page.evaluate("window.violations") == []


def test_search_finds_pages_and_shows_their_words(page, book_url):
    page.goto(f"{book_url}search.html?q=joules")
    page.wait_for_selector("ul.search li p.context")
    assert page.locator("ul.search li").count() > 3
    assert page.evaluate("window.violations") == []


def test_buttons_of_the_theme_work(page, book_url):
    page.add_init_script("window.print = () => { window.printed = true; };")
    page.goto(f"{book_url}book/limits.html")
    before = page.evaluate("document.documentElement.dataset.theme")
    for _ in range(2):  # from the system's mode, which may be the same, to the other one
        page.locator("button.theme-switch-button:visible").first.click()
    assert page.evaluate("document.documentElement.dataset.mode") != "auto"
    page.evaluate("document.querySelector('[data-print]').click()")
    assert page.evaluate("window.printed")
    assert before in ("light", "dark")
    assert page.evaluate("window.violations") == []


def test_a_script_in_a_text_does_not_run(page, tmp_path):
    text = (HTML / "book" / "limits.html").read_text(encoding="utf-8")
    planted = (
        "<script>window.ran = 1;</script><img src='x:' onerror='window.ran = 2'><iframe src='javascript:1'></iframe>"
    )
    text = text.replace("</article>", f"{planted}</article>", 1)
    (tmp_path / "page.html").write_text(policy.with_policy(text), encoding="utf-8")
    with served(tmp_path) as address:
        page.goto(f"{address}page.html")
        blocked = page.evaluate("window.violations")
        assert page.evaluate("window.ran") is None
    assert any(said.startswith("script-src-elem inline") for said in blocked)
    assert any(said.startswith("script-src-attr inline") for said in blocked)


def test_code_from_words_is_refused(page, tmp_path):
    text = (HTML / "book" / "limits.html").read_text(encoding="utf-8")
    probe = "try { eval('1'); window.said = 'ran'; } catch (error) { window.said = error.name; }"
    (tmp_path / "probe.js").write_text(probe, encoding="utf-8")
    text = text.replace("</article>", '<script src="probe.js"></script></article>', 1)
    (tmp_path / "page.html").write_text(policy.with_policy(text), encoding="utf-8")
    with served(tmp_path) as address:
        page.goto(f"{address}page.html")
        assert page.evaluate("window.said") == "EvalError"


def test_another_site_is_not_asked(page, book_url):
    page.goto(f"{book_url}book/limits.html")
    asked = "fetch('http://elsewhere.test/').then(() => 'answered', () => 'refused')"
    assert page.evaluate(asked) == "refused"
    assert any(said.startswith("connect-src http://elsewhere.test") for said in page.evaluate("window.violations"))
