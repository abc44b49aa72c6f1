"""Linear algebra on one thread: for arrays as small as ours several threads only wait for each other."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from energy_lib.extras import part_of


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """BLAS uses one thread meanwhile, so that a fit takes the same time and gives the same sums whatever the cores.

    Works as a decorator, `@one_blas_thread()`, and as a context.
    """
    with _controller().limit(limits=1, user_api="blas"):
        yield


@cache
def _controller() -> Any:
    # Loaded here: only fits need them. numpy and scipy bring a BLAS each, and both must be there to be found.
    with part_of("fit"):
        import scipy.linalg  # noqa: F401
        from threadpoolctl import ThreadpoolController

    return ThreadpoolController()
