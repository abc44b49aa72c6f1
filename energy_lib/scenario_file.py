"""Scenarios as files: TOML or JSON in, a checked `Scenario` out, and back."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, fields
from pathlib import Path as FilePath

from energy_lib.adoption import STREAMS, Scenario, Stream
from energy_lib.checks import unknown_name
from energy_lib.factors import SET_BY_READER, Factor, Fixed, Lognormal, Path

_YEARS = ("first_year", "last_year")
_PATHS = ("people", "share_using", "requests_per_day", "frontier_share", "server_overhead", "pue", "tokens_per_request")
_FACTOR_KEYS = ("value", "low", "high", "median", "source")

FORM = """\
# A scenario of AI use: fill in the numbers. A factor is a number (pue = 1.2) or, where it is in doubt, a table:
#   pue = { low = ..., high = ..., median = ..., source = "..." }   ends of a 90 % interval; a median is optional
# A factor that moves has growth, a number or a table like that: a factor a year (of a share: of its odds; of an
# overhead: of what it exceeds 1 by). Gains are factors a year by which the joules of a token fall.
first_year =
last_year = 2030
people =                    # all people, users or not
share_using =               # share of them who use AI, 0 to 1
requests_per_day =          # by each who does
frontier_share =            # share of requests that go to the frontier, 0 to 1; the others go to year-old models
server_overhead =           # joules of the machine at the wall over those of its chips, 1 or more
pue =                       # joules of the facility over those of its machines, 1 or more
hardware_gain =             # a year
software_gain =             # a year
# estimate_error = { low = ..., high = ..., source = "..." }    around 1: doubt that both streams' joules share

[frontier]
tokens_per_request =        # written
chip_j_per_token =          # joules of the chips in the first year: `energy_lib estimate` gives them
model_gain =                # a year; below 1 where models grow

[year_old]
tokens_per_request =
chip_j_per_token =
model_gain =
"""


def read_scenario(path: str | FilePath) -> Scenario:
    """The scenario of a TOML or, with the suffix .json, JSON file; `FORM` is one to fill in.

    Raises `OSError` for a file that cannot be read, `UnknownNameError` for an unknown key (with the nearest), and
    `ValueError` for text that is no TOML or JSON, keys that are missing and values out of range.
    """
    path = FilePath(path)
    try:
        text = path.read_text(encoding="utf-8")
        given = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except (UnicodeDecodeError, json.JSONDecodeError, tomllib.TOMLDecodeError) as error:
        kind = "JSON" if path.suffix == ".json" else "TOML"
        raise ValueError(f"{path} is not {kind}: {error}") from None
    return scenario_of(given)


def scenario_of(given: Mapping) -> Scenario:
    """The scenario of a mapping with the keys of `Scenario`. Raises as `read_scenario` does.

    >>> scenario_of({"first_year": 2025, "poeple": 8e9})
    Traceback (most recent call last):
    energy_lib.checks.UnknownNameError: unknown key of a scenario 'poeple': the nearest is 'people'
    """
    table = _checked(given, Scenario, "a scenario")
    built = {}
    for key, value in table.items():
        if key in _YEARS:
            built[key] = value
        elif key in STREAMS:
            of_stream = _checked(value, Stream, f"the stream {key}")
            built[key] = Stream(**{name: _factor_of(f"{key}.{name}", v, name) for name, v in of_stream.items()})
        else:
            built[key] = _factor_of(key, value, key)
    return Scenario(**built)


def scenario_mapping(scenario: Scenario) -> dict:
    """The scenario as plain numbers, texts and tables, ready for JSON: `scenario_of` gives it back.

    >>> answers = Stream(tokens_per_request=500, chip_j_per_token=1.0, model_gain=1.0)
    >>> world = Scenario(first_year=2025, people=8e9, share_using=0.25, requests_per_day=5, frontier_share=0.5,
    ...                  frontier=answers, year_old=answers, server_overhead=1.5, pue=1.2, hardware_gain=1.3,
    ...                  software_gain=1.2)
    >>> scenario_mapping(world)["pue"]
    {'value': 1.2, 'source': 'set by the reader', 'growth': {'value': 1.0, 'source': 'no growth'}}
    >>> scenario_of(scenario_mapping(world)) == world
    True
    """
    return _mapping(scenario)


def _mapping(value: object) -> object:
    if isinstance(value, (Scenario, Stream)):
        return {field.name: _mapping(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Path):
        return {**_mapping(value.start), "growth": _mapping(value.growth)}
    if isinstance(value, (Fixed, Lognormal)):
        return {key: getattr(value, key) for key in _FACTOR_KEYS if key in vars(value) and vars(value)[key] is not None}
    return value


def _checked(given: object, owner: type, what: str) -> Mapping:
    """A table whose keys are fields of a dataclass, with none of those missing that have no default."""
    if not isinstance(given, Mapping):
        raise ValueError(f"{what} must be a table of keys, not {given!r}")
    known = [field.name for field in fields(owner)]
    for key in given:
        if key not in known:
            raise unknown_name(f"key of {what}", key, known)
    missing = [f.name for f in fields(owner) if f.default is MISSING and f.name not in given]
    if missing:
        raise ValueError(f"{what} lacks {', '.join(missing)}")
    return given


def _factor_of(name: str, given: object, key: str) -> Path | Factor:
    if not isinstance(given, Mapping):
        if isinstance(given, bool) or not isinstance(given, (int, float)):
            raise ValueError(f"{name} must be a number or a table with value, or low and high, not {given!r}")
        return Fixed(float(given))
    keys = (*_FACTOR_KEYS, "growth") if key in _PATHS else _FACTOR_KEYS
    for unknown in given:
        if unknown not in keys:
            raise unknown_name(f"key of {name}", unknown, keys)
    if "growth" in given:
        start = {k: v for k, v in given.items() if k != "growth"}
        return Path(_factor_of(name, start, ""), _factor_of(f"{name}.growth", given["growth"], ""))
    try:
        if "value" in given:
            if {"low", "high", "median"} & set(given):
                raise ValueError("give value, or low and high, not both")
            return Fixed(**{"source": SET_BY_READER, **given})
        if not {"low", "high"} <= set(given):
            raise ValueError("give value, or low and high")
        return Lognormal(**{"source": SET_BY_READER, **given})
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None
