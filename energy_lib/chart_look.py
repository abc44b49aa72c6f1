"""One look for every chart: its colours and type in each mode, and its layout at any width."""

from __future__ import annotations

import copy
from collections.abc import Mapping

WIDE, NARROW = 680, 330
PHONE = 480  # narrower than this is narrow
# Names at the ends of lines repeat what the lines say; the layer that holds them has this name.
LINE_ENDS = "line-ends"


# After Okabe and Ito (2008): contrast 3:1 with the paper, and apart for readers blind to red, green or blue.
_PALETTE = {
    "light": ["#1a508a", "#a23600", "#007e5f", "#ad5a8c", "#927807", "#4d4c4c"],
    "dark": ["#adecff", "#f08e54", "#43bf94", "#e19ed0", "#e0cc55", "#c0c0c0"],
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
        "axisXQuantitative": {"grid": True},
        "legend": {
            "labelColor": ink,
            "titleColor": ink,
            "labelFontSize": 12,
            "orient": "top",
            "title": None,
            "symbolOpacity": 1,
            "symbolBaseFillColor": soft,
            "symbolBaseStrokeColor": soft,
            "symbolStrokeWidth": 2,
            "columnPadding": 16,
            "rowPadding": 4,
        },
        "text": {"color": ink, "fontSize": 12, "font": font},
        "tick": {"color": ink},
        "point": {"filled": True, "size": 45, "opacity": 0.75},
        "rule": {"color": soft},
        "range": {"category": _PALETTE[mode], "heatmap": _PALETTE[mode][:2]},
        # Thousands of marks are no help when read aloud: the description, the table and the arrow keys are.
        "mark": {"color": _PALETTE[mode][0], "aria": False},
        "title": {
            "color": ink,
            "anchor": "start",
            "frame": "group",
            "fontSize": 13,
            "fontWeight": "normal",
            "offset": 12,
        },
    }


def is_fluid(spec: Mapping) -> bool:
    """Whether the chart takes its width from the page: only single and layered charts can."""
    return ("mark" in spec or "layer" in spec) and spec.get("width", "container") == "container"


def fitted(spec: Mapping, width: int) -> dict:
    """The chart at a fixed width where it asks for that of its container, with names or a legend as there is room.

    `book/_static/charts.js` says the same to a chart that is drawn in a page.
    """
    made = copy.deepcopy(dict(spec))
    if is_fluid(spec):
        made["width"] = width
        made["autosize"] = {"type": "fit-x", "contains": "padding"}
    layers = made.get("layer", [])
    if width < PHONE:
        _make_narrow(made)
    elif any(layer.get("name") == LINE_ENDS for layer in layers):
        for coded in _coded(made):
            coded["legend"] = None
    return made


def _make_narrow(spec: dict) -> None:
    """Legends two entries wide, or one beside a second legend or names of rows, under which the axis' title begins."""
    if "layer" in spec:
        spec["layer"] = [layer for layer in spec["layer"] if layer.get("name") != LINE_ENDS]
    encodings = [part.get("encoding", {}) for part in [spec, *spec.get("layer", [])]]
    rows = any((encoding.get("y") or {}).get("type") == "nominal" for encoding in encodings)
    coded = [code for code in _coded(spec) if code.get("legend", {}) is not None]
    several = len({code.get("field") for code in coded}) > 1
    for code in coded:
        code["legend"] = {**(code.get("legend") or {}), "columns": 1 if rows or several else 2}
    for x in [encoding["x"] for encoding in encodings if rows and "title" in encoding.get("x", {})]:
        x["axis"] = {**(x.get("axis") or {}), "titleAnchor": "end"}


def _coded(spec: Mapping) -> list[dict]:
    """The encodings that a legend explains."""
    found = []
    for part in [spec, *spec.get("layer", [])]:
        encoding = part.get("encoding", {})
        found += [encoding[channel] for channel in ("color", "shape") if channel in encoding]
    return [coded for coded in found if "field" in coded or "datum" in coded]
