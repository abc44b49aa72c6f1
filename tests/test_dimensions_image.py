"""Formulas of images and of answers a second way: written out with quantities that carry their units."""

import numpy as np
import pandas as pd
import pytest
from test_dimensions import DENSE, PINT, Q

from energy_lib import accelerator, chat, load
from energy_lib.image import COEFFICIENTS, DETAILS, effective_flop, image_energy
from energy_lib.units import mac_to_flop

for own in ("image", "activation", "element", "layer"):
    PINT.define(f"{own} = [{own}]")
COUNTS = {
    "flop": Q(0.6e9, "flop/image"),
    "activations": Q(6.7e6, "activation/image"),
    "layers": Q(53, "layer/image"),
    "elementwise": Q(0.9e6, "element/image"),
}
PER = {"flop": "J/flop", "activations": "J/activation", "layers": "J/layer", "elementwise": "J/element"}
BOARD = accelerator("A10")
LAWS = load("image_specification").set_index("law")
LARGE, ONE, FRAMEWORK = "engine, large batch", "engine, batch 1", "framework, large batch"


def numbers(*names):
    return {name: COUNTS[name].magnitude for name in names}


def parts_of(estimate):
    return {term: float(part) for term, part in estimate.parts.items()}


def by_specification(law, precision, *, accelerators=1, bits=16):
    """Joules of an image by term: power of a busy chip and its share of a host, times the time of each term."""
    row = LAWS.loc[law]
    power = row["tdp_share"] * Q(BOARD.tdp_w, "W") + Q(row["host_w"], "W") / accelerators
    moved = Q(row["byte_per_activation"], "byte/activation") * bits / 16
    times = {
        "floor": Q(row["overhead_s"], "s/image"),
        "flop": row["peak_multiple"] * COUNTS["flop"] / Q(BOARD.peak(precision), "flop/s"),
        "activations": moved * COUNTS["activations"] / Q(BOARD.bandwidth_byte_per_s, "byte/s"),
    }
    return {term: (power * time).to("J/image").magnitude for term, time in times.items()}


@pytest.mark.parametrize("detail", DETAILS)
def test_counts_times_joules_each_are_joules_on_a_measured_device(detail):
    cells = load("image_cells").query("device == 'Odroid' and precision == 'fp32' and detail == @detail")
    cell = cells.set_index("preference").loc[1]
    terms = [term for term in DETAILS[detail] if term != "floor"]
    each = {term: COUNTS[term] * Q(cell[COEFFICIENTS[term]], PER[term]) for term in terms}
    expected = {"floor": Q(cell["floor_j"], "J/image"), **each}
    found = image_energy(device="Odroid", **numbers(*terms))
    assert parts_of(found) == pytest.approx(
        {term: part.to("J/image").magnitude for term, part in expected.items()}, rel=1e-12
    )
    assert found.high_j / found.energy_j == pytest.approx(cell["factor_90"])


@pytest.mark.parametrize(("precision", "bits"), [("fp16", 16), ("fp32", 32)])
def test_a_framework_takes_its_share_of_tdp_for_the_time_of_arithmetic_and_of_moving(precision, bits):
    found = image_energy(**numbers("flop", "activations"), device="A10", precision=precision)
    assert parts_of(found) == pytest.approx(by_specification(FRAMEWORK, precision, bits=bits), rel=1e-12)
    assert found.high_j / found.energy_j == pytest.approx(LAWS.loc[FRAMEWORK, "factor_90"])


@pytest.mark.parametrize(("batch", "accelerators"), [(1, 1), (8, 4), (None, 2)])
def test_an_engine_goes_from_one_image_to_many_as_a_power_of_the_batch(batch, accelerators):
    many, one = (by_specification(law, "int8", accelerators=accelerators) for law in (LARGE, ONE))
    share = 0.0 if batch is None else batch ** -LAWS.loc[ONE, "batch_exponent"]
    found = image_energy(**numbers("flop", "activations"), device="A10", batch=batch, n_accelerators=accelerators)
    assert parts_of(found) == pytest.approx({t: (1 - share) * many[t] + share * one[t] for t in many}, rel=1e-12)
    widths = LAWS["factor_90"].map(np.log)
    width = (1 - share) * widths[LARGE] + share * widths[ONE]
    assert np.log(found.high_j / found.energy_j) == pytest.approx(width, rel=1e-12)


def test_winograd_takes_sixteen_products_where_the_definition_takes_thirty_six():
    """A tile of 2 x 2 outputs: 9 products each by the definition, one for each of 4 x 4 transformed inputs else."""
    tiles = Q(1000, "1/image")
    direct, winograd = (tiles * Q(products, "mac") for products in (4 * 9, 4 * 4))
    flop = direct.to("flop/image").magnitude
    assert flop == mac_to_flop(direct.magnitude)
    assert effective_flop(flop, flop, True) == pytest.approx(winograd.to("flop/image").magnitude)
    assert effective_flop(flop, flop, False) == flop


@pytest.mark.parametrize(("batch", "bits"), [(1, 16), (32, 16), (200, 16), (32, 4)])
def test_weights_and_cache_of_a_batch_fill_the_memory_of_as_few_accelerators(batch, bits):
    board = accelerator("H100 SXM5 80GB")
    read, written = Q(20_000, "token/request"), Q(500, "token/request")
    weights = (Q(DENSE.stored_parameters, "1") * Q(bits, "bit")).to("byte")
    values = 2 * DENSE.layers * DENSE.kv_heads * DENSE.head_dim * Q(2, "byte/token")  # keys and values of 16 bits
    taken = weights + Q(batch, "request") * (read + written) * values
    number = chat.accelerators_needed(
        DENSE,
        board,
        input_tokens=read.magnitude,
        output_tokens=written.magnitude,
        batch=batch,
        weight_bits=bits,
    )
    memory = Q(80, "gigabyte")
    assert number <= DENSE.kv_heads  # or each accelerator would keep a copy of the cache
    assert taken <= number * memory
    assert number == 1 or taken > number / 2 * memory


def test_tokens_an_answer_times_joules_a_token_are_joules_an_answer():
    answers = chat.measured_answers()
    tokens = PINT.Quantity(answers["avg_output_tokens"].to_numpy(), "token/request")
    each = PINT.Quantity(answers["energy_per_output_token_J"].to_numpy(), "J/token")
    joules = (tokens * each).to("J/request").magnitude
    np.testing.assert_allclose(joules, answers["energy_per_request_J"], rtol=1e-3)


def test_a_fall_has_no_unit():
    def priced(model, unit):
        median, low, high = (Q(joules, "J").to(unit).magnitude for joules in (600.0, 400.0, 900.0))
        share = 1.0 if model == "first" else 0.25
        return pd.Series({"model": model, "energy_j": share * median, "low_j": share * low, "high_j": share * high})

    in_joules, in_wh = (chat.fall(priced("first", unit), priced("last", unit)) for unit in ("J", "Wh"))
    assert in_joules == pytest.approx(in_wh, rel=1e-12)
    assert in_joules[0] == pytest.approx(4.0)
