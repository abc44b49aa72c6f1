"""Tables as they might come on another machine: tied rows in another order, numbers moved in their last digits.

What a notebook says must not depend on either. Its kernel calls `perturb_tables` before the first cell.
"""

from __future__ import annotations

import functools
import sys

import numpy as np
import pandas as pd

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
    """Has every module of the library, and the notebook, load perturbed tables."""
    import energy_lib
    from energy_lib import datasets

    plain = datasets.load

    @functools.cache
    def once(name: str) -> pd.DataFrame:
        return perturbed(plain(name), _keys(name), seed)

    def load(name: str, data_dir: object = None) -> pd.DataFrame:
        return plain(name, data_dir) if data_dir else once(name).copy()

    for module in [module for name, module in sys.modules.items() if name.startswith(energy_lib.__name__)]:
        if getattr(module, "load", None) is plain:
            module.load = load


def _keys(name: str) -> set[str]:
    """Columns by which rows are found, in this table or from another."""
    from energy_lib import datasets

    schema = next(each for each in datasets.package()["resources"] if each["name"] == name)["schema"]
    foreign = [field for key in schema.get("foreignKeys", []) for field in key["fields"]]
    return {*schema.get("primaryKey", []), *foreign}
