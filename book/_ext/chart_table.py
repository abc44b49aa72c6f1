"""The data of a published chart, as its table in the page, as a page of its own and as a CSV file."""

import csv
import html
import io
from typing import Any

import record

from energy_lib import chart_data
from energy_lib.publish import significant

LONG_CELL = 28  # characters; columns with longer texts wrap them
INLINE_ROWS = 30  # a longer table shows its first rows; the rest is loaded when it is opened
FORMULA = ("=", "+", "-", "@", "\t", "\r")
PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Data of {name}</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="robots" content="noindex">
<link rel="stylesheet" href="../_static/figures.css"></head><body class="chart-page">
<main><h1>Data of {name}</h1><p>{description}</p><p>Source: {source}. Data as of {data_as_of}.
<a href="{name}.csv">The same rows as CSV</a></p>{table}</main></body></html>
"""


def faults(chart: record.Chart) -> list[str]:
    """What a chart is without: one of its texts, its data, or the unit of an axis."""
    found = list(chart.missing)
    if not chart.table.get("parts") or not chart_data.rows(chart.spec, chart.table):
        return [*found, "data"]
    columns = chart.table["columns"]
    return found + [f"the unit of {c['label']!r}" for c in columns if c.get("on_axis") and not c["unit"]]


def csv_text(chart: record.Chart) -> str:
    """The rows that the chart draws, with units in the header; no cell can run as a spreadsheet's formula."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(map(_safe, chart_data.headings(chart.table)))
    writer.writerows([_safe(_plain(cell)) for cell in row] for row in chart_data.rows(chart.spec, chart.table))
    return out.getvalue()


def table_html(chart: record.Chart, rows: list[list[Any]], caption: str) -> str:
    """A table with its caption, which is HTML, and the given rows of the chart."""
    forms = _forms(chart)
    heads = "".join(f'<th scope="col"{_align(form)}>{_text(name)}</th>' for name, form in forms.items())
    body = "".join(f"<tr>{''.join(map(_cell, row, forms.values(), range(len(row))))}</tr>" for row in rows)
    return (
        f'<table class="chart-rows"><caption>{caption}</caption>'
        f"<thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>"
    )


def page_html(chart: record.Chart) -> str:
    """All rows as a page of their own."""
    rows = chart_data.rows(chart.spec, chart.table)
    texts = {part: _text(getattr(chart, part)) for part in ("name", "description", "data_as_of")}
    source = _text(chart.source.strip().rstrip("."))
    return PAGE.format(**texts, source=source, table=table_html(chart, rows, f"{len(rows):,} rows"))


def _forms(chart: record.Chart) -> dict[str, str]:
    """For every heading, how its cells are written: as text, long text, count, quantity or date."""
    rows = chart_data.rows(chart.spec, chart.table)
    kinds = [column["kind"] for column in chart.table["columns"]]
    kinds = ["text"] * (len(rows[0]) - len(kinds)) + kinds
    forms = map(_form, kinds, zip(*rows, strict=True))
    return dict(zip(chart_data.headings(chart.table), forms, strict=True))


def _form(kind: str, cells: tuple[Any, ...]) -> str:
    if kind == "quantity" and all(cell is None or float(cell).is_integer() for cell in cells):
        return "count"
    if kind == "text" and any(len(str(cell)) > LONG_CELL for cell in cells):
        return "wordy"
    return kind


def _cell(value: Any, form: str, column: int) -> str:
    if value is None:
        text = ""
    elif form == "count":
        text = f"{int(value):,d}"
    elif form == "quantity":
        text = significant(float(value))
    else:
        text = _text(_plain(value))
    return f'<th scope="row"{_align(form)}>{text}</th>' if column == 0 else f"<td{_align(form)}>{text}</td>"


def _plain(value: Any) -> Any:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str) and value.endswith("T00:00:00"):
        return value[:10]
    return "" if value is None else value


def _safe(value: Any) -> Any:
    """A text that a spreadsheet would take for a formula gets an apostrophe before it."""
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value


def _align(form: str) -> str:
    named = {"count": "number", "quantity": "number", "wordy": "wordy"}.get(form)
    return f' class="{named}"' if named else ""


def _text(value: Any) -> str:
    return html.escape(str(value))


def shown_html(chart: record.Chart, folder: str) -> str:
    """The table as it stands in the chart's own page; `folder` leads to the full tables."""
    rows = chart_data.rows(chart.spec, chart.table)
    caption, more = f"Data of this figure, {len(rows):,} rows", ""
    if len(rows) > INLINE_ROWS:
        address = f"{folder}{chart.name}.html"
        caption = f'First {INLINE_ROWS} of {len(rows):,} rows; <a href="{address}">all rows</a>'
        more = f' data-rest="{address}"'
    table = table_html(chart, rows[:INLINE_ROWS], caption)
    return f'<div class="chart-table" role="region" aria-label="Data of {chart.name}" tabindex="0"{more}>{table}</div>'


def write(chart: record.Chart, folder: Any) -> None:
    """Writes the CSV file and, where the page shows only the first rows, the page of all."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{chart.name}.csv").write_text(csv_text(chart), encoding="utf-8")
    if len(chart_data.rows(chart.spec, chart.table)) > INLINE_ROWS:
        (folder / f"{chart.name}.html").write_text(page_html(chart), encoding="utf-8")
