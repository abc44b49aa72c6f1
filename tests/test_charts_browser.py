"""Charts in Chromium: points answer to mouse, finger and keys, no words overlap, pictures stay when scripts fail.

Reads the site that `make book` built; BOOK_HTML names another one.
"""

import functools
import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
HTML = Path(os.environ.get("BOOK_HTML", ROOT / "_build" / "html")).resolve()
PAGE = "notebooks/vision.html"
WIDTHS = (1280, 360)
SMALLEST_TYPE = 10  # pixels
PICTURES = sorted((HTML / "charts").glob("*.csv"))
OVERLAPS = """markup => {
    document.body.innerHTML = markup;
    const svg = document.querySelector("svg"), frame = svg.getBoundingClientRect(), faults = [];
    const visible = text => text.textContent.trim() && getComputedStyle(text).opacity !== "0";
    const texts = Array.from(svg.querySelectorAll("text")).filter(visible);
    const boxes = texts.map(t => t.getBoundingClientRect());
    texts.forEach((text, i) => {
        const size = parseFloat(getComputedStyle(text).fontSize), box = boxes[i];
        if (size < SMALLEST) faults.push(`${text.textContent}: ${size} px`);
        if (box.left < frame.left - 1 || box.right > frame.right + 1) faults.push(`${text.textContent}: cut off`);
        boxes.slice(i + 1).forEach((other, k) => {
            const across = Math.min(box.right, other.right) - Math.max(box.left, other.left);
            const down = Math.min(box.bottom, other.bottom) - Math.max(box.top, other.top);
            if (across > 1 && down > 4) faults.push(`${text.textContent} over ${texts[i + 1 + k].textContent}`);
        });
    });
    return faults;
}""".replace("SMALLEST", str(SMALLEST_TYPE))
POINT = """chart => {
    const points = Array.from(chart.querySelectorAll(".chart-live .mark-symbol.role-mark path"));
    const box = points[Math.floor(points.length / 2)].getBoundingClientRect();
    return {x: box.left + box.width / 2, y: box.top + box.height / 2, count: points.length};
}"""

DRAWN = "chart => chart.classList.contains('drawn')"
SHOWN = """drawn => ({
    points: drawn.querySelectorAll(".mark-symbol.role-mark path").length,
    legend: Array.from(drawn.querySelectorAll(".role-legend-label text")).map(text => text.textContent),
})"""


@pytest.fixture
def opened_chapter(opened):
    """A function that opens a page: that of most charts, if none is named."""
    return lambda path=PAGE, **options: opened(path, **options)


def first_chart(page):
    chart = page.locator("figure.chart-figure .chart").first
    chart.scroll_into_view_if_needed()
    page.wait_for_selector(".chart.drawn .chart-live svg", timeout=60_000)
    return chart


def tooltip(page):
    page.wait_for_selector("#vg-tooltip-element.visible")
    return page.locator("#vg-tooltip-element").inner_text()


@pytest.mark.parametrize("suffix", ["", "-narrow"])
@pytest.mark.parametrize("name", [path.stem for path in PICTURES])
def test_no_word_of_a_picture_is_small_cut_off_or_under_another(browser, name, suffix):
    page = drawing_board(browser)
    path = HTML / "_static" / "charts" / f"{name}-light{suffix}.svg"
    assert page.evaluate(OVERLAPS, path.read_text(encoding="utf-8")) == []


@functools.cache
def drawing_board(browser):
    page = browser.new_page()
    page.set_content("<body style='margin:20px'></body>")
    return page


@pytest.mark.parametrize("width", WIDTHS)
def test_a_mouse_over_a_point_shows_its_words(opened_chapter, width):
    page = opened_chapter(viewport={"width": width, "height": 900})
    at = first_chart(page).evaluate(POINT)
    page.mouse.move(at["x"], at["y"])
    said = tooltip(page)
    assert "Joules for each image (J)" in said and "_" not in said


def test_a_finger_near_a_point_shows_its_words(opened_chapter):
    page = opened_chapter(viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True)
    at = first_chart(page).evaluate(POINT)
    page.touchscreen.tap(at["x"] + 6, at["y"] + 6)
    assert "Joules for each image (J)" in tooltip(page)


def test_arrow_keys_step_through_the_points_and_escape_closes(opened_chapter):
    page = opened_chapter()
    first_chart(page).focus()
    page.keyboard.press("ArrowRight")
    first = tooltip(page)
    page.keyboard.press("ArrowRight")
    assert tooltip(page) != first
    assert page.locator("#chart-said").text_content().startswith(tooltip(page).split("\t")[0].strip())
    page.keyboard.press("Escape")
    page.wait_for_selector("#vg-tooltip-element:not(.visible)", state="attached")


def test_a_phone_shows_the_legend_and_a_wide_window_names_the_lines(opened_chapter):
    legends = ".chart.drawn .chart-live .role-legend"
    wide, phone = opened_chapter(), opened_chapter(viewport={"width": 360, "height": 740})
    assert first_chart(wide).locator(".chart-live .role-legend").count() == 0
    assert first_chart(phone).locator(".chart-live .role-legend").count() > 0
    wide.set_viewport_size({"width": 360, "height": 740})
    wide.wait_for_selector(legends, state="attached")


@pytest.mark.parametrize("blocked", [r"vega-bundle\.js", r"charts\.js"])
def test_a_chart_whose_script_fails_still_shows_its_picture(opened_chapter, blocked):
    page = opened_chapter(blocked=blocked)
    chart = page.locator("figure.chart-figure .chart").first
    chart.scroll_into_view_if_needed()
    page.wait_for_timeout(500)
    assert chart.locator("img:visible").count() == 1
    assert chart.locator("img:visible").evaluate("image => image.decode().then(() => image.naturalWidth)") > 0
    assert page.locator(".chart.drawn").count() == 0


def test_a_chart_whose_data_are_broken_still_shows_its_picture(opened_chapter):
    page = opened_chapter(java_script_enabled=True, blocked="vega-bundle")
    page.evaluate("document.querySelectorAll('.chart script').forEach(s => { s.textContent = '{'; })")
    assert page.locator("figure.chart-figure .chart").first.locator("img:visible").count() == 1


def test_without_script_the_picture_the_rows_and_the_way_to_all_of_them_are_there(opened_chapter):
    page = opened_chapter(java_script_enabled=False)
    shown = page.locator("figure.chart-figure").first
    assert shown.locator("img:visible").count() == 1
    shown.locator("details.chart-data summary").click()
    assert shown.locator("table.chart-rows tbody tr").count() == 30
    shown.get_by_role("link", name="all rows").click()
    assert page.locator("table.chart-rows tbody tr").count() > 30


def test_an_opened_table_holds_all_rows_of_its_file(opened_chapter, book_url):
    page = opened_chapter()
    shown = page.locator("figure.chart-figure").first
    shown.locator("details.chart-data summary").click()
    page.wait_for_selector("details.chart-data[open] .chart-table tbody tr:nth-child(31)")
    text = page.request.get(book_url + "charts/fig-vision-energy.csv").text()
    assert shown.locator("table.chart-rows tbody tr").count() == len(text.splitlines()) - 1


@pytest.mark.parametrize("width", WIDTHS)
def test_an_opened_table_scrolls_in_its_own_frame(opened_chapter, width):
    page = opened_chapter(viewport={"width": width, "height": 900})
    page.locator("details.chart-data summary").first.click()
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize(("width", "suffix"), list(zip(WIDTHS, ("", "-narrow"), strict=True)))
def test_every_chart_of_a_page_draws_the_points_and_the_legend_of_its_picture(opened_chapter, width, suffix):
    page = opened_chapter(viewport={"width": width, "height": 900})
    for chart in page.locator("figure.chart-figure .chart").all():
        chart.scroll_into_view_if_needed()
        page.wait_for_function(DRAWN, arg=chart.element_handle(), timeout=60_000)
        name = Path(chart.locator("img").first.get_attribute("src")).stem + suffix
        markup = (HTML / "_static" / "charts" / f"{name}.svg").read_text(encoding="utf-8")
        assert chart.locator(".chart-live").evaluate(SHOWN) == drawing_board(page.context.browser).evaluate(
            f"markup => {{ document.body.innerHTML = markup; return ({SHOWN})(document.body); }}", markup
        ), name
