"""What a chart draws, as a table: its columns with words and units, and its rows, read off the chart itself."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Mapping

from energy_lib.chart_look import LINE_ENDS

# Fields that several charts share: words and unit. Axes are called by their titles.
FIELDS = {
    "active": ("active parameters", "billions"),
    "avg_batch_size": ("answers at once", "requests"),
    "best_format": ("best number format", ""),
    "chip_j": ("our estimate for the chip", "J/token"),
    "ceiling": ("high end of the claim", "times"),
    "confidence": ("confidence in the row", ""),
    "energy_j": ("joules", "J"),
    "epoch_capabilities_index": ("Epoch capabilities index", "points"),
    "family_high": ("families of models, high", "times"),
    "family_low": ("families of models, low", "times"),
    "floor": ("low end of the claim", "times"),
    "gflops": ("operations", "GFLOP"),
    "gpu": ("GPU", ""),
    "glue_score": ("GLUE score", "points"),
    "green500_no1_system": ("machine", ""),
    "held": ("records inside the interval", "%"),
    "high_j": ("high", "J"),
    "id": ("number", ""),
    "input_tokens": ("input tokens", "tokens"),
    "j_per_token_best": ("at the best batch", "J"),
    "left_out": ("why in no fit", ""),
    "level": ("level of quality", "points"),
    "low_j": ("low", "J"),
    "max_batch_size_best": ("best batch", "requests"),
    "measured_j": ("measured", "J"),
    "mmlu": ("MMLU", "%"),
    "n_gpus": ("accelerators", ""),
    "n_records": ("records", ""),
    "nickname": ("model", ""),
    "predicted_j": ("predicted", "J"),
    "promised": ("promised by the peaks", "times"),
    "quarter": ("a quarter lies below", ""),
    "re_read": ("re-read at its source", ""),
    "study_j": ("the study's line", "J"),
    "tdp_basis": ("kind of power", ""),
    "tflops": ("peak rate", "TFLOP/s"),
    "three": ("a quarter lies above", ""),
    "top1": ("right at the first guess", "%"),
    "params_M": ("parameters", "millions"),
    "watts": ("power", "W"),
    "wall_j": ("measured at the wall", "J/token"),
}
# The unit that an axis names in words; the first that fits.
_UNITS = (
    (r"\btimes\b|\bmultiple\b|\bover\b| / |\bfactor\b|growth a year|\bratio\b", "times"),
    (r"%|\bper ?cent\b", "%"),
    (r"\bshare\b|\bfraction\b", "fraction"),
    (r"GFLOP for each joule", "GFLOP/J"),
    (r"FLOP for each joule", "FLOP/J"),
    (r"\b(GFLOP|TFLOP|FLOP|TWh|GWh|MWh|kWh|Wh|GW|MW|kW)\b", None),
    (r"\bjoules?\b", "J"),
    (r"\bwatts?\b", "W"),
    (r"\bbillions?\b", "billions"),
    (r"\bmillions?\b", "millions"),
    (r"\btokens\b", "tokens"),
    (r"\banswers at once\b|\bbatch\b|\brequests?\b", "requests"),
    (r"\bpeople\b|\bpersons\b", "people"),
    (r"\byears?\b", "years"),
    (r"\bpictures\b|\bimages\b", "images"),
    (r"\bscore\b|\bindex\b|\bpoints\b", "points"),
)
_SUFFIXES = {"j": "J", "w": "W", "wh": "Wh", "kwh": "kWh", "twh": "TWh", "pct": "%", "years": "years", "s": "s"}
_LOG = re.compile(r",? *\(?\blog(?:arithmic)?(?: scale)?\b\)?", re.IGNORECASE)
_AXES = {"x": "x", "x2": "x", "y": "y", "y2": "y"}
_DRAWN_AS = {"point": "point", "circle": "point", "area": "trend", "line": "line", "tick": "tick", "bar": "range"}
_BY_WEIGHT = ("point", "circle", "line", "tick", "text", "bar", "rule", "area")
SMALLEST_PLAIN = 1e-5


class ChartDataError(ValueError):
    """A chart that cannot be told as a table; the message says what is missing."""


def layers(spec: Mapping) -> Iterator[Mapping]:
    """Each mark of a chart with the data and the encodings that it inherits; names at the ends of lines are none."""
    for layer in spec.get("layer", [spec]):
        inherited = {"data": spec.get("data", {}), "encoding": spec.get("encoding", {})}
        joined = {**inherited, **layer, "encoding": {**inherited["encoding"], **layer.get("encoding", {})}}
        if "layer" in layer and layer is not spec:
            yield from layers(joined)
        elif layer.get("name") != LINE_ENDS:
            yield joined


def mark_of(layer: Mapping) -> str:
    """The kind of mark that a layer draws."""
    mark = layer.get("mark", "")
    return mark if isinstance(mark, str) else mark["type"]


def is_log(spec: Mapping, axis: str) -> bool:
    """Whether an axis, `"x"` or `"y"`, is logarithmic."""
    return any((layer["encoding"].get(axis) or {}).get("scale", {}).get("type") == "log" for layer in layers(spec))


def axis_title(spec: Mapping, axis: str) -> str:
    """What an axis counts, without the word on its scale; the title over a chart is that of its vertical axis."""
    titles = [(layer["encoding"].get(axis) or {}).get("title") for layer in layers(spec)]
    over = spec.get("title", "") if axis == "y" else ""
    named = next((title for title in titles if title), over if isinstance(over, str) else over.get("text", ""))
    return _LOG.sub("", named).strip()


def unit_in_words(title: str) -> str:
    """The unit that a title names; empty where it names none.

    >>> unit_in_words("Joules for each image"), unit_in_words("Predicted / measured"), unit_in_words("Size")
    ('J', 'times', '')
    """
    for pattern, unit in _UNITS:
        if found := re.search(pattern, title, re.IGNORECASE):
            return unit or found.group(1)
    return ""


def describe(spec: Mapping, fields: Mapping[str, tuple[str, str]]) -> dict:
    """The table of a chart: `parts`, the sets of data that it draws, and `columns`, with the field of each part.

    `fields` gives words and unit of fields that this chart alone has. Raises `ChartDataError` where there are no rows,
    or where an axis of quantities has no title or names no unit.
    """
    drawn: dict[str, list[Mapping]] = {}
    for layer in layers(spec):
        if any("field" in part for channel in layer["encoding"].values() for part in _as_list(channel)):
            drawn.setdefault(layer["data"].get("name", ""), []).append(layer)
    parts = [
        {"dataset": name, "drawn_as": _drawn_as(used)} for name, used in drawn.items() if spec["datasets"].get(name)
    ]
    if not parts:
        raise ChartDataError("no rows of data")
    parts.sort(key=lambda part: part["drawn_as"] != "point")
    columns: dict[tuple[str, str], dict] = {}
    for name in (part["dataset"] for part in parts):
        for field, (label, unit, axis) in _words(spec, drawn[name], fields).items():
            values = [row.get(field) for row in spec["datasets"][name]]
            if all(value in (None, "") for value in values):
                continue
            kind = _kind(field, values, drawn[name])
            named = bool(axis) and kind == "quantity"
            if named and not unit:
                raise ChartDataError(f"no unit: the axis of {field!r} is called {axis_title(spec, axis)!r}")
            taken = name in columns.get((label, unit), {}).get("fields", {})
            words = f"{label}, {field.replace('_', ' ')}" if taken else label
            column = {"label": words, "unit": unit, "kind": kind, "on_axis": named, "fields": {}}
            column = columns.setdefault((words, unit), column)
            column["fields"][name] = field
    return {"parts": parts, "columns": _ordered(list(columns.values()))}


def rows(spec: Mapping, table: Mapping) -> list[list]:
    """The cells of every row that a chart draws, in the order of the columns of `describe`."""
    made = []
    for part in table["parts"]:
        fields = [column["fields"].get(part["dataset"]) for column in table["columns"]]
        for row in spec["datasets"][part["dataset"]]:
            cells = [row.get(field) if field else None for field in fields]
            made.append([part["drawn_as"], *cells] if len(table["parts"]) > 1 else cells)
    return made


def headings(table: Mapping) -> list[str]:
    """The words over the columns of `rows`, each with its unit."""
    named = [f"{c['label']} ({c['unit']})" if c["unit"] else c["label"] for c in table["columns"]]
    return ["drawn as", *named] if len(table["parts"]) > 1 else named


def worded(spec: Mapping, table: Mapping) -> dict:
    """The chart with its axes called the same way, and tooltips that show words, units and short numbers."""
    made = copy.deepcopy(dict(spec))
    named = {(part, field): column for column in table["columns"] for part, field in column["fields"].items()}
    for layer, part in _nested(made, None):
        encoding = layer.get("encoding", {})
        for axis in ("x", "y"):
            if (encoding.get(axis) or {}).get("title"):
                encoding[axis]["title"] = _said(encoding[axis]["title"], is_log(spec, axis))
        tips = _as_list(encoding.get("tooltip", []))
        shown = [tip for tip in tips if (part, tip.get("field")) in named]
        for tip in shown:
            column = named[part, tip["field"]]
            tip["title"] = f"{column['label']} ({column['unit']})" if column["unit"] else column["label"]
            tip.update(_format(column["kind"], [row.get(tip["field"]) for row in spec["datasets"][part]]))
        if tips:
            encoding["tooltip"] = shown
    if isinstance(made.get("title"), str):
        made["title"] = _said(made["title"], is_log(spec, "y") and not _has_title(spec, "y"))
    return made


def scales_in_words(spec: Mapping, description: str) -> str:
    """A description that says which axes are logarithmic, if it did not."""
    logarithmic = [name for axis, name in (("x", "horizontal"), ("y", "vertical")) if is_log(spec, axis)]
    if not logarithmic or "logarithmic" in description:
        return description
    axes = f"{' and '.join(logarithmic)} ax{'e' if len(logarithmic) > 1 else 'i'}s"
    return f"{description.rstrip()} The {axes} {'are' if len(logarithmic) > 1 else 'is'} logarithmic."


def _words(spec: Mapping, used: list[Mapping], fields: Mapping) -> dict[str, tuple[str, str, str]]:
    """For each field of one part its label, its unit, and the axis that it gives the name of, in order of weight."""
    by_weight = sorted(used, key=lambda layer: _BY_WEIGHT.index(mark_of(layer)) if mark_of(layer) in _BY_WEIGHT else 9)
    first: dict[str, str] = {}
    on: dict[str, str] = {}
    order: list[str] = []
    for layer in by_weight:
        for channel, encodings in layer["encoding"].items():
            for encoding in _as_list(encodings):
                field = (encoding or {}).get("field")
                if not field or encoding.get("aggregate"):
                    continue
                order.append(field)
                if axis := _AXES.get(channel):
                    on.setdefault(field, axis)
                    if channel in ("x", "y") and _counts(layer, channel):
                        first.setdefault(axis, field)
    found = {}
    for field in dict.fromkeys(order):
        axis = on.get(field, "")
        title = axis_title(spec, axis) if axis else ""
        own = first.get(axis) == field
        label, unit = fields.get(field) or FIELDS.get(field) or ("", "")
        unit = unit or (unit_in_words(title) if axis in first else "") or _SUFFIXES.get(field.rpartition("_")[2], "")
        if own and title and field not in fields:
            unit = unit_in_words(title) or unit
            label = re.sub(rf", *{re.escape(unit)}$", "", title)
        found[field] = (label or field.replace("_", " "), unit, axis if own else "")
    return found


def _as_list(part: object) -> list:
    return part if isinstance(part, list) else [part or {}]


def _counts(layer: Mapping, axis: str) -> bool:
    """Whether a layer draws quantities on an axis, and not only the ends of a range."""
    return layer["encoding"][axis].get("type") == "quantitative" and f"{axis}2" not in layer["encoding"]


def _drawn_as(used: list[Mapping]) -> str:
    kinds = [mark_of(layer) for layer in used]
    for kind, words in _DRAWN_AS.items():
        if kind in kinds:
            return words
    ends = any({"x2", "y2"} & set(layer["encoding"]) for layer in used)
    return "interval" if ends else "level"


def _kind(field: str, values: list, used: list[Mapping]) -> str:
    told = [v for v in values if v is not None]
    if all(isinstance(v, bool) for v in told):
        return "text"
    if all(isinstance(v, int | float) for v in told):
        return "year" if field == "year" else "quantity"
    dated = any((layer["encoding"].get("x") or {}).get("field") == field for layer in used) or field == "date"
    return "date" if dated and all(re.match(r"\d{4}-\d\d-\d\dT", str(v)) for v in told) else "text"


def _ordered(columns: list[dict]) -> list[dict]:
    """Names before dates before quantities, each in the order of the chart."""
    return sorted(columns, key=lambda column: ("text", "date", "year", "quantity").index(column["kind"]))


def _nested(spec: dict, part: str | None) -> Iterator[tuple[dict, str | None]]:
    """A chart and its layers, however deep, each with the name of the dataset that it draws."""
    part = (spec.get("data") or {"name": part}).get("name")
    yield spec, part
    for layer in spec.get("layer", []):
        yield from _nested(layer, part)


def _has_title(spec: Mapping, axis: str) -> bool:
    return any((layer["encoding"].get(axis) or {}).get("title") for layer in layers(spec))


def _said(title: str, logarithmic: bool) -> str:
    return f"{_LOG.sub('', title).strip()} (log scale)" if logarithmic else title


def _format(kind: str, values: list) -> dict[str, str]:
    """How a tooltip writes a column; days as days, counts in full, quantities to three digits."""
    if kind == "date":
        return {"type": "temporal", "format": "%-d %b %Y"}
    if kind != "quantity":
        return {"type": "quantitative", "format": "d"} if kind == "year" else {"type": "nominal"}
    told = [value for value in values if value is not None]
    if all(float(value).is_integer() for value in told):
        return {"type": "quantitative", "format": ",d"}
    small = any(0 < abs(value) < SMALLEST_PLAIN for value in told)
    return {"type": "quantitative", "format": ".3~e" if small else ",.3~r"}
