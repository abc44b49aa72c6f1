"""Language models that answer: who publishes their size, what answers were measured to cost, and the same for less."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from energy_lib import datasets
from energy_lib.calibration import records
from energy_lib.checks import quantity, unknown_name
from energy_lib.compute import LanguageModel, language_model
from energy_lib.energy import request_energy
from energy_lib.extras import part_of
from energy_lib.hardware import Accelerator, accelerator
from energy_lib.serving import BIT_PER_BYTE, Shapes, cache_bytes_per_request, held_tokens
from energy_lib.trends import cheapest_reaching, comparable

# The answer that is compared between models: a question of a few paragraphs, and one page.
INPUT_TOKENS, OUTPUT_TOKENS = 300, 500
BATCH = 32
WEIGHT_BITS = 16
MOST_ACCELERATORS = 1024
# Parts for training and serving large models whose energy was measured, oldest first.
MEASURED_PARTS = ("A100 SXM4 40GB", "H100 SXM5 80GB", "B200 SXM")
FIXED_PART = "H100 SXM5 80GB"
QUALITIES = {"mmlu": "MMLU", "epoch_capabilities_index": "Epoch index"}
DENSE, MIXTURE, UNPUBLISHED = "dense", "mixture of experts", "not published"
CHAT, REASONING = "lm-arena-chat", "gpqa"
_RUN = ["architecture", "accelerator", "n_gpus", "weight_precision", "max_batch_size"]
_COSTS = {
    "tokens": "avg_output_tokens",
    "energy_per_token": "energy_per_output_token_J",
    "energy_per_answer": "energy_per_request_J",
}


def listed_models() -> pd.DataFrame:
    """`language_models` in order of release `date`, with `network` (dense, mixture of experts, not published) and
    `weights` (open, closed, unknown). MMLU is in percent, and GPT-3's is filled in from `model_names`.

    `active_params_B` tells the network: below all parameters, a mixture; missing, not published. A model is taken to
    be dense when its weights are open, or it is older than 2021, and nothing says that it has experts.
    Source: tables `language_models`, `model_names`.
    """
    names = datasets.load("model_names").set_index("model")
    table = datasets.load("language_models").rename(columns={"release_date": "date"})
    known = table["active_params_B"].notna()
    dense = known & np.isclose(table["active_params_B"], table["total_params_B"])
    access = table["accessibility"].fillna("")
    return table.assign(
        mmlu=100.0 * table["mmlu"].fillna(table["model"].map(names["mmlu"])),
        network=np.select([dense, known], [DENSE, MIXTURE], UNPUBLISHED),
        weights=np.select([access.str.startswith("Open"), access != ""], ["open", "closed"], "unknown"),
    ).sort_values(["date", "model"], ignore_index=True)


def measured_answers(table: pd.DataFrame | None = None) -> pd.DataFrame:
    """Measured text records of the newest benchmark, with `network` and the active parameters of the model's shape.

    Boundary: chip. Source: tables `mlenergy_llm`, `model_architecture`, `llm_architectures`.
    """
    table = records() if table is None else table
    newest = table[table["benchmark_version"] == table["benchmark_version"].max()]
    shapes = datasets.load("llm_architectures").set_index("model")
    return newest.assign(
        network=np.where(newest["architecture"].map(shapes["experts"]).notna(), MIXTURE, DENSE),
        active_params_B=newest["architecture"].map(shapes["params_active_B"]),
        gpu=newest["gpu_short"].str.partition("-")[0],
    ).reset_index(drop=True)


def cheapest_runs(answers: pd.DataFrame, *, batch: int | None = None) -> pd.DataFrame:
    """The run of each model, task and GPU with the fewest joules for each output token.

    With `batch`, among the runs that were allowed so many requests at once; without, among all. So the number of GPUs
    is the best that was tried. Raises `ValueError` for a batch that no run has.
    """
    rows = answers if batch is None else answers[answers["max_batch_size"] == batch]
    if rows.empty:
        raise ValueError(f"no run has max_batch_size = {batch}: there are {sorted(set(answers['max_batch_size']))}")
    cost = comparable(rows["energy_per_output_token_J"])
    best = cost.groupby([rows["task"], rows["model_id"], rows["gpu_short"]]).idxmin()
    return rows.loc[sorted(best)].sort_values(["active_params_B", "model_id", "gpu", "task"], ignore_index=True)


def mixture_factor(runs: pd.DataFrame, *, confidence: float = 0.95) -> tuple[float, float, float]:
    """Joules a token of a mixture over those of a dense model with as many active parameters, and its interval.

        ln J = a + b ln(active parameters) + c [mixture] + d [each further GPU]        factor = exp(c)

    Least squares with errors that allow for several runs of one shape (clustered). Source: Cameron and Miller 2015.
    """
    with part_of("fit"):
        import statsmodels.api as sm

    design = pd.DataFrame(
        {"active": np.log(runs["active_params_B"]), "mixture": (runs["network"] == MIXTURE).astype(float)}
    )
    design = design.join(pd.get_dummies(runs["gpu"], drop_first=True, dtype=float))
    clusters = {"groups": runs["architecture"].astype("category").cat.codes}
    fit = sm.OLS(np.log(runs["energy_per_output_token_J"]), sm.add_constant(design)).fit(
        cov_type="cluster", cov_kwds=clusters, use_t=True
    )
    low, high = fit.conf_int(1.0 - confidence).loc["mixture"]
    return tuple(float(np.exp(value)) for value in (fit.params["mixture"], low, high))


def reasoning_ratios(answers: pd.DataFrame) -> pd.DataFrame:
    """What an answer to a hard question costs over one in a chat, model by model, and the two factors of the ratio.

        J per answer = tokens x J per token, so energy_per_answer_ratio = tokens_ratio x energy_per_token_ratio

    Runs are paired that share shape, GPU, number of GPUs, precision and limit of the batch; a row is the geometric mean
    over a model's pairs on one GPU, of which there are `pairs`. `same_model` is false where chat and reasoning are two
    models of one shape. Source: table `mlenergy_llm`.
    """
    sides = [answers[answers["task"] == task] for task in (CHAT, REASONING)]
    pairs = sides[0].merge(sides[1], on=_RUN, suffixes=("_chat", "_reasoning"))
    logs = pd.DataFrame(
        {
            f"{name}_ratio": np.log(pairs[f"{column}_reasoning"] / pairs[f"{column}_chat"])
            for name, column in _COSTS.items()
        }
    )
    keys = [pairs["architecture"], pairs["gpu_chat"].rename("gpu")]
    means = np.exp(logs.groupby(keys).mean())
    tokens = pairs.groupby(keys)[["avg_output_tokens_chat", "avg_output_tokens_reasoning"]].mean()
    same = (pairs["model_id_chat"] == pairs["model_id_reasoning"]).groupby(keys).all().rename("same_model")
    return means.join([tokens, same, pairs.groupby(keys).size().rename("pairs")]).reset_index()


def scored_models() -> pd.DataFrame:
    """The `listed_models` with a score whose shape is known, with `architecture`, and the shape's active parameters.

    `language_models` and `llm_architectures` are joined by name where they name a model alike, and by the table
    `model_names` where they do not.
    """
    names = datasets.load("model_names").set_index("model")
    shapes = datasets.load("llm_architectures").set_index("model")
    table = listed_models()
    same_name = table["model"].where(table["model"].isin(shapes.index))
    table = table.assign(architecture=table["model"].map(names["architecture"]).fillna(same_name))
    table = table.dropna(subset=["architecture"]).dropna(subset=list(QUALITIES), how="all")
    kept = table[["model", "date", "organization", "architecture", *QUALITIES]].reset_index(drop=True)
    return kept.assign(
        network=np.where(kept["architecture"].map(shapes["experts"]).notna(), MIXTURE, DENSE),
        active_params_B=kept["architecture"].map(shapes["params_active_B"]),
    )


def accelerators_needed(
    model: LanguageModel | str,
    part: Accelerator | str,
    *,
    input_tokens: ArrayLike = INPUT_TOKENS,
    output_tokens: ArrayLike = OUTPUT_TOKENS,
    batch: ArrayLike = BATCH,
    weight_bits: ArrayLike = WEIGHT_BITS,
) -> int | np.ndarray:
    """Smallest power of two of accelerators whose memory holds the weights and the cache of a full batch.

    Loads may be arrays that broadcast: then infinity stands where not even `MOST_ACCELERATORS` would do. Raises
    `UnknownNameError` for unknown names, `ValueError` for values out of range, and for one load that nothing holds.

    >>> accelerators_needed("Llama-3.1-70B", "H100 SXM5 80GB"), accelerators_needed("Llama-3.1-8B", "H100 SXM5 80GB")
    (2, 1)
    """
    shape = language_model(model) if isinstance(model, str) else model
    board = accelerator(part) if isinstance(part, str) else part
    read = quantity("input_tokens", input_tokens, "token", low=1, low_allowed=True)
    written = quantity("output_tokens", output_tokens, "token", low_allowed=True)
    requests = quantity("batch", batch, "request", low=1, low_allowed=True)
    context = held_tokens(read, written, requests)
    bits = quantity("weight_bits", weight_bits, "bit", low=1, high=64, low_allowed=True)
    counts = 2.0 ** np.arange(np.log2(MOST_ACCELERATORS) + 1)
    weights = (shape.stored_parameters * bits / BIT_PER_BYTE)[..., np.newaxis]
    cache = cache_bytes_per_request(Shapes.of(shape), context[..., np.newaxis], counts)
    enough = weights + requests[..., np.newaxis] * cache <= counts * board.memory_byte
    number = np.where(enough.any(axis=-1), counts[enough.argmax(axis=-1)], np.inf)
    if number.ndim:
        return number
    if np.isinf(number):
        raise ValueError(f"{shape.name}: batch = {batch} does not fit in {MOST_ACCELERATORS} of {board.name}")
    return int(number)


def part_of_its_time(date: pd.Timestamp) -> str:
    """The newest of `MEASURED_PARTS` launched before the year of a date began, or the oldest of them.

    >>> part_of_its_time(pd.Timestamp("2023-02-24")), part_of_its_time(pd.Timestamp("2020-05-28"))
    ('H100 SXM5 80GB', 'A100 SXM4 40GB')
    """
    launched = [part for part in MEASURED_PARTS if accelerator(part).date < pd.Timestamp(date.year, 1, 1)]
    return launched[-1] if launched else MEASURED_PARTS[0]


def answer_energy(
    models: pd.DataFrame, *, part: str | None = FIXED_PART, batch: int = BATCH, weight_bits: float = WEIGHT_BITS
) -> pd.DataFrame:
    """`models` with the joules of an answer of `OUTPUT_TOKENS` to a question of `INPUT_TOKENS`, with 90 % intervals.

    `part` is the accelerator, or `None` for that of each model's own time. Software is the newest measured, and the
    accelerators are as few as hold the batch (`accelerators_needed`). Columns: `energy_j`, `low_j`, `high_j`,
    `accelerator`, `n_accelerators`. Boundary: chip. Source: `request_energy`.
    """
    rows = []
    for row in models.itertuples():
        chosen = part or part_of_its_time(row.date)
        number = accelerators_needed(row.architecture, chosen, batch=batch, weight_bits=weight_bits)
        estimate = request_energy(
            row.architecture,
            chosen,
            input_tokens=INPUT_TOKENS,
            output_tokens=OUTPUT_TOKENS,
            batch=batch,
            n_accelerators=number,
            weight_bits=weight_bits,
        )
        rows.append((float(estimate.energy_j), float(estimate.low_j), float(estimate.high_j), chosen, number))
    columns = ["energy_j", "low_j", "high_j", "accelerator", "n_accelerators"]
    return models.join(pd.DataFrame(rows, columns=columns, index=models.index))


def fall(first: pd.Series, last: pd.Series) -> tuple[float, float, float]:
    """How many times cheaper `last` is than `first`, with its 90 % interval; 1 for a model and itself.

    The errors of the two estimates are taken to be independent: ln(factor) has the root of the sum of their squared
    widths. They share constants, so that the true interval is rather narrower.
    """
    if first["model"] == last["model"]:
        return 1.0, 1.0, 1.0
    ratio = first["energy_j"] / last["energy_j"]
    width = np.hypot(np.log(first["high_j"] / first["energy_j"]), np.log(last["high_j"] / last["energy_j"]))
    return float(ratio), float(ratio * np.exp(-width)), float(ratio * np.exp(width))


def staircase(priced: pd.DataFrame, quality: str, level: float) -> pd.DataFrame:
    """The models that were the cheapest to reach a level of quality when they came, with the level as `series`."""
    if quality not in QUALITIES:
        raise unknown_name("quality", quality, QUALITIES)
    steps = cheapest_reaching(priced, quality=quality, threshold=level, cost="energy_j", date="date")
    return steps.assign(series=f"{level:g}")


def falls(priced: pd.DataFrame, quality: str, levels: list[float]) -> pd.DataFrame:
    """For each level: the first model to reach it, the cheapest since, their joules, years between, and the `factor`
    by which the answer became cheaper, with its 90 % interval."""
    rows = []
    for level in levels:
        steps = staircase(priced, quality, level)
        first, last = steps.iloc[0], steps.iloc[-1]
        factor, low, high = fall(first, last)
        rows.append(
            {
                "quality": quality,
                "level": level,
                "first_model": first["model"],
                "first_j": first["energy_j"],
                "last_model": last["model"],
                "last_j": last["energy_j"],
                "years": (last["date"] - first["date"]).days / 365.25,
                "factor": factor,
                "factor_low": low,
                "factor_high": high,
            }
        )
    return pd.DataFrame(rows)
