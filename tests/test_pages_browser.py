"""Every page of the built book in Chromium, as readers on a wide screen and on a phone see it, in light and in dark."""

import json
import re
import sys
from pathlib import Path
from urllib.parse import urljoin

import pytest
import yaml

sys.path.append(str(Path(__file__).parents[1] / "book" / "_ext"))
import record

ROOT = Path(__file__).parents[1]
WIDTHS, MODES = (1280, 360), ("light", "dark")
AXE_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# Describes the nodes that break a rule, and not the thousands that keep it.
AXE = """async ([tags, contrast]) => {
    const rules = {"color-contrast": {enabled: contrast}};
    const found = await axe.run({runOnly: tags, rules: rules, resultTypes: ["violations"]});
    return {violations: found.violations, passed: found.passes.length};
}"""
# Contrast takes three quarters of axe's time and hangs on the mode: here in each mode at each width, elsewhere once.
CONTRAST_EVERYWHERE = ("book/index", "book/explorer", "notebooks/vision")
CONTRAST = ((1280, "light"), (360, "dark"))
TOC = yaml.safe_load((ROOT / "book" / "_toc.yml").read_text(encoding="utf-8"))
CHAPTERS = [TOC["root"], *(chapter["file"] for part in TOC["parts"] for chapter in part["chapters"])]
PAGES = [*CHAPTERS, "search", "genindex", "py-modindex"]
PLACED = re.compile(r"^:{3,}\{chart\} +(\S+)|^`{3,}\{chart\} +(\S+)", re.MULTILINE)


def placed_charts(name: str) -> list[str]:
    """The charts that a page's text places, in their order."""
    source = ROOT / f"{name}.md"
    text = source.read_text(encoding="utf-8") if source.is_file() else ""
    return [first or second for first, second in PLACED.findall(text)]


class Reader:
    """A page opened in a window of its own, and what went wrong while it was."""

    def __init__(self, browser, site, name, **window):
        self.faults, self.asked, self.site, self.name, self.window = [], [], site, name, window
        self.context = browser.new_context(**window)
        self.context.route("**/*", self._answer)
        self.page = self.context.new_page()
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("console", self._hear)
        self.page.on("requestfailed", self._miss)
        self.page.on("response", lambda r: self.faults.append(f"{r.status}: {r.url}") if r.status >= 400 else None)
        self.page.goto(urljoin(site, f"{name}.html"))

    def _answer(self, route):
        if route.request.url.startswith(self.site):
            route.continue_()
        else:
            self.asked.append(route.request.url)
            route.abort()

    def _miss(self, request):
        if request.failure != "net::ERR_ABORTED":  # what a page still fetched when it was left
            self.faults.append(f"failed: {request.url}")

    def _hear(self, said):
        if said.type in ("error", "warning"):
            self.faults.append(said.text)

    def draw(self):
        """Scrolls from chart to chart, as a reader does, until each is drawn or a time has passed."""
        self.page.mouse.move(5, 300)
        for chart in self.page.locator(".chart").all():
            chart.scroll_into_view_if_needed()
            chart.evaluate(
                """chart => new Promise(done => {
                    const since = performance.now();
                    (function look() {
                        if (chart.classList.contains("drawn") || performance.now() - since > 20000) { done(); }
                        else { setTimeout(look, 20); }
                    })();
                })"""
            )
        self.page.evaluate("window.scrollTo(0, 0)")


@pytest.fixture(
    scope="module",
    params=[(name, width, mode) for name in PAGES for width in WIDTHS for mode in MODES],
    ids=lambda p: f"{p[0]}-{p[1]}-{p[2]}",
)
def reader(browser, book_url, request):
    """One page at one width in one mode, read to its end; nothing fails on it, and nothing is asked of another site."""
    name, width, mode = request.param
    opened = Reader(browser, book_url, name, viewport={"width": width, "height": 800}, color_scheme=mode)
    opened.draw()
    yield opened
    opened.context.close()
    assert opened.faults + opened.asked == []


@pytest.fixture
def open_page(browser, book_url):
    """A function that opens a page; what went wrong on it fails the test."""
    opened = []

    def open_(name, width=1280, **window):
        opened.append(Reader(browser, book_url, name, viewport={"width": width, "height": 800}, **window))
        return opened[-1].page

    yield open_
    for reader_ in opened:
        reader_.context.close()
    assert [reader_.faults + reader_.asked for reader_ in opened] == [[]] * len(opened)


def test_every_chart_of_the_text_is_drawn(reader):
    charts = reader.page.locator(".chart")
    drawn = reader.page.locator(".chart.drawn svg")
    seen = drawn.evaluate_all("all => all.filter(svg => svg.getBoundingClientRect().height > 50).length")
    assert charts.count() == len(placed_charts(reader.name))
    assert seen == charts.count()


def test_the_page_is_in_the_mode_that_the_reader_prefers(reader):
    mode = reader.page.evaluate("document.documentElement.dataset.theme")
    assert mode == reader.page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light'")


def test_the_page_does_not_scroll_sideways(reader):
    wide = """width => [...document.querySelectorAll("body *")].filter(e => {
        for (let p = e.parentElement; p; p = p.parentElement) {
            if (getComputedStyle(p).overflowX !== "visible") { return p === document.body; }
        }
        return e.getBoundingClientRect().right > width + 1;
    }).map(e => `${e.tagName}.${e.className}`).slice(0, 5)"""
    width = reader.page.viewport_size["width"]
    scrolled = reader.page.evaluate("document.documentElement.scrollWidth")
    assert scrolled <= width, reader.page.evaluate(wide, width)


def test_the_words_of_figures_are_whole_and_apart(reader):
    faults = """() => [...document.querySelectorAll("figure")].flatMap(figure => {
        const caption = figure.querySelector("figcaption"), box = caption.getBoundingClientRect();
        const lines = [...caption.querySelectorAll("p")].filter(p => p.offsetParent);
        const parts = lines.map(p => p.getBoundingClientRect());
        const found = [];
        if (caption.scrollWidth > caption.clientWidth + 1) { found.push("cut at its right"); }
        if (box.left < 0 || box.right > innerWidth + 1) { found.push("out of the window"); }
        const chart = figure.querySelector(".chart, img").getBoundingClientRect();
        if (chart.bottom > box.top + 1) { found.push("under its chart"); }
        parts.sort((a, b) => a.top - b.top).forEach((p, i) => {
            if (i && p.top < parts[i - 1].bottom - 1) { found.push("over one another"); }
        });
        return found.map(fault => `${figure.id}: ${fault}`);
    })"""
    assert reader.page.evaluate(faults) == []


def test_axe_finds_no_violation(reader, node_modules):
    seen = reader.window["viewport"]["width"], reader.window["color_scheme"]
    contrast = seen in CONTRAST or reader.name in CONTRAST_EVERYWHERE
    reader.page.evaluate((node_modules / "axe-core" / "axe.min.js").read_text(encoding="utf-8"))
    found = reader.page.evaluate(AXE, [AXE_TAGS, contrast])
    violations = [
        f"{rule['id']} ({rule['impact']}): {node['target']} {node['html'][:120]} {node['failureSummary'][:200]}"
        for rule in found["violations"]
        for node in rule["nodes"][:3]
    ]
    assert violations == []
    assert found["passed"] > 10


def test_every_chart_that_is_published_is_placed_in_its_chapter():
    charts = record.charts(ROOT / "notebooks")
    assert charts
    for chart in charts.values():
        assert chart.name in placed_charts(f"notebooks/{chart.notebook}")


@pytest.mark.parametrize("name", CHAPTERS)
def test_without_script_every_figure_is_there_and_the_page_reads(open_page, name):
    page = open_page(name, width=360, java_script_enabled=False)
    figures = page.locator(".chart")
    assert figures.count() == len(placed_charts(name))
    for figure in figures.all():
        shown = figure.locator("img:visible")
        assert shown.count() == 1
        shown.scroll_into_view_if_needed()
        box = shown.bounding_box()
        assert box["width"] > 200
        assert box["height"] > 100
    pictures = page.locator("article img:visible")
    for picture in pictures.all():
        picture.scroll_into_view_if_needed()
    page.wait_for_load_state("networkidle")
    assert all(page.locator(".chart img:visible").evaluate_all("all => all.map(i => i.complete && i.naturalWidth > 0)"))
    assert page.locator("article h1").is_visible()
    assert len(page.locator("article").inner_text().split()) > 40


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", [name for name in CHAPTERS if placed_charts(name)])
def test_paper_shows_the_light_pictures(open_page, name, mode):
    page = open_page(name, color_scheme=mode)
    page.mouse.move(5, 300)
    page.locator(".chart.drawn").first.wait_for()
    page.emulate_media(media="print")
    for chart in page.locator(".chart").all():
        shown = chart.locator("img:visible")
        assert shown.count() == 1
        assert "-light" in shown.get_attribute("src")
        assert shown.bounding_box()["height"] > 100
        assert not any(svg.is_visible() for svg in chart.locator(".chart-live svg").all())


# A ring that can be seen, on a control that nothing covers; words shown for the control before have a moment to go.
FOCUSED = """async () => {
    const e = document.activeElement, again = "walked" in e.dataset;
    const ringed = style => (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0)
        || style.boxShadow !== "none";
    const seen = () => getComputedStyle(e).opacity > 0.9
        && (ringed(getComputedStyle(e)) || ringed(getComputedStyle(e, "::after")));
    const area = e.matches(".sd-stretched-link") ? e.closest(".sd-card") : e;
    const clear = () => [...area.getClientRects()].some(line => {
        const left = Math.max(line.left, 0), right = Math.min(line.right, innerWidth);
        const top = Math.max(line.top, 0), bottom = Math.min(line.bottom, innerHeight);
        const hit = right > left && bottom > top && document.elementFromPoint((left + right) / 2, (top + bottom) / 2);
        return hit && area.contains(hit);
    });
    e.dataset.walked = "";
    for (let i = 0; e !== document.body && i < 20 && !(seen() && clear()); i += 1) {
        await new Promise(done => setTimeout(done, 25));
    }
    return {again: again, tag: e.tagName, html: e.outerHTML.slice(0, 120), seen: seen(), placed: clear()};
}"""
REACHABLE = """() => [...document.querySelectorAll("a[href], button, input, select, textarea, summary, [tabindex='0']")]
    .filter(e => e.tabIndex >= 0 && !e.disabled && e.type !== "hidden" && !e.closest("dialog:not([open])")
                 && e.checkVisibility({visibilityProperty: true}) && e.getClientRects().length)"""


def walk(page, key, most):
    """The controls that a key leads to, one after the other, until it leaves the page; and those that it hides."""
    unseen = []
    for _ in range(most):
        page.keyboard.press(key)
        at = page.evaluate(FOCUSED)
        if at["tag"] == "BODY" or at["again"]:
            break
        if not (at["seen"] and at["placed"]):
            unseen.append((at["seen"], at["placed"], at["html"]))
    missed = page.evaluate(f"({REACHABLE})().filter(e => !('walked' in e.dataset)).map(e => e.outerHTML.slice(0, 120))")
    return missed, unseen


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", CHAPTERS)
def test_the_tab_key_reaches_every_control_and_shows_where_it_is(open_page, name, width):
    page = open_page(name, width=width)
    page.evaluate("document.querySelectorAll('details').forEach(details => { details.open = true; })")
    page.add_style_tag(content="*, *::after { transition: none !important; }")  # seen as it ends, and not after a wait
    most = page.evaluate(f"({REACHABLE})().length") + 50
    assert walk(page, "Tab", most) == ([], [])
    page.evaluate("document.querySelectorAll('[data-walked]').forEach(e => { delete e.dataset.walked; })")
    assert walk(page, "Shift+Tab", most) == ([], [])


def test_search_finds_a_word_and_leads_to_it(open_page):
    page = open_page("book/index")
    page.keyboard.press("Control+k")
    page.keyboard.type("prefill")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/search\.html\?q=prefill"))
    results = page.locator("#search-results li a")
    results.first.wait_for()
    assert results.count() >= 2
    results.first.click()
    page.locator("article h1").wait_for()
    assert "prefill" in page.locator("article").inner_text().lower()


def test_a_word_that_is_nowhere_is_told(open_page):
    page = open_page("search")
    page.locator("article input[name='q'], main input[name='q']").first.fill("zzyzxqq")
    page.keyboard.press("Enter")
    page.get_by_text(re.compile("did not match any documents")).wait_for()


@pytest.mark.parametrize("width", WIDTHS)
def test_the_switch_of_modes_is_kept_and_charts_follow(open_page, width):
    page = open_page("notebooks/vision", width=width, color_scheme="light")
    page.mouse.move(5, 300)
    page.locator(".chart").first.scroll_into_view_if_needed()
    page.locator(".chart.drawn").first.wait_for()
    ink = "document.querySelector('.chart.drawn svg text').getAttribute('fill')"
    light = page.evaluate(ink)
    switch = page.locator(".theme-switch-button").first
    for _ in range(3):
        if page.evaluate("document.documentElement.dataset.theme") == "dark":
            break
        switch.focus()
        page.keyboard.press("Enter")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    page.wait_for_function(f"() => {ink} !== {json.dumps(light)}")
    page.reload()
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"


@pytest.mark.parametrize("width", WIDTHS)
def test_next_leads_through_the_whole_book_and_previous_back(open_page, width):
    page = open_page(CHAPTERS[0], width=width)
    for name in CHAPTERS[1:]:
        page.locator(".prev-next-area a.right-next").click()
        page.wait_for_url(f"**/{name}.html")
    for name in CHAPTERS[-2::-1]:
        page.locator(".prev-next-area a.left-prev").click()
        page.wait_for_url(f"**/{name}.html")


def test_the_menu_of_a_phone_opens_by_keyboard_and_leads_to_every_page(open_page):
    page = open_page("book/index", width=360)
    for name in CHAPTERS[1:]:
        page.locator(".primary-toggle").focus()
        page.keyboard.press("Enter")
        menu = page.locator("dialog#pst-primary-sidebar-modal")
        assert menu.is_visible()
        entry = menu.locator(f"nav a[href$='{name.split('/')[-1]}.html']").first
        entry.focus()
        page.keyboard.press("Enter")
        page.wait_for_url(f"**/{name}.html")


@pytest.mark.parametrize("by", ["key", "pointer"])
@pytest.mark.parametrize("toggle", ["primary", "secondary"])
def test_escape_closes_a_menu_and_gives_the_focus_back(open_page, toggle, by):
    page = open_page("notebooks/vision", width=360)
    button = page.locator(f".{toggle}-toggle")
    if by == "key":
        button.focus()
        page.keyboard.press("Enter")
    else:
        button.click()
    menu = page.locator(f"dialog#pst-{toggle}-sidebar-modal")
    assert menu.is_visible()
    page.keyboard.press("Escape")
    assert not menu.is_visible()
    button.and_(page.locator(":focus")).wait_for()
