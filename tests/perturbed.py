"""Tables as they might come on another machine: tied rows in another order, numbers moved in their last digits.

What a notebook says must not depend on either. Its kernel calls `perturb_tables` before the first cell.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from energy_lib import datasets

RELATIVE_MOVE = 1e-13


def perturbed(frame: pd.DataFrame, keys: set[str], seed: int) -> pd.DataFrame:
    """A table whose rows of one date have changed places, and whose numbers, all but keys, have moved a little."""
    generator = np.random.default_rng([seed, *frame.attrs["name"].encode()])
    moved = frame.copy()
    for column in moved.select_dtypes("float").columns.difference(keys):
        moved[column] *= 1 + RELATIVE_MOVE * generator.uniform(-1, 1, len(moved))
    dates = moved.select_dtypes("datetime")
    if dates.columns.empty:
        return moved
    order = np.arange(len(moved))
    for tied in moved.groupby(dates.columns[0], dropna=False).indices.values():
        order[tied] = generator.permutation(tied)
    return moved.iloc[order].reset_index(drop=True)


def perturb_tables(seed: int) -> None:
    """Has the library, and what is imported after this, load perturbed tables."""
    plain_load, plain_index = datasets.load, datasets.index

    @functools.cache
    def table(name: str) -> pd.DataFrame:
        return perturbed(plain_load(name), _keys(name), seed)

    @functools.cache
    def made(name: str, make: Callable[[pd.DataFrame], Any]) -> Any:
        return make(table(name).copy())

    def load(name: str, data_dir: str | Path | None = None) -> pd.DataFrame:
        return plain_load(name, data_dir) if data_dir else table(name).copy()

    def index(name: str, make: Callable[[pd.DataFrame], Any], data_dir: str | Path | None = None) -> Any:
        return plain_index(name, make, data_dir) if data_dir else made(name, make)

    datasets.load, datasets.index = load, index


def _keys(name: str) -> set[str]:
    """Columns by which rows are found, in this table or from another."""
    schema = next(each for each in datasets.package()["resources"] if each["name"] == name)["schema"]
    foreign = [field for key in schema.get("foreignKeys", []) for field in key["fields"]]
    return {*schema.get("primaryKey", []), *foreign}
