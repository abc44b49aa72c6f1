"""Writes what the explorer page computes with: fitted constants, shapes, accelerators, countries, everyday energies.

The page repeats the formulas of `compute`, `serving`, `energy` and `footprint` in the reader's browser, and takes every
number they need from here, so that each stands once: in `data`, or in the module that defines it.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import MISSING, asdict, fields
from typing import Any

import numpy as np
import pandas as pd

from energy_lib import compute, datasets, serving, units
from energy_lib.compute import LanguageModel, language_model
from energy_lib.energy import request_constants, serving_software
from energy_lib.export_world import world_page
from energy_lib.footprint import DAYS_PER_YEAR, KWH_PER_TWH
from energy_lib.hardware import accelerator
from energy_lib.judgements import judgement
from energy_lib.later import log_gains, measured_year
from energy_lib.outlook import household_kwh
from energy_lib.world_joules import HORIZON

PUE_OF = "World, Hyperscale (IEA model)"  # in the table `pue`
AGGREGATES = ("World", "European Union (27)")  # the only entries that are no countries
# How the items of the table `everyday_energy` begin that are shown, in this order.
EVERYDAY = (
    "Full smartphone charge",
    "LED lamp, one hour",
    "Laptop, one hour",
    "Boil one 250 mL cup",
    "Video streaming, one hour (IEA",
    "Electric car, one km",
    "Hot shower, 8 minutes",
    "Human body, one hour",
)
# What the page starts with: the reader changes each of them.
DEFAULTS = {
    "model": "Llama-3.1-70B",
    "accelerator": "H100 SXM5 80GB",
    "n_accelerators": 4,
    "weight_bits": 16,
    "input_tokens": 300,
    "output_tokens": 500,
    "batch": 64,
    "requests_per_day": 100,
    "people": 1,
    "country": "World",
}
# Settings of the table that stands beside the form, and in its place where no script runs: what differs from DEFAULTS.
SETTINGS = (
    {"model": "Llama-3.1-8B", "n_accelerators": 1},
    {},
    {"batch": 1},
    {"weight_bits": 8},
    {"output_tokens": 5000},
    {"model": "gpt-oss-120b", "n_accelerators": 1, "weight_bits": 4.25},
    {"model": "Llama-3.1-405B", "accelerator": "H200 SXM 141GB", "n_accelerators": 8},
    {
        "model": "DeepSeek-R1",
        "accelerator": "H200 SXM 141GB",
        "n_accelerators": 8,
        "weight_bits": 8,
        "output_tokens": 5000,
    },
)


def coefficients() -> dict[str, Any]:
    """Everything the page needs, as plain numbers, texts, lists and objects.

    `edition` is a fingerprint of the rest: a link made with other coefficients can be told.

    >>> page = coefficients()
    >>> page["interval_factors"]["shape"] < page["interval_factors"]["accelerator"], len(page["edition"])
    (True, 8)
    """
    constants = asdict(request_constants())
    software, deviations = constants.pop("software"), constants.pop("deviations")
    factors = datasets.load("request_errors").set_index("left_out")["interval_factor"]
    content = {
        "fixed": {
            "bit_per_byte": serving.BIT_PER_BYTE,
            "cache_byte_per_element": serving.CACHE_BYTE_PER_ELEMENT,
            "state_byte_per_element": serving.STATE_BYTE_PER_ELEMENT,
            "expert_bits_that_pay": serving.EXPERT_BITS_THAT_PAY,
            "flop_per_mac": units.FLOP_PER_MAC,
            "mamba_state": compute.MAMBA_STATE,
            "mamba_expansion": compute.MAMBA_EXPANSION,
            "joule_per_wh": units.JOULE_PER_WH,
            "joule_per_kwh": units.JOULE_PER_KWH,
            "days_per_year": DAYS_PER_YEAR,
            "kwh_per_twh": KWH_PER_TWH,
        },
        "constants": constants,
        "software": software,
        "deviations": deviations,
        "interval_factors": {name: float(factors[name]) for name in ("shape", "accelerator")},
        "shape_defaults": _shape_defaults(),
        "models": _models(),
        "accelerators": _accelerators(),
        "countries": _countries(),
        "everyday": _everyday(),
        "measured_year": measured_year(),
        "last_year": HORIZON,
        "log_gains": {name: list(pair) for name, pair in log_gains().items()},
        "pue_by_year": {str(year): of_year for year, of_year in pue_by_year().items()},
        "world": world_page(),
    }
    start = defaults(content["countries"])
    settings = [{**start, **changed} for changed in SETTINGS]
    return {"edition": fingerprint(content), **content, "defaults": start, "settings": settings}


def to_json(content: dict[str, Any]) -> str:
    """The content as JSON that may stand inside an HTML script element.

    >>> to_json({"name": "</script>"})
    '{"name":"<\\\\/script>"}'
    """
    text = json.dumps(content, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.replace("</", "<\\/").replace("<!--", "<\\u0021--")


def fingerprint(content: dict[str, Any]) -> str:
    """Eight hexadecimal digits that change with the content."""
    return hashlib.sha256(to_json(content).encode()).hexdigest()[:8]


def defaults(countries: list[dict[str, Any]]) -> dict[str, Any]:
    """What the page starts with: the newest software, the grid of the country, and the latest PUE of large centres."""
    country = next(c for c in countries if c["name"] == DEFAULTS["country"])
    year = measured_year()
    return {
        **DEFAULTS,
        "year": year,
        "software": serving_software()[-1],
        "grid_gco2_per_kwh": country["grid_gco2_per_kwh"],
        "server_overhead": judgement("server_over_chips_at_most").median,
        "pue": pue_by_year()[year]["pue"],
        "household_kwh": round(household_kwh()),
    }


def pue_by_year() -> dict[int, dict[str, Any]]:
    """PUE of large data centres from the measured year to the last of the scenario, to two decimals: between the years
    of the IEA's model what exceeds 1 moves by the same factor each year. `projected` says which lie ahead of its data.
    """
    table = datasets.load("pue").query("organisation == @PUE_OF and scenario in ['Historical', 'Base']")
    table = table.sort_values("year", kind="stable")
    known = table.loc[table["kind"] != "projection", "year"].max()
    years = range(measured_year(), HORIZON + 1)
    over = np.exp(np.interp(list(years), table["year"], np.log(table["pue"] - 1.0)))
    return {
        year: {"pue": round(1.0 + float(x), 2), "projected": bool(year > known)}
        for year, x in zip(years, over, strict=True)
    }


def _shape_defaults() -> dict[str, Any]:
    return {f.name: f.default for f in fields(LanguageModel) if f.default is not MISSING}


def _models() -> list[dict[str, Any]]:
    """Shapes of all models that can be estimated, without what is as in `shape_defaults`."""
    table = datasets.load("llm_architectures")
    plain = _shape_defaults()
    models = []
    for name, family in zip(table["model"], table["family"], strict=True):
        try:
            shape = asdict(language_model(name))
        except ValueError:  # encoder-decoders, which a single stack of layers does not describe
            continue
        if shape["attention_layers"] == shape["layers"]:
            del shape["attention_layers"]
        models.append({"family": family, **{k: v for k, v in shape.items() if k not in plain or v != plain[k]}})
    return models


def _accelerators() -> list[dict[str, Any]]:
    """Accelerators whose rated power, memory, bandwidth and 16-bit peak are published."""
    table = datasets.load("accelerators")
    boards = []
    for name in table["name"]:
        board = accelerator(name)
        needed = {
            "tdp_w": board.tdp_w,
            "peak_flop_per_s": board.peak_flop_per_s.get("fp16"),
            "memory_byte": board.memory_byte,
            "bandwidth_byte_per_s": board.bandwidth_byte_per_s,
        }
        if None not in needed.values():
            boards.append({"name": name, "vendor": board.vendor, **needed})
    return boards


def _countries() -> list[dict[str, Any]]:
    """The latest year's electricity and, apart, the latest year's grid of each country."""
    table = datasets.load("electricity_by_country")
    table = table[table["is_country"] | table["country"].isin(AGGREGATES)].sort_values("year", kind="stable")

    def latest(column: str) -> pd.DataFrame:
        return table.dropna(subset=[column]).groupby("country").tail(1).set_index("country")[["year", column]]

    electricity, grid = latest("electricity_TWh"), latest("carbon_intensity_gCO2_kWh")
    electricity = electricity[electricity["electricity_TWh"] > 0]
    names = sorted(set(electricity.index) & set(grid.index), key=lambda n: (n not in AGGREGATES, n != "World", n))
    return [
        {
            "name": name,
            "twh": float(electricity.at[name, "electricity_TWh"]),
            "year": int(electricity.at[name, "year"]),
            "grid_gco2_per_kwh": float(grid.at[name, "carbon_intensity_gCO2_kWh"]),
            "grid_year": int(grid.at[name, "year"]),
        }
        for name in names
    ]


def _everyday() -> list[dict[str, Any]]:
    """Familiar energies; those marked not to be used stay out."""
    table = datasets.load("everyday_energy")
    table = table[table["confidence"] != "do-not-use"]
    found = [table[table["item"].str.startswith(begins)].iloc[0] for begins in EVERYDAY]
    return [{"item": row["item"], "joules": float(row["joules"])} for row in found]
