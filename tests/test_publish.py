"""What notebooks hand to the book is complete, or refused."""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from energy_lib import publish


@pytest.fixture
def shown(monkeypatch):
    bundles = []
    monkeypatch.setattr(publish, "_display", bundles.append)
    return bundles


@given(st.floats(min_value=1e-4, max_value=1e7), st.integers(2, 6))
def test_a_printed_number_is_within_half_a_unit_of_its_last_digit(value, digits):
    printed = float(publish.significant(value, digits).replace(",", ""))
    assert abs(printed - value) <= 0.5000001 * 10 ** (np.floor(np.log10(value)) - digits + 1)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.9996, "1.00"),
        (999.6, "1,000"),
        (0.0, "0"),
        (-2.5, "-2.50"),
        (1e-12, "1.00 × 10⁻¹²"),
        (2.02e13, "2.02 × 10¹³"),
    ],
)
def test_numbers_are_printed_as_readers_write_them(value, text):
    assert publish.significant(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(48.75, "48.8"), (-48.75, "-48.8"), (1.015, "1.02"), (2.345e-7, "2.35 × 10⁻⁷")]
)
def test_half_a_unit_is_rounded_away_from_zero_whatever_the_last_digit(value, text):
    assert {publish.significant(value * (1 + move)) for move in (-1e-13, 0.0, 1e-13)} == {text}


def test_a_number_that_is_not_one_is_refused():
    with pytest.raises(ValueError, match="NaN"):
        publish.significant(float("nan"))


def test_a_number_carries_value_interval_unit_and_tables(shown):
    publish.number("a.b", 18.56, "J", what="Joules", tables=["gpus"], interval=(8.11, 42.46))
    record = shown[0][publish.NUMBER_MIME]
    assert (record["text"], record["interval_text"], record["tables"]) == ("18.6 J", "8.11 to 42.5 J", ["gpus"])
    json.dumps(record, allow_nan=False)


def test_an_open_interval_is_valid_json_and_said_in_words(shown):
    publish.number("a.b", 6.3, "years", what="Doubling", tables=["gpus"], interval=(2.76, np.inf))
    record = shown[0][publish.NUMBER_MIME]
    assert record["interval_text"] == "2.76 years or more"
    json.dumps(record, allow_nan=False)


@pytest.mark.parametrize(
    "arguments",
    [{}, {"interval": (1.0, 3.0), "no_interval": "a count"}, {"interval": (2.5, 3.0)}, {"interval": (np.nan, 3.0)}],
)
def test_a_number_needs_an_interval_that_contains_it_or_a_reason(shown, arguments):
    with pytest.raises(ValueError, match=r"a\.b"):
        publish.number("a.b", 2.0, "J", what="Joules", tables=[], **arguments)
    assert not shown


def test_a_table_prints_each_column_in_its_format(shown):
    frame = pd.DataFrame({"name": ["<b>", "y"], "joules": [1234.5, np.nan], "n": [3, 4]})
    publish.table("tab-x", frame, {"name": ("model", ""), "joules": ("J", "3s"), "n": ("tokens", "d")})
    assert shown[0][publish.TABLE_MIME]["rows"] == [["<b>", "1,230", "3"], ["y", "–", "4"]]  # noqa: RUF001


def test_datasets_are_named_by_their_chart_in_the_order_in_which_it_draws_them():
    hashes = ("data-f0", "data-0f")
    layers = [{"data": {"name": name}, "mark": "point"} for name in (*hashes, "ours", hashes[0])]
    spec = {"datasets": {"data-0f": [{"x": 1}], "ours": [{"x": 2}], "data-f0": [{"x": 3}]}, "layer": layers}
    named = publish._with_named_datasets("fig-x", spec)
    assert [layer["data"]["name"] for layer in named["layer"]] == [
        "fig-x-data-1",
        "fig-x-data-2",
        "ours",
        "fig-x-data-1",
    ]
    assert named["datasets"] == {"fig-x-data-2": [{"x": 1}], "ours": [{"x": 2}], "fig-x-data-1": [{"x": 3}]}


def test_published_numbers_keep_digits_enough_to_be_compared_within_the_tolerance(shown):
    publish.number("a.b", 1 / 3, "J", what="Joules", tables=[], no_interval="a count")
    assert abs(shown[0][publish.NUMBER_MIME]["value"] * 3 - 1) < publish.RELATIVE_TOLERANCE / 1000


@pytest.mark.parametrize("move", [-1e-13, 1e-13])
def test_a_cell_half_way_is_printed_alike_whatever_its_last_digits(move):
    assert publish._cell(2.15 * (1 + move), ".1f") == publish._cell(2.15, ".1f")
