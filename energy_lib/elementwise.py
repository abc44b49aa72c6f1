"""The functions that formulas call, over single numbers and over arrays: one formula serves both, each at its speed."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np


class Functions(NamedTuple):
    """What numpy calls by these names. `where` evaluates both of its values."""

    where: Callable
    maximum: Callable
    minimum: Callable
    exp: Callable
    expm1: Callable
    log: Callable
    sqrt: Callable


_NUMBERS = Functions(lambda condition, a, b: a if condition else b, max, min, math.exp, math.expm1, math.log, math.sqrt)
_ARRAYS = Functions(np.where, np.maximum, np.minimum, np.exp, np.expm1, np.log, np.sqrt)


def functions_for(*values: object) -> Functions:
    """Those of `math` where all values are plain numbers, which take a hundredth of the time; else those of numpy.

    >>> functions_for(4.0, 9).sqrt(4.0), functions_for(4.0, np.ones(2)).sqrt([4.0, 9.0]).tolist()
    (2.0, [2.0, 3.0])
    """
    return _NUMBERS if all(isinstance(value, int | float) for value in values) else _ARRAYS
