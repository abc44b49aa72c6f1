"""How the operations that a joule buys grew to 2026: by class of part, by number format, and by window of launch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from energy_lib import datasets
from energy_lib.checks import unknown_name
from energy_lib.extras import part_of
from energy_lib.hardware import fit_efficiency
from energy_lib.trends import Growth, best_so_far, comparable, fit_growth
from energy_lib.units import decimal_year

CLASSES = {
    "server_gpu": "server GPUs",
    "desktop_gpu": "desktop GPUs",
    "tpu": "other accelerators",
    "asic": "other accelerators",
    "edge": "edge and phones",
    "soc": "edge and phones",
}
FORMATS = {"fp32": "FP32", "fp16": "FP16", "fp8": "FP8", "fp4": "FP4"}
# Years of launch, both included. The first two are those of the question; the last was chosen after seeing the points.
WINDOWS = {"2010-2021": (2010, 2021), "2016-2026": (2016, 2026), "2020-2026": (2020, 2026)}
# A part meant to train large models carries memory that is fast for its day; graphics parts do not.
_TRAINING_BANDWIDTH_SHARE = 0.5
_FLOP_PER_TFLOP = 1e12


def parts(accelerators: pd.DataFrame | None = None) -> pd.DataFrame:
    """Parts of a known class with their dense peak operations for each joule of rated power, in order of launch.

        efficiency_flop_per_joule = dense peak FLOP/s / rated power in W

    `fp32` is the rate of vector units, `fp16`, `fp8` and `fp4` those of matrix units; `fp16_any` also counts 16-bit
    vector units, and `best` is the highest of all of them, in the format `best_format`; `best_int8` counts 8-bit
    integers too. `left_out` says why a part enters no fit, and is empty where it does. `training` marks parts whose
    memory is at least half as fast as the fastest yet. `chip` names the silicon: boards that share maker, process
    and number of transistors share it, and one of which either is unknown stands alone. Rows without date or power
    are not parts. Boundary: chip, as `tdp_basis` says. Source: table `accelerators`.
    """
    table = datasets.load("accelerators") if accelerators is None else accelerators
    table = table[table["segment"].isin(CLASSES)].dropna(subset=["release_date", "tdp_w"])
    table = table.sort_values(["release_date", "name"], ignore_index=True)
    per_joule = table.filter(regex="_(tflops|tops)$").mul(_FLOP_PER_TFLOP).div(table["tdp_w"], axis=0)
    sixteen = per_joule[["fp16_tensor_tflops", "fp16_vector_tflops"]].max(axis=1)
    floats = pd.DataFrame(
        {
            "fp32": per_joule["fp32_tflops"],
            "fp16": sixteen,
            "fp8": per_joule["fp8_tflops"],
            "fp4": per_joule["fp4_tflops"],
        }
    )
    out = table[["name", "vendor", "segment", "tdp_w", "tdp_basis", "sparsity_status"]].assign(
        date=table["release_date"],
        group=table["segment"].map(CLASSES),
        left_out=why_left_out(table),
        training=_fast_memory(table),
        chip=table["vendor"] + table["transistors_bn"].map(" {:g} ".format) + table["process_nm"].astype(str),
        **floats.assign(fp16=per_joule["fp16_tensor_tflops"]),
        fp16_any=floats[["fp32", "fp16"]].max(axis=1),
        best=floats.max(axis=1),
        best_int8=floats.assign(int8=per_joule["int8_tops"]).max(axis=1),
    )
    out["chip"] = out["chip"].where(table[["transistors_bn", "process_nm"]].notna().all(axis=1), out["name"])
    known = out["best"].notna()
    out.loc[known, "best_format"] = floats[known].apply(comparable).idxmax(axis=1).map(FORMATS)
    return out


def why_left_out(table: pd.DataFrame) -> pd.Series:
    """Why rows of `accelerators` enter no trend; empty where they do."""
    reasons = {
        "announced, not released": table["status"] != "released",
        "specification not re-read": ~table["spec_verified"],
        "export, APU or workstation version": (table["segment"] == "server_gpu") & ~table["in_trend_server"],
    }
    return pd.Series(np.select(list(reasons.values()), list(reasons), default=""), index=table.index, dtype="str")


def _fast_memory(table: pd.DataFrame) -> pd.Series:
    """Server parts with at least half the bandwidth of the fastest server GPU that could be bought by their launch."""
    server = (table["segment"] == "server_gpu") & (table["status"] == "released")
    fastest = table["bandwidth_gbs"].where(server).cummax()
    return server & (comparable(table["bandwidth_gbs"]) >= comparable(_TRAINING_BANDWIDTH_SHARE * fastest))


def by_format(rows: pd.DataFrame) -> pd.DataFrame:
    """One row for each part and format it has: `series` names the format, `efficiency_flop_per_joule` its value."""
    kept = rows.columns.difference([*FORMATS, "fp16_any", "best", "best_int8"], sort=False)
    long = rows.melt(list(kept), list(FORMATS), "format", "efficiency_flop_per_joule").dropna(
        subset=["efficiency_flop_per_joule"]
    )
    return long.assign(series=long["format"].map(FORMATS)).sort_values(["date", "name", "format"], ignore_index=True)


def launched(rows: pd.DataFrame, window: str) -> pd.DataFrame:
    """The rows with a `date` in a window of `WINDOWS`, both years included."""
    if window not in WINDOWS:
        raise unknown_name("window", window, WINDOWS)
    return rows[rows["date"].dt.year.between(*WINDOWS[window])]


def trend(rows: pd.DataFrame, column: str) -> Growth:
    """Trend of one column of `parts` over the rows that a fit may use, its errors those of chips."""
    fitted = rows[rows["left_out"] == ""].dropna(subset=[column]).sort_values(["date", "name"])
    return fit_efficiency(fitted["date"], fitted[column], fitted["chip"])


def one_per_chip(rows: pd.DataFrame) -> pd.DataFrame:
    """One row for each piece of silicon: its first launch and the geometric mean over the boards that carry it."""
    columns = [*FORMATS, "fp16_any", "best", "best_int8"]
    fitted = rows[rows["left_out"] == ""]
    means = np.exp(np.log(fitted[columns]).groupby(fitted["chip"]).mean())
    first = fitted.drop_duplicates("chip").set_index("chip").drop(columns=columns)
    return first.join(means).reset_index().sort_values(["date", "name"], ignore_index=True)


def format_gain(rows: pd.DataFrame) -> dict[str, Growth]:
    """Growth of the best format of each part, and the three factors whose product it is, fitted on the same parts.

        best = FP32 x (16 bits / FP32) x (best / 16 bits)

    Logarithms add up and least squares is linear, so the slopes of the three add up to the slope of `best`. The first
    is what the same format gained; the product of the others, `narrower`, what came from narrower formats, of which
    `to_16_bits` includes the matrix units that arrived with them. A part without a 16-bit rate above FP32 counts as 1.
    """
    fitted = rows[rows["left_out"] == ""].dropna(subset=["fp32", "best"])
    steps = fitted.assign(
        to_16_bits=fitted["fp16_any"] / fitted["fp32"],
        below_16_bits=fitted["best"] / fitted["fp16_any"],
        narrower=fitted["best"] / fitted["fp32"],
    )
    columns = {"same_format": "fp32", "to_16_bits": "to_16_bits", "below_16_bits": "below_16_bits"}
    return {name: trend(steps, column) for name, column in {**columns, "narrower": "narrower", "best": "best"}.items()}


def shares(gains: Mapping[str, Growth]) -> dict[str, float]:
    """Share of the logarithmic growth of `best` that each other term of `format_gain` makes up."""
    return {name: growth.slope / gains["best"].slope for name, growth in gains.items() if name != "best"}


def fitted_windows(
    rows: pd.DataFrame, columns: Sequence[str], *, chips_at_least: int = 6, years_at_least: float = 2.0
) -> pd.DataFrame:
    """Trends by class, column and window, as rows with `growth`, where chips and years suffice for a doubling time.

    A window whose parts are those of an earlier one is left out.
    """
    found, seen = [], set()
    for group, column, window in product(dict.fromkeys(rows["group"]), columns, WINDOWS):
        usable = launched(rows[(rows["group"] == group) & (rows["left_out"] == "")], window).dropna(subset=[column])
        years = np.unique(decimal_year(usable["date"]))
        same = (column, *usable.index)
        if (
            usable["chip"].nunique() < chips_at_least
            or len(years) < 3
            or np.ptp(years) < years_at_least
            or same in seen
        ):
            continue
        seen.add(same)
        found.append({"group": group, "column": column, "window": window, "growth": trend(usable, column)})
    return pd.DataFrame(found, columns=["group", "column", "window", "growth"])


def green500(table: pd.DataFrame | None = None) -> pd.DataFrame:
    """First places by list, with `date`, `gflops_per_w`, `official`, and `left_out` as in `parts`.

    The date of a list is the first day of its month. A value graded `medium` rests on general knowledge: it was not
    re-read. Boundary: the whole machine while it runs Linpack in 64 bits. Source: table `green500`.
    """
    table = datasets.load("green500") if table is None else table
    rows = table.assign(
        date=pd.to_datetime(table["list"] + "-01"),
        official=table["basis"].str.startswith("official"),
        left_out=np.where(table["confidence"] == "medium", "value not re-read", ""),
    )
    return rows.sort_values(["date", "list"], ignore_index=True)


@dataclass(frozen=True)
class BrokenGrowth:
    """Two exponential trends that meet at a `knot`, with the knots that the data do not reject at the confidence.

    `p_value` is that of the straight line against the broken one, with the knot counted as fitted.
    """

    before: Growth
    after: Growth
    knot: float
    knot_low: float
    knot_high: float
    p_value: float


def fit_broken_growth(
    date: ArrayLike, value: ArrayLike, *, confidence: float = 0.95, at_least: int = 4
) -> BrokenGrowth:
    """The two trends that meet, and the date where they meet, that fit best in least squares of the logarithm.

    Knots are tried halfway between neighbouring dates with `at_least` dates on each side. The interval of the knot is
    that of the F ratio with 1 and n - 4 degrees of freedom; errors of slopes are HC3 at the best knot.
    Raises `ValueError` when there are too few dates, or as `fit_growth` does.

    >>> years = list(range(2000, 2021))
    >>> broken = fit_broken_growth(years, [2.0 ** min(y - 2000, 10.5) * (1.01 if y % 2 else 1.0) for y in years])
    >>> round(broken.before.doubling_time_years, 1), broken.knot
    (1.0, 2010.5)
    """
    straight = fit_growth(date, value, confidence=confidence)  # checks the input too
    years, logarithm = decimal_year(date), np.log(np.asarray(value, dtype=float))
    dates = np.unique(years)
    if len(dates) < 2 * at_least:
        raise ValueError(f"a broken trend needs {2 * at_least} different dates, {at_least} a side, not {len(dates)}")
    with part_of("fit"):
        from scipy.stats import f

    middles = (dates[:-1] + dates[1:]) / 2.0
    knots = middles[at_least - 1 : len(dates) - at_least]
    squares = np.array([_broken_line(years, logarithm, knot).ssr for knot in knots])
    freedom = len(years) - 4
    best = int(squares.argmin())
    allowed = knots[squares <= squares[best] * (1.0 + f.ppf(confidence, 1, freedom) / freedom)]
    fit = _broken_line(years, logarithm, knots[best])
    spread = float(np.sum((logarithm - np.log(straight.at(years))) ** 2))
    ratio = (spread - squares[best]) / 2.0 / (squares[best] / freedom)
    before, after = (
        _side(fit, np.array([[1.0, 0.0, 0.0], [0.0, 1.0, turn]]), knots[best], straight, span)
        for turn, span in ((0.0, (dates[0], knots[best])), (1.0, (knots[best], dates[-1])))
    )
    return BrokenGrowth(
        before, after, float(knots[best]), float(allowed.min()), float(allowed.max()), float(f.sf(ratio, 2, freedom))
    )


def _broken_line(years: np.ndarray, logarithm: np.ndarray, knot: float):
    with part_of("fit"):
        import statsmodels.api as sm

    since = years - knot
    design = np.column_stack([np.ones_like(since), since, np.maximum(since, 0.0)])
    return sm.OLS(logarithm, design).fit(cov_type="HC3", use_t=True)


def _side(fit, pick: np.ndarray, knot: float, straight: Growth, span: tuple[float, float]) -> Growth:
    """One side of a broken line as a trend: `pick` takes its value at the knot and its slope from the coefficients."""
    intercept, slope = pick @ fit.params
    return Growth(
        intercept=float(intercept),
        slope=float(slope),
        covariance=tuple(map(tuple, (pick @ fit.cov_params() @ pick.T).tolist())),
        origin=float(knot),
        degrees_of_freedom=float(straight.n - 4),
        confidence=straight.confidence,
        n=straight.n,
        r_squared=float(fit.rsquared),
        start=float(span[0]),
        end=float(span[1]),
    )


def frontier(rows: pd.DataFrame, column: str = "best") -> pd.DataFrame:
    """The parts a fit may use that raised the record of a column when they were launched."""
    return best_so_far(rows[rows["left_out"] == ""], date="date", by=column)


def best_by_format(rows: pd.DataFrame) -> pd.DataFrame:
    """The part that spends least on an operation in each format, of those a fit may use, with `energy_per_op_j`.

    energy_per_op_j = rated power / dense peak
    """
    long = by_format(rows[rows["left_out"] == ""])
    best = long.loc[comparable(long["efficiency_flop_per_joule"]).groupby(long["format"], sort=False).idxmax()]
    return best.assign(energy_per_op_j=1.0 / best["efficiency_flop_per_joule"]).set_index("format").loc[list(FORMATS)]


def multiply_add_energy_j(limits: pd.DataFrame | None = None) -> pd.DataFrame:
    """Energy of one operation of a bare multiply-add, by process, kind of number and width.

        energy_per_op_j = (multiply + add) / 2

    What moves the numbers, and what a chip leaks, is not in it. `re_read` is false where either value was not checked
    at its source; where a checked pair exists for the same process and number, only that is returned.
    Source: table `physical_limits`.
    """
    table = datasets.load("physical_limits") if limits is None else limits
    number = table["operation"].str.extract(r"^(integer|floating-point) (?:addition|multiplication)$")[0]
    circuits = table.assign(
        number=number,
        format=table["quantity"].str.partition(", ")[2],
        re_read=table["evidence"] != "not re-read",
    )[number.notna()]
    keys = ["process_nm", "number", "word_bits"]
    pairs = circuits.groupby([*keys, "format", "source"], as_index=False).agg(
        energy_per_op_j=("J_per_operation", "mean"), re_read=("re_read", "all"), operations=("operation", "nunique")
    )
    pairs = pairs[pairs["operations"] == 2]
    checked = pairs.groupby(keys)["re_read"].transform("any")
    return pairs[pairs["re_read"] | ~checked].drop(columns="operations").reset_index(drop=True)
