"""What the explorer's panel of the world computes with: the inputs of the book's scenario, each on its scale.

The page repeats `adoption.energy_by_year`, `change.decompose`, `change.needed_for` and `quick.quick_energy`; names of
factors, constants and the generator of draws come from here.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from energy_lib import adoption, change, datasets, quick
from energy_lib.checks import quantity
from energy_lib.factors import SCALES, UNSCALED, Fixed, Input
from energy_lib.world import world_scenario

TARGET_SHARE = 0.1  # of the world's electricity: what the page asks what it would take for
_BEYOND = 0.5  # sliders reach beyond the 90 % interval by this share of its width, on the scale of the kind
_FIXED_REACH = np.log(2.0)  # sliders of inputs without doubt: half to twice
# Settings of the table that stands beside the panel, and in its place where no script runs.
SETTINGS: tuple[tuple[str, dict[str, float]], ...] = (
    ("As the book has it", {}),
    ("Use stays as it is", {"share_using.growth": 1.0, "requests_per_day.growth": 1.0}),
    ("Efficiency stays as it is", {"hardware_gain": 1.0, "software_gain": 1.0}),
    ("Answers stay as long as they are", {"frontier.tokens_per_request.growth": 1.0}),
    ("All requests go to the frontier", {"frontier_share": 1.0}),
    ("No request goes to the frontier", {"frontier_share": 0.0}),
)


def world_page(scenario: adoption.Scenario | None = None) -> dict[str, Any]:
    """Everything that the panel needs, as plain numbers, texts, lists and objects.

    >>> page = world_page()
    >>> page["inputs"][0]["name"], page["draws"], len(page["upper_middles"])
    ('people', 8192, 4096)
    """
    scenario = world_scenario() if scenario is None else scenario
    return {
        "first_year": scenario.first_year,
        "last_year": scenario.last_year,
        "inputs": [_input(given) for given in scenario.inputs.values()],
        "streams": list(adoption.STREAMS),
        "kinds": adoption.KINDS,
        "exponential": {name: list(pair) for name, pair in adoption.EXPONENTIAL.items()},
        "exponential_of_stream": {name: list(pair) for name, pair in adoption.EXPONENTIAL_OF_STREAM.items()},
        "use": list(change.USE),
        "efficiency": list(change.EFFICIENCY),
        "days_per_year": adoption.DAYS_PER_YEAR,
        "joule_per_twh": adoption.JOULE_PER_TWH,
        "seconds_per_year": adoption.SECONDS_PER_YEAR,
        "ends": list(quick.ENDS),
        "draws": quick.DRAWS,
        "generator": [quick.MULTIPLIER, quick.INCREMENT, quick.MODULUS],
        # The lower half is the same with the other sign.
        "upper_middles": quick.normal_middles(quick.DRAWS)[quick.DRAWS // 2 :].tolist(),
        "target_share": TARGET_SHARE,
        **_world_electricity(),
        "settings": [{"says": says, "values": values} for says, values in SETTINGS],
    }


def _world_electricity() -> dict[str, float | int]:
    table = datasets.load("electricity_by_country").query("country == 'World'").dropna(subset=["electricity_TWh"])
    latest = table.sort_values("year", kind="stable").iloc[-1]
    return {"electricity_twh": float(latest["electricity_TWh"]), "electricity_year": int(latest["year"])}


def _input(given: Input) -> dict[str, Any]:
    """An input with its numbers as the reader sees them, on its scale, and where its slider ends."""
    factor = given.factor
    if isinstance(factor, Fixed):
        numbers = {"value": factor.value}
        reach = given.middle - _FIXED_REACH, given.middle + _FIXED_REACH
    else:
        numbers = {"value": UNSCALED[given.kind](given.middle), "low": factor.low, "high": factor.high}
        low, high = (float(SCALES[given.kind](np.float64(end))) for end in (factor.low, factor.high))
        reach = low - _BEYOND * (high - low), high + _BEYOND * (high - low)
    return {
        "name": given.name,
        "kind": given.kind,
        **{name: float(quantity(name, value, "")) for name, value in numbers.items()},
        "middle": given.middle,
        "spread_low": given.spread_low,
        "spread_high": given.spread_high,
        "slider": [float(end) for end in reach],
        "source": factor.source,
    }
