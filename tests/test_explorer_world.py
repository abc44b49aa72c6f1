"""The explorer's panel of the world: the browser's scenario is the library's, and its address cannot harm."""

import re
from urllib.parse import urlencode

import numpy as np
import pytest
from bs4 import BeautifulSoup
from explorer_site import PAGE, SITE, opening, page_html
from playwright.sync_api import expect

from energy_lib.change import decompose, needed_for
from energy_lib.checks import UnknownNameError
from energy_lib.draws import simulate
from energy_lib.export_world import SETTINGS
from energy_lib.factors import SCALES, UNSCALED
from energy_lib.publish import significant
from energy_lib.quick import quick_energy, stratified_normals, with_values
from energy_lib.world import world_scenario

WORLD = PAGE["world"]
SCENARIO = world_scenario()
INPUTS = {given["name"]: given for given in WORLD["inputs"]}
IN_PAGE = """cases => {
    const lib = energyExplorer, world = window.coefficients.world;
    const terms = lib.worldTerms(world), normals = lib.stratifiedNormals(world);
    return cases.map(c => {
        try {
            const given = lib.inputsWith(world, c.values), medians = given.map(i => i.middle);
            return {energy: lib.quickEnergy(world, terms, normals, given, c.year),
                    changes: lib.decompose(world, terms, medians, c.year),
                    needed: lib.neededFor(world, terms, medians, c.target, c.year)};
        } catch (error) { return {refusal: error.message, kind: error.name}; }
    });
}"""


@pytest.fixture
def opened(browser):
    with opening(browser, page_html(PAGE, world=True)) as open_page:
        yield open_page


def random_case(rng):
    """Some inputs set, anywhere that their sliders reach and sometimes at an end of what is allowed."""
    names = [name for name in INPUTS if rng.random() < 0.35]
    values = {n: float(UNSCALED[INPUTS[n]["kind"]](rng.uniform(*INPUTS[n]["slider"]))) for n in names}
    if rng.random() < 0.1:
        values["frontier_share"] = float(rng.integers(2))
    if rng.random() < 0.1:
        values[str(rng.choice(["pue", "server_overhead"]))] = 1.0
    if rng.random() < 0.05:
        values["share_using"] = 1.0
    year = int(rng.integers(WORLD["first_year"] + 1, WORLD["last_year"] + 1))
    return {"values": values, "year": year, "target": float(np.exp(rng.uniform(0, 12)))}


def test_every_numeric_attribute_of_the_form_is_a_number():
    fields = BeautifulSoup(page_html(PAGE, world=True), "html.parser")("input", type=["range", "number"])
    attributes = [
        (field["aria-label"] if field.has_attr("aria-label") else field["id"], name, field[name])
        for field in fields
        for name in ("min", "max", "step", "value", "data-low", "data-high", "placeholder")
        if field.has_attr(name) and field[name] != "any"
    ]
    assert len(attributes) > len(fields) > len(INPUTS)
    assert [a for a in attributes if not re.fullmatch(r"-?[\d,]*\.?\d+(e-?\d+)?", a[2])] == []


def test_every_slider_of_the_form_reaches_beyond_its_start():
    form = BeautifulSoup(page_html(PAGE, world=True), "html.parser")
    for slider in form("input", type="range"):
        name, low, high = (slider.get(a) for a in ("data-for", "data-low", "data-high"))
        if low is None:  # the year, which starts at the last
            assert float(slider["min"]) < float(slider["value"]) <= float(slider["max"])
            continue
        panel = slider.find_parent(class_="explorer")
        start = (
            INPUTS[name]["middle"] if "world" in panel["class"] else float(panel.find(id=f"explorer-{name}")["value"])
        )
        assert float(low) < start < float(high), name


def world_of(page):
    return page.locator(".world")


def text(page, selector):
    return world_of(page).locator(selector).first.inner_text().strip()


def set_factor(page, name, value):
    field = world_of(page).locator(f"[name='{name}']")
    field.evaluate("e => { const folded = e.closest('details'); if (folded) { folded.open = true; } }")
    field.fill(str(value))


def test_the_browser_draws_the_normals_of_the_library(opened):
    rows = opened().evaluate("energyExplorer.stratifiedNormals(coefficients.world).map(row => Array.from(row))")
    assert np.array_equal(np.array(rows), stratified_normals(len(INPUTS)))


def test_the_browser_answers_as_the_library_on_random_settings(opened):
    rng = np.random.default_rng(20262)
    cases = [random_case(rng) for _ in range(600)]
    page = opened()
    for start in range(0, len(cases), 100):
        some = cases[start : start + 100]
        for case, said in zip(some, page.evaluate(IN_PAGE, some), strict=True):
            compare(case, said)


def compare(case, said):
    world = with_values(SCENARIO, case["values"])
    energy = quick_energy(world)
    np.testing.assert_allclose(np.transpose(said["energy"]["energy_twh"]), energy["energy_twh"], rtol=1e-6)
    watts = energy["watt_per_person"][:, case["year"] - WORLD["first_year"]]
    assert said["energy"]["watt_per_person"] == pytest.approx(watts, rel=1e-6)
    changes = decompose(world, WORLD["first_year"], case["year"])
    for row, (_, expected) in zip(said["changes"]["rows"], changes.iterrows(), strict=True):
        assert row["factor"] == expected["factor"]
        for column in ("frontier_twh", "year_old_twh", "change_twh", "multiple"):
            assert row[column] == pytest.approx(expected[column], rel=1e-6, abs=1e-9), (case, row["factor"])
    needed = needed_for(world, case["target"], case["year"])
    for row, (_, expected) in zip(said["needed"], needed.iterrows(), strict=True):
        assert (row["factor"], row["stream"]) == (expected["factor"], expected["stream"])
        if np.isfinite(expected["needed"]):
            assert row["needed"] == pytest.approx(expected["needed"], rel=1e-6), case
            assert row["reachable"] == expected["reachable"]
        else:
            assert row["needed"] is None or not np.isfinite(row["needed"])


def test_few_draws_come_near_to_many():
    many = simulate(SCENARIO, draws=1_000_000, rng=np.random.default_rng(5))
    exact = many.quantile([0.05, 0.5, 0.95])
    assert np.abs(np.log(quick_energy(SCENARIO)["energy_twh"] / exact)).max() < 0.15
    watts = many.quantile([0.05, 0.5, 0.95], "watt_per_person")
    assert np.abs(np.log(quick_energy(SCENARIO)["watt_per_person"] / watts)).max() < 0.15


def test_a_factor_that_is_set_moves_no_other_draws():
    alone = quick_energy(with_values(SCENARIO, {"pue": 1.2}))["energy_twh"]
    doubled = quick_energy(with_values(SCENARIO, {"pue": 1.2, "people": 2 * INPUTS["people"]["value"]}))["energy_twh"]
    assert doubled == pytest.approx(2 * alone)


def test_every_input_of_the_scenario_has_a_field_that_shows_its_book_value(opened):
    page = opened()
    for name, given in INPUTS.items():
        field = world_of(page).locator(f"[name='{name}']")
        assert float(field.get_attribute("placeholder").replace(",", "")) == pytest.approx(given["value"], rel=0.006)
        assert field.input_value() == ""
        assert significant(given["value"]) in page.locator(f"[id='world-{name}-book']").text_content()


def test_the_page_shows_what_the_library_answers(opened):
    page = opened()
    set_factor(page, "pue", 1.3)
    set_factor(page, "requests_per_day.growth", 1.1)
    world_of(page).locator("[name='year']").fill("2028")
    world = with_values(SCENARIO, {"pue": 1.3, "requests_per_day.growth": 1.1})
    low, median, high = quick_energy(world, [2028])["energy_twh"][:, 0]
    assert text(page, "[data-big]") == f"{significant(median)} TWh"
    assert text(page, "[data-when]") == "in 2028"
    assert f"{significant(low)} to {significant(high)} TWh (90 % interval)" in text(page, "[data-said]")
    changes = decompose(world, WORLD["first_year"], 2028).set_index("factor")
    shown = world_of(page).locator("[data-factor='requests_per_day'] [data-value]").inner_text()
    assert shown == f"× {significant(changes.loc['requests_per_day', 'multiple'])}"
    target = WORLD["target_share"] * WORLD["electricity_twh"]
    needed = needed_for(world, target, 2028).set_index(["factor", "stream"]).loc[("requests_per_day", "both"), "needed"]
    assert f"would have to ask {significant(needed)} times a day" in text(page, "[data-target]")


def test_an_emptied_field_is_the_books_again(opened):
    page = opened()
    before = text(page, "[data-big]")
    set_factor(page, "pue", 3)
    assert text(page, "[data-big]") != before
    set_factor(page, "pue", "")
    assert text(page, "[data-big]") == before
    set_factor(page, "hardware_gain", 3)
    world_of(page).locator("[data-do='reset']").click()
    assert text(page, "[data-big]") == before


BAD = [
    ("share_using", "1.2"), ("share_using", "-0.1"), ("frontier_share", "1.0001"), ("pue", "0.99"), ("people", "0"),
    ("people.growth", "-0.5"), ("people.growth", "0"), ("server_overhead", "0.5"), ("hardware_gain", "0"),
    ("frontier.tokens_per_request", "-1"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "typed"), BAD)
def test_bad_input_shows_the_librarys_message_and_no_number(opened, name, typed):
    with pytest.raises(ValueError) as refusal:
        with_values(SCENARIO, {name: float(typed)})
    page = opened()
    set_factor(page, name, typed)
    assert text(page, ".explorer-error") == str(refusal.value)
    assert not world_of(page).locator(".explorer-more").is_visible()
    assert world_of(page).locator("[aria-invalid='true']").get_attribute("name") == name
    set_factor(page, name, "")
    assert world_of(page).locator(".explorer-more").is_visible()


@pytest.mark.parametrize("year", ["2024", "2031", "2027.5", ""])
def test_a_year_outside_the_scenario_is_refused(opened, year):
    page = opened()
    world_of(page).locator("[name='year']").fill(year)
    assert text(page, ".explorer-error").startswith("year ")
    assert not world_of(page).locator(".explorer-more").is_visible()


def test_an_unknown_input_is_refused_with_the_nearest():
    with pytest.raises(UnknownNameError, match="the nearest are 'hardware_gain'"):
        with_values(SCENARIO, {"hardware_gian": 1.0})


def test_the_python_call_and_the_csv_give_the_numbers_of_the_page(opened):
    page = opened()
    set_factor(page, "frontier.chip_j_per_token", 2.5)
    set_factor(page, "share_using", 0.5)
    found = {}
    exec(world_of(page).locator(".explorer-python").text_content(), found)
    shown = page.evaluate("document.querySelector('.world').explorer.current()")
    np.testing.assert_allclose(np.transpose(shown["energy"]["energy_twh"]), found["energy"]["energy_twh"], rtol=1e-9)
    assert [row["change_twh"] for row in shown["changes"]["rows"]] == pytest.approx(found["changes"]["change_twh"])
    with page.expect_download() as download:
        world_of(page).locator("[data-do='csv']").click()
    rows = [line.split(",") for line in download.value.path().read_text(encoding="utf-8").splitlines()]
    values = {row[1]: float(row[3]) for row in rows if row[0] == "result"}
    assert values["energy_2030"] == pytest.approx(found["energy"]["energy_twh"][1, -1], rel=1e-9)
    assert {row[1] for row in rows if row[0] == "setting"} == {"frontier.chip_j_per_token", "share_using"}


def test_a_link_brings_back_both_panels(opened):
    page = opened()
    set_factor(page, "pue", 1.11)
    world_of(page).locator("[name='year']").fill("2027")
    page.locator(".explorer:not(.world) [name='batch']").fill("7")
    page.wait_for_url(re.compile("w.year=2027.*w.pue=1.11.*batch=7"))
    again = opened(page.url.removeprefix(SITE))
    assert text(again, "[data-big]") == text(page, "[data-big]")
    assert again.locator(".explorer:not(.world) [name='batch']").input_value() == "7"
    assert not again.locator(".explorer-notice").is_visible()


HOSTILE = {
    "w.pue": "<img src=x onerror=alert(1)>",
    "w.share_using": "2",
    "w.people": "0",
    "w.people.growth": "-1",
    "w.year": "1999",
    "w.__proto__": "1",
    "w.constructor": "2",
    "w.hardware_gain": "1e999",
}


def test_a_hostile_link_is_ignored_with_a_notice(opened):
    calm = opened()
    page = opened("#" + urlencode({"v": "1", "edition": PAGE["edition"], **HOSTILE}))
    assert "were ignored: w.pue, w.share_using, w.people" in page.locator(".explorer-notice").inner_text()
    assert text(page, "[data-big]") == text(calm, "[data-big]")
    assert page.locator(".explorer-notice *").count() == 0
    assert page.evaluate("Object.keys(Object.prototype).length === 0")


def test_the_table_opens_its_settings_and_shows_the_same_numbers(opened):
    page = opened()
    rows = page.locator("table.world-settings tbody tr")
    assert rows.count() == len(SETTINGS)
    for i in range(rows.count()):
        rows.nth(i).locator("a").click()
        twh = rows.nth(i).locator("td").nth(1).inner_text().split(" (")[0]
        expect(world_of(page).locator("[data-big]")).to_have_text(f"{twh} TWh")  # the address tells it a moment later
    assert not page.locator(".explorer-notice").is_visible()


def test_without_script_the_panel_is_a_table_of_the_librarys_answers(opened):
    page = opened(script=False)
    assert not world_of(page).locator("form").is_visible()
    assert world_of(page).locator(".explorer-without").is_visible()
    for i, (_, values) in enumerate(SETTINGS):
        low, median, high = quick_energy(with_values(SCENARIO, values), [WORLD["last_year"]])["energy_twh"][:, 0]
        shown = page.locator("table.world-settings tbody tr").nth(i).locator("td").nth(1).inner_text().strip()
        assert shown == f"{significant(median)} ({significant(low)} to {significant(high)})"


def test_the_keyboard_moves_a_factor(opened):
    page = opened()
    before = text(page, "[data-big]")
    world_of(page).locator("[data-for='requests_per_day']").focus()
    page.keyboard.press("ArrowRight")
    assert text(page, "[data-big]") != before
    assert world_of(page).locator("[name='requests_per_day']").input_value() != ""


def test_every_field_has_a_name_that_is_read_out(opened):
    unnamed = "es => es.filter(e => !e.labels.length && !e.getAttribute('aria-label')).map(e => e.outerHTML)"
    assert world_of(opened()).locator(":is(select, input)").evaluate_all(unnamed) == []


@pytest.mark.parametrize("change", [{}, {"people": 1e10, "frontier.chip_j_per_token": 1e6}, {"requests_per_day": 1e-9}])
def test_nothing_is_wider_than_a_phone(opened, change):
    page = opened(width=360)
    for name, value in change.items():
        set_factor(page, name, value)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_sliders_reach_beyond_the_interval_of_every_doubtful_input():
    for given in INPUTS.values():
        if "low" in given:
            low, high = (float(SCALES[given["kind"]](np.float64(given[end]))) for end in ("low", "high"))
            assert given["slider"][0] < low < high < given["slider"][1]
