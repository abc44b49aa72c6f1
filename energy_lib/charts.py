"""One look for every chart, and the few builders that the notebooks share."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import altair as alt
import numpy as np
import pandas as pd

from energy_lib.trends import Growth
from energy_lib.units import decimal_year

HEIGHT = 340
BAND_POINTS = 25
# 0.001 and 1,000,000, where the default writes 1m and 1e+6.
_PLAIN_NUMBER = "datum.value >= 10 ? format(datum.value, ',d') : format(datum.value, '~f')"
_LABELLED_STEPS, _FEWEST_LABELS = ((1,), (1, 2, 5), (1, 1.5, 2, 3, 5, 7), (1, 1.2, 1.4, 1.6, 1.8, 2, 2.5, 3)), 3

# Okabe and Ito's palette (2008), told apart by colour-blind readers, darkened or lightened to keep contrast 3:1.
_PALETTE = {
    "light": ["#0067a3", "#c14a00", "#00785a", "#a4478a", "#7a6400", "#4d4d4d"],
    "dark": ["#6cbcf0", "#f0955a", "#4fc9a4", "#e4a0cf", "#e0cc55", "#c0c0c0"],
}
_INK = {"light": ("#22262b", "#5a626b", "#d9dde2", "#ffffff"), "dark": ("#e8eaed", "#b3bac2", "#3b424a", "#14181e")}


def theme(mode: str) -> dict:
    """Vega-Lite configuration for `"light"` or `"dark"` pages."""
    if mode not in _INK:
        raise ValueError(f"mode {mode!r} does not exist: allowed are 'light' and 'dark'")
    ink, soft, grid, paper = _INK[mode]
    font = "system-ui, -apple-system, 'Segoe UI', 'Helvetica Neue', Arial, sans-serif"
    return {
        "background": paper,
        "font": font,
        "padding": 6,
        "view": {"stroke": None},
        "axis": {
            "labelColor": soft,
            "titleColor": ink,
            "gridColor": grid,
            "domainColor": grid,
            "tickColor": grid,
            "labelFontSize": 12,
            "titleFontSize": 13,
            "titleFontWeight": "normal",
            "titleAnchor": "start",
            "labelLimit": 220,
            "labelSeparation": 8,
        },
        "axisY": {"domain": False, "ticks": False},
        "axisX": {"grid": False},
        "legend": {
            "labelColor": ink,
            "titleColor": ink,
            "labelFontSize": 12,
            "orient": "top",
            "title": None,
            "symbolStrokeWidth": 2,
        },
        "text": {"color": ink, "fontSize": 12, "font": font},
        "point": {"filled": True, "size": 45, "opacity": 0.75},
        "rule": {"color": soft},
        "range": {"category": _PALETTE[mode], "heatmap": _PALETTE[mode][:2]},
        "mark": {"color": _PALETTE[mode][0]},
        "title": {
            "color": ink,
            "anchor": "start",
            "frame": "group",
            "fontSize": 13,
            "fontWeight": "normal",
            "offset": 12,
        },
    }


def log_axis(low: float, high: float, **options) -> dict:
    """Scale and axis of a logarithmic `alt.X` or `alt.Y`: labels at powers of ten, and at steps between when these are
    fewer than three.

    >>> log_axis(3, 4000)["axis"].to_dict()["values"], log_axis(3, 40)["axis"].to_dict()["values"]
    ([10.0, 100.0, 1000.0], [5.0, 10.0, 20.0])
    """
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for steps in _LABELLED_STEPS:
        ticks = [tick for decade in decades for step in steps if low <= (tick := float(f"{step}e{decade}")) <= high]
        if len(ticks) >= _FEWEST_LABELS:
            break
    axis = alt.Axis(values=ticks, labelExpr=_PLAIN_NUMBER, **options)
    return {"scale": alt.Scale(type="log", domain=[low, high]), "axis": axis}


def trend_frame(growths: Mapping[str, Growth], start: float, end: float) -> pd.DataFrame:
    """Trends as rows to draw: series, date, value, low, high, between two decimal years."""
    years = np.linspace(start, end, BAND_POINTS)
    dates = [_timestamp(year) for year in years]
    parts = []
    for series, growth in growths.items():
        low, high = growth.band(years)
        parts.append(
            pd.DataFrame({"series": series, "date": dates, "value": growth.at(years), "low": low, "high": high})
        )
    return pd.concat(parts, ignore_index=True)


def _timestamp(year: float) -> pd.Timestamp:
    start = pd.Timestamp(int(year), 1, 1)
    return (start + (year - int(year)) * (pd.Timestamp(int(year) + 1, 1, 1) - start)).round("D")


def points_and_trends(
    points: pd.DataFrame,
    growths: Mapping[str, Growth],
    *,
    value: str,
    title: str,
    tooltip: Sequence[str],
    span: tuple[float, float] | None = None,
    domain: Sequence[float] | None = None,
) -> alt.LayerChart:
    """Dated points by series on a logarithmic axis, with each trend and its band; `title` says what the axis counts.

    `points` has columns `date`, `value` and `series`; `growths` is keyed by the same names of series.
    Bands are cut at `domain`, the range of the axis, which is that of the points unless given.
    """
    start, end = span or (float(decimal_year(points["date"]).min()), float(decimal_year(points["date"]).max()))
    low, high = domain or (points[value].min() / 2.0, points[value].max() * 2.0)
    names = list(dict.fromkeys([*growths, *points["series"]]))
    fields = [field.partition(":")[0] for field in tooltip]
    drawn_points = alt.Chart(points[list(dict.fromkeys(["date", "series", value, *fields]))])  # only what is shown
    by_series = {
        "sort": names,
        "scale": alt.Scale(domain=names),
        "legend": alt.Legend(columns=2, symbolOpacity=1) if len(names) > 1 else None,
    }
    colour = alt.Color("series:N", **by_series)
    logarithmic = log_axis(low, high)
    shape = alt.Shape("series:N", **by_series)
    dots = drawn_points.mark_point().encode(
        x=date_x(), y=alt.Y(f"{value}:Q", title=None, **logarithmic), color=colour, shape=shape, tooltip=list(tooltip)
    )
    lines = trend_layers(trend_frame(growths, start, end), logarithmic, colour) if growths else []
    return alt.layer(*lines, dots).properties(width="container", height=HEIGHT, title=title)


def date_x() -> alt.X:
    """A horizontal axis of years, without a title: years need none."""
    return alt.X("date:T", title=None, axis=alt.Axis(format="%Y", tickCount="year", labelOverlap="greedy"))


def trend_layers(lines: pd.DataFrame, logarithmic: dict, colour: alt.Color) -> list[alt.Chart]:
    """Band and line of each series of a `trend_frame`, cut at the range of the `log_axis`."""
    low, high = logarithmic["scale"]["domain"]
    cut = lines.assign(low=lines["low"].clip(low, high), high=lines["high"].clip(low, high))
    drawn = alt.Chart(cut).encode(x=date_x(), color=colour)
    band = drawn.mark_area(opacity=0.16).encode(y=alt.Y("low:Q", title=None, **logarithmic), y2="high:Q")
    line = drawn.mark_line(strokeWidth=2.5, clip=True).encode(y=alt.Y("value:Q", title=None, **logarithmic))
    return [band, line]


def steps(frame: pd.DataFrame, *, value: str, title: str, tooltip: Sequence[str]) -> alt.LayerChart:
    """A falling staircase for each `series` of dated rows on a logarithmic axis, named where it ends."""
    logarithmic = log_axis(frame[value].min() / 2.0, frame[value].max() * 2.0)
    names = list(dict.fromkeys(frame["series"]))
    rows = alt.Chart(frame[["date", "series", value, *tooltip]]).encode(
        x=date_x(),
        y=alt.Y(f"{value}:Q", title=None, **logarithmic),
        color=alt.Color("series:N", sort=names, scale=alt.Scale(domain=names), legend=alt.Legend(symbolOpacity=1)),
    )
    line = rows.mark_line(interpolate="step-after", strokeWidth=2.5)
    dots = (
        rows.mark_point().encode(tooltip=["series", "date:T", value, *tooltip]).transform_filter(alt.datum.model != "")
    )
    return alt.layer(line, dots).properties(width="container", height=HEIGHT, title=title)


def strip(frame: pd.DataFrame, *, value: str, title: str, tooltip: Sequence[str]) -> alt.LayerChart:
    """Dots in one strip for each `row`, with a tick at the median, on a logarithmic axis."""
    logarithmic = log_axis(frame[value].min() / 1.2, frame[value].max() * 1.2)
    rows = list(dict.fromkeys(frame["row"]))
    fields = [field.partition(":")[0] for field in tooltip]
    drawn = alt.Chart(frame[list(dict.fromkeys(["row", value, *fields]))]).encode(
        y=alt.Y("row:N", sort=rows, title=None, axis=alt.Axis(labelLimit=230))
    )
    dots = drawn.mark_point().encode(x=alt.X(f"{value}:Q", title=title, **logarithmic), tooltip=list(tooltip))
    medians = drawn.mark_tick(thickness=3, size=26).encode(
        x=alt.X(f"median({value}):Q", title=title, **logarithmic), color=alt.datum("median")
    )
    return alt.layer(dots, medians).properties(width="container", height=60 * len(rows))


def decomposition_frame(flop: Mapping[str, Growth], efficiency: Growth) -> pd.DataFrame:
    """Growth a year of FLOP, of FLOP per joule and of joules, with intervals, for each named trend of FLOP."""
    rows = []
    for series, growth in flop.items():
        terms = {"operations": growth, "operations a joule": efficiency, "joules": growth / efficiency}
        for term, trend in terms.items():
            rows.append(
                {
                    "series": series,
                    "term": term,
                    "factor": trend.factor_per_year,
                    "low": trend.factor_per_year_low,
                    "high": trend.factor_per_year_high,
                }
            )
    return pd.DataFrame(rows)


def decomposition(terms: pd.DataFrame) -> alt.LayerChart:
    """The rows of `decomposition_frame` as dots with intervals on a logarithmic axis of factors a year."""
    logarithmic = log_axis(min(terms["low"].min(), 0.9) / 1.05, terms["high"].max() * 1.05)
    order = list(dict.fromkeys(terms["term"]))
    drawn = alt.Chart(terms).encode(
        y=alt.Y("series:N", sort=list(dict.fromkeys(terms["series"])), title=None),
        yOffset=alt.YOffset("term:N", sort=order),
        color=alt.Color("term:N", sort=order, legend=alt.Legend(symbolOpacity=1, columns=2)),
    )
    title = "Growth a year (log scale)"
    intervals = drawn.mark_rule(strokeWidth=2).encode(x=alt.X("low:Q", title=title, **logarithmic), x2="high:Q")
    dots = drawn.mark_point(size=80, opacity=1).encode(
        x=alt.X("factor:Q", title=title, **logarithmic), tooltip=["series", "term", "factor", "low", "high"]
    )
    still = alt.Chart(pd.DataFrame({"factor": [1.0]})).mark_rule(strokeDash=[4, 4])
    still = still.encode(x=alt.X("factor:Q", title=title, **logarithmic))
    return alt.layer(still, intervals, dots).properties(width="container", height=36 * len(terms))
