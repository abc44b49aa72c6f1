"""What AI inference costs in joules: FLOP to energy, efficiency trends, adoption."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from energy_lib.adoption import Scenario, Stream
    from energy_lib.change import break_even, decompose, halved, needed_for
    from energy_lib.compute import LanguageModel, forward_flop, language_model
    from energy_lib.datasets import load, tables
    from energy_lib.draws import Draws, simulate
    from energy_lib.energy import inference_energy_j, request_energy, serving_software
    from energy_lib.estimate import Estimate
    from energy_lib.factors import Fixed, Lognormal, Path
    from energy_lib.hardware import Accelerator, accelerator, efficiency_at, efficiency_trend
    from energy_lib.image import image_energy, measured_devices
    from energy_lib.scenario_file import read_scenario
    from energy_lib.sensitivity import sobol, tornado
    from energy_lib.trends import Growth, best_of_year, cheapest_reaching, fit_growth
    from energy_lib.units import joule_to_kwh, joule_to_wh, kwh_to_joule, mac_to_flop, wh_to_joule
    from energy_lib.world import world_scenario

# The module of each public name. It is imported when the name is first used, so that `import energy_lib` costs nothing
# and an estimate costs what it needs.
_MODULES = {
    "Accelerator": "hardware",
    "Draws": "draws",
    "Estimate": "estimate",
    "Fixed": "factors",
    "Growth": "trends",
    "LanguageModel": "compute",
    "Lognormal": "factors",
    "Path": "factors",
    "Scenario": "adoption",
    "Stream": "adoption",
    "accelerator": "hardware",
    "best_of_year": "trends",
    "break_even": "change",
    "cheapest_reaching": "trends",
    "decompose": "change",
    "efficiency_at": "hardware",
    "efficiency_trend": "hardware",
    "fit_growth": "trends",
    "forward_flop": "compute",
    "halved": "change",
    "image_energy": "image",
    "inference_energy_j": "energy",
    "joule_to_kwh": "units",
    "joule_to_wh": "units",
    "kwh_to_joule": "units",
    "language_model": "compute",
    "load": "datasets",
    "mac_to_flop": "units",
    "measured_devices": "image",
    "needed_for": "change",
    "read_scenario": "scenario_file",
    "request_energy": "energy",
    "serving_software": "energy",
    "simulate": "draws",
    "sobol": "sensitivity",
    "tables": "datasets",
    "tornado": "sensitivity",
    "wh_to_joule": "units",
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


def _version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("energy-lib")
    except PackageNotFoundError:  # a copy of the sources that was never installed
        return "0+unknown"


def __getattr__(name: str) -> Any:
    if name == "__version__":
        value = _version()
    elif name in _MODULES:
        value = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value  # found at once the next time
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULES, "__version__"})
