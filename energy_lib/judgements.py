"""Judgements that stand in for what no table gives, read from a table of their own so that none is typed in code."""

from __future__ import annotations

from energy_lib import datasets
from energy_lib.checks import unknown_name
from energy_lib.factors import Lognormal


def judgement(name: str) -> Lognormal:
    """A judgement by name: its 90 % interval, its middle, and a source that says that it is a judgement.

    Raises `UnknownNameError` with the nearest names. Source: table `world_judgements`.

    >>> judgement("inference_share").source
    'judgement inference_share (table world_judgements)'
    """
    table = datasets.load("world_judgements").set_index("name")
    if name not in table.index:
        raise unknown_name("judgement", name, table.index)
    row = table.loc[name]
    source = f"judgement {name} (table world_judgements)"
    return Lognormal(low=float(row["low"]), median=float(row["value"]), high=float(row["high"]), source=source)
