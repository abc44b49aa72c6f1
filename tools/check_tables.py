"""Checks the tables that changed since they last passed, before anything is computed with them."""

from __future__ import annotations

import contextlib
import json
import sys

from inputs import BUILD, ROOT, read_json, replace, sha256, tables, text_sha256

PASSED = BUILD / ".cache" / "tables.json"  # the hash of each table, with those that it refers to, when it passed


def all_pass() -> bool:
    """Whether all tables obey their description; says the first broken rule of each that does not."""
    hashes, passed = whole(), read_json(PASSED)
    changed = [name for name, found in hashes.items() if passed.get(name) != found]
    if not changed:
        return True
    from energy_lib.datasets import TableError, load

    broken = {}
    for name in changed:
        try:
            load(name)
        except TableError as error:
            broken[name] = str(error).replace(f"{ROOT}/", "")
    print(*broken.values(), sep="\n", end="\n" if broken else "", file=sys.stderr, flush=True)
    with contextlib.suppress(OSError):  # of a folder that cannot be written to
        PASSED.parent.mkdir(parents=True, exist_ok=True)
        replace(PASSED, json.dumps({name: found for name, found in hashes.items() if name not in broken}).encode())
    return not broken


def whole() -> dict[str, str]:
    """A hash of each table by its name: of its rows, its description, the tables that it refers to, and the rules."""
    own = tables()
    rules = text_sha256(ROOT / "energy_lib" / "datasets.py")
    package = json.loads((ROOT / "data" / "datapackage.json").read_text(encoding="utf-8"))
    found = {}
    for resource in package["resources"]:
        others = {key["reference"]["resource"] for key in resource["schema"].get("foreignKeys", [])}
        parts = [own[f"table {name}"] for name in [resource["name"], *sorted(others)]]
        found[resource["name"]] = sha256(f"{rules} {parts}".encode())
    return found
