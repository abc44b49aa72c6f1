"""One wording for every refusal: what was given, where, what is allowed, in which unit."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from numbers import Real

import numpy as np
from numpy.typing import ArrayLike

_PLAIN_NUMBERS = (int, float, np.float64)


class UnknownNameError(LookupError):
    """A table, task, device or model that does not exist; the message lists the nearest that do."""


class RowError(ValueError):
    """A row that a table does not take; the message has a line for each thing that is wrong."""


def unknown_name(kind: str, name: object, known: Iterable[str]) -> UnknownNameError:
    """The error to raise for a `name` that is not among the `known` ones of a `kind`.

    >>> str(unknown_name("task", "cn", ["cnn", "nlp"]))
    "unknown task 'cn': the nearest is 'cnn'"
    """
    names = list(known)
    by_lower_case = {n.lower(): n for n in names}
    asked = str(name).lower()
    begins = [n for n in by_lower_case if asked and n.startswith(asked)]
    alike = difflib.get_close_matches(asked, by_lower_case, n=3, cutoff=0.5)
    found = [repr(by_lower_case[n]) for n in dict.fromkeys([*begins, *alike])][:3]
    if found:
        hint = f"the nearest {'is' if len(found) == 1 else 'are'} {', '.join(found)}"
    else:
        hint = f"known are {', '.join(map(repr, names[:12]))}" + (", ..." if len(names) > 12 else "")
    return UnknownNameError(f"unknown {kind} {name!r}: {hint}")


def quantity(
    name: str, value: ArrayLike, unit: str, *, low: float = 0.0, high: float = np.inf, low_allowed: bool = False
) -> np.ndarray:
    """`value` as floats, every one of them finite and within the allowed range.

    Raises `ValueError` with the argument, the first offending value, the range and the unit.

    >>> quantity("flop", [1e9, -1], "FLOP")
    Traceback (most recent call last):
    ValueError: flop[1] = -1.0 FLOP is out of range: allowed is > 0 and finite
    """
    # A plain number inside the range needs no more, which estimates one at a time live by.
    if type(value) in _PLAIN_NUMBERS and (low < value <= high or (low_allowed and value == low)) and value < np.inf:
        return np.float64(value)
    array = np.asarray(value)
    if array.dtype.kind == "O" and all(isinstance(v, Real) for v in array.flat):
        array = array.astype(float)
    if array.dtype.kind not in "iuf":  # text that looks like a number is refused too: its unit was never checked
        raise ValueError(f"{name} must be a number or an array of numbers in {unit}, not {value!r}")
    array = array.astype(float, copy=False)
    inside = np.isfinite(array) & ((array >= low) if low_allowed else (array > low)) & (array <= high)
    if not inside.all():
        at = tuple(int(i) for i in np.argwhere(~inside)[0])
        where = f"{name}[{', '.join(map(str, at))}]" if at else name
        allowed = f"{'>=' if low_allowed else '>'} {low:g}" + (" and finite" if np.isinf(high) else f" and <= {high:g}")
        raise ValueError(f"{where} = {float(array[at])} {unit} is out of range: allowed is {allowed}")
    return array


def same_shape(**arrays: ArrayLike) -> tuple[int, ...]:
    """The shape that arrays broadcast to. Refuses arrays that do not, naming each with its shape.

    >>> same_shape(flop=np.ones((3, 1)), efficiency=np.ones(2))
    (3, 2)

    >>> same_shape(flop=np.ones(2), efficiency=np.ones(3))
    Traceback (most recent call last):
    ValueError: shapes do not broadcast: flop (2,), efficiency (3,)
    """
    shapes = [np.shape(array) for array in arrays.values()]
    if shapes.count(()) == len(shapes):
        return ()
    try:
        return np.broadcast_shapes(*shapes)
    except ValueError:
        named = ", ".join(f"{name} {shape}" for name, shape in zip(arrays, shapes, strict=True))
        raise ValueError(f"shapes do not broadcast: {named}") from None
