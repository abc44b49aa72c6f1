"""A scenario as the explorer answers it: factors that a reader sets, and an interval from a few stratified draws.

`simulate` is exact with many draws; a page that answers while a slider moves takes `DRAWS` of them. Each doubtful input
gets the middles of as many equally likely parts of its distribution, every one once, in an order of its own (a Latin
hypercube; McKay, Beckman and Conover 1979). The orders come from a generator that is a line of integers, so that the
page draws the same numbers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from energy_lib.adoption import STREAMS, Scenario, energy_by_year
from energy_lib.checks import unknown_name
from energy_lib.draws import at_normals
from energy_lib.extras import part_of
from energy_lib.factors import Fixed, Path
from energy_lib.once import computed_once

DRAWS = 8192
ENDS = (0.05, 0.5, 0.95)
# Multiplier and increment of the linear congruential generator of Numerical Recipes (Press et al.), modulo 2^32.
MULTIPLIER, INCREMENT, MODULUS = 1664525, 1013904223, 2**32
GROWTH = ".growth"


def with_values(scenario: Scenario, values: Mapping[str, float]) -> Scenario:
    """The scenario with some inputs set to numbers, without doubt; names are those of `Scenario.inputs`.

    Raises `UnknownNameError` with the nearest names, and `ValueError` for values out of range.

    >>> from energy_lib.adoption import Stream
    >>> answers = Stream(tokens_per_request=500, chip_j_per_token=1.0, model_gain=1.0)
    >>> world = Scenario(first_year=2025, people=8e9, share_using=0.25, requests_per_day=5, frontier_share=0.5,
    ...                  frontier=answers, year_old=answers, server_overhead=1.5, pue=1.2, hardware_gain=1.3,
    ...                  software_gain=1.2)
    >>> changed = with_values(world, {"pue.growth": 0.9, "frontier.tokens_per_request": 800})
    >>> changed.pue.growth.value, changed.frontier.tokens_per_request.start.value
    (0.9, 800)
    """
    changes: dict[str, dict] = {"": {}, **{name: {} for name in STREAMS}}
    for name, value in values.items():
        if name not in scenario.inputs:
            raise unknown_name("input of the scenario", name, scenario.inputs)
        owner, _, field = name.removesuffix(GROWTH).rpartition(".")
        holder = getattr(scenario, owner) if owner else scenario
        before = changes[owner].get(field, getattr(holder, field))
        if name.endswith(GROWTH):
            changes[owner][field] = Path(before.start, Fixed(value))
        else:
            changes[owner][field] = Path(Fixed(value), before.growth) if isinstance(before, Path) else Fixed(value)
    streams = {name: replace(getattr(scenario, name), **changes[name]) for name in STREAMS}
    return replace(scenario, **changes[""], **streams)


@computed_once
def stratified_normals(inputs: int, draws: int = DRAWS) -> np.ndarray:
    """Standard normals, an array (inputs, draws): in each row the middles of equally likely parts, shuffled.

    >>> z = stratified_normals(2, 4)
    >>> np.sort(z, kind="stable").round(3).tolist()
    [[-1.15, -0.319, 0.319, 1.15], [-1.15, -0.319, 0.319, 1.15]]
    """
    middles = normal_middles(draws)
    state, rows = 1, []
    for _ in range(inputs):
        order = list(range(draws))
        for i in range(draws - 1, 0, -1):  # Fisher and Yates
            state = (MULTIPLIER * state + INCREMENT) % MODULUS
            j = state * (i + 1) // MODULUS
            order[i], order[j] = order[j], order[i]
        rows.append(middles[order])
    return np.array(rows).reshape(inputs, draws)


def normal_middles(draws: int) -> np.ndarray:
    """Standard normal quantiles of (i + 1/2) / draws, i = 0 to draws - 1, to four decimals, which a page can carry."""
    with part_of("fit"):
        from scipy.special import ndtri

    return np.round(ndtri((np.arange(draws) + 0.5) / draws), 4)


def quick_energy(scenario: Scenario, years: Sequence[float] | None = None) -> dict[str, np.ndarray]:
    """Low, median and high (90 %) of `energy_twh` and `watt_per_person` over the stratified draws: arrays (3, years).

    Each input has its row of normals by its place in `Scenario.inputs`, doubtful or not, so that setting one input
    moves no other's draws.

    >>> from energy_lib.adoption import Stream
    >>> answers = Stream(tokens_per_request=500, chip_j_per_token=1.0, model_gain=1.0)
    >>> world = Scenario(first_year=2025, people=8e9, share_using=0.25, requests_per_day=5, frontier_share=0.5,
    ...                  frontier=answers, year_old=answers, server_overhead=1.5, pue=1.2, hardware_gain=1.3,
    ...                  software_gain=1.2)
    >>> quick_energy(world, [2025])["energy_twh"].round(4).ravel().tolist()
    [0.9131, 0.9131, 0.9131]
    """
    years = scenario.years if years is None else years
    normals = stratified_normals(len(scenario.inputs))
    rows = [i for i, given in enumerate(scenario.inputs.values()) if given.doubtful]
    found: dict[str, list] = {"energy_twh": [], "watt_per_person": []}
    for of_year in energy_by_year(scenario, at_normals(scenario, normals[rows]), years):
        for measure, kept in found.items():
            kept.append(np.quantile(of_year[measure, "all"], ENDS))
    return {measure: np.array(kept).T for measure, kept in found.items()}
