"""Whether the executed notebooks publish, to the letter, the numbers of the last edition; for other versions of Python
and of the dependencies, whose charts may be written differently."""

from __future__ import annotations

import sys

from diff import editions, now
from inputs import ROOT


def main() -> int:
    old = list(editions.released(ROOT).values())[-1]
    texts = [{key: editions.with_interval(n) for key, n in each["numbers"].items()} for each in (old, now(ROOT))]
    before, after = texts
    moved = [key for key in sorted({*before, *after}) if before.get(key) != after.get(key)]
    for key in moved:
        print(f"{key}: {before.get(key)} is {after.get(key)} here", file=sys.stderr)
    print(f"{len(old['numbers'])} numbers of edition {old['edition']}, {len(moved)} of them differ.")
    return 1 if moved else 0


if __name__ == "__main__":
    sys.exit(main())
