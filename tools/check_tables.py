"""Checks the tables that changed since they last passed, before anything is computed with them."""

from __future__ import annotations

import contextlib
import sys

from inputs import BUILD, ROOT, replace, sha256, tables, text_sha256

PASSED = BUILD / ".cache" / "tables.sha256"  # of all tables and of the rules when all of them passed


def all_pass() -> bool:
    """Whether all tables obey their description; says the first broken rule of each that does not."""
    rules = text_sha256(ROOT / "energy_lib" / "validation.py")
    now = sha256(f"{rules} {sorted(tables().items())}".encode()).encode()
    with contextlib.suppress(OSError):
        if PASSED.read_bytes() == now:
            return True
    from energy_lib.validation import TableError, validate_changed

    try:
        validate_changed()
    except TableError as error:
        print(str(error).replace(f"{ROOT}/", ""), file=sys.stderr, flush=True)
        return False
    with contextlib.suppress(OSError):  # of a folder that cannot be written to
        PASSED.parent.mkdir(parents=True, exist_ok=True)
        replace(PASSED, now)
    return True
