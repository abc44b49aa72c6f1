"""Coefficients of measured devices, and the errors and intervals of networks and devices they never saw."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from energy_lib.extras import part_of
from energy_lib.image import DETAILS, effective_flop
from energy_lib.threads import one_blas_thread

LEVEL = 0.90  # of the intervals
# What a record is taken to repeat to, ln; residuals beyond it count linearly, not squared.
NOISE_LN = 0.05 * np.log(10)
# Levels of detail, and the two simpler sums of terms that they are compared with.
LADDER = {"flop": ("flop",), "floor + flop": ("floor", "flop"), **DETAILS}
_ROUNDS, _FULL_STEPS = 40, 8
_PRIOR_RECORDS = 5  # a cell's spread is pulled to its kind's as by this many records


def rms(error: pd.Series) -> float:
    """Root of the mean square."""
    return float(np.sqrt(np.mean(np.square(error))))


def design(records: pd.DataFrame, detail: str) -> np.ndarray:
    """One row a record, one column a term of the detail, in the units that the coefficients are joules per."""
    columns = {"floor": np.ones(len(records))}
    columns |= {term: records[term].to_numpy(float) for term in ("flop", "activations", "layers", "elementwise")}
    if detail == "full":
        columns["flop"] = effective_flop(columns["flop"], records["conv3x3_flop"], records["is_gpu"])
    return np.column_stack([columns[term] for term in LADDER[detail]])


def fit_coefficients(matrix: np.ndarray, energy_j: np.ndarray, weight: np.ndarray | None = None) -> np.ndarray:
    """Coefficients c >= 0 with the least sum of

        weight x Huber(ln(matrix c / energy)) / noise^2  +  (share of a term in the mean energy - 1 / terms)^2

    The second part weighs as one record does: it decides only where the records cannot, as between two counts that
    rise together. ln(p'/p) = p'/p - 1 to first order about the prediction p of the round before, so that each round is
    a linear problem with c >= 0, which scipy solves exactly. No other cell is looked at.

    >>> count = np.array([[1.0, 1.0], [1.0, 2.0], [1.0, 4.0], [1.0, 8.0]] * 10)
    >>> fit_coefficients(count, count @ [0.5, 2.0]).round(2).tolist()
    [0.5, 2.0]
    """
    with part_of("fit"):
        from scipy.optimize import nnls

    weight = np.ones(len(energy_j)) if weight is None else weight
    # In units where the typical record has one joule and one of each count, coefficients are shares of the energy.
    typical = np.maximum(matrix.mean(axis=0), 1e-300)
    level = np.exp(np.log(energy_j).mean())
    matrix, energy_j = matrix / typical, energy_j / level
    n_terms = matrix.shape[1]
    predicted, shares, n = energy_j, np.zeros(n_terms), len(energy_j)
    rows, target = np.vstack([matrix, np.eye(n_terms)]), np.full(n + n_terms, 1 / n_terms)
    for turn in range(_ROUNDS):
        residual = np.log(predicted / energy_j)
        root = np.sqrt(weight * np.minimum(1.0, NOISE_LN / np.maximum(np.abs(residual), 1e-12))) / NOISE_LN
        np.multiply(matrix, (root / predicted)[:, None], out=rows[:n])
        np.multiply(root, 1 - residual, out=target[:n])
        found = nnls(rows, target)[0]
        before = shares
        shares = found if turn < _FULL_STEPS else (before + found) / 2  # large errors make full steps swing
        predicted = np.maximum(matrix @ shares, 1e-3 * energy_j)
        if np.abs(shares - before).max() < 1e-7:
            break
    return shares * level / typical


@one_blas_thread()
def coefficients(records: pd.DataFrame, detail: str) -> pd.DataFrame:
    """Fitted coefficients, one row a cell and one column a term, from the records beyond doubt."""
    matrix, energy_j = design(records, detail), records["energy_j"].to_numpy()
    found = {cell: fit_coefficients(matrix[at], energy_j[at]) for cell, at in _sound_rows(records)}
    return pd.DataFrame.from_dict(found, orient="index", columns=list(LADDER[detail]))


@one_blas_thread()
def leave_out(records: pd.DataFrame, detail: str, by: str) -> pd.Series:
    """log10(predicted / measured) of each record by its cell fitted without all records that share its `by`."""
    matrix, energy_j = design(records, detail), records["energy_j"].to_numpy()
    group = records[by].to_numpy()
    error = np.full(len(records), np.nan)
    every = records.groupby("cell").indices
    for cell, sound in _sound_rows(records):
        for value in pd.unique(group[every[cell]]):
            test = every[cell][group[every[cell]] == value]
            train = sound[group[sound] != value]
            error[test] = np.log10(matrix[test] @ fit_coefficients(matrix[train], energy_j[train]) / energy_j[test])
    return pd.Series(error, index=records.index)


def _sound_rows(records: pd.DataFrame) -> Iterator[tuple[str, np.ndarray]]:
    is_sound = (records["doubt"] == "").to_numpy()
    for cell, rows in records.groupby("cell").indices.items():
        yield cell, rows[is_sound[rows]]


def half_widths(records: pd.DataFrame, error: pd.Series) -> pd.Series:
    """Half-width of each cell's interval in log10: the spread of its own errors x a quantile that its kind shares.

    A cell's spread is the rms of its out-of-sample errors, pulled to the median of its kind. The quantile is that of
    error size / spread over the records of the kind, at 0.9 (1 + 1 / n) for n networks, as conformal prediction asks.
    """
    sound = records["doubt"] == ""
    records, error = records[sound], error[sound]
    square = error**2
    cells = square.groupby(records["cell"]).agg(["sum", "size"])
    kind = records.groupby("cell")["kind"].first()
    typical = (cells["sum"] / cells["size"]).groupby(kind).median()
    spread = np.sqrt((cells["sum"] + _PRIOR_RECORDS * kind.map(typical)) / (cells["size"] + _PRIOR_RECORDS))
    score = error.abs() / records["cell"].map(spread)
    networks = records.groupby("kind")["model"].nunique()
    rank = (LEVEL * (1 + 1 / networks)).clip(upper=1.0)
    quantile = {name: part.quantile(rank[name]) for name, part in score.groupby(records["kind"])}
    return spread * kind.map(quantile)


def inside(records: pd.DataFrame, error: pd.Series, by: str) -> pd.Series:
    """Whether each record beyond doubt lies in the interval that the errors of the *other* groups of `by` set.

    `error` must come from `leave_out` with the same `by`, so that neither the median nor its width saw the record.
    """
    found = pd.Series(False, index=records.index)
    for value in records[by].unique():
        test = records[by] == value
        width = half_widths(records[~test], error[~test])
        within = error[test].abs() <= records.loc[test, "cell"].map(width)
        found.loc[test] = within.astype(bool)
    return found[records["doubt"] == ""]


def unseen_device_half_width(error: pd.Series, device: pd.Series) -> float:
    """Half-width in log10 for a device never seen: 90 % quantile of errors, devices weighing alike, x sqrt(1 + 1/n).

    The root is the usual allowance for one more draw than the n devices that set the quantile.
    """
    weight = 1.0 / device.groupby(device).transform("size")
    ordered = error.abs().sort_values(kind="stable")
    share = weight[ordered.index].cumsum() / weight.sum()
    return float(ordered[share >= LEVEL - 1e-9].iloc[0] * np.sqrt(1 + 1 / device.nunique()))


def unseen_board(records: pd.DataFrame, detail: str = "basic") -> pd.DataFrame:
    """Out-of-sample `error` and `half_width` (log10) of each edge record by a fit of the other boards alone.

    Boards weigh alike within a precision. The width comes from the other boards' own errors, each left out in turn.
    """
    sound = records[(records["source"] == "MLPerf edge") & (records["doubt"] == "")]
    parts = []
    for _, same in sound.groupby("precision"):
        for board in same["device"].unique():
            others, test = same[same["device"] != board], same[same["device"] == board]
            inner = _each_board_out(others, detail)
            width = unseen_device_half_width(inner, others["device"])
            parts.append(pd.DataFrame({"error": _pooled_error(others, test, detail), "half_width": width}))
    return pd.concat(parts).sort_index(kind="stable")


@one_blas_thread()
def pooled_coefficients(records: pd.DataFrame, detail: str) -> np.ndarray:
    """Coefficients of all records at once, devices weighing alike."""
    weight = 1.0 / records.groupby("device")["device"].transform("size").to_numpy(float)
    return fit_coefficients(design(records, detail), records["energy_j"].to_numpy(), weight / weight.mean())


def _pooled_error(train: pd.DataFrame, test: pd.DataFrame, detail: str) -> pd.Series:
    return np.log10(design(test, detail) @ pooled_coefficients(train, detail) / test["energy_j"])


def _each_board_out(records: pd.DataFrame, detail: str) -> pd.Series:
    boards = records["device"]
    return pd.concat([_pooled_error(records[boards != b], records[boards == b], detail) for b in boards.unique()])
