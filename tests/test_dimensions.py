"""Every formula a second way: written out with quantities that carry their units, which pint converts and checks."""

import numpy as np
import pint
import pytest
from worlds import CERTAIN, scenario

from energy_lib import units
from energy_lib.adoption import energy_by_year
from energy_lib.checks import quantity
from energy_lib.compute import LanguageModel, language_model
from energy_lib.energy import inference_energy_j
from energy_lib.footprint import footprint
from energy_lib.hardware import accelerator
from energy_lib.serving import (
    Constants,
    Deviation,
    Device,
    Load,
    Shapes,
    Software,
    attended_tokens,
    cache_bytes_per_request,
    request_parts,
)

PINT = pint.UnitRegistry()
for own in ("flop", "token", "request", "person", "gram_co2"):
    PINT.define(f"{own} = [{own}]")
PINT.define("mac = 2 * flop")
Q = PINT.Quantity

DENSE = LanguageModel(
    name="dense", layers=32, hidden=4096, heads=32, kv_heads=8, head_dim=128, ffn=14336, vocab=128256, gated_mlp=True
)
MIXTURE = LanguageModel(**{**vars(DENSE), "name": "mixture", "experts": 8, "experts_per_token": 2, "moe_ffn": 14336})
CONSTANTS = Constants(
    bandwidth_share=0.8,
    compute_efficiency=0.6,
    cache_efficiency=0.7,
    expert_efficiency=0.5,
    expert_tile_tokens=3.0,
    standby_share=0.15,
    active_share=0.2,
    memory_share=0.4,
    compute_share=0.5,
    software={"new": Software(layer_s=2e-5, link_s=3e-5, sequence_s=4e-5, prompt_layer_s=1e-4)},
    deviations={"odd": Deviation(bandwidth_logit=0.3, standby_log=0.2)},
)


@pytest.mark.parametrize(
    ("function", "given", "found"),
    [
        (units.joule_to_wh, "J", "Wh"),
        (units.wh_to_joule, "Wh", "J"),
        (units.joule_to_kwh, "J", "kWh"),
        (units.kwh_to_joule, "kWh", "J"),
        (units.mac_to_flop, "mac", "flop"),
        (units.kcal_per_day_to_watt, "kilocalorie/day", "W"),
    ],
)
def test_conversions_are_those_of_pint(function, given, found):
    assert function(123.4) == pytest.approx(Q(123.4, given).to(found).magnitude, rel=1e-14)
    assert function(0.0) == 0.0


def test_constants_of_units_are_those_of_pint():
    for number, unit, whole in (
        (units.HOURS_PER_YEAR, "hour", "year"),
        (units.SECONDS_PER_DAY, "second", "day"),
        (units.FLOP_PER_GFLOP, "flop", "gigaflop"),
    ):
        assert number == pytest.approx(Q(1, whole).to(unit).magnitude, rel=1e-15)


def test_operations_over_operations_a_joule_are_joules():
    joules = Q(8.2, "gigaflop") / Q(41, "gigaflop/second/watt")
    assert inference_energy_j(8.2e9, 41e9) == pytest.approx(joules.to("J").magnitude, rel=1e-14)


def test_the_footprint_with_units():
    found = footprint(
        [900.0, 0.0],
        requests_per_day=100,
        people=3,
        server_overhead=1.8,
        pue=1.2,
        grid_gco2_per_kwh=470,
        household_kwh=3600,
        country_twh=500,
    )
    answer = Q(900, "J/request") * 1.8 * 1.2
    each, people, grid = Q(100, "request/person/day"), Q(3, "person"), Q(470, "gram_co2/kWh")
    expected = {
        "answer_j": answer.to("J/request"),
        "answer_g": (answer * grid).to("gram_co2/request"),
        "day_wh": (answer * each * people).to("Wh/day"),
        "year_kwh": (answer * each * people).to("kWh/year"),
        "household_percent": (answer * each / Q(3600, "kWh/year/person")).to("percent"),
        "country_percent": (answer * each * people / Q(500, "TWh/year")).to("percent"),
        "year_kg": (answer * each * people * grid).to("kilogram_co2/year"),
    }
    assert set(found) == set(expected)
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], [value.magnitude, 0.0], rtol=1e-12, err_msg=name)


@pytest.mark.parametrize("lowest", ["energy_j", "requests_per_day", "people", "grid_gco2_per_kwh"])
def test_a_footprint_takes_nothing_and_not_less(lowest):
    given = {"energy_j": 1.0, "requests_per_day": 1, "grid_gco2_per_kwh": 1, "household_kwh": 1, "country_twh": 1}
    footprint(**{**given, lowest: 0.0})
    with pytest.raises(ValueError, match=rf"{lowest}\[1\] = -0.1 .* >= 0"):
        footprint(**{**given, lowest: [1.0, -0.1]})


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("server_overhead", 0.99, r"server_overhead = 0.99 \(no unit\) .* >= 1"),
        ("pue", 0.99, r"pue = 0.99 \(no unit\) .* >= 1"),
        ("household_kwh", 0.0, r"household_kwh = 0.0 kWh/year .* > 0"),
        ("country_twh", 0.0, r"country_twh = 0.0 TWh/year .* > 0"),
        ("requests_per_day", [1.0, 2.0, 3.0], r"shapes do not broadcast: energy_j \(2,\), requests_per_day \(3,\)"),
        ("grid_gco2_per_kwh", "many", "g/kWh"),
        ("people", np.nan, "people = nan person"),
    ],
)
def test_an_impossible_footprint_is_refused(name, value, message):
    given = {"requests_per_day": 1, "grid_gco2_per_kwh": 1, "household_kwh": 1, "country_twh": 1}
    with pytest.raises(ValueError, match=message):
        footprint([1.0, 2.0], **{**given, name: value})


def test_the_scenario_with_units():
    year, t = 2028, 3
    people = Q(8e9 * 1.01**t, "person")
    odds = {"using": 0.25 * 1.5**t, "frontier": 0.4 / 0.6 * 1.1**t}
    using, frontier = (value / (1 + value) for value in odds.values())
    asked = people * using * Q(CERTAIN["requests_per_day"], "request/person/day")
    overheads = (1 + 0.5 * 0.9**t) * 1.2 / (1.3 * 1.2) ** t
    new = frontier * Q(600 * 1.3**t, "token/request") * Q(2.0 / 0.9**t, "J/token")
    old = (1 - frontier) * Q(300, "token/request") * Q(0.5 / 1.5**t, "J/token")
    found = next(energy_by_year(scenario(), scenario().medians(), [year]))
    for series, each in (("frontier", new), ("year_old", old), ("all", new + old)):
        power = asked * each * overheads
        assert found["energy_twh", series] == pytest.approx(power.to("TWh/year").magnitude, rel=1e-12)
        assert found["watt_per_person", series] == pytest.approx((power / people).to("W/person").magnitude, rel=1e-12)


def roofline(model, *, batch, read, written, n, name="", bits=16.0):
    """Joules of one request by cause, from the equations in the head of `serving`, each quantity with its unit."""
    c, soft = CONSTANTS, CONSTANTS.software["new"]
    off = c.deviations.get(name, Deviation())
    odds = c.bandwidth_share / (1 - c.bandwidth_share) * np.exp(off.bandwidth_logit)
    bandwidth, peak, tdp = Q(3350, "gigabyte/s"), Q(989.4, "teraflop/s"), Q(700, "W")
    mixture = model.experts > 1
    experts = model.expert_parameters if mixture else 0
    used = model.experts_per_token / model.experts if mixture else 0
    touched = experts * (1 - (1 - used) ** batch)
    dense = model.dense_parameters + (0 if mixture else model.expert_parameters)
    context = read + written / 2
    attention = 2 * model.heads * model.head_dim * model.layers  # multiply-adds of a pair of tokens
    copies = max(1.0, n / model.kv_heads)
    per_token = 2 * model.layers * model.kv_heads * model.head_dim * Q(2, "byte")
    weights = (dense + touched) * Q(bits, "bit") / n
    cache = batch * context * per_token * copies / n
    step_dense = Q(batch * (dense + attention * context), "mac") / n
    step_expert = Q(batch * experts * used + c.expert_tile_tokens * touched, "mac") / n
    prompt_dense = Q(read * (dense + attention * read / 2), "mac") / n
    prompt_expert = Q(read * experts * used, "mac") / n

    memory = (weights + cache / c.cache_efficiency) / (bandwidth * odds / (1 + odds))
    compute = (step_dense + step_expert / c.expert_efficiency) / (peak * c.compute_efficiency)
    kernels = max(memory.to("s"), compute.to("s"))
    latency = model.layers * Q(soft.layer_s + (soft.link_s if n > 1 else 0), "s")
    step = kernels + latency + batch * Q(soft.sequence_s, "s")
    joining = batch / max(written, 1)
    prompt_kernels = (prompt_dense + prompt_expert / c.expert_efficiency) / (peak * c.compute_efficiency)
    prompt = prompt_kernels + model.layers * Q(soft.prompt_layer_s, "s") * (1 - np.exp(-joining)) / joining
    steps = written / batch
    seconds = steps * step + prompt
    busy = {
        "standby": c.standby_share * np.exp(off.standby_log) * seconds,
        "active": c.active_share * np.exp(off.standby_log) * (steps * (kernels + latency) + prompt_kernels),
        "weights": c.memory_share * steps * weights / bandwidth,
        "cache": c.memory_share * steps * cache / bandwidth,
        "decode": c.compute_share * steps * (step_dense + step_expert) / peak,
        "prompt": c.compute_share * (prompt_dense + prompt_expert) / peak,
    }
    uncapped = (sum(busy.values()) / seconds).to("").magnitude
    power = tdp * n / np.sqrt(1 + uncapped**2)
    return {cause: (power * time).to("J").magnitude for cause, time in busy.items()}, seconds.to("s").magnitude


@pytest.mark.parametrize("model", [DENSE, MIXTURE], ids=lambda model: model.name)
@pytest.mark.parametrize(
    "request_",
    [
        {"batch": 1.0, "read": 1000.0, "written": 200.0, "n": 1.0},
        {"batch": 512.0, "read": 50.0, "written": 300.0, "n": 2.0},
        {"batch": 64.0, "read": 3000.0, "written": 1.0, "n": 16.0, "name": "odd"},
        {"batch": 8.0, "read": 300.0, "written": 0.0, "n": 4.0, "bits": 4.0},
    ],
    ids=["memory", "compute", "prompt", "nothing written"],
)
def test_the_roofline_with_units(model, request_):
    expected, seconds = roofline(model, **request_)
    device = Device(request_.get("name", ""), 700.0, 989.4e12, 3350e9)
    bits = request_.get("bits", 16.0)
    served = (request_[name] for name in ("read", "written", "batch", "n"))
    found, found_seconds = request_parts(Shapes.of(model), device, Load(*served, bits, bits, "new"), CONSTANTS)
    assert found_seconds == pytest.approx(seconds, rel=1e-12)
    assert {name: float(joules) for name, joules in found.items()} == pytest.approx(expected, rel=1e-12)


def test_the_cache_of_a_published_model_takes_what_its_shape_says():
    llama = Shapes.of(language_model("Llama-3.1-8B"))
    assert cache_bytes_per_request(llama, 1.0, 1.0) == 128 * 1024  # 2 x 32 layers x 8 heads x 128 x 2 bytes


def test_a_layer_with_a_window_reads_no_more_than_the_window():
    half = Shapes.of(LanguageModel(**{**vars(DENSE), "local_layers": 16, "sliding_window": 1000}))
    assert attended_tokens(half, 600.0) == 600.0
    assert attended_tokens(half, 3000.0) == 0.5 * 3000 + 0.5 * 1000


def test_units_of_an_accelerator_are_those_of_its_table():
    board = accelerator("H100 SXM5 80GB")
    assert board.memory_byte == Q(80, "gigabyte").to("byte").magnitude
    assert board.bandwidth_byte_per_s == pytest.approx(Q(3.35, "terabyte/s").to("byte/s").magnitude, rel=0.01)
    assert board.peak("fp16") / board.tdp_w == pytest.approx(Q(989.4 / 700, "teraflop/J").to("flop/J").magnitude, 0.01)


def test_a_refused_array_names_the_first_place_in_each_direction():
    with pytest.raises(ValueError, match=r"^power_w\[1, 0\] = inf W is out of range: allowed is >= 2 and <= 5$"):
        quantity("power_w", [[2.0, 5.0], [np.inf, 1.0]], "W", low=2, high=5, low_allowed=True)
