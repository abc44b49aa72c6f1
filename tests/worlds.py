"""Scenarios that the tests share; their numbers are examples."""

from functools import partial

import numpy as np

from energy_lib.adoption import Scenario, Stream
from energy_lib.factors import Lognormal, Path

around = partial(Lognormal, source="an example")


def about(median, factor):
    return around(low=median / factor, high=median * factor)


def answers(tokens=500, joules=1.0, gain=1.2):
    return Stream(tokens_per_request=tokens, chip_j_per_token=joules, model_gain=gain)


CERTAIN = {
    "first_year": 2025,
    "people": Path(8e9, growth=1.01),
    "share_using": Path(0.2, growth=1.5),
    "requests_per_day": 5.0,
    "frontier_share": Path(0.4, growth=1.1),
    "frontier": answers(Path(600, growth=1.3), 2.0, 0.9),
    "year_old": answers(300, 0.5, 1.5),
    "server_overhead": Path(1.5, growth=0.9),
    "pue": 1.2,
    "hardware_gain": 1.3,
    "software_gain": 1.2,
}
DOUBTFUL = {
    "people": Path(about(8e9, 1.05), growth=about(1.01, 1.002)),
    "share_using": Path(around(low=0.1, high=0.3), growth=about(1.4, 1.1)),
    "requests_per_day": Path(around(low=2, median=5, high=20), growth=about(1.2, 1.1)),
    "frontier_share": Path(around(low=0.2, high=0.7), growth=about(1.1, 1.1)),
    "frontier": answers(Path(about(600, 2), growth=about(1.3, 1.2)), about(2.0, 2), about(0.9, 1.2)),
    "year_old": answers(Path(about(300, 2), growth=about(1.1, 1.2)), about(0.5, 2), about(1.5, 1.2)),
    "server_overhead": Path(around(low=1.3, high=1.8), growth=about(0.95, 1.02)),
    "pue": Path(around(low=1.1, high=1.4), growth=about(0.95, 1.02)),
    "hardware_gain": about(1.3, 1.1),
    "software_gain": about(1.2, 1.2),
    "estimate_error": about(1.0, 1.6),
}


def scenario(**changes):
    return Scenario(**{**CERTAIN, **changes})


def doubtful(**changes):
    return scenario(**{**DOUBTFUL, **changes})


def rng(seed=1):
    return np.random.default_rng(seed)


def product_of_lognormals():
    """One stream of factors without bounds: its energy is lognormal, and so is each year's."""
    stream = answers(Path(about(500, 2), growth=about(1.3, 1.2)), about(1.0, 3), about(1.1, 1.3))
    return scenario(
        frontier_share=1.0,
        frontier=stream,
        share_using=0.25,
        requests_per_day=Path(about(5, 2), growth=about(1.2, 1.1)),
        server_overhead=1.0,
        estimate_error=about(1.0, 1.5),
    )


TOML = """
first_year = 2025
people = { value = 8e9, growth = 1.01, source = "a census" }
share_using = { low = 0.1, high = 0.3, growth = { low = 1.2, high = 1.6, source = "a guess" }, source = "a survey" }
requests_per_day = 5
frontier_share = 0.4
server_overhead = 1.5
pue = { low = 1.1, median = 1.15, high = 1.4, source = "a survey" }
hardware_gain = 1.3
software_gain = 1.2
[frontier]
tokens_per_request = { value = 600, growth = 1.3 }
chip_j_per_token = 2.0
model_gain = 0.9
[year_old]
tokens_per_request = 300
chip_j_per_token = { low = 0.2, high = 1.0, source = "an estimate" }
model_gain = 1.5
"""
