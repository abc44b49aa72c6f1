"""One look for every chart, and the few builders that the notebooks share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import altair as alt
import numpy as np
import pandas as pd

from energy_lib.trends import Growth
from energy_lib.units import decimal_year

HEIGHT = 340
BAND_POINTS = 25

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
        },
        "axisY": {"titleAngle": 0, "titleAlign": "left", "titleAnchor": "end", "titleX": 0, "titleY": -10, "domain": False, "ticks": False},
        "axisX": {"grid": False},
        "legend": {"labelColor": ink, "titleColor": ink, "labelFontSize": 12, "orient": "top", "title": None, "symbolStrokeWidth": 2},
        "text": {"color": ink, "fontSize": 12, "font": font},
        "point": {"filled": True, "size": 45, "opacity": 0.75},
        "rule": {"color": soft},
        "range": {"category": _PALETTE[mode], "heatmap": _PALETTE[mode][:2]},
        "mark": {"color": _PALETTE[mode][0]},
        "title": {"color": ink, "anchor": "start", "fontSize": 14},
    }


def log_scale(*, domain: Sequence[float] | None = None) -> alt.Scale:
    """Logarithmic scale; say so in the axis title, since not every reader sees it from the ticks."""
    return alt.Scale(type="log", domain=list(domain)) if domain else alt.Scale(type="log")


def trend_frame(growths: Mapping[str, Growth], start: float, end: float) -> pd.DataFrame:
    """Trends as rows to draw: series, date, value, low, high, between two decimal years."""
    years = np.linspace(start, end, BAND_POINTS)
    dates = [_timestamp(year) for year in years]
    parts = []
    for series, growth in growths.items():
        low, high = growth.band(years)
        parts.append(pd.DataFrame({"series": series, "date": dates, "value": growth.at(years), "low": low, "high": high}))
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
    tooltip: Sequence[alt.Tooltip],
    series: str = "series",
    span: tuple[float, float] | None = None,
    domain: Sequence[float] | None = None,
) -> alt.LayerChart:
    """Dated points by series on a logarithmic axis, with each trend and its band, named at its end.

    `points` has columns `date`, `value` and `series`; `growths` is keyed by the same names of series.
    Bands are cut at `domain`, the range of the axis, which is that of the points unless given.
    """
    start, end = span or (float(decimal_year(points["date"]).min()), float(decimal_year(points["date"]).max()))
    low, high = domain or (points[value].min() / 2.0, points[value].max() * 2.0)
    lines = trend_frame(growths, start, end)
    lines[["low", "high"]] = lines[["low", "high"]].clip(low, high)
    names = list(dict.fromkeys([*growths, *points[series]]))
    colour = alt.Color(f"{series}:N", sort=names, scale=alt.Scale(domain=names), legend=alt.Legend(columns=2) if len(names) > 1 else None)
    x = alt.X("date:T", title=None, axis=alt.Axis(format="%Y", tickCount={"interval": "year", "step": 1}, labelOverlap="greedy"))
    y = alt.Y(f"{value}:Q", title=title, scale=log_scale(domain=(low, high)).copy(), axis=alt.Axis(tickCount=6))
    line_colour = colour.copy()
    line_colour["shorthand"] = "series:N"
    band = alt.Chart(lines).mark_area(opacity=0.16).encode(x=x, y=alt.Y("low:Q", title=title, scale=y.scale), y2="high:Q", color=line_colour)
    line = (
        alt.Chart(lines)
        .mark_line(strokeWidth=2.5, clip=True)
        .encode(x=x, y=alt.Y("value:Q", title=title, scale=y.scale), color=line_colour)
    )
    dots = alt.Chart(points).mark_point().encode(x=x, y=y, color=colour, shape=alt.Shape(f"{series}:N", sort=names, legend=None), tooltip=list(tooltip))
    return alt.layer(band, line, dots).properties(width="container", height=HEIGHT)
