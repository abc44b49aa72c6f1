"""FLOP, bytes and a device in, joules out."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from energy_lib import datasets
from energy_lib.checks import quantity, same_shape, unknown_name
from energy_lib.compute import LanguageModel, language_model
from energy_lib.estimate import Estimate, with_interval
from energy_lib.hardware import Accelerator, accelerator
from energy_lib.serving import (
    BIT_PER_BYTE,
    Constants,
    Device,
    Load,
    Shapes,
    cache_bytes_per_request,
    held_tokens,
    request_parts,
)

REQUESTS_PER_BLOCK = 8192


def inference_energy_j(flop: ArrayLike, efficiency_flop_per_joule: ArrayLike) -> np.ndarray:
    """Joules of an inference that takes `flop` operations on hardware of a given efficiency: J = FLOP / (FLOP/J).

    One FLOP/s per watt is one FLOP per joule. Both arguments broadcast; the result has their common shape.
    The boundary is that of the efficiency: `chip` when it is a maker's peak over TDP, the study's convention
    (Desislavov et al. 2023, section 3). Raises `ValueError` for anything not positive and finite.

    >>> float(inference_energy_j(8.2e9, 41e9))
    0.2
    """
    flop = quantity("flop", flop, "FLOP")
    efficiency = quantity("efficiency_flop_per_joule", efficiency_flop_per_joule, "FLOP/J")
    same_shape(flop=flop, efficiency_flop_per_joule=efficiency)
    return flop / efficiency


def request_energy(
    model: LanguageModel | str,
    accelerator: Accelerator | str,
    *,
    input_tokens: ArrayLike,
    output_tokens: ArrayLike,
    batch: ArrayLike,
    n_accelerators: ArrayLike = 1,
    weight_bits: ArrayLike = 16,
    software: str | None = None,
) -> Estimate:
    """Joules of one request to a language model that reads `input_tokens` and writes `output_tokens`.

    The request is served in a steady batch of `batch` on `n_accelerators` that share every layer, with weights of
    `weight_bits`. The equations are those of `serving`: prompts bound by compute, decoding by memory, power by what
    the chip is busy with. `software` is one of `serving_software()`, the newest unless given; tuned engines with
    narrower arithmetic can take several times less. Quantities may be arrays that broadcast; `output_tokens` may be 0.

    Returns the joules of all accelerators (boundary `chip`: no host, no cooling) with a 90 % interval that held on
    models that were left out of the fit, and, for an accelerator that was never measured, on accelerators left out.
    Parts: standby, active, weights, cache, decode, prompt. Raises `UnknownNameError` for unknown names, `ValueError`
    for values out of range and for memory that cannot hold the weights and the cache.

    >>> answer = request_energy("Llama-3.1-70B", "H100 SXM5 80GB", input_tokens=300, output_tokens=500, batch=64,
    ...                         n_accelerators=4)
    >>> bool(answer.low_j < answer.energy_j < answer.high_j), answer.boundary
    (True, 'chip')
    """
    shape = language_model(model) if isinstance(model, str) else model
    board = _board(accelerator)
    constants = request_constants()
    software = software or list(constants.software)[-1]
    if software not in constants.software:
        raise unknown_name("serving software", software, constants.software)
    given = {
        "input_tokens": quantity("input_tokens", input_tokens, "token", low=1, low_allowed=True),
        "output_tokens": quantity("output_tokens", output_tokens, "token", low_allowed=True),
        "batch": quantity("batch", batch, "request", low=1, low_allowed=True),
        "n_accelerators": quantity("n_accelerators", n_accelerators, "accelerator", low=1, low_allowed=True),
        "weight_bits": quantity("weight_bits", weight_bits, "bit", low=1, high=64, low_allowed=True),
    }
    common = same_shape(**given)
    # Single values go on as plain numbers, with which Python computes fastest.
    plain = {name: value if value.ndim else float(value) for name, value in given.items()}
    bits = plain.pop("weight_bits")
    load = Load(**plain, dense_bits=bits, expert_bits=bits, software=software)
    _check_memory(shape, board, load)
    device = Device(board.name, board.tdp_w, board.peak("fp16"), board.bandwidth_byte_per_s)
    if common:
        parts = _parts_in_blocks(Shapes.of(shape), device, load, constants, common)
    else:
        parts, _ = request_parts(Shapes.of(shape), device, load, constants)
    left_out = "shape" if board.name in constants.deviations else "accelerator"
    return with_interval(parts, interval_factors()[left_out], "chip")


def _parts_in_blocks(
    shapes: Shapes, device: Device, load: Load, constants: Constants, shape: tuple[int, ...]
) -> dict[str, np.ndarray]:
    """`request_parts` of many requests, a block at a time, so that the arrays in between stay in the cache."""
    given = {name: value for name, value in vars(load).items() if isinstance(value, np.ndarray)}
    flat = {name: np.broadcast_to(value, shape).ravel() for name, value in given.items()}
    size = int(np.prod(shape))
    whole: dict[str, np.ndarray] = {}
    for start in range(0, size, REQUESTS_PER_BLOCK):
        block = slice(start, start + REQUESTS_PER_BLOCK)
        parts, _ = request_parts(shapes, device, replace(load, **{n: v[block] for n, v in flat.items()}), constants)
        for name, joules in parts.items():
            whole.setdefault(name, np.empty(size))[block] = joules
    return {name: joules.reshape(shape) for name, joules in whole.items()}


def request_constants() -> Constants:
    """The constants that `calibration` fitted, read from `data/fitted`."""
    return datasets.index("request_constants", _constants)


def _constants(table: pd.DataFrame) -> Constants:
    from energy_lib.calibration import read_constants

    return read_constants(table)


def interval_factors() -> dict[str, float]:
    """Factor of the 90 % interval of joules, by what was left out of the fit: `"shape"` of a model, `"accelerator"`."""
    return datasets.index("request_errors", _factors)


def _factors(table: pd.DataFrame) -> dict[str, float]:
    return dict(zip(table["left_out"], table["interval_factor"].tolist(), strict=True))


def serving_software() -> list[str]:
    """Generations of serving software that were measured, oldest first.

    >>> serving_software()[-1]
    'vllm-0.11'
    """
    return list(request_constants().software)


def _board(name: Accelerator | str) -> Accelerator:
    board = accelerator(name) if isinstance(name, str) else name
    for field, unit in (("tdp_w", "W"), ("bandwidth_byte_per_s", "B/s"), ("memory_byte", "B")):
        if getattr(board, field) is None:
            raise ValueError(f"{board.name}: its {field} ({unit}) is not published, so that no energy follows from it")
    return board


def largest_batch(
    model: LanguageModel,
    accelerator: Accelerator,
    *,
    input_tokens: float,
    output_tokens: float,
    n_accelerators: float,
    weight_bits: float,
    most: int,
) -> int:
    """Requests at once, `most` at most, that fit in memory beside the weights; 0 where not even one does.

    >>> largest_batch(language_model("Llama-3.1-8B"), accelerator("H100 SXM5 80GB"), input_tokens=500,
    ...               output_tokens=1000, n_accelerators=1, weight_bits=16, most=10_000)
    487
    """
    memory = n_accelerators * accelerator.memory_byte

    def held_byte(batch: int) -> float:
        return float(_held_byte(model, input_tokens, output_tokens, batch, n_accelerators, weight_bits))

    return bisect_right(range(1, most + 1), memory, key=held_byte)


def _held_byte(
    model: LanguageModel,
    input_tokens: ArrayLike,
    output_tokens: ArrayLike,
    batch: ArrayLike,
    n_accelerators: ArrayLike,
    weight_bits: ArrayLike,
) -> np.ndarray:
    """Bytes of the weights, and of the cache of a steady batch, over all accelerators."""
    tokens = held_tokens(input_tokens, output_tokens, batch)
    cache = batch * cache_bytes_per_request(Shapes.of(model), tokens, n_accelerators)
    return model.stored_parameters * weight_bits / BIT_PER_BYTE + cache


def _check_memory(model: LanguageModel, board: Accelerator, load: Load) -> None:
    """Refuse a load that memory cannot hold, and say how many accelerators it takes."""
    needed = _held_byte(model, load.input_tokens, load.output_tokens, load.batch, load.n_accelerators, load.dense_bits)
    short = needed > load.n_accelerators * board.memory_byte
    if np.any(short):
        short = np.asarray(short)
        at = tuple(np.argwhere(short)[0])
        gigabyte = float(np.broadcast_to(needed, short.shape)[at]) / 1e9
        boards = int(np.ceil(gigabyte * 1e9 / board.memory_byte))
        raise ValueError(
            f"{model.name} needs {gigabyte:.0f} GB for its weights and cache, and {board.name} has "
            f"{board.memory_byte / 1e9:.0f} GB each: it takes n_accelerators = {boards} or more, "
            "or fewer requests or bits"
        )
