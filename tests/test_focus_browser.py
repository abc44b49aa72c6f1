"""What has the focus keeps it while charts are drawn and modes change, and the first sight of a page is its last."""

import pytest

PAGE = "notebooks/vision.html"
CHART = "figure.chart-figure .chart"
FOCUS = "document.activeElement.className.split(' ')[0]"
SHIFTS = """() => new Promise(done => new PerformanceObserver(
    list => done(list.getEntries().reduce((sum, entry) => sum + entry.value, 0))
).observe({type: "layout-shift", buffered: true}) || setTimeout(() => done(0), 500))"""


@pytest.fixture
def open_page(opened):
    """A function that opens the page of charts in a window of some width."""
    return lambda width=1280, **options: opened(PAGE, viewport={"width": width, "height": 800}, **options)


def test_a_chart_takes_the_focus_before_it_is_drawn_and_keeps_it(open_page):
    held = {}
    page = open_page(before=lambda page: page.route("**/vega-bundle.js*", lambda route: held.update(bundle=route)))
    chart = page.locator(CHART).first
    assert page.locator(f"{CHART}[tabindex='0']").count() == page.locator(CHART).count()
    with page.expect_request("**/vega-bundle.js*"):
        chart.focus()
    assert page.locator(".chart.drawn").count() == 0
    held["bundle"].continue_()
    page.locator(".chart.drawn").first.wait_for()
    assert page.evaluate(FOCUS) == "chart"
    page.keyboard.press("ArrowRight")
    page.wait_for_selector("#vg-tooltip-element.visible")


def test_a_chart_that_cannot_be_drawn_lets_the_tab_key_pass_and_leaves_the_focus(open_page):
    page = open_page(blocked="vega-bundle")
    chart = page.locator(CHART).first
    chart.focus()
    page.locator(f"{CHART}[tabindex='-1']").first.wait_for()
    assert page.evaluate(FOCUS) == "chart"
    assert chart.get_attribute("role") is None
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.tagName") == "SUMMARY"


def test_a_chart_drawn_anew_keeps_the_focus_and_the_last_mode(open_page):
    page = open_page(color_scheme="light")
    chart = page.locator(CHART).first
    chart.focus()
    page.locator(".chart.drawn").first.wait_for()
    ink = "document.querySelector('.chart.drawn svg text').getAttribute('fill')"
    light = page.evaluate(ink)
    page.evaluate("['dark', 'light', 'dark'].forEach(mode => { document.documentElement.dataset.theme = mode; })")
    page.evaluate("document.documentElement.dataset.theme = 'light'")
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    page.wait_for_function(f"() => {ink} !== {light!r}")
    page.wait_for_function("() => document.querySelector('.chart.drawn').querySelectorAll('.chart-live').length === 1")
    assert chart.locator(".chart-live svg").count() == 1
    assert page.evaluate(FOCUS) == "chart"


@pytest.mark.parametrize("button", [".theme-switch-button", ".search-button"])
def test_a_button_that_a_key_pressed_has_the_focus_again(open_page, button):
    page = open_page(width=360)
    pressed = page.locator(f".bd-header-article {button}").first
    pressed.focus()
    page.keyboard.press("Enter")
    if button == ".search-button":
        page.locator("#pst-search-dialog input").and_(page.locator(":focus")).wait_for()
        page.keyboard.press("Escape")
    pressed.and_(page.locator(":focus")).wait_for()


@pytest.mark.parametrize("toggle", ["primary", "secondary"])
def test_a_menu_opened_and_closed_leaves_the_page_where_it_is(open_page, toggle):
    page = open_page(width=360)
    page.evaluate("scrollTo(0, 5000)")
    page.locator(f".{toggle}-toggle").press("Enter")
    page.keyboard.press("Escape")
    page.locator(f".{toggle}-toggle").and_(page.locator(":focus")).wait_for()
    assert page.evaluate("scrollY") == pytest.approx(5000, abs=30)  # charts above may take their last height


@pytest.mark.parametrize("by", ["key", "pointer"])
def test_an_entry_of_a_phones_contents_closes_them_and_the_reader_is_at_its_place(open_page, by):
    page = open_page(width=360)
    page.locator(".secondary-toggle").click()
    entry = page.locator("dialog#pst-secondary-sidebar-modal a[href='#limits']")
    if by == "pointer":
        entry.click()
    else:
        entry.focus()
        page.keyboard.press("Enter")
    page.locator("section#limits").and_(page.locator(":focus")).wait_for()
    assert page.locator("dialog[open]").count() == 0
    assert 0 <= page.locator("section#limits h2").bounding_box()["y"] < 400
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('#limits, #limits ~ *') !== null")


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_the_mode_is_known_before_any_file_of_script_has_run(open_page, mode):
    page = open_page(color_scheme=mode, blocked=r"\.js")
    assert page.evaluate("document.documentElement.dataset.theme") == mode


@pytest.mark.parametrize("width", [1280, 360])
def test_nothing_moves_while_a_page_loads(open_page, width):
    assert open_page(width=width).evaluate(SHIFTS) < 0.01
