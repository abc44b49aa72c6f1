"""Reads a number as it is written, with or without its unit, and gives it in the unit of a column."""

from __future__ import annotations

import re

import numpy as np

from energy_lib.units import FLOP_PER_MAC, HOURS_PER_YEAR, JOULE_PER_KCAL, JOULE_PER_WH, SECONDS_PER_DAY

_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_PREFIXES = {"": 1.0, "n": 1e-9, "u": 1e-6, "µ": 1e-6, "m": 1e-3, "k": 1e3, "K": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}
_PREFIXES |= {"P": 1e15, "E": 1e18}
_SECONDS_PER_YEAR = HOURS_PER_YEAR * 3600
# Name of a unit: how many of its quantity's own unit it is, and that quantity as powers of the basic ones.
_UNITS: dict[str, tuple[float, dict[str, int]]] = {
    "J": (1.0, {"J": 1}),
    "Wh": (JOULE_PER_WH, {"J": 1}),
    "cal": (JOULE_PER_KCAL / 1000, {"J": 1}),
    "W": (1.0, {"J": 1, "s": -1}),
    "s": (1.0, {"s": 1}),
    "min": (60.0, {"s": 1}),
    "h": (3600.0, {"s": 1}),
    "d": (SECONDS_PER_DAY, {"s": 1}),
    "day": (SECONDS_PER_DAY, {"s": 1}),
    "a": (_SECONDS_PER_YEAR, {"s": 1}),
    "FLOP": (1.0, {"operation": 1}),
    "op": (1.0, {"operation": 1}),
    "MAC": (FLOP_PER_MAC, {"operation": 1}),
    "MACs": (FLOP_PER_MAC, {"operation": 1}),
    "FLOPS": (1.0, {"operation": 1, "s": -1}),
    "OPS": (1.0, {"operation": 1, "s": -1}),
    "B": (1.0, {"B": 1}),
    "m": (1.0, {"m": 1}),
    "g": (1e-3, {"kg": 1}),
    "V": (1.0, {"V": 1}),
    "%": (0.01, {}),
}
# Things that are counted: words beside a number, without a size of their own.
_COUNTED = ("parameter", "param", "token", "tok", "value", "request", "chip", "sample", "person", "pixel", "px")
_COUNTED += ("image", "img", "system", "point", "bit", "USD", "year")


def read_number(column: str, text: str, unit: str) -> tuple[float, bool]:
    """The number in `text`, in the `unit` of `column`, and whether a unit beside it was converted.

    A bare number is in the column's unit already. A bare prefix counts what the column counts: `25M` parameters,
    and of these `8B` are billions, not bytes. Raises `ValueError` for what is no plain number, and for a unit of
    another quantity.

    >>> read_number("gflops", "4.1GMAC", "1e9 FLOP")
    (8.2, True)
    >>> read_number("tdp_w", "700", "W")
    (700.0, False)
    >>> read_number("tdp_w", "3J", "W")
    Traceback (most recent call last):
    ValueError: tdp_w: '3J' is not in W
    """
    match = _NUMBER.match(text)
    rest = text[match.end() :].strip() if match else ""
    if match is None or rest[:1] in (",", "_") or rest[:1].isdigit():
        raise ValueError(f"{column}: {text!r} is not a plain number such as 1500 or 1.5e3")
    number = float(match[0])
    if not rest or rest == unit:
        return number, False
    given, wanted = _parsed(rest), _parsed(unit)
    if rest == "B" and wanted is not None and not wanted[1]:
        given = (1e9, {})
    if given is None or wanted is None:
        raise ValueError(f"{column}: the unit of {text!r} is not known: the column is in {unit}")
    if given[1] != wanted[1] and given[1]:
        raise ValueError(f"{column}: {text!r} is not in {unit}")
    return float(f"{number * given[0] / wanted[0]:.12g}"), True


def counts_operations(unit: str) -> bool:
    """Whether a unit counts operations, in which a multiply-add (MAC) is easily taken for one.

    >>> counts_operations("1e9 FLOP"), counts_operations("1e12 FLOP/s")
    (True, False)
    """
    parsed = _parsed(unit)
    return parsed is not None and parsed[1] == {"operation": 1}


def plain_number(value: float) -> str:
    """A number as tables hold it: 12 digits at most, no exponent, no zeros at its end.

    >>> plain_number(0.1 + 0.2), plain_number(7e11)
    ('0.3', '700000000000')
    """
    return np.format_float_positional(float(f"{value:.12g}"), trim="-")


def _parsed(unit: str) -> tuple[float, dict[str, int]] | None:
    """Size and dimensions of a unit such as `1e9 FLOP/s/W`; None where a part of it is not known."""
    size, dimensions = 1.0, {}
    leading = _NUMBER.match(unit)
    if leading:
        size, unit = float(leading[0]), unit[leading.end() :].strip()
    for i, part in enumerate(unit.split("/") if unit else []):
        one = _one_unit(part.strip())
        if one is None:
            return None
        power = -1 if i else 1
        size *= one[0] ** power
        for name, exponent in one[1].items():
            dimensions[name] = dimensions.get(name, 0) + power * exponent
    return size, {name: exponent for name, exponent in dimensions.items() if exponent}


def _one_unit(name: str) -> tuple[float, dict[str, int]] | None:
    """A unit with or without a prefix: the whole name first, so that `min` is a minute and `m` a metre."""
    for length in (0, 1):
        prefix, rest = name[:length], name[length:].strip()
        if prefix not in _PREFIXES:
            continue
        if rest in _UNITS:
            return _PREFIXES[prefix] * _UNITS[rest][0], _UNITS[rest][1]
        singular = rest.removesuffix("s")
        if rest in _COUNTED or singular in _COUNTED:
            return _PREFIXES[prefix], {}
        if prefix and not rest:
            return _PREFIXES[prefix], {}
    return (1.0, {}) if name == "1" else None
