"""What AI inference costs in joules: FLOP to energy, efficiency trends, adoption."""

from energy_lib.compute import LanguageModel, forward_flop, language_model
from energy_lib.datasets import load, tables
from energy_lib.energy import inference_energy_j, request_energy, serving_software
from energy_lib.estimate import Estimate
from energy_lib.hardware import Accelerator, accelerator, efficiency_at, efficiency_trend
from energy_lib.image import image_energy, measured_devices
from energy_lib.trends import Growth, best_of_year, cheapest_reaching, fit_growth
from energy_lib.units import joule_to_kwh, joule_to_wh, kwh_to_joule, mac_to_flop, wh_to_joule

__all__ = [
    "Accelerator",
    "Estimate",
    "Growth",
    "LanguageModel",
    "accelerator",
    "best_of_year",
    "cheapest_reaching",
    "efficiency_at",
    "efficiency_trend",
    "fit_growth",
    "forward_flop",
    "image_energy",
    "inference_energy_j",
    "joule_to_kwh",
    "joule_to_wh",
    "kwh_to_joule",
    "language_model",
    "load",
    "mac_to_flop",
    "measured_devices",
    "request_energy",
    "serving_software",
    "tables",
    "wh_to_joule",
]
