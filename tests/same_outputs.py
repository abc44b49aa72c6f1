"""Whether a cell gives the same twice: words, names and orders to the letter, numbers within one tolerance."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from energy_lib.publish import RELATIVE_TOLERANCE

# Another version of what draws gives other pixels of the same chart, whose specification is compared.
PICTURE = "image/png"
CONTEXT = 60  # characters of a text shown on either side of its first difference


def differences(committed: Sequence[Mapping], executed: Sequence[Mapping]) -> list[str]:
    """Where the outputs of a cell differ from those that are committed, in words; empty where they agree."""
    return list(_different("outputs", _compared(committed), _compared(executed)))


def _compared(outputs: Sequence[Mapping]) -> list[dict[str, Any]]:
    """What must be the same of outputs: all but metadata, the count of executions, and pixels."""
    kept = [{part: out[part] for part in ("output_type", "name", "text", "data") if part in out} for out in outputs]
    for out in kept:
        if PICTURE in out.get("data", {}):
            out["data"] = {**out["data"], PICTURE: "a picture"}
    return kept


def _different(place: str, before: Any, now: Any) -> Iterator[str]:
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        for key in sorted({*before, *now}):
            if key not in now:
                yield f"{place}: {key!r} is missing"
            elif key not in before:
                yield f"{place}: {key!r} is new"
            else:
                yield from _different(f"{place}[{key!r}]", before[key], now[key])
    elif isinstance(before, list) and isinstance(now, list):
        if len(before) != len(now):
            yield f"{place}: {len(before)} were committed, now there are {len(now)}"
        for i, (old, new) in enumerate(zip(before, now, strict=False)):
            yield from _different(f"{place}[{i}]", old, new)
    elif not _same(before, now):
        if isinstance(before, str) and isinstance(now, str):
            before, now = _where_they_part(before, now)
        yield f"{place}: {before!r} was committed, now it is {now!r}"


def _same(before: Any, now: Any) -> bool:
    if type(before) is float and type(now) is float:
        return math.isclose(before, now, rel_tol=RELATIVE_TOLERANCE)
    return type(before) is type(now) and before == now


def _where_they_part(before: str, now: str) -> tuple[str, str]:
    """Long texts from a little before their first difference to a little after it."""
    first = next((i for i, pair in enumerate(zip(before, now, strict=False)) if len({*pair}) > 1), len(before))
    shown = slice(max(0, first - CONTEXT), first + CONTEXT)
    return before[shown], now[shown]
