"""Times of what people wait for, and ratios that hold on any machine; printed, never tested.

`bench.py importing simulating` prints these parts alone. `bench.py --before COMMIT` times that commit beside today's
code, in the same run and by turns, where a part can.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import bench_site
from inputs import ROOT

RUNS = 5
# What a clone does not hold.
APART = (".venv", "_build", ".git", "__pycache__", "node_modules")
# The code that is timed, by name: today's, and that of another commit where one is asked for.
CODE = {"now": ROOT}


def seconds(command: list, cwd: Path = ROOT) -> float:
    began = time.monotonic()
    environment = {**os.environ, "PYTHONPATH": str(cwd)}  # a copy runs its own energy_lib, not the installed one
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    subprocess.run(list(map(str, command)), cwd=cwd, check=True, env=environment, **quiet)
    return time.monotonic() - began


def printed(code: str, cwd: Path) -> float:
    """The number that a fresh process prints."""
    environment = {**os.environ, "PYTHONPATH": str(cwd)}
    command = [sys.executable, "-W", "ignore", "-c", code]
    run = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=True)
    return float(run.stdout.split()[-1])


def report(what: str, unit: str, aim: str, measure: Callable[[Path], float], runs: int = RUNS) -> None:
    """Print the median of some runs, for all of the code by turns; the first run warms the disk's cache."""
    found = {name: [] for name in CODE}
    for turn in range(runs + 1):
        for name, root in CODE.items():
            value = measure(root)
            if turn or not runs:
                found[name].append(value)
    values = "".join(f"  {name} {statistics.median(times):8.3g}{unit}" for name, times in found.items())
    print(f"{what:44}{values}   (aim: {aim})", flush=True)


def make_book(copy: Path) -> float:
    return seconds(["make", "--no-print-directory", "book"], copy)


def building() -> None:
    """Time `make book` in copies, so that the benchmark changes nothing here."""
    with tempfile.TemporaryDirectory() as folder:
        copies = {name: Path(folder) / name for name in CODE}
        for name, root in CODE.items():
            shutil.copytree(root, copies[name], ignore=shutil.ignore_patterns(*APART))
            (copies[name] / ".venv").symlink_to(ROOT / ".venv")

        def timed(what: str, aim: str, change: Callable[[Path], None]) -> None:
            times = {}
            for name, copy in copies.items():
                change(copy)
                times[name] = make_book(copy)
            print(f"make book, {what:33}" + "".join(f"  {n} {t:8.3g} s" for n, t in times.items()) + f"   (aim: {aim})")

        hardware, units = "notebooks/hardware.md", "energy_lib/units.py"
        table, cell = "data/paper/vision_models.csv", "import altair as alt"
        timed("a clone, environment installed", "-", lambda copy: None)
        timed("nothing changed", "0.7 s", lambda copy: None)
        timed("one word of one text", "12 s", lambda copy: replace(copy / hardware, "the others", "all others"))
        timed("one code cell", "its notebook + 12 s", lambda copy: replace(copy / hardware, cell, f"{cell}\n\n_ = 1"))
        timed("a comment of the library", "no notebook", lambda copy: append(copy / units, "\n# One more line.\n"))
        timed("one row of one table", "90 s", lambda copy: replace(copy / table, ",7.8,", ",7.81,"))


def replace(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    if old not in text:
        raise ValueError(f"{path} has no {old!r}")
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def append(path: Path, text: str) -> None:
    path.write_text(path.read_text(encoding="utf-8") + text, encoding="utf-8")


def over_pandas(code: str) -> Callable[[Path], float]:
    """Time of a fresh process over that of one that imports pandas alone, pair by pair: a machine's speed drifts."""

    def ratio(root: Path) -> float:
        ours = seconds([sys.executable, "-W", "ignore", "-c", code], root)
        return ours / seconds([sys.executable, "-c", "import pandas"], root)

    return ratio


FIRST = """
from energy_lib import request_energy
request_energy("Llama-3.1-70B", "H100 SXM5 80GB", input_tokens=300, output_tokens=500, batch=64, n_accelerators=4)
"""
TABLES = """
import time
began = time.monotonic()
from energy_lib import load, tables
for name in tables():
    load(name)
print(time.monotonic() - began)
"""
# One estimate at a time, each with arguments that were not seen before, over one of EcoLogits' own, by turns.
SINGLE = """
import random, time
from ecologits.impacts.llm import compute_llm_impacts
from energy_lib import request_energy
rng = random.Random(1)
mix = {f"if_electricity_mix_{factor}": 1.0 for factor in ("adpe", "pe", "gwp", "wue")}
centre = {"datacenter_pue": 1.2, "datacenter_wue": 0.5}
models = ["Llama-3.1-8B", "Llama-3.1-70B", "Qwen3-32B", "gpt-oss-120b"]
def ours():
    request_energy(rng.choice(models), "H100 SXM5 80GB", input_tokens=rng.randint(1, 2000),
                   output_tokens=rng.randint(1, 2000), batch=rng.randint(1, 64), n_accelerators=8)
def theirs():
    compute_llm_impacts(model_active_parameter_count=70.0, model_total_parameter_count=70.0,
                        output_token_count=rng.randint(1, 2000), request_latency=60.0, **mix, **centre)
def spent(one, many):
    began = time.process_time()
    for _ in range(many):
        one()
    return (time.process_time() - began) / many
spent(ours, 3), spent(theirs, 3)
print(sorted(spent(ours, MANY) / spent(theirs, MANY) for _ in range(5))[2])
"""


def importing() -> None:
    report("import energy_lib / import pandas", "", "below 1.05", over_pandas("import energy_lib"))
    report("process to first estimate / import pandas", "", "below 1.5", over_pandas(FIRST))
    report("all tables loaded", " s", "1 s", lambda root: printed(TABLES, root), runs=2)


def single() -> None:
    """One request at a time, warm, over one estimate of EcoLogits."""
    single = SINGLE.replace("MANY", "40")
    report("one estimate / one of EcoLogits' own", "", "below 0.7", lambda root: printed(single, root), runs=3)


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
    print(f"make test                                       {seconds(['make', 'test']):7.1f} s   (aim: 240 s)")


def ci() -> None:
    """All of CI, in a clone that has no environment yet."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["git", "clone", "--quiet", ROOT, f"{folder}/clone"], check=True)
        taken = seconds(["bash", ".ci/run"], Path(folder) / "clone")
    print(f".ci/run                                         {taken:7.1f} s   (aim: 720 s)")


def serving() -> None:
    bench_site.main(make_book)


PARTS = {
    part.__name__: part for part in (importing, single, estimating, simulating, fitting, building, serving, testing, ci)
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", help="all of them unless given")
    parser.add_argument("--before", metavar="COMMIT", help="time this commit too")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if given.before:
            archive = subprocess.run(["git", "archive", given.before], cwd=ROOT, check=True, capture_output=True).stdout
            subprocess.run(["tar", "-x", "-C", folder], input=archive, check=True)
            CODE["before"] = Path(folder)
        for name in given.parts or PARTS:
            PARTS[name]()
    return 0


if __name__ == "__main__":
    sys.exit(main())
