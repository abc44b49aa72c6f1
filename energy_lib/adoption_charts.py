"""The charts that the pages on adoption share: intervals in rows, bands over years, and counts by date."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt
import pandas as pd

from energy_lib.charts import HEIGHT, date_x, log_axis

ROW_HEIGHT = 34
SMALL_HEIGHT = 170


def intervals(
    frame: pd.DataFrame, *, row: str, title: str, colour: str | None = None, domain: Sequence[float] | None = None
) -> alt.LayerChart:
    """A dot at `median` and a line from `low` to `high` for each row on a logarithmic axis; a missing end, no line.

    Rows of one name stand below each other by `colour`. A comma in a name breaks its line.
    """
    shown = frame[[c for c in dict.fromkeys([row, colour, "low", "median", "high"]) if c]]
    low, high = domain or (shown[["low", "median"]].min().min() / 1.5, shown[["high", "median"]].max().max() * 1.5)
    axis = log_axis(low, high)
    rows = list(dict.fromkeys(shown[row]))
    encoded = {"y": alt.Y(f"{row}:N", sort=rows, title=None, axis=row_axis())}
    count = len(rows)
    if colour:
        order = list(dict.fromkeys(shown[colour]))
        encoded["color"] = alt.Color(f"{colour}:N", sort=order, legend=alt.Legend(symbolOpacity=1, columns=2))
        encoded["yOffset"] = alt.YOffset(f"{colour}:N", sort=order)
        count = max(count, len(shown[[row, colour]].drop_duplicates()) / 1.6)
    drawn = alt.Chart(shown).encode(**encoded)
    lines = drawn.mark_rule(strokeWidth=2).encode(x=alt.X("low:Q", title=title, **axis), x2="high:Q")
    dots = drawn.mark_point(size=70, opacity=1).encode(
        x=alt.X("median:Q", title=title, **axis), tooltip=[c for c in shown.columns if c]
    )
    return alt.layer(lines, dots).properties(width="container", height=ROW_HEIGHT * count)


def row_axis() -> alt.Axis:
    """Names of rows, with a line for each part between commas."""
    return alt.Axis(labelExpr="split(datum.label, ', ')", labelLimit=150)


def bands(
    frame: pd.DataFrame, *, colour: str, title: str, dots: pd.DataFrame | None = None, domain: Sequence[float]
) -> alt.LayerChart:
    """Median and 90 % band by `year` for each `colour`, and `dots` (`year`, `median`, `low`, `high`, `colour`) beside
    them, on a logarithmic axis."""
    axis = log_axis(*domain)
    names = list(dict.fromkeys([*frame[colour], *(dots[colour] if dots is not None else ())]))
    encoded = {
        "x": alt.X("year:Q", title=None, axis=alt.Axis(format="d", tickMinStep=1)).scale(zero=False, padding=12),
        "color": alt.Color(
            f"{colour}:N", sort=names, scale=alt.Scale(domain=names), legend=alt.Legend(columns=2, symbolOpacity=1)
        ),
    }
    columns = ["year", colour, "low", "median", "high"]

    def cut(rows: pd.DataFrame) -> pd.DataFrame:
        return rows[columns].assign(low=rows["low"].clip(*domain), high=rows["high"].clip(*domain))

    def y(column: str) -> alt.Y:
        return alt.Y(f"{column}:Q", title=None, **axis)

    drawn = alt.Chart(cut(frame)).encode(**encoded)
    layers = [
        drawn.mark_area(opacity=0.18).encode(y=y("low"), y2="high:Q"),
        drawn.mark_line(strokeWidth=2.5, point=True).encode(y=y("median"), tooltip=columns),
    ]
    if dots is not None:
        marks = alt.Chart(cut(dots)).encode(**encoded)
        layers.append(marks.mark_rule(strokeWidth=2).encode(y=y("low"), y2="high:Q"))
        layers.append(marks.mark_point(size=80, opacity=1).encode(y=y("median"), tooltip=columns))
    return alt.layer(*layers).properties(width="container", height=HEIGHT, title=title)


def counts(rows: pd.DataFrame, *, unit: float, title: str) -> alt.LayerChart:
    """Disclosed counts by date in units of `unit` on a logarithmic axis, one line for each `series`, in a low chart."""
    # What is counted stands in the title.
    rows = rows.assign(value=rows["value"] / unit, series=rows["series"].str.partition(",")[0])
    axis = log_axis(rows["value"].min() / 1.5, rows["value"].max() * 1.5)
    names = list(dict.fromkeys(rows["series"]))
    colour = alt.Color(
        "series:N",
        sort=names,
        scale=alt.Scale(domain=names),
        legend=alt.Legend(symbolOpacity=1, columns=2) if len(names) > 1 else None,
    )
    drawn = alt.Chart(rows[["date", "series", "value"]]).encode(
        x=date_x().scale(padding=12), y=alt.Y("value:Q", title=None, **axis), color=colour
    )
    dots = drawn.mark_point(opacity=1).encode(tooltip=["series", "date:T", "value"])
    return alt.layer(drawn.mark_line(strokeWidth=1.5), dots).properties(
        width="container", height=SMALL_HEIGHT, title=title
    )
