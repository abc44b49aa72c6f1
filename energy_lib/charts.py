"""One look for every chart, and the few builders that the notebooks share."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import altair as alt
import numpy as np
import pandas as pd

from energy_lib.chart_look import LINE_ENDS
from energy_lib.trends import Growth
from energy_lib.units import decimal_year

HEIGHT = 340
BAND_POINTS = 25
_LABEL_HEIGHT = 16
_MOST_DECADES = 6
# Point size in square pixels for up to so many points: many small dots show a cloud, many large ones a blot.
_POINT_SIZES = ((150, 45), (500, 28), (math.inf, 14))
# 0.001 and 1,000,000, where the default writes 1m and 1e+6.
_PLAIN_NUMBER = "datum.value >= 10 ? format(datum.value, ',d') : format(datum.value, '~f')"
_LABELLED_STEPS, _FEWEST_LABELS = ((1,), (1, 2, 5), (1, 1.5, 2, 3, 5, 7), (1, 1.2, 1.4, 1.6, 1.8, 2, 2.5, 3)), 3


def log_axis(low: float, high: float, **options) -> dict:
    """Scale and axis of a logarithmic `alt.X` or `alt.Y`: labels at powers of ten, and at steps between when these are
    fewer than three.

    >>> log_axis(3, 4000)["axis"].to_dict()["values"], log_axis(3, 40)["axis"].to_dict()["values"]
    ([10.0, 100.0, 1000.0], [5.0, 10.0, 20.0])
    """
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    apart = math.ceil((last - first) / _MOST_DECADES)
    decades = [decade for decade in range(first, last + 1) if decade % apart == 0]
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
        "legend": alt.Legend(columns=3) if len(names) > 1 else None,
    }
    colour = alt.Color("series:N", **by_series)
    logarithmic = log_axis(low, high)
    dots = drawn_points.mark_point(size=point_size(len(points))).encode(
        x=date_x(),
        y=alt.Y(f"{value}:Q", title=None, **logarithmic),
        color=colour,
        shape=alt.Shape("series:N", **by_series),
        tooltip=list(tooltip),
    )
    if not growths:
        return alt.layer(dots).properties(width="container", height=HEIGHT, title=title)
    lines = trend_frame(growths, start, end)
    named = [line_ends(lines, axis=logarithmic, colour=colour)] if 1 < len(names) == len(growths) else []
    layers = [*trend_layers(lines, logarithmic, colour), dots, *named]
    return alt.layer(*layers).properties(width="container", height=HEIGHT, title=title)


def point_size(count: int) -> int:
    """The size of one point among so many, in square pixels."""
    return next(size for most, size in _POINT_SIZES if count <= most)


def level(*, title: str | None = None, axis: dict | None = None, **at: float) -> alt.Chart:
    """A dashed line across a chart at `x=` or `y=`, which is no row of its data."""
    (channel, value), kind = next(iter(at.items())), {"x": alt.XDatum, "y": alt.YDatum}
    across = kind[channel](value, title=title, **(axis or {}))
    return alt.Chart(alt.InlineData(values=[{}])).mark_rule(strokeDash=[4, 4]).encode(**{channel: across})


def line_ends(
    lines: pd.DataFrame,
    *,
    axis: dict,
    colour: alt.Color,
    value: str = "value",
    series: str = "series",
    x: str | None = None,
    height: int = HEIGHT,
) -> alt.Chart:
    """The name of each series at the end of its line, in place of a legend, kept apart where lines end close together.

    Names stand at the right edge of a chart of that `height`, or where the line ends if `x` names its horizontal field.
    `axis` holds the scale with its domain. Narrow pictures show the legend and leave this layer out.
    """
    ends = lines.dropna(subset=[value]).groupby(series, sort=False).tail(1)
    scale = axis["scale"].to_dict()
    low, high = scale["domain"]
    rule = np.log if scale.get("type") == "log" else np.asarray
    bottom, top = rule(low), rule(high)
    pixels = (rule(ends[value].clip(low, high).to_numpy()) - bottom) / (top - bottom) * height
    shown = pd.DataFrame({series: ends[series], "at": height - apart(pixels, _LABEL_HEIGHT, height)})
    across = alt.value("width")
    if x:
        shown[x], across = ends[x], alt.X(x)
    return (
        alt.Chart(shown)
        .mark_text(align="left", dx=8, fontWeight=600, baseline="middle")
        .encode(x=across, y=alt.Y("at:Q", scale=None, axis=None), color=colour, text=f"{series}:N")
        .properties(name=LINE_ENDS)
    )


def apart(positions: np.ndarray, gap: float, end: float) -> np.ndarray:
    """Positions moved as little as it takes to lie `gap` apart between 0 and `end`, in their order.

    >>> apart(np.array([50.0, 52.0, 200.0]), 10.0, 300.0).tolist()
    [46.0, 56.0, 200.0]
    """
    order = np.argsort(positions, kind="stable")
    steps = gap * np.arange(len(positions))
    # Least squares with fixed gaps: the nondecreasing fit to what is left when the gaps are taken off.
    blocks: list[list[float]] = []
    for position in positions[order] - steps:
        blocks.append([position])
        while len(blocks) > 1 and np.mean(blocks[-2]) > np.mean(blocks[-1]):
            block = blocks.pop()
            blocks[-1] += block
    fitted = np.concatenate([np.full(len(block), np.mean(block)) for block in blocks])
    moved = np.empty(len(positions))
    moved[order] = np.clip(fitted, 0.0, max(end - steps[-1], 0.0)) + steps
    return moved


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


def steps(
    frame: pd.DataFrame,
    *,
    value: str,
    title: str,
    tooltip: Sequence[str],
    ends: tuple[str, str] | None = None,
) -> alt.LayerChart:
    """A falling staircase for each `series` of dated rows on a logarithmic axis, named where it ends.

    `ends` names the columns of each step's interval. Rows without a `model` only lead a line on; they get no dot.
    """
    shown = [value, *(ends or ())]
    logarithmic = log_axis(frame[shown].min(axis=None) / 2.0, frame[shown].max(axis=None) * 2.0)
    names = list(dict.fromkeys(frame["series"]))
    by_series = {"sort": names, "scale": alt.Scale(domain=names)}
    colour, fields = alt.Color("series:N", **by_series), [field.partition(":")[0] for field in tooltip]
    rows = alt.Chart(frame[list(dict.fromkeys(["date", "series", *shown, *fields]))]).encode(x=date_x(), color=colour)
    across = alt.Y(f"{value}:Q", title=None, **logarithmic)
    line = rows.mark_line(interpolate="step-after", strokeWidth=2.5).encode(y=across)
    steps_alone = rows.transform_filter(alt.datum.model != "")
    dots = steps_alone.mark_point().encode(
        y=across, shape=alt.Shape("series:N", **by_series), tooltip=["series", "date:T", *shown, *tooltip]
    )
    named = line_ends(frame.sort_values("date", kind="stable"), axis=logarithmic, colour=colour, value=value)
    layers = [line, dots, named]
    if ends:
        low, high = ends
        bars = steps_alone.mark_rule(strokeWidth=1.5).encode(y=alt.Y(f"{low}:Q", title=None, **logarithmic), y2=high)
        layers.insert(1, bars)
    return alt.layer(*layers).properties(width="container", height=HEIGHT, title=title)


def strip(frame: pd.DataFrame, *, value: str, title: str, tooltip: Sequence[str]) -> alt.LayerChart:
    """Dots in one strip for each `row`, with a tick at the median, on a logarithmic axis."""
    logarithmic = log_axis(frame[value].min() / 1.2, frame[value].max() * 1.2)
    rows = list(dict.fromkeys(frame["row"]))
    fields = [field.partition(":")[0] for field in tooltip]
    order = alt.Y("row:N", sort=rows, title=None, axis=alt.Axis(labelLimit=230))
    dots = (
        alt.Chart(frame[list(dict.fromkeys(["row", value, *fields]))])
        .mark_point()
        .encode(y=order, x=alt.X(f"{value}:Q", title=title, **logarithmic), tooltip=list(tooltip))
    )
    medians = frame.groupby("row", sort=False)[value].median().reset_index()
    ticks = (
        alt.Chart(medians)
        .mark_tick(thickness=3, size=26, opacity=1)
        .encode(y=order, x=alt.X(f"{value}:Q", title=title, **logarithmic), tooltip=["row", value])
    )
    return alt.layer(dots, ticks).properties(width="container", height=60 * len(rows))


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
    coded = {"sort": order, "scale": alt.Scale(domain=order), "legend": alt.Legend(columns=3)}
    drawn = alt.Chart(terms).encode(
        y=alt.Y("series:N", sort=list(dict.fromkeys(terms["series"])), title=None),
        yOffset=alt.YOffset("term:N", sort=order),
        color=alt.Color("term:N", **coded),
    )
    title = "Growth a year (log scale)"
    intervals = drawn.mark_rule(strokeWidth=2).encode(x=alt.X("low:Q", title=title, **logarithmic), x2="high:Q")
    dots = drawn.mark_point(size=80, opacity=1).encode(
        x=alt.X("factor:Q", title=title, **logarithmic),
        shape=alt.Shape("term:N", **coded),
        tooltip=["series", "term", "factor", "low", "high"],
    )
    still = level(x=1.0, title=title, axis=logarithmic)
    return alt.layer(still, intervals, dots).properties(width="container", height=36 * len(terms))
