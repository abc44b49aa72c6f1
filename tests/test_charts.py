"""Charts: their look, what they say of themselves, and that table, file, specification and picture are one thing."""

import csv
import io
import itertools
import json
import re
import sys
from pathlib import Path

import altair as alt
import numpy as np
import pandas as pd
import pytest
from bs4 import BeautifulSoup
from colorspacious import cspace_convert, deltaE

sys.path.append(str(Path(__file__).parents[1] / "book" / "_ext"))
import chart_table
import drawing
import record

from energy_lib import chart_data, chart_look, charts, publish
from energy_lib.trends import fit_growth

ROOT = Path(__file__).parents[1]
RECORDED = record.charts(ROOT / "notebooks")
PARTS = {"description": "Two dots.", "source": "Nobody", "data_as_of": "2021-01"}
DEFICIENCIES = ("deuteranomaly", "protanomaly", "tritanomaly")
LEAST_APART = 10.0  # in CAM02-UCS, where 1 is the least difference that an eye sees side by side
each_chart = pytest.mark.parametrize("chart", RECORDED.values(), ids=list(RECORDED))


@pytest.fixture
def shown(monkeypatch):
    """What is displayed, in order."""
    bundles = []
    monkeypatch.setattr(publish, "_display", bundles.append)
    return bundles


def figure(rows=None, **axes):
    rows = pd.DataFrame({"x": [1, 2], "energy_j": [3.5, 4]}) if rows is None else rows
    coded = {"x": alt.X("x:Q", title="Batch"), "y": alt.Y("energy_j:Q", title="Joules for each image")} | axes
    return alt.Chart(rows).mark_point().encode(**coded).properties(width="container")


def published(shown, made, name="fig-x", **more):
    publish.chart(name, made, **PARTS, tables=["gpus"], **more)
    said = shown[-1][publish.CHART_MIME]
    return record.Chart(
        notebook="story", cell=3, **{k: v for k, v in said.items() if k in record.Chart.__annotations__}
    )


# What a reader sees


def linear(colour):
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    return [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]


@pytest.mark.parametrize("mode", drawing.MODES)
def test_colours_of_series_stand_out_from_the_paper(mode):
    theme = chart_look.theme(mode)
    paper, *colours = (
        float(np.dot([0.2126, 0.7152, 0.0722], linear(colour)))
        for colour in (theme["background"], *theme["range"]["category"])
    )
    for luminance in colours:
        lighter, darker = sorted([paper, luminance], reverse=True)
        assert (lighter + 0.05) / (darker + 0.05) >= 3.0  # WCAG 2.2, graphical objects


@pytest.mark.parametrize("mode", drawing.MODES)
@pytest.mark.parametrize("deficiency", [None, *DEFICIENCIES])
def test_readers_of_every_colour_vision_tell_the_series_apart(mode, deficiency):
    colours = [[int(c[i : i + 2], 16) / 255 for i in (1, 3, 5)] for c in chart_look.theme(mode)["range"]["category"]]
    if deficiency:
        seen = {"name": "sRGB1+CVD", "cvd_type": deficiency, "severity": 100}
        colours = np.clip(cspace_convert(np.array(colours), seen, "sRGB1"), 0, 1)
    for one, other in itertools.combinations(colours, 2):
        assert deltaE(one, other, input_space="sRGB1") >= LEAST_APART


def test_an_unknown_mode_is_refused():
    with pytest.raises(ValueError, match="light"):
        chart_look.theme("sepia")


def test_bands_stay_inside_the_axis():
    dates = pd.to_datetime(["2017-01-01", "2018-01-01", "2019-01-01", "2020-01-01"])
    points = pd.DataFrame({"date": dates, "series": "a", "value": [1.0, 100.0, 3.0, 900.0]})
    wild = {"a": fit_growth(points["date"], points["value"])}
    spec = charts.points_and_trends(points, wild, value="value", title="J", tooltip=["series"]).to_dict()
    rows = [row for data in spec["datasets"].values() for row in data if "low" in row]
    assert min(row["low"] for row in rows) >= 0.5 and max(row["high"] for row in rows) <= 1800


def test_names_at_line_ends_keep_apart_and_in_order():
    ends = np.array([100.0, 101.0, 99.0, 300.0, 338.0, 340.0])
    moved = charts.apart(ends, 16.0, 340.0)
    assert np.argsort(moved, kind="stable").tolist() == np.argsort(ends, kind="stable").tolist()
    assert np.diff(np.sort(moved)).min() >= 16.0 - 1e-9
    assert moved.min() >= 0.0 and moved.max() <= 340.0
    assert moved[3] == 300.0 or abs(moved[3] - 300.0) < 16.0


def layers_named(spec):
    return [layer.get("name") for layer in spec["layer"]]


def two_lines():
    dates = pd.to_datetime(["2017-01-01", "2018-01-01", "2019-01-01", "2020-01-01"])
    points = pd.concat(
        [
            pd.DataFrame({"date": dates, "series": s, "energy_j": [k, 2 * k, 5 * k, 9 * k]})
            for s, k in (("a", 1.0), ("b", 3.0))
        ]
    )
    growths = {s: fit_growth(part["date"], part["energy_j"]) for s, part in points.groupby("series")}
    return charts.points_and_trends(points, growths, value="energy_j", title="Joules", tooltip=["series", "energy_j"])


def test_lines_are_named_where_there_is_room_and_in_a_legend_where_there_is_none(shown):
    spec = published(shown, two_lines()).spec
    wide, narrow = (chart_look.fitted(spec, width) for width in (chart_look.WIDE, chart_look.NARROW))
    assert chart_look.LINE_ENDS in layers_named(wide) and chart_look.LINE_ENDS not in layers_named(narrow)
    assert all(layer["encoding"]["color"]["legend"] is None for layer in wide["layer"])
    assert narrow["layer"][0]["encoding"]["color"]["legend"]["columns"] == 2


def test_a_chart_carries_its_data_its_description_and_a_picture(shown):
    chart = published(shown, figure())
    assert "config" not in chart.spec and chart.spec["description"] == "Two dots."
    assert shown[0]["image/png"].startswith(b"\x89PNG")


# What a chart says


def test_axes_and_description_say_that_a_scale_is_logarithmic(shown):
    chart = published(shown, figure(y=alt.Y("energy_j:Q", title="Joules (log)", **charts.log_axis(1, 100))))
    assert chart.spec["encoding"]["y"]["title"] == "Joules (log scale)"
    assert chart.description == "Two dots. The vertical axis is logarithmic."


@each_chart
def test_every_logarithmic_axis_says_so(chart):
    for axis in ("x", "y"):
        if chart_data.is_log(chart.spec, axis):
            said = [layer["encoding"].get(axis, {}).get("title") or "" for layer in chart_data.layers(chart.spec)]
            assert any("log scale" in words for words in [*said, chart.spec.get("title", "")]), axis
            assert "logarithmic" in chart.description


@pytest.mark.parametrize(
    ("title", "heading"),
    [("Parameters, billions", "Parameters (billions)"), ("Right, %", "Right (%)"), ("Joules", "Joules (J)")],
)
def test_a_unit_stands_once_in_a_heading(shown, title, heading):
    chart = published(shown, figure(y=alt.Y("energy_j:Q", title=title)))
    assert heading in chart_data.headings(chart.table)


def test_tooltips_show_words_units_and_short_numbers(shown):
    chart = published(shown, figure(tooltip=["energy_j", "x"]))
    tips = chart.spec["encoding"]["tooltip"]
    assert [tip["title"] for tip in tips] == ["Joules for each image (J)", "Batch (requests)"]
    assert [tip["format"] for tip in tips] == [",.3~r", ",d"]


@each_chart
def test_no_tooltip_shows_the_name_of_a_column(chart):
    for layer in chart_data.layers(chart.spec):
        for tip in layer["encoding"].get("tooltip", []):
            assert tip["title"] and "_" not in tip["title"]


# Refusals


@pytest.mark.parametrize("missing", PARTS)
@pytest.mark.parametrize("empty", ["", "  "])
def test_a_chart_without_one_of_its_texts_is_refused_by_name(shown, missing, empty):
    with pytest.raises(ValueError, match=f"fig-x.*{missing}"):
        publish.chart("fig-x", figure(), **{**PARTS, missing: empty}, tables=[])
    assert not shown


def test_a_chart_without_rows_is_refused_by_name(shown):
    with pytest.raises(ValueError, match="fig-x: no rows of data"):
        published(shown, figure(pd.DataFrame({"x": [], "energy_j": []})))
    assert not shown


@pytest.mark.parametrize("title", [None, "", "Size"])
def test_a_chart_whose_axis_names_no_unit_is_refused_by_name_and_field(shown, title):
    rows = pd.DataFrame({"x": [1, 2], "thing": [3.5, 4]})
    with pytest.raises(ValueError, match="fig-x: no unit: the axis of 'thing'"):
        published(shown, figure(rows, y=alt.Y("thing:Q", title=title)))
    assert not shown


def test_a_unit_may_be_given_where_no_word_names_it(shown):
    rows = pd.DataFrame({"x": [1, 2], "thing": [3.5, 4]})
    chart = published(shown, figure(rows, y=alt.Y("thing:Q", title="Size")), fields={"thing": ("size", "mm")})
    assert "size (mm)" in chart_data.headings(chart.table)


# One thing in four shapes


def test_a_trend_and_its_points_share_the_column_of_their_axis(shown):
    chart = published(shown, two_lines())
    assert chart_data.headings(chart.table) == ["drawn as", "series", "date", "Joules (J)", "low (J)", "high (J)"]
    drawn = pd.Series([row[0] for row in chart_data.rows(chart.spec, chart.table)])
    assert drawn.value_counts().to_dict() == {"trend": 2 * charts.BAND_POINTS, "point": 8}


def symbols(drawn):
    groups = BeautifulSoup(drawn, "html.parser").select("g.mark-symbol.role-mark")
    return sum(len(group.find_all("path")) for group in groups)


def expected_symbols(chart):
    """Points that the rows of the table call for: one for each layer of points whose filter lets the row through."""
    count = 0
    for layer in chart_data.layers(chart.spec):
        if chart_data.mark_of(layer) == "point":
            axes = [layer["encoding"][axis].get("field") for axis in ("x", "y")]
            rows = chart.spec["datasets"][layer["data"]["name"]]
            passed = [
                row for row in rows if all(lets_through(row, step["filter"]) for step in layer.get("transform", []))
            ]
            count += sum(all(row.get(field) is not None for field in axes if field) for row in passed)
        elif isinstance(layer["mark"], dict) and layer["mark"].get("point"):
            count += len(chart.spec["datasets"][layer["data"]["name"]])
    return count


def lets_through(row, condition):
    """Vega's filters that the notebooks use: a field is, or is not, empty or true."""
    negated, field, equal, text = re.fullmatch(
        r"\(?(!?)datum\.(\w+)(?: ?(===|!==|==|!=) ?'(.*)')?\)?", condition
    ).groups()
    return bool(row[field]) != bool(negated) if equal is None else (row[field] == text) == (equal[0] == "=")


@each_chart
def test_table_file_specification_and_picture_hold_the_same_rows(chart):
    rows = chart_data.rows(chart.spec, chart.table)
    drawn = {layer["data"].get("name", "empty") for layer in chart_data.layers(chart.spec)} - {"empty"}
    assert len(rows) == sum(len(chart.spec["datasets"][name]) for name in drawn)
    head, *body = csv.reader(io.StringIO(chart_table.csv_text(chart)))
    assert (len(body), head) == (len(rows), chart_data.headings(chart.table))
    page = BeautifulSoup(chart_table.page_html(chart), "html.parser")
    assert len(page.select("tbody tr")) == len(rows)
    inline = BeautifulSoup(chart_table.shown_html(chart, "../charts/"), "html.parser")
    assert len(inline.select("tbody tr")) == min(len(rows), chart_table.INLINE_ROWS)
    assert f"{len(rows):,}" in inline.find("caption").get_text()
    cache = ROOT / "_build" / ".cache"
    picture = drawing.svg(chart.spec, chart_look.theme("light"), chart_look.WIDE, cache)
    assert symbols(picture) == expected_symbols(chart)


@each_chart
def test_the_file_holds_the_numbers_of_the_specification(chart):
    numbers = [cell for row in chart_data.rows(chart.spec, chart.table) for cell in row if isinstance(cell, float)]
    cells = [cell for row in csv.reader(io.StringIO(chart_table.csv_text(chart))) for cell in row]
    assert [cell for cell in map(str, numbers) if cell not in set(cells)] == []


@pytest.mark.parametrize("start", chart_table.FORMULA)
def test_no_cell_of_a_file_runs_as_a_formula(shown, start):
    rows = pd.DataFrame({"x": [1], "energy_j": [-3.5], "model": [f"{start}1+cmd"]})
    chart = published(shown, figure(rows, tooltip=["model"]))
    _, cells = csv.reader(io.StringIO(chart_table.csv_text(chart), newline=""))
    assert cells[0] == f"'{start}1+cmd" and "-3.5" in cells


def test_a_table_escapes_what_it_shows(shown):
    rows = pd.DataFrame({"x": [1], "energy_j": [3.5], "model": ["<script>alert(1)</script>"]})
    chart = published(shown, figure(rows, tooltip=["model"]))
    assert "<script" not in chart_table.shown_html(chart, "") + chart_table.page_html(chart)


def test_a_table_says_which_cells_head_its_columns_and_rows(shown):
    table = BeautifulSoup(chart_table.shown_html(published(shown, figure()), ""), "html.parser")
    assert {head["scope"] for head in table.select("thead th")} == {"col"}
    assert {row.find(True)["scope"] for row in table.select("tbody tr")} == {"row"}
    frame = table.find("div")
    assert frame["tabindex"] == "0" and frame["aria-label"] and table.find("caption").get_text()


def test_a_reference_line_is_no_row(shown):
    rows = pd.DataFrame({"x": [1, 2], "energy_j": [3.5, 4]})
    chart = published(shown, alt.layer(figure(rows), charts.level(y=2.0)))
    assert len(chart_data.rows(chart.spec, chart.table)) == 2


def test_a_png_has_the_asked_width(tmp_path, shown):
    made = drawing.chart_png(published(shown, two_lines()).spec, chart_look.theme("light"), tmp_path)
    assert int.from_bytes(made[16:20], "big") == 1200


def test_the_same_chart_is_the_same_record(shown):
    for _ in range(2):
        published(shown, figure())
    assert shown[0] == shown[1]
    json.dumps(shown[0][publish.CHART_MIME], allow_nan=False)
