"""What notebooks hand to the book: numbers with their interval, charts with their description, small tables.

Each call adds one output of its own MIME type to the notebook; the book's pages read them from there, so that no
number is typed. Bad or missing parts are refused here, where the line that forgot them is known.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence

import pandas as pd

NUMBER_MIME = "application/vnd.energy.number+json"
CHART_MIME = "application/vnd.energy.chart+json"
TABLE_MIME = "application/vnd.energy.table+json"
PICTURE_SCALE = 2.0
RELATIVE_TOLERANCE = 1e-6  # to which the numbers of two machines must agree; their words must be the same
_JSON_DIGITS = 10  # far more than the tolerance needs: a last digit that differs is then within it
_TIE = 1e-11
_SHORTEST, _LONGEST = 1e-5, 1e8  # beyond these a number is written with a power of ten
_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def significant(value: float, digits: int = 3) -> str:
    """A number as the book writes it: so many significant digits, thousands apart, a power of ten when very long.

    >>> significant(1456711.9), significant(0.0759), significant(18.56), significant(2.02e13)
    ('1,460,000', '0.0759', '18.6', '2.02 × 10¹³')
    """
    if math.isnan(value):
        raise ValueError("a number to publish is NaN")
    if math.isinf(value):
        return "infinite"
    if value == 0.0:
        return "0"
    value *= 1.0 + _TIE  # half a unit is rounded away from zero, whatever the last digits are
    if not _SHORTEST <= abs(value) < _LONGEST:
        mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
        return f"{mantissa} × 10{str(int(exponent)).translate(_SUPERSCRIPT)}"
    decimals = digits - 1 - math.floor(math.log10(abs(value)))
    rounded = round(value, decimals)
    if rounded and math.floor(math.log10(abs(rounded))) > math.floor(math.log10(abs(value))):
        decimals -= 1  # 0.9996 becomes 1.00, not 1.000
    return f"{rounded:,.{max(decimals, 0)}f}"


def interval_text(low: float, high: float, unit: str, digits: int = 3) -> str:
    """An interval in words; an end that is infinite is said to be open.

    >>> interval_text(1.9, 13.04, "years"), interval_text(2.95, float("inf"), "years")
    ('1.90 to 13.0 years', '2.95 years or more')
    """
    unit = f" {unit}" if unit else ""
    if math.isinf(high):
        return f"{significant(low, digits)}{unit} or more"
    return f"{significant(low, digits)} to {significant(high, digits)}{unit}"


def number(
    key: str,
    value: float | str,
    unit: str,
    *,
    what: str,
    tables: Sequence[str],
    interval: tuple[float, float] | None = None,
    no_interval: str | None = None,
    interval_is: str = "95 % interval",
    digits: int = 3,
    headline: bool = False,
) -> None:
    """Publish one number under a key that pages and the machine-readable list use.

    Either an `interval` that contains the value, with what it is, or the reason why there is none. A count is an
    `int`, a verdict a `str`. Raises `ValueError`.
    """
    if (interval is None) == (no_interval is None):
        raise ValueError(f"{key}: give an interval, or the reason why there is none")
    if interval is not None and not interval[0] <= value <= interval[1]:
        raise ValueError(f"{key}: the value {value} lies outside its interval {interval}")
    if isinstance(value, str):
        words = value
    else:
        words = f"{value:,d}" if isinstance(value, int) else significant(float(value), digits)
        words = f"{words} {unit}".strip()
    low, high = (float(end) for end in interval) if interval else (None, None)
    record = {
        "key": key,
        "what": what,
        "value": value if isinstance(value, str | int) else _json_number(float(value)),
        "low": _json_number(low),
        "high": _json_number(high),
        "interval_is": interval_is if interval else None,
        "unit": unit,
        "text": words,
        "interval_text": interval_text(low, high, unit, digits) if interval else None,
        "no_interval": no_interval,
        "tables": list(tables),
        "headline": headline,
    }
    aside = f"{interval_is}: {record['interval_text']}" if interval else no_interval
    _display({NUMBER_MIME: record, "text/plain": f"{key} = {words} ({aside})"})


def _json_number(value: float | None) -> float | str | None:
    """JSON has no infinity."""
    if value is None:
        return None
    return "Infinity" if math.isinf(value) else _rounded(value)


def headline_rows(rows: pd.DataFrame, *, interval_is: str = "95 % interval") -> None:
    """Publish rows of `headlines.headlines`, each with its interval."""
    for key, row in rows.iterrows():
        number(
            key,
            row["value"],
            row["unit"],
            what=row["what"],
            tables=row["tables"],
            interval=(row["low"], row["high"]),
            interval_is=interval_is,
            digits=2 if row["unit"] else 3,  # a bare factor lies near one
            headline=True,
        )


def chart(
    name: str,
    figure,
    *,
    description: str,
    source: str,
    data_as_of: str,
    tables: Sequence[str],
    fields: Mapping[str, tuple[str, str]] | None = None,
) -> None:
    """Publish an Altair chart: its specification with the data, what it shows in words, and where the data are from.

    The table of its data, the titles of its tooltips and the words on logarithmic axes are derived from the chart;
    `fields` gives label and unit of fields that no other chart has. Raises `ValueError` with the chart's name where
    the description, source or date is missing, where there are no rows, or where an axis of quantities has no unit.
    """
    for label, text in (("description", description), ("source", source), ("data_as_of", data_as_of)):
        if not (text and text.strip()):
            raise ValueError(f"{name}: a chart needs its {label}")
    import vl_convert

    from energy_lib import chart_data, chart_look

    spec = _with_named_datasets(name, _rounded(figure.to_dict()))
    try:
        told = chart_data.describe(spec, fields or {})
    except chart_data.ChartDataError as error:
        raise ValueError(f"{name}: {error}") from error
    description = chart_data.scales_in_words(spec, description)
    spec = chart_data.worded(spec, told) | {"description": description}
    spec.pop("config", None)  # the page sets the theme of the reader's mode
    record = {
        "name": name,
        "spec": spec,
        "table": told,
        "description": description,
        "source": source,
        "data_as_of": data_as_of,
        "tables": list(tables),
    }
    drawn = chart_look.fitted(spec, chart_look.WIDE)
    picture = vl_convert.vegalite_to_png(drawn, config=chart_look.theme("light"), scale=PICTURE_SCALE)
    _display({CHART_MIME: record, "image/png": picture, "text/plain": f"{name}: {description}"})


def _rounded(part: object) -> object:
    """A specification with its numbers to the digits that are published."""
    if isinstance(part, float):
        return float(f"{part:.{_JSON_DIGITS}g}")
    if isinstance(part, dict):
        return {key: _rounded(value) for key, value in part.items()}
    return [_rounded(value) for value in part] if isinstance(part, list) else part


def _with_named_datasets(name: str, spec: dict) -> dict:
    """Datasets named by their chart and place in it: Altair names them by a hash of digits, which differ by machine."""
    hashed = [dataset for dataset in spec.get("datasets", {}) if dataset.startswith("data-")]  # not those we named
    drawn = json.dumps({part: value for part, value in spec.items() if part != "datasets"}, sort_keys=True)
    text = json.dumps(spec)
    for count, dataset in enumerate(sorted(hashed, key=drawn.index), start=1):
        text = text.replace(f'"{dataset}"', f'"{name}-data-{count}"')
    return json.loads(text)


def table(name: str, frame: pd.DataFrame, columns: Mapping[str, tuple[str, str]]) -> None:
    """Publish a small table: for each column of `frame` its label and its format.

    A format is a `str.format` specification, `"3s"` for three significant digits, or `""` for text as it is.
    """
    cells = [
        [_cell(value, columns[column][1]) for column, value in row.items()]
        for _, row in frame[list(columns)].iterrows()
    ]
    described = [
        {"name": column, "label": label, "align": "right" if form else "left"}
        for column, (label, form) in columns.items()
    ]
    record = {"name": name, "columns": described, "rows": cells}
    plain = pd.DataFrame(cells, columns=[label for label, _ in columns.values()]).to_string(index=False)
    _display({TABLE_MIME: record, "text/plain": plain})


def _cell(value: object, form: str) -> str:
    if pd.isna(value):
        return "\N{EN DASH}"
    if form.endswith("s"):
        return significant(float(value), int(form[:-1]))
    return format(_rounded(value), form)  # of two machines, one may have 2.15 and one 2.1499999999999995


def _display(bundle: dict) -> None:
    from IPython.display import display

    display(bundle, raw=True)
