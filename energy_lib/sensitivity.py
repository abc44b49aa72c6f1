"""Which input of a scenario matters most: Sobol indices, and what each input moves alone."""

from __future__ import annotations

import numpy as np
import pandas as pd

from energy_lib.adoption import Scenario, energy_by_year
from energy_lib.checks import quantity
from energy_lib.draws import at_normals
from energy_lib.factors import NORMAL_95


def _energy(scenario: Scenario, z: np.ndarray, year: float) -> np.ndarray:
    found = next(energy_by_year(scenario, at_normals(scenario, z), [year]))["energy_twh", "all"]
    return np.broadcast_to(found, z.shape[1])


def sobol(
    scenario: Scenario, year: float, *, rng: np.random.Generator, samples: int = 1024, logarithm: bool = True
) -> pd.DataFrame:
    """Sobol indices of the energy of `year`: the share of its variance that is owed to each doubtful input.

    First order: by that input alone; total: with all that it does together with others. `logarithm` takes the variance
    of ln energy, of which no rare draw decides; without it, of energy. Columns: `input`, `first`, `first_margin`,
    `total`, `total_margin` (90 % half-widths by bootstrap), in order of `total`. `samples` is a power of two.
    Saltelli's scheme by SALib (Herman and Usher 2017). Raises `ValueError` for other numbers of samples, a year outside
    the scenario, and a scenario without doubt; `ModuleNotFoundError` where SALib is not installed.
    """
    names = list(scenario.doubtful)
    if not names:
        raise ValueError("no input of the scenario is doubtful: there is no variance to share out")
    quantity("samples", samples, "sample", low=8, low_allowed=True)
    if samples != int(samples) or int(samples) & (int(samples) - 1):
        raise ValueError(f"samples = {samples} must be a power of two, which the scheme takes")
    scenario.elapsed(year)

    from SALib.analyze import sobol as analyse
    from SALib.sample import sobol as sample

    problem = {
        "num_vars": len(names),
        "names": names,
        "bounds": [[0.0, 1.0]] * len(names),
        "dists": ["norm"] * len(names),
    }
    z = sample.sample(problem, int(samples), calc_second_order=False, seed=rng)
    energy = _energy(scenario, z.T, year)
    if not energy.std() > 0.0:
        raise ValueError(f"energy is the same in all draws of {year:g}: there is no variance to share out")
    seed = int(rng.integers(2**31))
    outcome = np.log(energy) if logarithm else energy
    found = analyse.analyze(problem, outcome, calc_second_order=False, conf_level=0.9, seed=seed)
    table = pd.DataFrame(
        {
            "input": names,
            "first": found["S1"],
            "first_margin": found["S1_conf"],
            "total": found["ST"],
            "total_margin": found["ST_conf"],
        }
    )
    return table.sort_values("total", ascending=False, kind="stable", ignore_index=True)


def tornado(scenario: Scenario, year: float) -> pd.DataFrame:
    """Energy of `year` with one doubtful input at either end of its 90 % interval and the others at their medians.

    Columns: `input`, `at_low_twh` and `at_high_twh` (with the input at its low and its high end), `median_twh` and
    `multiple`, the larger of the two over the smaller; in order of `multiple`. Raises `ValueError` for a year outside
    the scenario.
    """
    names = list(scenario.doubtful)
    z = np.zeros((len(names), 2 * len(names) + 1))
    for i in range(len(names)):
        # The standard normal quantiles at the ends of a 90 % interval.
        z[i, 2 * i], z[i, 2 * i + 1] = -NORMAL_95, NORMAL_95
    energy = _energy(scenario, z, year)
    low, high = energy[:-1:2], energy[1:-1:2]
    with np.errstate(invalid="ignore", divide="ignore"):
        multiple = np.maximum(low, high) / np.minimum(low, high)
    table = pd.DataFrame(
        {"input": names, "at_low_twh": low, "at_high_twh": high, "median_twh": energy[-1], "multiple": multiple}
    )
    return table.sort_values("multiple", ascending=False, kind="stable", ignore_index=True)
