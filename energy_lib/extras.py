"""Packages that a plain installation lacks: what needs one says which extra brings it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def part_of(extra: str) -> Iterator[None]:
    """Around the imports of what an extra of `pyproject.toml` brings.

    >>> with part_of("fit"):
    ...     import statsmodel
    Traceback (most recent call last):
    ModuleNotFoundError: this needs statsmodel, which is not installed: pip install 'energy-lib[fit]'
    """
    try:
        yield
    except ModuleNotFoundError as error:
        message = f"this needs {error.name}, which is not installed: pip install 'energy-lib[{extra}]'"
        raise ModuleNotFoundError(message, name=error.name) from None
