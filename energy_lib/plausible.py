"""Questions about a new row of a table: values that its like make unlikely, with the slip that would explain each."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import pandas as pd

FAR = 3.0  # standard errors of a prediction beyond which a value is questioned
SMALLEST_FACTOR = 1.7  # below it no slip of unit is near, however well the like rows agree
MOST = 3  # questions of this kind about a row: one wrong value makes others look wrong beside it
FEWEST_ROWS = 12
ROWS_PER_COLUMN = 3
PENALTY = 1e-3  # of the squared coefficients, so that columns which say the same do no harm
# How many times too large a slip makes a value; the first that is near enough is named.
SLIPS = {
    2.0: "multiply-adds counted twice, or a rate with sparsity",
    0.5: "multiply-adds (MAC) taken for operations",
    10.0: "a digit too many",
    0.1: "a digit too few",
    1e3: "a unit a thousand times smaller, such as mW for W",
    1e-3: "a unit a thousand times larger, such as kW for W",
    3600.0: "joules taken for watt-hours",
    1 / 3600: "watt-hours taken for joules",
    3.6e6: "joules taken for kilowatt-hours",
    1 / 3.6e6: "kilowatt-hours taken for joules",
}
_MATRIX_RATES = ("tf32_tflops", "fp16_tensor_tflops", "fp8_tflops", "int8_tops", "fp4_tflops")
HALVED_PRECISION = 3.5  # half the bits double a rate; four times is the doubled rate of a sparse one


def questions(table: pd.DataFrame, row: Mapping[str, Any], typed: Collection[str], date: str | None) -> list[str]:
    """What looks wrong in `row`, a new one of `table`, the likeliest fault first; empty where nothing does.

    Each number of `typed` columns is predicted from the others by least squares of the logarithms over the table's
    rows, with `date` (the column of the row's date) as a trend.
    """
    found = _far_from_like_rows(table, row, typed, date)
    if table.attrs.get("name") == "accelerators":
        found += _sparse_rates(row)
    return found


def _far_from_like_rows(
    table: pd.DataFrame, row: Mapping[str, Any], typed: Collection[str], date: str | None
) -> list[str]:
    units = table.attrs["units"]
    columns = [c for c in units if c in typed and units[c] != "year" and row[c] is not None and row[c] > 0]
    for name in ("unit", "metric", "quantity"):  # numbers that mean something else in other rows
        if name in table and row.get(name) is not None:
            table = table[table[name] == row[name]]
    logs = pd.DataFrame({c: np.log10(table[c].astype(float).where(table[c] > 0)) for c in columns})
    new = {c: float(np.log10(float(row[c]))) for c in columns}
    if date and row[date] is not None:
        logs["date"] = _years(table[date])
        new["date"] = float(_years(pd.Series([pd.Timestamp(row[date])])).iloc[0])
    found = []
    for column in columns:
        error, standard_error, rows = _prediction_error(logs, new, column)
        if rows and abs(error) > max(FAR * standard_error, np.log10(SMALLEST_FACTOR)):
            found.append((-abs(error) / standard_error, _question(column, row[column], units[column], error)))
    return [question for _, question in sorted(found)[:MOST]]


def _years(dates: pd.Series) -> pd.Series:
    if not pd.api.types.is_datetime64_any_dtype(dates):
        return dates.astype(float) - 2015.0
    return (dates - pd.Timestamp("2015-01-01")).dt.days / 365.25


def _prediction_error(logs: pd.DataFrame, new: Mapping[str, float], column: str) -> tuple[float, float, int]:
    """log10 of a value over what like rows predict, its standard error, and how many rows there were (0: too few)."""
    others = [c for c in logs if c != column]
    while True:
        rows = logs[[*others, column]].dropna()
        if len(rows) >= max(FEWEST_ROWS, ROWS_PER_COLUMN * (len(others) + 1)) or not others:
            break
        others.remove(min(others, key=lambda c: (logs[c].notna().sum(), c)))  # the column that fewest rows have
    if len(rows) < FEWEST_ROWS:
        return 0.0, 1.0, 0
    design = np.column_stack([np.ones(len(rows)), rows[others]])
    at = np.array([1.0, *(new[c] for c in others)])
    centre = design.mean(axis=0) * (np.arange(design.shape[1]) > 0)
    design, at = design - centre, at - centre
    normal = design.T @ design + PENALTY * np.diag(np.arange(design.shape[1]) > 0)
    coefficients = np.linalg.solve(normal, design.T @ rows[column].to_numpy())
    residuals = rows[column].to_numpy() - design @ coefficients
    variance = residuals @ residuals / (len(rows) - design.shape[1])
    standard_error = np.sqrt(variance * (1.0 + at @ np.linalg.solve(normal, at)))
    return float(new[column] - at @ coefficients), float(max(standard_error, 1e-6)), len(rows)


def _question(column: str, value: float, unit: str, error: float) -> str:
    times = 10 ** abs(error)
    how = f"{times:.3g} times {'above' if error > 0 else 'below'} what rows like it have"
    factor = min(SLIPS, key=lambda slip: abs(np.log10(slip) - error))
    near = abs(np.log10(factor) - error) < 0.35
    times_unit = f"x {unit}" if unit[:1].isdigit() else unit
    return f"{column} = {value:g} {times_unit} is {how}" + (f" ({SLIPS[factor]}?)" if near else "")


def _sparse_rates(row: Mapping[str, Any]) -> list[str]:
    """Peaks of matrices half full of zeros are twice the dense ones, and makers print them first."""
    rates = {name: row[name] for name in _MATRIX_RATES if row[name] is not None}
    if not rates:
        return []
    named = {float(text) for text in re.findall(r"[0-9]+(?:\.[0-9]+)?", row["vendor_headline_sparse"] or "")}
    found = [
        f"{name} = {rate:g} is the sparse rate of vendor_headline_sparse; the dense one is half of it"
        for name, rate in rates.items()
        if rate in named
    ]
    for half, whole in (
        ("fp8_tflops", "fp16_tensor_tflops"),
        ("int8_tops", "fp16_tensor_tflops"),
        ("fp4_tflops", "fp8_tflops"),
    ):
        if half in rates and whole in rates and rates[half] / rates[whole] >= HALVED_PRECISION:
            found.append(
                f"{half} is {rates[half] / rates[whole]:.3g} times {whole}; twice is usual (a rate with sparsity?)"
            )
    if row["tensor_check_tflops"] is None or "fp16_tensor_tflops" not in rates:
        found.append(
            f"nothing shows that {', '.join(rates)} are dense: makers print rates with sparsity, twice as high, first. "
            "Give tensor_check_tflops (matrix units x operations a clock x boost clock) beside fp16_tensor_tflops"
        )
    return found
