"""Times of what people wait for, and ratios that hold on any machine; printed, never tested.

`bench.py importing simulating` prints these parts alone.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import bench_site
from inputs import ROOT

RUNS = 5
# What a clone does not hold.
APART = (".venv", "_build", ".git", "__pycache__", "node_modules")


def seconds(command: list, cwd: Path = ROOT) -> float:
    began = time.monotonic()
    environment = {**os.environ, "PYTHONPATH": str(cwd)}  # a copy runs its own energy_lib, not the installed one
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    subprocess.run(list(map(str, command)), cwd=cwd, check=True, env=environment, **quiet)
    return time.monotonic() - began


def make_book(copy: Path) -> float:
    python = Path(sys.executable)
    return sum(seconds([python, copy / "tools" / tool], copy) for tool in ("notebooks.py", "book.py"))


def building() -> None:
    """Time `make book` in a copy, so that the benchmark changes nothing here."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "book"
        shutil.copytree(
            ROOT, copy, ignore=shutil.ignore_patterns(".venv", "_build", ".git", "__pycache__", "node_modules")
        )
        print(f"make book, fresh clone, environment installed   {make_book(copy):7.1f} s")
        print(f"make book, nothing changed                      {make_book(copy):7.1f} s")
        text = copy / "notebooks" / "hardware.md"
        text.write_text(text.read_text(encoding="utf-8") + "\nOne more line.\n", encoding="utf-8")
        print(f"make book, one notebook's text changed          {make_book(copy):7.1f} s")
        module = copy / "energy_lib" / "units.py"
        module.write_text(module.read_text(encoding="utf-8") + "\n# One more line.\n", encoding="utf-8")
        print(f"make book, energy_lib changed (all notebooks)   {make_book(copy):7.1f} s")


def importing() -> None:
    """Time of `import energy_lib` over that of `import pandas`, pair by pair, since a machine's speed drifts."""
    pairs = [
        [seconds([sys.executable, "-c", f"import {name}"]) for name in ("energy_lib", "pandas")]
        for _ in range(RUNS + 1)
    ]
    ratios = [ours / pandas for ours, pandas in pairs[1:]]  # the first pair warms the disk's cache
    print(f"import energy_lib / import pandas               {statistics.median(ratios):7.2f}   (aim: below 1.15)")


def estimating() -> None:
    """Time of one request in an array of a million, over that of one estimate of EcoLogits in a loop."""
    import numpy as np
    from ecologits.impacts.llm import compute_llm_impacts

    from energy_lib import request_energy

    rng, many, few = np.random.default_rng(1), 1_000_000, 300
    tokens, batch = rng.uniform(1, 2000, many), rng.integers(1, 64, many)
    served = {"input_tokens": 300, "batch": batch, "n_accelerators": 8}
    request_energy("Llama-3.1-70B", "H100 SXM5 80GB", output_tokens=1, **{**served, "batch": 1})  # reads the tables
    began = time.monotonic()
    request_energy("Llama-3.1-70B", "H100 SXM5 80GB", output_tokens=tokens, **served)
    ours = (time.monotonic() - began) / many
    mix = {f"if_electricity_mix_{factor}": 1.0 for factor in ("adpe", "pe", "gwp", "wue")}
    centre = {"datacenter_pue": 1.2, "datacenter_wue": 0.5}
    began = time.monotonic()
    for output in tokens[:few]:
        compute_llm_impacts(
            model_active_parameter_count=70.0,
            model_total_parameter_count=70.0,
            output_token_count=output,
            request_latency=60.0,
            **mix,
            **centre,
        )
    theirs = (time.monotonic() - began) / few
    print(f"a million requests, each over one of EcoLogits' {ours / theirs:9.2g}   (aim: below 0.001)")


# Prints the peak memory in MB: of the imports alone, of so many draws, and of a billion after so many seconds.
MEMORY = """
import os, resource, sys, threading, time
import numpy as np
from energy_lib.draws import simulate
from energy_lib.world import world_scenario
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)
world, found = world_scenario(), [peak()]
simulate(world, draws=int(sys.argv[1]), rng=np.random.default_rng(1))
found.append(peak())
billion = {"draws": 10**9, "rng": np.random.default_rng(1)}
threading.Thread(target=simulate, args=[world], kwargs=billion, daemon=True).start()
time.sleep(float(sys.argv[2]))
print(*found, peak(), flush=True)
os._exit(0)
"""


def simulating() -> None:
    """Ten million draws of the world scenario, over the same random numbers drawn by numpy.

    numpy draws on one thread, one input after another into the same memory. Run by run, since a machine's speed drifts.
    """
    import numpy as np

    from energy_lib.draws import CHUNK_DRAWS, drawn, simulate
    from energy_lib.world import world_scenario

    world, draws, ratios = world_scenario(), 10_000_000, []
    for _ in range(3):
        clock, processor = time.monotonic(), time.process_time()
        simulate(world, draws=draws, rng=np.random.default_rng(1))
        ours = np.array([time.monotonic() - clock, time.process_time() - processor])
        sources = dict(zip(world.doubtful, np.random.default_rng(1).spawn(len(world.doubtful)), strict=True))
        buffer = np.empty((len(sources), CHUNK_DRAWS))
        clock, processor = time.monotonic(), time.process_time()
        for _ in range(draws // CHUNK_DRAWS):
            drawn(sources, buffer)
        ratios.append(ours / [time.monotonic() - clock, time.process_time() - processor])
    wall, work = np.median(ratios, axis=0)
    print(f"ten million draws / numpy's drawing, two threads{wall:7.2f}   (aim: below 1.5)")
    print(f"the same in processor time, as on one core      {work:7.2f}")
    said = subprocess.run(
        [sys.executable, "-c", MEMORY, str(draws), "20"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    bare, ten_million, billion = map(float, said.split())
    print(f"peak memory: libraries alone                    {bare:7.0f} MB")
    print(f"peak memory: ten million draws, all             {ten_million:7.0f} MB")
    print(f"peak memory: a billion draws, 20 s into them    {billion:7.0f} MB   (aim: below 1000 MB)")


def fitting() -> None:
    print(f"make fit, all constants with cross-validation   {seconds(['make', 'fit']):7.1f} s")


def testing() -> None:
    print(f"make test                                       {seconds(['make', 'test']):7.1f} s")


def serving() -> None:
    bench_site.main(make_book)


PARTS = {part.__name__: part for part in (importing, estimating, simulating, fitting, building, serving, testing)}


def main(names: list[str]) -> int:
    unknown = [name for name in names if name not in PARTS]
    if unknown:
        print(f"no part {unknown[0]!r}: the parts are {', '.join(PARTS)}", file=sys.stderr)
        return 2
    for name in names or PARTS:
        PARTS[name]()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
