"""What the tests of a file share, and when they may not."""

import os

# The tests that reach a function are noted before it is changed. A value that the first test made for all, or that the
# library remembers, would hide the others, and they would never be run.
WITH_MUTANTS = os.environ.get("HYPOTHESIS_PROFILE") == "mutants"


def once(fixture_name: str, config: object) -> str:
    """The scope of a fixture that is made once for a file."""
    return "function" if WITH_MUTANTS else "module"
