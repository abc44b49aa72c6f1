"""Says what a long step does and how far it is: one line that a terminal updates, and elsewhere a line a step."""

from __future__ import annotations

import sys

_said: list[str] = []


def show(step: str, where: str) -> None:
    """Say `step`, such as "reading pages", and in a terminal how far it is, such as "44 %, notebooks/vision"."""
    if sys.stdout.isatty():
        print(f"\r\033[K{step}: {where}", end="", flush=True)
    elif _said[-1:] != [step]:
        print(step, flush=True)
    _said.append(step)


def clear() -> None:
    """Take the line away, before anything else is said."""
    if _said and sys.stdout.isatty():
        print("\r\033[K", end="", flush=True)
