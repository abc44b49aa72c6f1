"""What is known about the use of AI: disclosed counts by series, each of which counts one thing, and how far a series
foretells its own next year.

Series are never added up: they count different things, some are parts of others, and people use several products.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from energy_lib import datasets
from energy_lib.checks import unknown_name
from energy_lib.extras import part_of
from energy_lib.units import decimal_year

# Company, product and metric of each series with at least three disclosures, by what it counts.
SERIES = {
    "ChatGPT, users a week": ("OpenAI", ("ChatGPT",), "active users (weekly)"),
    "Gemini app, users a month": ("Google", ("Gemini", "Gemini app"), "active users (monthly)"),
    "AI Overviews, users a month": ("Google", ("AI Overviews",), "active users (monthly)"),
    "Meta AI, users a month": ("Meta", ("Meta AI assistant",), "active users (monthly)"),
    "ChatGPT, messages a day": ("OpenAI", ("ChatGPT",), "messages per day"),
    "Google, tokens a day": ("Google", ("all surfaces",), "tokens per month"),
    "China, tokens a day": ("China (national)", ("all models",), "tokens per day"),
    "Doubao, tokens a day": ("ByteDance", ("Doubao",), "tokens per day"),
    "Z.ai, tokens a day": ("Z.ai", ("Full company",), "tokens per day"),
}
COUNTS = {"active users (weekly)": "users a week", "active users (monthly)": "users a month"}
MESSAGES, TOKENS = "messages a day", "tokens a day"
HALF_A_YEAR = pd.Timedelta(days=183)


def usage_series(table: pd.DataFrame | None = None) -> pd.DataFrame:
    """Disclosed values of each of `SERIES` by date, as `series`, `counts`, `date`, `value` and `evidence`.

    `counts` says what a value is: users a week, users a month, messages a day or tokens a day (a month has 30.44 days).
    Estimates by third parties and rows that restate another row are left out. Source: table `ai_usage`.

    >>> sorted(usage_series()["counts"].unique())
    ['messages a day', 'tokens a day', 'users a month', 'users a week']
    """
    table = datasets.load("ai_usage") if table is None else table
    table = table[~table["repeats"] & (table["kind"] != "third-party estimate")]
    parts = []
    for series, (company, products, metric) in SERIES.items():
        rows = table[
            (table["company"] == company) & table["product"].isin(products) & (table["metric"] == metric)
        ].drop_duplicates("date", keep="last")
        tokens = metric.startswith("tokens")
        counts = TOKENS if tokens else COUNTS.get(metric, MESSAGES)
        value = rows["tokens_per_day_equiv"].astype(float) if tokens else rows["value"]
        parts.append(
            pd.DataFrame({"series": series, "counts": counts, "date": rows["date"], "value": value}).assign(
                evidence=rows["evidence"]
            )
        )
    return pd.concat(parts, ignore_index=True)


def count_at(series: str, date: pd.Timestamp, rows: pd.DataFrame | None = None) -> float:
    """The value of a series at a date, on a straight line of its logarithm between disclosures.

    Before the first and after the last disclosure the nearest one is kept. Raises `UnknownNameError`.

    >>> round(count_at("ChatGPT, users a week", pd.Timestamp("2024-12-04")) / 1e6)
    300
    """
    rows = usage_series() if rows is None else rows
    if series not in set(rows["series"]):
        raise unknown_name("series of use", series, rows["series"].unique())
    known = rows[rows["series"] == series].sort_values("date", kind="stable")
    at = decimal_year([date])
    return float(np.exp(np.interp(at, decimal_year(known["date"]), np.log(known["value"])))[0])


def largest(counts: str, date: pd.Timestamp, rows: pd.DataFrame | None = None) -> float:
    """The largest single series of a kind of count at a date, among those disclosed within half a year of it.

    >>> round(largest("users a month", pd.Timestamp("2026-07-01")) / 1e9, 1)
    2.5
    """
    rows = usage_series() if rows is None else rows
    near = rows[(rows["counts"] == counts) & ((rows["date"] - date).abs() <= HALF_A_YEAR)]
    if near.empty:
        raise ValueError(f"no {counts} were disclosed within half a year of {date.date()}")
    return max(count_at(series, date, rows) for series in near["series"].unique())


def backcast(cutoffs: list[str], rows: pd.DataFrame | None = None, *, confidence: float = 0.9) -> pd.DataFrame:
    """Every disclosure in the year after each cutoff, foretold from the disclosures of its series up to the cutoff.

        ln value = a + b date, least squares; the interval is that of one new value

    Series with fewer than three earlier disclosures are left out. Columns: `cutoff`, `series`, `counts`, `date`,
    `value`, `foretold`, `low`, `high`, `inside`, and `error_factor` = foretold / value.
    """
    with part_of("fit"):
        import statsmodels.api as sm

    rows = usage_series() if rows is None else rows
    found = []
    for cutoff in map(pd.Timestamp, cutoffs):
        for _, known in rows.sort_values("date", kind="stable").groupby("series", sort=False):
            before = known[known["date"] <= cutoff]
            after = known[(known["date"] > cutoff) & (known["date"] <= cutoff + pd.DateOffset(years=1))]
            if len(before) < 3 or after.empty:
                continue
            origin = decimal_year(before["date"]).mean()
            design = sm.add_constant(decimal_year(before["date"]) - origin)
            new = sm.add_constant(decimal_year(after["date"]) - origin, has_constant="add")
            fit = sm.OLS(np.log(before["value"].to_numpy()), design).fit()
            frame = np.exp(fit.get_prediction(new).summary_frame(alpha=1.0 - confidence))
            value = after["value"].to_numpy()
            foretold, low, high = (frame[c].to_numpy() for c in ("mean", "obs_ci_lower", "obs_ci_upper"))
            found.append(
                after[["series", "counts", "date", "value"]].assign(
                    cutoff=cutoff,
                    foretold=foretold,
                    low=low,
                    high=high,
                    inside=(low <= value) & (value <= high),
                    error_factor=foretold / value,
                )
            )
    if not found:
        raise ValueError(f"no series has three disclosures before and one in the year after any of {cutoffs}")
    return pd.concat(found, ignore_index=True)
