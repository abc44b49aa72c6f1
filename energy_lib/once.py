"""Results that a process computes once, also where several threads ask for them at the same time."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, wraps
from threading import RLock
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
Result = TypeVar("Result")


def computed_once(function: Callable[P, Result]) -> Callable[P, Result]:
    """The function, whose result for the same arguments is kept; a thread that asks meanwhile waits for it.

    >>> @computed_once
    ... def square(number):
    ...     print("computing")
    ...     return number**2
    >>> square(3), square(3)
    computing
    (9, 9)
    """
    kept, lock = lru_cache(maxsize=None)(function), RLock()

    @wraps(function)
    def waiting(*args: P.args, **kwargs: P.kwargs) -> Result:
        with lock:
            return kept(*args, **kwargs)

    waiting.cache_clear = kept.cache_clear
    return waiting
