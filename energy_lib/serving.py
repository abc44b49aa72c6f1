"""The roofline of a language model being served: seconds and joules of decode steps and prompts on accelerators.

For one accelerator and one decode step of a batch B of requests::

    memory_s  = (weight bytes + (cache + state bytes) / cache_efficiency)
                / (bandwidth x bandwidth_share)
    compute_s = (dense + attention FLOP + expert FLOP / expert_efficiency)
                / (peak x compute_efficiency)
    step_s    = max(memory_s, compute_s)
                + layers x (layer_s + link_s) + sequences x sequence_s
                (link_s: if a layer is spread over several accelerators)

and for its prompt, with a = B / output tokens the prompts that join in one step and share its slower, mixed form::

    prompt_s  = prompt FLOP at the same rates
                + layers x prompt_layer_s x (1 - exp(-a)) / a

Power follows from what the chip is busy with, in units of TDP, and bends towards it without ever passing it::

    uncapped  = standby_share + active_share x (share of time in kernels)
                + memory_share x bytes/s / bandwidth + compute_share x FLOP/s / peak
    power_w   = TDP x uncapped / sqrt(1 + uncapped^2)

Nothing here reads a table and no constant is written here: `Constants` are fitted by `calibration`.
Models, devices and loads may be single values or arrays that broadcast.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import lru_cache

import numpy as np
import pandas as pd

from energy_lib.compute import LanguageModel
from energy_lib.elementwise import functions_for
from energy_lib.units import FLOP_PER_MAC

BIT_PER_BYTE = 8.0
CACHE_BYTE_PER_ELEMENT = 2.0  # keys and values are kept in 16 bits
STATE_BYTE_PER_ELEMENT = 4.0  # recurrent state is kept in 32 bits
# On the stacks that were measured, expert weights of more bits than this were read no faster than 16-bit ones.
EXPERT_BITS_THAT_PAY = 6.0


@dataclass(frozen=True)
class Shapes:
    """What the roofline needs of models, one array element a model."""

    layers: np.ndarray
    attention_layers: np.ndarray
    local_layers: np.ndarray
    sliding_window: np.ndarray
    hidden: np.ndarray
    heads: np.ndarray
    head_dim: np.ndarray
    kv_heads: np.ndarray
    kv_lora_rank: np.ndarray
    qk_rope_dim: np.ndarray
    experts: np.ndarray
    experts_per_token: np.ndarray
    dense_parameters: np.ndarray
    expert_parameters: np.ndarray
    cache_elements_per_token: np.ndarray
    state_elements: np.ndarray

    @classmethod
    def of(cls, models: LanguageModel | Sequence[LanguageModel]) -> Shapes:
        """Shapes of one model (numbers) or of several (arrays)."""
        if isinstance(models, LanguageModel):
            return _shapes_of_one(models)
        return cls(**{f.name: np.array([getattr(m, f.name) for m in models], dtype=float) for f in fields(cls)})

    @property
    def is_mixture(self) -> np.ndarray:
        """A mixture of one expert is a dense model."""
        return self.experts > 1


@lru_cache(maxsize=1024)
def _shapes_of_one(model: LanguageModel) -> Shapes:
    return Shapes(**{f.name: float(getattr(model, f.name)) for f in fields(Shapes)})


@dataclass(frozen=True)
class Device:
    """An accelerator by its specification; `name` is that under which deviations were fitted."""

    name: np.ndarray
    tdp_w: np.ndarray
    peak_flop_per_s: np.ndarray  # dense, 16-bit
    bandwidth_byte_per_s: np.ndarray


@dataclass(frozen=True)
class Load:
    """A request and how it is served."""

    input_tokens: np.ndarray
    output_tokens: np.ndarray
    batch: np.ndarray
    n_accelerators: np.ndarray
    dense_bits: np.ndarray
    expert_bits: np.ndarray
    software: np.ndarray
    pipeline_stages: np.ndarray = 1.0
    data_parallel: np.ndarray = 1.0  # replicas of attention in front of shared experts

    @property
    def prompts_per_step(self) -> np.ndarray:
        """Requests that begin in one step at steady state."""
        return self.batch / functions_for(self.output_tokens).maximum(self.output_tokens, 1.0)


@dataclass(frozen=True)
class Software:
    """Seconds that a generation of serving software adds."""

    layer_s: float = 0.0
    link_s: float = 0.0  # for each layer that is spread over several accelerators
    sequence_s: float = 0.0  # for each sequence of the batch in each step
    prompt_layer_s: float = 0.0  # for each layer of a step that carries prompts
    launches_overlap: bool = False  # eager code: launches run beside the kernels and the longer of the two counts
    layers_active: bool = True  # the chip runs kernels during the layer's latency


@dataclass(frozen=True)
class Deviation:
    """How one accelerator differs from its specification; zero for one that was never measured."""

    bandwidth_logit: float = 0.0
    standby_log: float = 0.0


@dataclass(frozen=True)
class Constants:
    """All that is fitted."""

    bandwidth_share: float
    compute_efficiency: float
    cache_efficiency: float
    expert_efficiency: float
    expert_tile_tokens: float  # rows that a touched expert computes at least
    standby_share: float
    active_share: float
    memory_share: float
    compute_share: float
    software: Mapping[str, Software] = field(default_factory=dict)
    deviations: Mapping[str, Deviation] = field(default_factory=dict)


@dataclass(frozen=True)
class Work:
    """Bytes and FLOP on one accelerator: of decode in one step, of the prompt in one request."""

    weight_bytes: np.ndarray
    cache_bytes: np.ndarray
    dense_flop: np.ndarray
    expert_flop: np.ndarray
    prompt_dense_flop: np.ndarray
    prompt_expert_flop: np.ndarray


def touched_expert_share(experts: np.ndarray, experts_per_token: np.ndarray, tokens: np.ndarray) -> np.ndarray:
    """Expected share of the experts that at least one of so many tokens uses: 1 - (1 - k/E)^B.

    >>> round(float(touched_expert_share(8, 2, 4)), 4)
    0.6836
    """
    return 1.0 - (1.0 - experts_per_token / experts) ** tokens


def attended_tokens(shapes: Shapes, context_tokens: np.ndarray) -> np.ndarray:
    """Cached tokens that an average attention layer reads, of which some see a sliding window only."""
    local_share = shapes.local_layers / shapes.attention_layers
    f = functions_for(local_share, context_tokens)
    window = f.where(shapes.local_layers > 0, shapes.sliding_window, np.inf)
    return (1.0 - local_share) * context_tokens + local_share * f.minimum(context_tokens, window)


def held_tokens(input_tokens: np.ndarray, output_tokens: np.ndarray, batch: np.ndarray) -> np.ndarray:
    """Mean tokens in the cache of a request when that of its batch is fullest: input + output (1 + 1/batch) / 2.

    In a steady batch the requests stand at even stages of their answers. One that is alone holds all of it at its end.

    >>> held_tokens(300, 500, 1), held_tokens(300, 500, 100)
    (800.0, 552.5)
    """
    return input_tokens + output_tokens * (1.0 + 1.0 / batch) / 2.0


def cache_bytes_per_request(shapes: Shapes, context_tokens: np.ndarray, ranks: np.ndarray) -> np.ndarray:
    """Bytes of keys and values of one request over all accelerators that share a layer.

    A latent cache is kept on each rank; grouped heads are copied where there are more ranks than heads.
    """
    f = functions_for(shapes.kv_heads, ranks)
    copies = f.where(shapes.kv_lora_rank > 0, ranks, f.maximum(1.0, ranks / shapes.kv_heads))
    return shapes.cache_elements_per_token * attended_tokens(shapes, context_tokens) * CACHE_BYTE_PER_ELEMENT * copies


def _attention_width(shapes: Shapes) -> np.ndarray:
    """Multiply-adds of one query token with one cached token over all attention layers, as decoding does them."""
    latent = shapes.heads * (2.0 * shapes.kv_lora_rank + shapes.qk_rope_dim)
    plain = 2.0 * shapes.heads * shapes.head_dim
    return functions_for(latent, plain).where(shapes.kv_lora_rank > 0, latent, plain) * shapes.attention_layers


def _prompt_padding(load: Load) -> np.ndarray:
    """Replicas of attention wait for the one with the longest prompts: expected maximum over replicas, at most all."""
    replicas, joining = load.data_parallel, load.prompts_per_step
    f = functions_for(replicas, joining)
    return f.minimum(replicas, 1.0 + f.sqrt(2.0 * replicas * f.log(replicas) / joining))


def work(shapes: Shapes, load: Load, expert_tile_tokens: float) -> Work:
    """Bytes and FLOP that fall on one accelerator."""
    n, batch = load.n_accelerators, load.batch
    f = functions_for(shapes.experts, load.expert_bits)
    stages = load.pipeline_stages
    ranks = n / stages / load.data_parallel
    dense = shapes.dense_parameters + f.where(shapes.is_mixture, 0.0, shapes.expert_parameters)
    experts = f.where(shapes.is_mixture, shapes.expert_parameters, 0.0)
    n_experts, used = f.maximum(shapes.experts, 1.0), f.maximum(shapes.experts_per_token, 1.0)
    any_mixture = np.any(shapes.is_mixture)  # the power below costs more than all the rest of a dense model
    touched = experts * touched_expert_share(n_experts, used, batch / stages) if any_mixture else experts
    active = experts * used / n_experts
    expert_bits = f.where(load.expert_bits > EXPERT_BITS_THAT_PAY, 16.0, load.expert_bits)
    context = load.input_tokens + load.output_tokens / 2.0  # of an average step
    state_bytes = 2.0 * shapes.state_elements * STATE_BYTE_PER_ELEMENT  # read and written
    width = _attention_width(shapes)
    prompt_tokens = load.input_tokens * _prompt_padding(load)
    prompt_attention = width * attended_tokens(shapes, load.input_tokens)
    return Work(
        weight_bytes=(dense * load.dense_bits / ranks + touched * expert_bits / (n / stages)) / BIT_PER_BYTE,
        cache_bytes=batch * (cache_bytes_per_request(shapes, context, ranks) + state_bytes) / n,
        dense_flop=FLOP_PER_MAC * batch * (dense + width * attended_tokens(shapes, context)) / n,
        expert_flop=FLOP_PER_MAC * (batch * active + expert_tile_tokens * touched) / n,
        # Of a prompt's pairs of tokens, half are computed: each token attends to those before it.
        prompt_dense_flop=FLOP_PER_MAC * prompt_tokens * (dense + prompt_attention / 2.0) / n,
        prompt_expert_flop=FLOP_PER_MAC * prompt_tokens * active / n,
    )


def _by_name(
    table: Mapping[str, object], names: np.ndarray | pd.Categorical, attribute: str, default: float
) -> np.ndarray:
    """`table[name].attribute` for each name; `default` for a name that the table lacks.

    Attributes are numbers, or arrays (k, 1) of k sets of constants, which give (k, names).
    """
    if isinstance(names, str):
        return getattr(table[names], attribute) if names in table else default
    if isinstance(names, pd.Categorical):  # sorting names again in each step of a fit would cost more than the step
        known, index = names.categories, names.codes
    else:
        known, index = np.unique(np.asarray(names), return_inverse=True)
    values = [np.atleast_1d(getattr(table[k], attribute) if k in table else default) for k in known.tolist()]
    return np.concatenate(np.broadcast_arrays(*values), axis=-1)[..., index.reshape(np.shape(names))]


def request_parts(
    shapes: Shapes, device: Device, load: Load, constants: Constants
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Joules of one request over all its accelerators, by cause, and the seconds of batch time that it owns.

    A request owns output/B of the steps of its batch, and its own prompt. The parts add up to the energy; the power
    limit lowers all of them alike.
    """

    def soft(attribute: str) -> np.ndarray:
        return _by_name(constants.software, load.software, attribute, np.nan)

    def deviation(attribute: str) -> np.ndarray:
        return _by_name(constants.deviations, device.name, attribute, 0.0)

    done = work(shapes, load, constants.expert_tile_tokens)
    logit = np.log(constants.bandwidth_share / (1.0 - constants.bandwidth_share)) + deviation("bandwidth_logit")
    f = functions_for(*vars(done).values(), device.peak_flop_per_s, device.bandwidth_byte_per_s, logit)
    bandwidth = device.bandwidth_byte_per_s / (1.0 + f.exp(-logit))
    rate = device.peak_flop_per_s * constants.compute_efficiency
    memory_s = (done.weight_bytes + done.cache_bytes / constants.cache_efficiency) / bandwidth
    compute_s = (done.dense_flop + done.expert_flop / constants.expert_efficiency) / rate
    kernel_s = f.maximum(memory_s, compute_s)
    linked = load.n_accelerators / load.pipeline_stages > 1
    layer_s = shapes.layers * (soft("layer_s") + linked * soft("link_s"))
    host_s = load.batch / load.data_parallel * soft("sequence_s")
    step_s = f.where(soft("launches_overlap"), f.maximum(kernel_s, layer_s), kernel_s + layer_s + host_s)

    prompt_kernel_s = (done.prompt_dense_flop + done.prompt_expert_flop / constants.expert_efficiency) / rate
    joining = load.prompts_per_step
    prompt_s = prompt_kernel_s + shapes.layers * soft("prompt_layer_s") * -f.expm1(-joining) / joining

    steps = load.output_tokens / load.batch
    seconds = steps * step_s + prompt_s
    active_s = steps * (kernel_s + soft("layers_active") * layer_s) + prompt_kernel_s
    standby = f.exp(deviation("standby_log"))
    per_byte = constants.memory_share / device.bandwidth_byte_per_s
    per_flop = constants.compute_share / device.peak_flop_per_s
    tdp_seconds = {
        "standby": constants.standby_share * standby * seconds,
        "active": constants.active_share * standby * active_s,
        "weights": per_byte * steps * done.weight_bytes,
        "cache": per_byte * steps * done.cache_bytes,
        "decode": per_flop * steps * (done.dense_flop + done.expert_flop),
        "prompt": per_flop * (done.prompt_dense_flop + done.prompt_expert_flop),
    }
    uncapped = sum(tdp_seconds.values()) / seconds
    whole = device.tdp_w * load.n_accelerators / f.sqrt(1.0 + uncapped**2)
    return {name: whole * value for name, value in tdp_seconds.items()}, seconds
