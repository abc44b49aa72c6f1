"""The explorer's page on a site of its own, for the tests of its panels."""

import re
import sys
from contextlib import contextmanager
from pathlib import Path

from bs4 import BeautifulSoup
from docutils.core import publish_from_doctree
from docutils.utils import new_document

sys.path.append(str(Path(__file__).parents[1] / "book" / "_ext"))
import explorer
import explorer_form
import explorer_world_form

from energy_lib.export import coefficients

PAGE = coefficients()  # once for both panels
ROOT = Path(__file__).parents[1]
SITE = "http://explorer.test/"
POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'"
KINDS = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}


def page_html(coefficients, *, world=False):
    """The page with the panel of an answer and, if asked for, that of the world."""
    answers = map(explorer.answer_and_year, coefficients["settings"])
    panels = [(explorer_form.explorer_html(coefficients), explorer.settings_nodes(coefficients, answers))]
    if world:
        given = coefficients["world"]
        years = [explorer.world_year(setting["values"], given["last_year"]) for setting in given["settings"]]
        panels.append((explorer_world_form.world_html(given), explorer.world_settings_nodes(given, years)))
    body = "".join(
        f'{html}<div class="pst-scrollable-table-container">{table_html(nodes)}</div>' for html, nodes in panels
    )
    scripts = "".join(f'<script defer src="/{name}"></script>' for name in explorer.SCRIPTS)
    return (
        '<!doctype html><html lang="en" data-theme="light"><head><meta charset="utf-8"><title>Explorer</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="/favicon.svg">'
        f'<link rel="stylesheet" href="/custom.css"><link rel="stylesheet" href="/{explorer.STYLE}">{scripts}</head>'
        f'<body><article class="bd-article"><h1>Explorer</h1>{body}</article></body></html>'
    )


def table_html(nodes):
    document = new_document("settings")
    document += nodes
    html = publish_from_doctree(document, writer_name="html5", settings_overrides={"embed_stylesheet": False})
    return BeautifulSoup(html, "html.parser").find("main").decode_contents()


@contextmanager
def opening(browser, markup):
    """A function that opens the page; afterwards nothing may have failed, nor been asked of another site."""
    static = {path.name: path for path in (ROOT / "book" / "_static").iterdir() if path.is_file()}
    contexts, asked, faults = [], [], []

    def answer(route):
        name = route.request.url.split("#")[0].removeprefix(SITE)
        asked.append(route.request.url)
        if name in static:
            route.fulfill(body=static[name].read_bytes(), content_type=KINDS.get(static[name].suffix, "text/plain"))
        elif name == "":
            route.fulfill(body=markup, content_type="text/html", headers={"Content-Security-Policy": POLICY})
        else:
            route.fulfill(status=404, body="")

    def open_page(fragment="", *, script=True, width=1280):
        context = browser.new_context(
            viewport={"width": width, "height": 800}, java_script_enabled=script, bypass_csp=False
        )
        contexts.append(context)
        context.route("**/*", answer)
        page = context.new_page()
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda said: faults.append(said.text) if said.type in ("error", "warning") else None)
        page.on("dialog", lambda dialog: (faults.append(dialog.message), dialog.dismiss()))
        page.goto(SITE + fragment)
        if script:
            page.evaluate("window.coefficients = JSON.parse(document.querySelector('.explorer-data').textContent)")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert faults == []
    assert {re.match(r"\w+://[^/]*/", url).group() for url in asked} <= {SITE}
