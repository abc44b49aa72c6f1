"""What a token takes in the book's scenario of the world, and how that falls: models, chips, servers, facilities."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np

from energy_lib import chat, datasets
from energy_lib.compute import language_model
from energy_lib.energy import request_constants, request_energy, serving_software
from energy_lib.factors import Lognormal, Path
from energy_lib.hardware import accelerator
from energy_lib.hardware_trends import launched, parts, trend
from energy_lib.judgements import judgement
from energy_lib.once import computed_once
from energy_lib.trends import best_so_far, fit_growth

HORIZON = 2030
QUALITY = "epoch_capabilities_index"
_WINDOW = "2016-2026"
# A small and a large dense model and a mixture, which both generations of software were measured on, and their GPUs.
_SOFTWARE_LOADS = (("Llama-3.1-8B", 1), ("Llama-3.1-70B", 4), ("Mixtral-8x22B-v0.1", 8))


def representative_models(year: int) -> list[str]:
    """Shapes of the models that raised the record of quality in a year, among those whose shape is published.

    >>> representative_models(2026)
    ['Kimi-K2.5']
    """
    records = best_so_far(chat.scored_models().dropna(subset=[QUALITY]), date="date", by=QUALITY)
    return sorted(set(records.loc[records["date"].dt.year == year, "architecture"]))


def representative_parts(year: int) -> list[str]:
    """Accelerators installed at the end of the year, or at the last count, on which requests were measured."""
    installed = datasets.load("ai_chips_installed").dropna(subset=["accelerator"])
    installed = installed[installed["date"].dt.year <= year]
    names = installed.loc[installed["date"] == installed["date"].max(), "accelerator"]
    return sorted(set(names) & set(request_constants().deviations))


def chip_j_per_token(models: Sequence[str], boards: Sequence[str]) -> Lognormal:
    """Joules of the chips for each token written: `request_energy` over models, accelerators, and the low, middle and
    high end of batches, bits of a weight and tokens read for each written.

    The interval holds 90 % of these cases, widened in quadrature on the logarithm by the interval of the estimate.
    """
    written = float(chat.OUTPUT_TOKENS)
    axes = [[j.low, j.median, j.high] for j in map(judgement, ("batch", "weight_bits", "input_per_written_token"))]
    batch, bits, ratio = np.array(list(product(*axes))).T
    logs, half_widths = [], []
    for shape, board in product(map(language_model, models), map(accelerator, boards)):
        load = {"input_tokens": ratio * written, "batch": batch, "weight_bits": bits}
        number = chat.accelerators_needed(shape, board, output_tokens=written, **load)
        fits = np.isfinite(number)  # latent caches, which every accelerator repeats, outgrow it in large batches
        load = {name: values[fits] for name, values in load.items()}
        found = request_energy(shape, board, output_tokens=written, n_accelerators=number[fits], **load)
        logs.append(np.log(found.energy_j / written))
        half_widths.append(np.log(found.high_j / found.energy_j))
    logs, half_widths = np.concatenate(logs), np.concatenate(half_widths)
    low, median, high = np.quantile(logs, [0.05, 0.5, 0.95])
    width = float(np.mean(half_widths))
    ends = np.exp([median - np.hypot(median - low, width), median, median + np.hypot(high - median, width)])
    source = f"request_energy of {', '.join(models)} on {', '.join(boards)}"
    return Lognormal(low=float(ends[0]), median=float(ends[1]), high=float(ends[2]), source=source)


@computed_once
def model_gain(stream: str) -> Lognormal:
    """Factor a year by which other models take fewer joules for a token on the same hardware and software.

    Between two trends over models with a score: their joules in the largest batch of the judgement (low, for large
    mixtures of experts cost more there), and their active parameters (high, as if batches had no end).
    Frontier: the models that raised the record. Year-old: all models, as the study compares best and all.
    """
    models = chat.scored_models()
    bits, batch = judgement("weight_bits").median, judgement("batch").high
    priced = chat.answer_energy(models, batch=int(batch), weight_bits=bits)
    if stream == "frontier":
        priced = best_so_far(priced.dropna(subset=[QUALITY]), date="date", by=QUALITY)
    joules, active = (fit_growth(priced["date"], priced[c]).factor_per_year for c in ("energy_j", "active_params_B"))
    low, high = sorted((1.0 / joules, 1.0 / active))
    which = "record models" if stream == "frontier" else "all models"
    return Lognormal(low=low, high=high, source=f"trends of joules and of active parameters, {which} (language_models)")


def hardware_gain() -> Lognormal:
    """From the trend of 16-bit operations a joule to that of the best format of each part, server GPUs: the outer ends
    of their 95 % intervals."""
    servers = launched(parts().query("group == 'server GPUs'"), _WINDOW)
    same, best = trend(servers, "fp16"), trend(servers, "best")
    source = f"trends of 16-bit and best operations a joule, server GPUs {_WINDOW} (table accelerators)"
    return Lognormal(low=same.factor_per_year_low, high=best.factor_per_year_high, source=source)


@computed_once
def software_gain() -> Lognormal:
    """From no further gain to the largest gain a year between the last two generations of software that were measured,
    over dense and mixed models and batches."""
    runs = datasets.load("mlenergy_llm")
    benchmarks = runs.groupby("benchmark_version")["benchmark_date"].min().sort_values(kind="stable")
    years = (benchmarks.iloc[-1] - benchmarks.iloc[-2]).days / 365.25
    old, new = serving_software()[-2:]
    bits, batches = chat.WEIGHT_BITS, judgement("batch")
    gains = []
    for (model, number), batch in product(_SOFTWARE_LOADS, (batches.low, batches.median, batches.high)):
        load = {"input_tokens": chat.INPUT_TOKENS, "output_tokens": chat.OUTPUT_TOKENS, "batch": batch}
        joules = [
            float(
                request_energy(
                    model, chat.FIXED_PART, n_accelerators=number, weight_bits=bits, software=software, **load
                ).energy_j
            )
            for software in (old, new)
        ]
        gains.append((joules[0] / joules[1]) ** (1.0 / years))
    return Lognormal(low=1.0, high=max(gains), source=f"joules of requests under {old} and {new} (request_constants)")


def server_overhead() -> Lognormal:
    """Machine over chips: Google's hosts over accelerators (low), with machines that wait (median), and a maker's
    maximum (high, judgement)."""
    shares = datasets.load("published_query_energy").set_index("system")["Wh_per_query"]
    prefix = "Gemini Apps median prompt: share of "
    chips, hosts, waiting = (
        shares[prefix + p] for p in ("active AI accelerators", "host CPU and DRAM", "idle machines")
    )
    return Lognormal(
        low=(chips + hosts) / chips,
        median=(chips + hosts + waiting) / chips,
        high=judgement("server_over_chips_at_most").median,
        source="Google's median prompt (published_query_energy); judgement server_over_chips_at_most",
    )


def pue(year: int) -> Path:
    """Between the IEA's hyperscale and colocation data centres of the year, with what exceeds 1 falling as in its Base
    case to 2030."""
    table = datasets.load("pue").query("scope == 'fleet model' and scenario in ['Historical', 'Base']")
    ends, growth = [], []
    for kind in ("Hyperscale", "Colocation and service provider"):
        rows = table[table["organisation"] == f"World, {kind} (IEA model)"].sort_values("year", kind="stable")
        over = np.log(rows["pue"].to_numpy() - 1.0)
        now, then = np.interp([year, HORIZON], rows["year"], over)
        ends.append(1.0 + float(np.exp(now)))
        growth.append(float(np.exp((then - now) / (HORIZON - year))))
    source = "IEA 2025, hyperscale to colocation, Base case (table pue)"
    low, high = sorted(growth)
    return Path(Lognormal(low=ends[0], high=ends[1], source=source), Lognormal(low=low, high=high, source=source))
