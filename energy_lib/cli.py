"""The command line: what an answer takes, what a scenario of use comes to, and a new row for a table."""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict

import numpy as np
import pandas as pd

from energy_lib.checks import RowError, UnknownNameError, quantity, unknown_name
from energy_lib.compute import LanguageModel, language_model
from energy_lib.energy import request_energy
from energy_lib.units import DAYS_PER_YEAR, joule_to_kwh, joule_to_wh

PROGRAM = "python -m energy_lib"
INTRODUCTION = f"""\
What answers of AI models cost in joules, with 90 % intervals.

examples:
  {PROGRAM} estimate --model Llama-3.1-8B --accelerator "H100 SXM5 80GB" --batch 32 \\
      --input-tokens 300 --output-tokens 500
  {PROGRAM} scenario --form

`estimate --help`, `scenario --help` and `add-row --help` teach each by example."""
ESTIMATE = f"""\
Joules of one answer of a language model, watt-hours a day and kilowatt-hours a year, with 90 % intervals.

The chips alone are counted unless --server-overhead (joules of the machine at the wall over those of its chips) and
--pue (joules of the facility over those of its machines) say more.

examples:
  # one hundred questions a day to a model of 70 billion parameters on four GPUs
  {PROGRAM} estimate --model Llama-3.1-70B --accelerator "H100 SXM5 80GB" --n-accelerators 4 --batch 64 \\
      --input-tokens 300 --output-tokens 500 --requests-per-day 100 --server-overhead 1.5 --pue 1.2

  # a model of one's own shape, its weights in 8 bits, as JSON
  {PROGRAM} estimate --accelerator "H100 SXM5 80GB" --batch 16 --input-tokens 300 --output-tokens 200 \\
      --json --weight-bits 8 \\
      --shape layers=32,hidden=4096,heads=32,kv_heads=8,head_dim=128,ffn=14336,vocab=128256,gated_mlp=1"""
SCENARIO = f"""\
TWh and watts a person by year for a scenario in a file, or for the book's own of the world: means and 90 % intervals
of many draws, what moves them, and the growth of use that efficiency cancels.

examples:
  # the book's own scenario of the world, and the same as a file to change, every factor with its source
  {PROGRAM} scenario --world
  {PROGRAM} scenario --world --as-file > mine.json

  # a form to fill in, each key with its meaning
  {PROGRAM} scenario --form > mine.toml

  # the scenario filled in, with what each factor would have to be to reach 3000 TWh in its last year
  {PROGRAM} scenario mine.toml --target-twh 3000

  # the same draws again, as JSON
  {PROGRAM} scenario mine.toml --draws 100000 --seed 7 --json"""


ADD_ROW = f"""\
Add a row to a table of data/: numbers may carry their unit, columns that others determine are computed, and the row is
checked in full before anything is written. On a terminal it asks for required columns that are missing. Options stand
before the table or after the values.

examples:
  {PROGRAM} add-row model_architecture model_id=example/Example-8B architecture=Llama-3.1-8B match=nearest

  # without values: the columns that a row needs, each with its meaning, unit and range
  {PROGRAM} add-row accelerators < /dev/null"""


class _Parser(argparse.ArgumentParser):
    """Refuses in one line."""

    def error(self, message: str) -> None:
        raise ValueError(f"{message} (see `{self.prog} --help`)")


def _parser() -> _Parser:
    raw = argparse.RawDescriptionHelpFormatter
    parser = _Parser(prog=PROGRAM, description=INTRODUCTION, formatter_class=raw, allow_abbrev=False)
    commands = parser.add_subparsers(required=True, metavar="{estimate,scenario,add-row}", dest="command")
    one = commands.add_parser("estimate", help="joules of an answer", description=ESTIMATE, formatter_class=raw)
    which = one.add_mutually_exclusive_group(required=True)
    which.add_argument("--model", help="name or hub id of a model, such as Llama-3.1-70B")
    which.add_argument("--shape", help="a shape instead: layers=..,hidden=..,heads=..,kv_heads=..,head_dim=..,...")
    one.add_argument("--accelerator", required=True, help='such as "H100 SXM5 80GB"')
    for name, default, help_text in (
        ("input-tokens", None, "tokens that a request reads"),
        ("output-tokens", None, "tokens that an answer writes"),
        ("batch", None, "requests served at once, which decides most of an answer's energy"),
        ("n-accelerators", 1, "accelerators that share the model"),
        ("weight-bits", 16, "bits of a weight"),
        ("requests-per-day", 1, "requests a day"),
        ("server-overhead", 1, "joules of the machine over those of its chips"),
        ("pue", 1, "joules of the facility over those of its machines"),
    ):
        words = help_text if default is None else f"{help_text} ({default})"
        one.add_argument(f"--{name}", type=float, default=default, required=default is None, metavar="N", help=words)
    one.add_argument("--software", help="generation of serving software (the newest)")
    one.set_defaults(answer=_estimate)
    two = commands.add_parser(
        "scenario", help="TWh of a scenario of use", description=SCENARIO, formatter_class=raw, allow_abbrev=False
    )
    two.add_argument("file", nargs="?", help="TOML, or JSON if its name ends in .json")
    two.add_argument("--form", action="store_true", help="print a scenario file to fill in")
    two.add_argument("--world", action="store_true", help="the book's own scenario instead of a file")
    two.add_argument(
        "--as-file", action="store_true", help="print the scenario as JSON that can be changed and read back"
    )
    two.add_argument("--draws", type=int, default=20_000, metavar="N", help="number of draws (%(default)s)")
    two.add_argument("--seed", type=int, default=1, metavar="N", help="seed of the draws (%(default)s)")
    two.add_argument("--target-twh", type=float, metavar="TWH", help="what would reach so many TWh in the last year")
    two.set_defaults(answer=_scenario)
    three = commands.add_parser(
        "add-row", help="add a row to a table of data/", description=ADD_ROW, formatter_class=raw, allow_abbrev=False
    )
    three.add_argument("table", help="such as vision_models")
    three.add_argument("values", nargs="*", metavar="name=value", help="such as gflops=4.1GMAC")
    three.add_argument("--data-dir", metavar="FOLDER", help="another folder with a datapackage.json")
    three.add_argument("--yes", action="store_true", help="write the row although a value looks wrong")
    three.set_defaults(answer=_add_row)
    for command in (one, two):
        command.add_argument("--json", action="store_true", help="JSON instead of a table")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code: 0, or 2 after one line on stderr that says what is wrong."""
    try:
        given = _parser().parse_args(arguments)
        text = given.answer(given)
        print(text, flush=True)
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except RowError as error:
        print(f"energy_lib: {error}", file=sys.stderr)
        return 2
    except (ValueError, UnknownNameError, OSError) as error:
        print(f"energy_lib: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    return 0


def _shape(text: str) -> LanguageModel:
    from dataclasses import MISSING, fields

    types = {f.name: f.type for f in fields(LanguageModel) if f.name not in ("name", "kind")}
    numbers = {}
    for pair in text.split(","):
        key, _, value = pair.strip().partition("=")
        if key not in types:
            raise unknown_name("key of --shape", key, types)
        if not value.isdigit():
            raise ValueError(f"--shape: {key} = {value!r} must be a whole number")
        numbers[key] = int(value) if types[key] == "int" else bool(int(value))
    missing = [f.name for f in fields(LanguageModel) if f.default is MISSING and f.name not in ("name", *numbers)]
    if missing:
        raise ValueError(f"--shape lacks {', '.join(missing)}")
    return LanguageModel("a shape of one's own", **numbers)


def _estimate(given: argparse.Namespace) -> str:
    model = _shape(given.shape) if given.shape else language_model(given.model)
    settings = ("input_tokens", "output_tokens", "batch", "n_accelerators", "weight_bits")
    load = {name: getattr(given, name) for name in settings}
    rate = float(quantity("requests_per_day", given.requests_per_day, "request/day", low_allowed=True))
    server = float(quantity("server_overhead", given.server_overhead, "(ratio)", low=1, low_allowed=True))
    pue = float(quantity("pue", given.pue, "(ratio)", low=1, low_allowed=True))
    estimate = request_energy(model, given.accelerator, **load, software=given.software)
    chip = {"median": estimate.energy_j, "low": estimate.low_j, "high": estimate.high_j}
    chip = {name: float(joules) for name, joules in chip.items()}
    joules = {name: value * server * pue for name, value in chip.items()}
    found = {
        "model": model.name,
        "accelerator": given.accelerator,
        **load,
        "requests_per_day": rate,
        "server_overhead": server,
        "pue": pue,
        "energy_per_request_chip_j": chip,
        "energy_per_request_j": joules,
        "energy_per_day_wh": {name: float(joule_to_wh(value * rate)) for name, value in joules.items()},
        "energy_per_year_kwh": {
            name: float(joule_to_kwh(value * rate * DAYS_PER_YEAR)) for name, value in joules.items()
        },
        "parts_chip_j": {name: float(part) for name, part in estimate.parts.items()},
    }
    if given.json:
        return _json(found)
    title = (
        f"{model.name} on {given.n_accelerators:g} x {given.accelerator}: {given.input_tokens:g} tokens in, "
        f"{given.output_tokens:g} out, batch {given.batch:g}, {given.weight_bits:g} bits"
    )
    rows = [
        ("J an answer, chips", chip),
        (f"J an answer, server x {server:g}, PUE x {pue:g}", joules),
        (f"Wh a day, {rate:g} requests a day", found["energy_per_day_wh"]),
        ("kWh a year", found["energy_per_year_kwh"]),
    ]
    lines = [(label, value["median"], value["low"], value["high"]) for label, value in rows]
    return f"{title}\n\n{_table(('90 % interval', 'median', 'low', 'high'), lines)}"


def _scenario(given: argparse.Namespace) -> str:
    # Loaded here, so that an estimate does not wait for what scenarios need.
    from energy_lib.change import break_even, decompose, needed_for
    from energy_lib.draws import simulate
    from energy_lib.scenario_file import FORM, read_scenario, scenario_mapping
    from energy_lib.sensitivity import tornado
    from energy_lib.world import world_scenario

    if given.form:
        return FORM.rstrip()
    if given.world and given.file:
        raise ValueError("give a scenario file or --world, not both")
    if not (given.file or given.world):
        raise ValueError(f"no scenario file is given: `{PROGRAM} scenario --form` prints one to fill in")
    scenario = world_scenario() if given.world else read_scenario(given.file)
    if given.as_file:
        return _json(scenario_mapping(scenario))
    quantity("seed", given.seed, "1", low_allowed=True)
    draws = simulate(scenario, draws=given.draws, rng=np.random.default_rng(given.seed))
    frame, even = draws.frame(), break_even(draws) if len(draws.years) > 1 else None
    split = decompose(draws) if even else None
    moves = tornado(scenario, scenario.last_year)
    needed = None if given.target_twh is None else needed_for(scenario, given.target_twh, scenario.last_year)
    if given.json:
        records = {"by_year": frame, "decomposition": split, "what_moves_it": moves, "needed": needed}
        found = {name: table.to_dict("records") for name, table in records.items() if table is not None}
        return _json({**found, "break_even": even and asdict(even), "draws": draws.count, "seed": given.seed})
    by = frame.pivot(index="year", columns=["measure", "stream"])
    twh, watt = ("energy_twh", "all"), ("watt_per_person", "all")
    columns = [("mean", *twh), ("median", *twh), ("low", *twh), ("high", *twh), ("median", *watt)]
    columns += [("median", "energy_twh", "frontier"), ("median", "energy_twh", "year_old")]
    head = ("TWh a year", "mean", "median", "low", "high", "W a person", "frontier", "year-old")
    parts = [_table(head, [(str(year), *(by.loc[year, c] for c in columns)) for year in by.index])]
    span = f"{scenario.first_year} to {scenario.last_year}"
    if even:
        parts.append(
            f"Efficiency cancels a growth of use by {even.factor_per_year:.2f} a year "
            f"({even.low:.2f} to {even.high:.2f}); use grows by {even.use_factor_per_year:.2f} "
            f"({even.use_low:.2f} to {even.use_high:.2f})."
        )
        shown = ("change_twh", "change_low_twh", "change_high_twh", "multiple")
        rows = [(r["factor"], *(r[c] for c in shown)) for r in split.to_dict("records")]
        parts.append(_table((f"change of mean TWh, {span}", "mean", "low", "high", "multiple"), rows))
    rows = [(r["input"], r["at_low_twh"], r["at_high_twh"]) for r in moves.head(6).to_dict("records")]
    if rows:
        parts.append(_table((f"TWh in {scenario.last_year} with one input at", "its low", "its high"), rows))
    if needed is not None:
        rows = [
            (f"{r['factor']} ({r['stream']})", r["value"], r["needed"], r["multiple"], "" if r["reachable"] else "no")
            for r in needed.to_dict("records")
        ]
        head = (f"alone for {given.target_twh:g} TWh", "is", "needed", "multiple", "reachable")
        parts.append(_table(head, rows))
    return "\n\n".join(parts)


def _add_row(given: argparse.Namespace) -> str:
    from energy_lib.add_row import add_row

    values = {}
    for pair in given.values:
        name, equals, value = pair.partition("=")
        if not equals:
            raise ValueError(f"{pair!r} must be name=value")
        if name in values:
            raise ValueError(f"{name} is given twice")
        values[name] = value
    ask = input if sys.stdin.isatty() else None
    return add_row(given.table, values, data_dir=given.data_dir, ask=ask, sure=given.yes)


def _figure(value: float | str) -> str:
    """Three significant digits, without an exponent where that is readable."""
    if isinstance(value, str):
        return value
    if not math.isfinite(value) or pd.isna(value):
        return "-"
    if value == 0.0:
        return "0"
    digits = 2 - math.floor(math.log10(abs(value)))
    return f"{round(value, digits):,.{max(digits, 0)}f}" if 1e-4 <= abs(value) < 1e13 else f"{value:.2e}"


def _table(head: Sequence[str], rows: Sequence[Sequence]) -> str:
    cells = [list(head), *([_figure(value) for value in row] for row in rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(head))]
    aligned = [
        [row[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(row[1:], widths[1:], strict=True))] for row in cells
    ]
    return "\n".join("  ".join(row).rstrip() for row in aligned)


def _json(found: dict) -> str:
    def plain(value: object) -> object:
        if isinstance(value, dict):
            return {key: plain(item) for key, item in value.items()}
        if isinstance(value, list):
            return [plain(item) for item in value]
        if isinstance(value, np.generic):
            value = value.item()
        return None if isinstance(value, float) and not math.isfinite(value) else value

    return json.dumps(plain(found), indent=2, allow_nan=False)
