"""Fits the constants of `image_energy`, and proves them on what they never saw.

`python -m energy_lib.image_calibration` does it again: records come from `image_records`, the fit of measured devices
from `image_cells`, that of specifications from `image_laws`. It takes some twenty seconds, and writes the tables
`image_cells`, `image_specification` and `image_errors`.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from energy_lib import datasets, image_cells, image_laws
from energy_lib.image import COEFFICIENTS, DETAILS
from energy_lib.image_records import measured_records
from energy_lib.once import computed_once

ANY_BOARD = "any CPU board"
DIGITS = "%.5g"


def fit() -> dict[str, pd.DataFrame]:
    """The tables `image_cells` and `image_specification`, from the measured records, by name.

    One row of `image_cells` is a cell at one level of detail. `preference` ranks the cells of a device and precision:
    newest round of measurements first, then the cheapest for the device's median network.
    """
    cells = [_cells(source, detail) for source in _records()["source"].unique() for detail in DETAILS]
    table = pd.concat([*cells, _any_board()], ignore_index=True)
    table["preference"] = _preference(table)
    return {"image_cells": table[_CELL_COLUMNS], "image_specification": image_laws.specification_laws()[0]}


def cross_validate() -> pd.DataFrame:
    """Errors on what was left out, as log10(predicted / measured), and how many of the records the intervals held.

    One row an estimator, detail and thing left out: a network (`model`), a family of them, or a `device`. Constants,
    widths and what is counted never saw the thing. Doubtful records count only in `rms_with_doubtful_log10`.
    """
    rows = []
    for source in _records()["source"].unique():
        rows += [_cell_errors(source, detail, "model") for detail in image_cells.LADDER]
        rows += [_cell_errors(source, detail, "family") for detail in DETAILS]
    return pd.concat([pd.DataFrame([*rows, _board_errors()]), image_laws.specification_laws()[1]], ignore_index=True)


@computed_once
def _records() -> pd.DataFrame:
    return measured_records()


@computed_once
def out_of_fold(source: str, detail: str, left_out: str = "model") -> pd.DataFrame:
    """Records of a source (`"MLPerf edge"`, `"ImageNetEff22"`) beside predictions that never saw them.

    `left_out` is `"model"` or `"family"`. Beside the columns of `measured_records`: `predicted_j`, `error` (log10 of
    predicted over measured) and `inside_90` (missing for doubtful records).
    """
    records = _records()[_records()["source"] == source].reset_index(drop=True)
    error = image_cells.leave_out(records, detail, left_out)
    return records.assign(
        predicted_j=records["energy_j"] * 10**error,
        error=error,
        inside_90=image_cells.inside(records, error, left_out).astype("boolean"),
    )


_CELL_COLUMNS = [
    "cell",
    "detail",
    "device",
    "engine",
    "precision",
    "batch",
    "boundary",
    "is_gpu",
    "preference",
    *COEFFICIENTS.values(),
    "factor_90",
    "factor_90_new_family",
    "rms_log10",
    "n_networks",
    "n_doubtful",
    "flop_min",
    "flop_max",
    "source",
    "round",
]


def _cells(source: str, detail: str) -> pd.DataFrame:
    found = out_of_fold(source, detail)
    fitted = image_cells.coefficients(found, detail).rename(columns=COEFFICIENTS)
    by_cell = found.groupby("cell")
    keep = ["device", "engine", "precision", "batch", "boundary", "is_gpu", "source", "round"]
    sound = found[found["doubt"] == ""]
    table = by_cell[keep].first().join(fitted).reindex(columns=[*keep, *COEFFICIENTS.values()])
    table["factor_90"] = 10 ** image_cells.half_widths(found, found["error"])
    unlike = out_of_fold(source, detail, "family")
    table["factor_90_new_family"] = 10 ** image_cells.half_widths(unlike, unlike["error"])
    table["rms_log10"] = sound.groupby("cell")["error"].agg(image_cells.rms)
    table["n_networks"] = sound.groupby("cell")["model"].nunique()
    table["n_doubtful"] = (found["doubt"] != "").groupby(found["cell"]).sum()
    table["flop_min"], table["flop_max"] = by_cell["flop"].min(), by_cell["flop"].max()
    return table.rename_axis("cell").reset_index().assign(detail=detail)


def _any_board() -> pd.DataFrame:
    """A board never measured: one fit of all boards at a precision, with the width that unseen boards earned."""
    errors = image_cells.unseen_board(_records())
    rows = []
    for precision, records in _records().loc[errors.index].groupby("precision"):
        error = errors.loc[records.index, "error"]
        factor = 10 ** image_cells.unseen_device_half_width(error, records["device"])
        shares = zip(DETAILS["basic"], image_cells.pooled_coefficients(records, "basic"), strict=True)
        rows.append(
            {
                "cell": f"{ANY_BOARD}|{precision}",
                "detail": "basic",
                "device": ANY_BOARD,
                "engine": "any",
                "precision": precision,
                "batch": 1,
                "boundary": "server",
                "is_gpu": False,
                **{COEFFICIENTS[term]: joules for term, joules in shares},
                "factor_90": factor,
                "factor_90_new_family": factor,  # what an unseen board adds outweighs what a network does
                "rms_log10": image_cells.rms(error),
                "n_networks": records["model"].nunique(),
                "n_doubtful": 0,
                "flop_min": records["flop"].min(),
                "flop_max": records["flop"].max(),
                "source": "MLPerf edge",
                "round": records["round"].max(),
            }
        )
    return pd.DataFrame(rows)


def _preference(table: pd.DataFrame) -> pd.Series:
    records = _records()
    median = records.groupby("device")[["flop", "activations"]].median()
    median.loc[ANY_BOARD] = records[["flop", "activations"]].median()
    basic = table[table["detail"] == "basic"].set_index("cell")
    network = median.loc[basic["device"]].set_axis(basic.index)
    typical_j = (
        basic["floor_j"] + basic["j_per_flop"] * network["flop"] + basic["j_per_activation"] * network["activations"]
    )
    order = basic.assign(typical_j=typical_j).sort_values(["round", "typical_j", "cell"], ascending=[False, True, True])
    return table["cell"].map(order.groupby(["device", "precision"]).cumcount() + 1)


def _cell_errors(source: str, detail: str, left_out: str) -> dict[str, object]:
    found = out_of_fold(source, detail, left_out)
    sound = found[found["doubt"] == ""]
    width = image_cells.half_widths(found, found["error"])
    return {
        "estimator": source,
        "detail": detail,
        "left_out": left_out,
        "n_cells": found["cell"].nunique(),
        "n_records": len(sound),
        "rms_log10": image_cells.rms(sound["error"]),
        "median_cell_rms_log10": sound.groupby("cell")["error"].agg(image_cells.rms).median(),
        "rms_with_doubtful_log10": image_cells.rms(found["error"]),
        "coverage_90": sound["inside_90"].mean(),
        "factor_90": 10 ** width.median(),
    }


def _board_errors() -> dict[str, object]:
    errors = image_cells.unseen_board(_records())
    return {
        "estimator": ANY_BOARD,
        "detail": "basic",
        "left_out": "device",
        "n_cells": _records().loc[errors.index, "device"].nunique(),
        "n_records": len(errors),
        "rms_log10": image_cells.rms(errors["error"]),
        "median_cell_rms_log10": np.nan,
        "rms_with_doubtful_log10": np.nan,
        "coverage_90": (errors["error"].abs() <= errors["half_width"]).mean(),
        "factor_90": 10 ** errors["half_width"].median(),
    }


def write(folder: Path) -> None:
    """Write the three fitted tables as CSV into a folder, numbers to five digits."""
    for name, table in {**fit(), "image_errors": cross_validate()}.items():
        # Booleans as the tables of data/ write them.
        flags = table.select_dtypes("bool").astype(str).apply(lambda column: column.str.lower())
        marked = table.assign(**flags, basis="derived")
        marked.to_csv(folder / f"{name}.csv", index=False, float_format=DIGITS, lineterminator="\n")


if __name__ == "__main__":
    write(Path(datasets.load("accelerators").attrs["path"]).parents[1] / "fitted")
