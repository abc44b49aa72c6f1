"""What AI inference costs in joules: FLOP to energy, efficiency trends, adoption."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from energy_lib.compute import LanguageModel, forward_flop, language_model
from energy_lib.datasets import load, tables
from energy_lib.energy import inference_energy_j, request_energy, serving_software
from energy_lib.estimate import Estimate
from energy_lib.hardware import Accelerator, accelerator, efficiency_at, efficiency_trend
from energy_lib.image import image_energy, measured_devices
from energy_lib.trends import Growth, best_of_year, cheapest_reaching, fit_growth
from energy_lib.units import joule_to_kwh, joule_to_wh, kwh_to_joule, mac_to_flop, wh_to_joule

if TYPE_CHECKING:
    from energy_lib.adoption import Scenario, Stream
    from energy_lib.change import break_even, decompose, halved, needed_for
    from energy_lib.draws import Draws, simulate
    from energy_lib.factors import Fixed, Lognormal, Path
    from energy_lib.scenario_file import read_scenario
    from energy_lib.sensitivity import sobol, tornado
    from energy_lib.world import world_scenario

# Names that are imported when first used, so that `import energy_lib` costs little more than `import pandas`.
_LATE = {
    "Draws": "draws",
    "Fixed": "factors",
    "Lognormal": "factors",
    "Path": "factors",
    "Scenario": "adoption",
    "Stream": "adoption",
    "break_even": "change",
    "decompose": "change",
    "halved": "change",
    "needed_for": "change",
    "read_scenario": "scenario_file",
    "simulate": "draws",
    "sobol": "sensitivity",
    "tornado": "sensitivity",
    "world_scenario": "world",
}

__all__ = [
    "Accelerator",
    "Draws",
    "Estimate",
    "Fixed",
    "Growth",
    "LanguageModel",
    "Lognormal",
    "Path",
    "Scenario",
    "Stream",
    "accelerator",
    "best_of_year",
    "break_even",
    "cheapest_reaching",
    "decompose",
    "efficiency_at",
    "efficiency_trend",
    "fit_growth",
    "forward_flop",
    "halved",
    "image_energy",
    "inference_energy_j",
    "joule_to_kwh",
    "joule_to_wh",
    "kwh_to_joule",
    "language_model",
    "load",
    "mac_to_flop",
    "measured_devices",
    "needed_for",
    "read_scenario",
    "request_energy",
    "serving_software",
    "simulate",
    "sobol",
    "tables",
    "tornado",
    "wh_to_joule",
    "world_scenario",
]


def __getattr__(name: str) -> Any:
    if name not in _LATE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_LATE[name]}"), name)
    globals()[name] = value  # found at once the next time
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_LATE})
