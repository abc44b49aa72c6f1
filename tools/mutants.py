"""Changes the library in small ways, one at a time, and reports which changes no test notices.

`mutants.py --sample 20 units trends` tries 20 chosen by chance of each of these modules; without arguments all mutants
of all modules that `pyproject.toml` lists. What was killed is remembered in `mutants/` and not tried again until its
function changes; what survived is tried again. Exits with 1 if less than 90 % are killed.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tomllib

from inputs import ROOT

WANTED = 0.9
KILLED = ("killed", "timeout", "segfault", "caught by type check")


def mutants() -> dict[str, dict[str, str]]:
    """The state of every mutant by module and name; makes those that are missing."""
    from mutmut import __main__ as mutmut
    from mutmut.mutation.data import SourceFileMutationData
    from mutmut.stats import status_by_exit_code

    with open(os.devnull, "w") as quiet:
        stdout, sys.stdout = sys.stdout, quiet
        try:
            (ROOT / "mutants").mkdir(exist_ok=True)
            mutmut.copy_src_dir()
            mutmut.copy_also_copy_files()
            mutmut.create_mutants(1)
        finally:
            sys.stdout = stdout
    found = {}
    for path in mutmut.walk_mutatable_files():
        data = SourceFileMutationData(path=path)
        data.load()
        found[path.stem] = {name: status_by_exit_code[code] for name, code in data.exit_code_by_key.items()}
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("modules", nargs="*", help="all that pyproject.toml lists, unless given")
    parser.add_argument("--sample", type=int, metavar="N", help="at most so many mutants of a module, by chance")
    parser.add_argument("--report", action="store_true", help="report what was tried, try nothing")
    given = parser.parse_args()
    os.chdir(ROOT)
    os.environ["HYPOTHESIS_PROFILE"] = "mutants"
    known = [path.removeprefix("energy_lib/").removesuffix(".py") for path in _settings()["only_mutate"]]
    for module in given.modules:
        if module not in known:
            parser.error(f"no module {module!r}: known are {', '.join(known)}")
    modules = given.modules or known
    # A changed setting makes mutmut forget what was killed: the second round tries what it forgot in the first.
    for round_ in () if given.report else (1, 2):
        chosen = []
        for module, states in mutants().items():
            if module in modules:
                names = sorted(states)
                few = given.sample is not None and given.sample < len(names)
                names = random.Random(1).sample(names, given.sample) if few else names
                chosen += [n for n in names if states[n] == "not checked" or (round_ == 1 and states[n] not in KILLED)]
        if chosen:
            subprocess.run([sys.executable, "-m", "mutmut", "run", *chosen], check=True)
    return report({module: states for module, states in mutants().items() if module in modules})


def _settings() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["mutmut"]


def report(found: dict[str, dict[str, str]]) -> int:
    """Print counts by module and the survivors; 1 if too many survive."""
    all_tried, all_killed, survivors = 0, 0, []
    print(f"{'module':<14}{'mutants':>8}{'tried':>8}{'killed':>8}{'survived':>10}")
    for module, states in sorted(found.items()):
        tried = {name: state for name, state in states.items() if state != "not checked"}
        killed = sum(state in KILLED for state in tried.values())
        survivors += [(name, state) for name, state in sorted(tried.items()) if state not in KILLED]
        print(f"{module:<14}{len(states):>8}{len(tried):>8}{killed:>8}{len(tried) - killed:>10}")
        all_tried, all_killed = all_tried + len(tried), all_killed + killed
    print(f"{'all':<14}{sum(map(len, found.values())):>8}{all_tried:>8}{all_killed:>8}{all_tried - all_killed:>10}")
    for name, state in survivors:
        print(f"{state}: {name}")
    return int(all_tried > 0 and all_killed < WANTED * all_tried)


if __name__ == "__main__":
    sys.exit(main())
