"""The library's tests and the notebooks' comparison on simulated processors, for answers must not depend on one.

    make processors                                       all that this machine can simulate
    python tools/processors.py Sandybridge --notebooks hardware --tests tests/test_trends.py

OpenBLAS, of which numpy and scipy each bring one, and numpy itself choose their code by the processor when they are
first imported. Both can be told to choose that of an older one; an unknown name they ignore silently, so each run
begins with a look at what is active.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
import tomllib
from typing import NamedTuple

from inputs import NOTEBOOKS, ROOT


class Processor(NamedTuple):
    """What to choose: the kernels of OpenBLAS by their name, and the groups of vector instructions left to numpy."""

    coretype: str
    vectors: tuple[str, ...] = ()
    architecture: str = ""  # what OpenBLAS then calls itself, where that is another name


AVX512 = ("X86_V3", "X86_V4", "AVX512_ICL", "AVX512_SPR")
PROCESSORS = {
    "Haswell": Processor("Haswell", ("X86_V3",)),
    "Haswell-no-vectors": Processor("Haswell"),
    "Sandybridge": Processor("Sandybridge", ("X86_V3",)),
    "Nehalem": Processor("Nehalem"),
    "Prescott": Processor("Prescott", architecture="Katmai"),
    "SkylakeX": Processor("SkylakeX", AVX512),
}
NEEDS = {"SkylakeX": "X86_V4"}  # to run its kernels at all; each of the others runs where X86_V3 does
# What is active: the groups of vector instructions that numpy found, and the kernels of each OpenBLAS.
ACTIVE = """
import json, numpy, scipy.linalg, threadpoolctl
vectors = numpy.show_config(mode="dicts")["SIMD Extensions"].get("found", [])
blas = [each["architecture"] for each in threadpoolctl.threadpool_info() if each["internal_api"] == "openblas"]
print(json.dumps([vectors, blas]))
"""


def active(environment: dict[str, str]) -> tuple[set[str], list[str]]:
    """The vector instructions and the kernels that a fresh process uses."""
    run = subprocess.run([sys.executable, "-c", ACTIVE], env=environment, capture_output=True, text=True, check=True)
    vectors, blas = json.loads(run.stdout)
    return set(vectors), blas


def simulated(processor: Processor, found: set[str]) -> dict[str, str]:
    """The environment of a process on that processor, on a machine where these vector instructions were found.

    Raises `RuntimeError` where something else is active in it.
    """
    disabled = " ".join(sorted(found - set(processor.vectors)))
    environment = {**os.environ, "OPENBLAS_CORETYPE": processor.coretype, "NPY_DISABLE_CPU_FEATURES": disabled}
    vectors, blas = active(environment)
    architecture = processor.architecture or processor.coretype
    if vectors != found & set(processor.vectors) or blas != [architecture] * len(blas) or len(blas) < 2:
        raise RuntimeError(
            f"not simulated: active are {sorted(vectors)} and {blas}, not "
            f"{sorted(found & set(processor.vectors))} and {architecture} for numpy's and scipy's OpenBLAS"
        )
    return environment


def library_tests() -> list[str]:
    """The files of tests that compute and open no page, as they are listed for the mutants, and the docstrings."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return [*settings["tool"]["mutmut"]["pytest_add_cli_args_test_selection"], "energy_lib"]


def failures(tests: list[str], notebooks: list[str], environment: dict[str, str]) -> list[str]:
    """What fails on a processor: "tests", "notebooks", both or neither."""
    pytest = [sys.executable, "-m", "pytest", "-n", "auto", "--dist", "loadfile"]
    paths = [str(NOTEBOOKS / f"{name}.ipynb") for name in notebooks]
    commands = {
        "tests": [*pytest, "-m", "not browser and not pdf and not nightly", *tests],
        "notebooks": [*pytest, "--nbval", *paths],
    }
    return [part for part, command in commands.items() if subprocess.call(command, cwd=ROOT, env=environment)]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("processors", nargs="*", metavar="PROCESSOR", help=f"of {', '.join(PROCESSORS)}")
    parser.add_argument("--tests", nargs="+", default=library_tests(), help="files of tests, not all of the library's")
    known = sorted(path.stem for path in NOTEBOOKS.glob("*.ipynb"))
    parser.add_argument("--notebooks", nargs="+", choices=known, default=known, help="notebooks, not all")
    arguments = parser.parse_args()
    if unknown := set(arguments.processors) - set(PROCESSORS):
        parser.error(f"no processor {', '.join(sorted(unknown))}; known: {', '.join(PROCESSORS)}")

    found, own = active(dict(os.environ))
    rows = [("this one", f"{own[0]}, {' '.join(sorted(found)) or 'no vectors'}", "", "")]
    failed = False
    for name in arguments.processors or PROCESSORS:
        processor, needed = PROCESSORS[name], NEEDS.get(name, "X86_V3")
        what = f"{processor.architecture or processor.coretype}, {' '.join(processor.vectors) or 'no vectors'}"
        if needed not in found:
            rows.append((name, what, f"not here: this machine has no {needed}", ""))
            continue
        print(f"\n{name}: {what}", flush=True)
        began = time.monotonic()
        wrong = failures(arguments.tests, arguments.notebooks, simulated(processor, found))
        failed = failed or bool(wrong)
        result = f"{' and '.join(wrong)} failed" if wrong else "passed"
        rows.append((name, what, result, f"{time.monotonic() - began:.0f} s"))
    print()
    for row in rows:
        print("{:<20}{:<50}{:<40}{:>8}".format(*row).rstrip())
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
