"""The explorer: the browser's answers are the library's, its refusals too, and its address cannot harm."""

import json
import math
import re
import sys
from pathlib import Path
from urllib.parse import parse_qs, urlencode

import numpy as np
import pytest
from explorer_site import PAGE, SITE, opening, page_html
from playwright.sync_api import expect

sys.path.append(str(Path(__file__).parents[1] / "book" / "_ext"))
import explorer_form

from energy_lib import LanguageModel, load, request_energy
from energy_lib.checks import UnknownNameError
from energy_lib.compute import language_model
from energy_lib.export import to_json
from energy_lib.footprint import footprint
from energy_lib.later import later_energy
from energy_lib.publish import significant

ROOT = Path(__file__).parents[1]
LOAD = ("input_tokens", "output_tokens", "batch", "n_accelerators", "weight_bits", "software")
USE = ("requests_per_day", "people", "server_overhead", "pue", "grid_gco2_per_kwh", "household_kwh")
START = PAGE["defaults"]
COUNTRIES = {country["name"]: country for country in PAGE["countries"]}
REQUEST_IN_PAGE = """cases => cases.map(c => {
    try {
        const now = energyExplorer.requestEnergy(window.coefficients, c.shape, c.device, c.load);
        const answer = energyExplorer.laterEnergy(window.coefficients, now, c.year);
        return {answer, use: energyExplorer.footprint(window.coefficients, answer.energy_j, c.use)};
    } catch (error) { return {refusal: error.message, kind: error.name}; }
})"""


@pytest.fixture
def opened(browser):
    with opening(browser, page_html(PAGE)) as open_page:
        yield open_page


def library_answer(case):
    """What the library says of a case: joules, parts and use, or its refusal."""
    shape = case["shape"]
    plain = {f: v for f, v in shape.items() if f != "family"}
    try:
        model = language_model(shape["name"]) if "family" in shape else LanguageModel(**plain)
        estimate = later_energy(request_energy(model, case["device"]["name"], **case["load"]), case["year"])
    except ValueError as error:
        return {"refusal": str(error)}
    return {"answer": estimate, "use": footprint(float(estimate.energy_j), **case["use"])}


def own_shape(rng):
    head_dim, kv_heads, group = (int(rng.choice(c)) for c in ([64, 80, 128], [1, 2, 4, 8], [1, 4, 8]))
    shape = {"name": "My model", "layers": int(rng.integers(1, 120)), "hidden": int(rng.integers(64, 16384))}
    shape |= {"kv_heads": kv_heads, "heads": kv_heads * group, "head_dim": head_dim}
    shape |= {"ffn": int(rng.integers(64, 60000)), "vocab": int(rng.integers(100, 260000))}
    shape |= {"gated_mlp": bool(rng.integers(2)), "tied_embeddings": bool(rng.integers(2))}
    if rng.random() < 0.5:
        experts = int(rng.choice([1, 2, 8, 64, 256]))
        shape |= {"experts": experts, "experts_per_token": int(rng.integers(1, min(experts, 8) + 1))}
        shape |= {"moe_ffn": int(rng.integers(64, 8192)), "shared_experts": int(rng.integers(0, 3))}
        shape |= {"dense_layers": int(rng.integers(0, shape["layers"] + 1))}
    return shape


def random_case(rng):
    def spread(low, high):
        return float(np.exp(rng.uniform(np.log(low), np.log(high))))

    return {
        "shape": own_shape(rng) if rng.random() < 0.3 else PAGE["models"][rng.integers(len(PAGE["models"]))],
        "device": PAGE["accelerators"][rng.integers(len(PAGE["accelerators"]))],
        "load": {
            "input_tokens": spread(1, 30000),
            "output_tokens": 0.0 if rng.random() < 0.05 else spread(0.1, 20000),
            "batch": 1.0 if rng.random() < 0.1 else spread(1, 512),
            "n_accelerators": float(rng.choice([1, 2, 4, 8, 16, 64, 256, 3.5])),
            "weight_bits": float(rng.choice([1, 4, 4.25, 6, 6.5, 8, 16, 32, 64])),
            "software": str(rng.choice(list(PAGE["software"]))),
        },
        "year": int(rng.integers(PAGE["measured_year"], PAGE["last_year"] + 1)),
        "use": {
            "requests_per_day": spread(0.1, 1e4),
            "people": spread(1, 8e9),
            "server_overhead": float(rng.uniform(1, 3)),
            "pue": float(rng.uniform(1, 2)),
            "grid_gco2_per_kwh": float(rng.uniform(0, 1000)),
            "household_kwh": spread(100, 20000),
            "country_twh": PAGE["countries"][rng.integers(len(PAGE["countries"]))]["twh"],
        },
    }


def text(page, selector):
    return page.locator(selector).first.inner_text().strip()


def fill(page, **values):
    for name, value in values.items():
        field = page.locator(f".explorer-form [name='{name}']")
        if field.evaluate("e => e.tagName") == "SELECT":
            field.select_option(str(value))
        else:
            field.fill(str(value))


def library_setting(**changed):
    """Joules at the chip and the use, low to high, of the page's setting with some values changed."""
    setting = {**START, **changed}
    answer = request_energy(setting["model"], setting["accelerator"], **{n: setting[n] for n in LOAD})
    answer = later_energy(answer, setting["year"])
    three = [float(answer.low_j), float(answer.energy_j), float(answer.high_j)]
    twh = COUNTRIES[setting["country"]]["twh"]
    return three, footprint(three, country_twh=twh, **{n: setting[n] for n in USE})


def test_the_browser_answers_as_the_library_on_random_settings(opened):
    rng = np.random.default_rng(20261)
    cases = [random_case(rng) for _ in range(900)]
    told = opened().evaluate(REQUEST_IN_PAGE, cases)
    answered, refused = 0, 0
    for case, said in zip(cases, told, strict=True):
        expected = library_answer(case)
        if "refusal" in expected:
            assert said == {"refusal": expected["refusal"], "kind": "Refusal"}
            refused += 1
            continue
        answered += 1
        estimate = expected["answer"]
        for name in ("energy_j", "low_j", "high_j"):
            assert said["answer"][name] == pytest.approx(float(getattr(estimate, name)), rel=1e-6), case
        assert said["answer"]["parts"] == pytest.approx({n: float(j) for n, j in estimate.parts.items()}, rel=1e-6)
        assert said["use"] == pytest.approx({n: float(q) for n, q in expected["use"].items()}, rel=1e-6)
    assert answered >= 500
    assert refused >= 50


def test_every_model_and_accelerator_of_the_page_is_answered_as_by_the_library(opened):
    load_ = {**{name: START[name] for name in LOAD}, "n_accelerators": 4096, "batch": 2}
    use = {**{name: START[name] for name in USE}, "country_twh": 100}
    h100 = next(board for board in PAGE["accelerators"] if board["name"] == START["accelerator"])
    small = next(model for model in PAGE["models"] if model["name"] == "Llama-3.1-8B")
    same = {"load": load_, "use": use, "year": START["year"]}
    cases = [{"shape": m, "device": h100, **same} for m in PAGE["models"]]
    cases += [{"shape": small, "device": d, **same} for d in PAGE["accelerators"]]
    for case, said in zip(cases, opened().evaluate(REQUEST_IN_PAGE, cases), strict=True):
        expected = library_answer(case)["answer"]
        assert said["answer"]["energy_j"] == pytest.approx(float(expected.energy_j), rel=1e-9)
        assert said["answer"]["high_j"] == pytest.approx(float(expected.high_j), rel=1e-9)


def test_all_models_and_accelerators_that_the_library_can_estimate_are_offered():
    def works(model, board):
        try:
            request_energy(model, board, input_tokens=1, output_tokens=1, batch=1, n_accelerators=1e6)
        except (ValueError, UnknownNameError):
            return False
        return True

    models = [name for name in load("llm_architectures")["model"] if works(name, START["accelerator"])]
    boards = [name for name in load("accelerators")["name"] if works("GPT-2 small", name)]
    assert [model["name"] for model in PAGE["models"]] == models
    assert [board["name"] for board in PAGE["accelerators"]] == boards


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"model": "DeepSeek-R1", "n_accelerators": 16, "weight_bits": 8},
        {"accelerator": "TPU v5p", "batch": 3, "people": 8e6, "country": "Spain"},
        {"output_tokens": 0, "requests_per_day": 0},
        {"year": 2028},
    ],
)
def test_the_page_shows_what_the_library_answers(opened, change):
    page = opened()
    fill(page, **change)
    change = dict(change)
    if "country" in change:
        change["grid_gco2_per_kwh"] = COUNTRIES[change["country"]]["grid_gco2_per_kwh"]
    if "year" in change:
        change["pue"] = PAGE["pue_by_year"][str(change["year"])]["pue"]
    chip, use = library_setting(**change)
    assert text(page, "[data-big]") == f"{significant(chip[1])} J"
    rows = {
        "chip": (chip, "J"),
        "answer_j": (use["answer_j"], "J"),
        "household_percent": (use["household_percent"], "%"),
    }
    for row, (three, unit) in rows.items():
        low, middle, high = map(significant, three)
        assert text(page, f"[data-row='{row}'] [data-value]") == f"{middle} {unit}"
        assert text(page, f"[data-row='{row}'] [data-interval]") == f"{low} to {high}"


def test_everyday_terms_count_the_joules_of_the_table(opened):
    joules = load("everyday_energy").set_index("item")["joules"]
    page, (_, use) = opened(), library_setting()
    rows = page.locator(".explorer-everyday tbody tr").all()
    assert len(rows) == len(PAGE["everyday"]) >= 8
    for row in rows:
        one = joules[row.locator("th").inner_text()]
        taken = use["year_kwh"][1] * 3.6e6 / one
        assert row.locator("td").all_inner_texts() == [significant(one / use["answer_j"][1]), significant(taken)]


def test_numbers_are_written_as_in_the_book(opened):
    rng = np.random.default_rng(7)
    values = [0.0, 1.0, 999.4, 999.6, 99999999.0, 1e-5, *np.exp(rng.uniform(-30, 30, 500)).tolist()]
    written = opened().evaluate("values => values.map(energyExplorer.significant)", values)
    assert [w.replace("\N{NO-BREAK SPACE}", " ") for w in written] == [significant(v) for v in values]


BAD = [
    ("input_tokens", "0"), ("input_tokens", ""), ("output_tokens", "-3"), ("batch", "0.5"), ("batch", ""),
    ("n_accelerators", "0"), ("weight_bits", "65"), ("weight_bits", "0.25"), ("n_accelerators", "1"), ("batch", "1e7"),
    ("requests_per_day", "-1e-7"), ("people", ""), ("pue", "0.99"), ("server_overhead", "0"), ("household_kwh", "0"),
    ("grid_gco2_per_kwh", "-1"), ("input_tokens", "1e25"), ("year", "2024"), ("year", "2031"), ("year", ""),
]  # fmt: skip


@pytest.mark.parametrize(("field", "typed"), BAD)
def test_bad_input_shows_the_librarys_message_and_no_number(opened, field, typed):
    page = opened()
    fill(page, **{field: typed})
    with pytest.raises(ValueError) as refusal:
        library_setting(**{field: float(typed) if typed else ""})
    assert text(page, ".explorer-error") == str(refusal.value)
    assert not page.locator(".explorer-answer").is_visible()
    assert not page.locator(".explorer-more").is_visible()
    blamed = "n_accelerators" if "GB each" in str(refusal.value) else field
    assert page.locator("[aria-invalid='true']").get_attribute("name") == blamed
    fill(page, **{field: START[field]})
    assert page.locator(".explorer-answer").is_visible()
    assert page.locator("[aria-invalid]").count() == 0


@pytest.mark.parametrize(
    "wrong",
    [{"kv_heads": 5}, {"layers": 0}, {"experts": 8}, {"experts_per_token": 2}, {"dense_layers": 99}, {"vocab": -1}],
)
def test_a_shape_that_cannot_exist_is_refused_as_by_the_library(opened, wrong):
    page = opened()
    fill(page, model=explorer_form.OWN, **wrong)
    shape = {name: value for name, (_, value) in {**explorer_form.SHAPE, **explorer_form.SWITCHES}.items()}
    with pytest.raises(ValueError) as refusal:
        LanguageModel("My model", **{**shape, **wrong})
    assert text(page, ".explorer-error") == str(refusal.value)


@pytest.mark.parametrize("own", [False, True])
def test_the_python_call_and_the_csv_give_the_numbers_of_the_page(opened, own):
    page = opened()
    fill(page, people=1000, country="Spain", n_accelerators=8, year=2027)
    if own:
        fill(page, model=explorer_form.OWN, layers=40, experts=8, experts_per_token=2, moe_ffn=4096)
    found = {}
    exec(page.locator(".explorer-python").text_content(), found)
    shown = page.evaluate("document.querySelector('.explorer').explorer.current()")
    assert shown["answer"]["energy_j"] == pytest.approx(float(found["answer"].energy_j), rel=1e-9)
    for i, use in enumerate(shown["uses"]):
        assert use == pytest.approx({name: float(value[i]) for name, value in found["use"].items()}, rel=1e-9)
    with page.expect_download() as download:
        page.click("[data-do='csv']")
    table = [line.split(",") for line in download.value.path().read_text(encoding="utf-8").splitlines()]
    values = {name: value for kind, name, _, value, *_ in table if kind == "result"}
    assert float(values["year_kwh"]) == pytest.approx(found["use"]["year_kwh"][1], rel=1e-9)
    assert sum(float(row[3]) for row in table if row[0] == "part") == pytest.approx(float(values["energy_j"]))
    assert (["layers"] in [row[1:2] for row in table]) is own


def test_a_link_brings_back_the_setting(opened):
    page = opened()
    assert "#" not in page.url
    fill(page, model=explorer_form.OWN, layers=17, batch=5, country="France", accelerator="B200 SXM")
    page.locator("[name='gated_mlp']").uncheck()
    page.wait_for_url(re.compile("layers=17.*gated_mlp=0"))
    again = opened(page.url.removeprefix(SITE))
    assert text(again, "[data-big]") == text(page, "[data-big]")
    assert again.locator("[name='country']").input_value() == "France"
    assert not again.locator("[name='gated_mlp']").is_checked()
    assert not again.locator(".explorer-notice").is_visible()


HOSTILE = {
    "model": "<img src=x onerror=alert(1)>",
    "batch": "alert(1)",
    "people": "-5",
    "input_tokens": "1e999",
    "output_tokens": "0x10",
    "n_accelerators": "Infinity",
    "gated_mlp": "javascript:alert(1)",
    "__proto__": "1",
    "constructor": "2",
    "<script>alert(1)</script>": "3",
}


def test_a_hostile_link_is_ignored_with_a_notice(opened):
    calm = opened()
    page = opened("#" + urlencode({"v": "1", "edition": PAGE["edition"], **HOSTILE}))
    assert "were ignored: model, batch, people" in text(page, ".explorer-notice")
    assert text(page, "[data-big]") == text(calm, "[data-big]")
    assert page.locator("img, .explorer-notice *").count() == 0
    assert page.locator("script").count() == calm.locator("script").count()
    assert page.evaluate("({}).v === undefined && Object.keys(Object.prototype).length === 0")


@pytest.mark.parametrize(
    ("fragment", "notice"),
    [
        ("#v=0&batch=3", "was ignored"),
        ("#batch=3", "was ignored"),
        ("#v=1&edition=00000000", "from another edition"),
        ("#v=1&batch=2&batch=3", "from another edition"),
        ("#v=1&%E0%A4%A=1&=&&&batch=%", "were ignored"),
        ("#v=1&" + "a" * 100_000 + "=1", "were ignored"),
    ],
)
def test_a_stale_or_broken_link_is_told(opened, fragment, notice):
    page = opened(fragment)
    assert notice in text(page, ".explorer-notice")
    assert page.locator(".explorer-answer").is_visible()


def test_the_buttons_copy_what_they_say(opened):
    page = opened()
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.click("[data-do='python']")
    page.get_by_text("Python call copied.").wait_for()
    page.click("[data-do='link']")
    page.get_by_text("Link copied.").wait_for()
    assert "batch=64" in page.url


def test_a_link_to_a_heading_is_no_setting(opened):
    page = opened("#limits")
    assert not page.locator(".explorer-notice").is_visible()


def test_the_table_opens_its_settings_in_the_form(opened):
    page = opened()
    rows = page.locator("table.explorer-settings tbody tr")
    for i in range(rows.count()):
        rows.nth(i).locator("a").click()
        joules = rows.nth(i).locator("td").nth(1).inner_text().split(" (")[0]
        # The form follows the address a moment later.
        expect(page.locator("[data-big]").first).to_have_text(f"{joules} J")
    assert not page.locator(".explorer-notice").is_visible()


def test_without_script_the_page_is_a_table_of_the_librarys_answers(opened):
    page = opened(script=False)
    assert not page.locator("form").is_visible()
    assert page.locator(".explorer-without").is_visible()
    rows = page.locator("table.explorer-settings tbody tr")
    assert rows.count() == len(PAGE["settings"])
    for i, setting in enumerate(PAGE["settings"]):
        chip, use = library_setting(**setting)
        shown = rows.nth(i).locator("td").all_inner_texts()
        for cell, (low, middle, high) in zip(shown[1:], (chip, use["year_kwh"]), strict=True):
            assert cell.strip() == f"{significant(middle)} ({significant(low)} to {significant(high)})"


def test_the_keyboard_reaches_every_control_and_moves_the_answer(opened):
    page = opened()
    wanted = page.locator(".explorer :is(select, input, button):visible").count()
    reached = set()
    page.locator("body").focus()
    for _ in range(wanted + 5):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.outerHTML.slice(0, 90)"))
    assert len([e for e in reached if re.match(r"<(select|input|button)", e)]) == wanted
    before = text(page, "[data-big]")
    page.locator("[data-for='output_tokens']").focus()
    page.keyboard.press("ArrowRight")
    assert text(page, "[data-big]") != before


def test_every_field_has_a_name_that_is_read_out(opened):
    page = opened()
    unnamed = "es => es.filter(e => !e.labels.length && !e.getAttribute('aria-label')).map(e => e.outerHTML)"
    assert page.locator(".explorer :is(select, input)").evaluate_all(unnamed) == []


@pytest.mark.parametrize("change", [{}, {"model": explorer_form.OWN}, {"people": 8e9}, {"n_accelerators": 1}])
def test_nothing_is_wider_than_a_phone(opened, change):
    page = opened(width=360)
    fill(page, **change)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_coefficients_are_those_of_the_fitted_tables():
    fitted = load("request_constants").set_index("name")["value"]
    for name, value in PAGE["constants"].items():
        assert value == pytest.approx(min(fitted[name], 0.97) if name in explorer_shares() else fitted[name])
    errors = load("request_errors").set_index("left_out")["interval_factor"]
    assert PAGE["interval_factors"] == errors.to_dict()


def explorer_shares():
    from energy_lib.calibration import SHARES

    return SHARES


def test_coefficients_survive_json_and_cannot_end_their_script():
    assert json.loads(to_json(PAGE)) == PAGE
    assert "</" not in to_json({"name": "</script><!--"})
    with pytest.raises(ValueError):
        to_json({"value": math.nan})


def test_the_edition_changes_with_the_coefficients():
    from energy_lib.export import fingerprint

    assert fingerprint({"a": 1}) != fingerprint({"a": 2})
    assert parse_qs(f"edition={PAGE['edition']}")["edition"] == [PAGE["edition"]]


def test_footprint_adds_up():
    use = footprint(
        3600, requests_per_day=10, people=2, pue=1.5, server_overhead=2, grid_gco2_per_kwh=500, household_kwh=1000,
        country_twh=1e-6,
    )  # fmt: skip
    assert use["answer_j"] == pytest.approx(10800)
    assert use["day_wh"] == pytest.approx(60)
    assert use["year_kwh"] == pytest.approx(0.06 * 365.25)
    assert use["year_kg"] == pytest.approx(use["answer_g"] * 20 * 365.25 / 1000)
    assert use["household_percent"] == pytest.approx(100 * 0.03 * 365.25 / 1000)
    assert use["country_percent"] == pytest.approx(100 * use["year_kwh"] / 1000)


def test_footprint_refuses_what_cannot_be():
    good = {"requests_per_day": 1, "grid_gco2_per_kwh": 1, "household_kwh": 1, "country_twh": 1}
    with pytest.raises(ValueError, match=r"pue = 0\.9 \(no unit\) is out of range: allowed is >= 1 and finite"):
        footprint(1, pue=0.9, **good)
    with pytest.raises(ValueError, match="shapes do not broadcast"):
        footprint([1, 2], people=[1, 2, 3], **good)
