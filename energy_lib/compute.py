"""A language model's shape, and how many weights, cached numbers and FLOP an inference takes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from energy_lib import datasets
from energy_lib.checks import quantity, unknown_name
from energy_lib.units import FLOP_PER_MAC

MAMBA_STATE, MAMBA_EXPANSION = 128, 2  # Mamba-2 (Dao and Gu 2024): state size, inner width over hidden width


@dataclass(frozen=True)
class LanguageModel:
    """The shape of a language model: enough to count its weights, its key-value cache and its FLOP.

    `kv_heads` < `heads` is grouped-query attention; `kv_lora_rank` > 0 is latent attention, with its projections of
    `q_lora_rank` (0: none), `qk_nope_dim`, `qk_rope_dim` and `v_head_dim`. `local_layers` of the attention layers see
    only the last `sliding_window` tokens. `experts` > 0 is a mixture in which each token uses `experts_per_token` of
    them and all `shared_experts`, each of width `moe_ffn`, in every layer but the first `dense_layers`. A model of
    kind `"hybrid"` has `attention_layers` < `layers`, the others recurrent, and needs `known_matmul_parameters`, which
    its other numbers do not determine. Raises `ValueError` for a shape that cannot exist.

    >>> tiny = LanguageModel("tiny", layers=2, hidden=8, heads=2, kv_heads=2, head_dim=4, ffn=32, vocab=100)
    >>> tiny.matmul_parameters_per_token, tiny.cache_elements_per_token
    (2336, 32)
    """

    name: str
    layers: int
    hidden: int
    heads: int
    kv_heads: int
    head_dim: int
    ffn: int
    vocab: int
    gated_mlp: bool = False
    kind: str = "decoder"
    tied_embeddings: bool = False
    experts: int = 0
    experts_per_token: int = 0
    shared_experts: int = 0
    moe_ffn: int = 0
    dense_layers: int = 0
    kv_lora_rank: int = 0
    q_lora_rank: int = 0
    qk_nope_dim: int = 0
    qk_rope_dim: int = 0
    v_head_dim: int = 0
    sliding_window: int = 0
    local_layers: int = 0
    attention_layers: int = 0
    known_matmul_parameters: int = 0

    def __post_init__(self) -> None:
        for field in ("layers", "hidden", "heads", "kv_heads", "head_dim", "ffn", "vocab"):
            quantity(f"{self.name}: {field}", getattr(self, field), "1", low=1, low_allowed=True)
        if not self.attention_layers:
            object.__setattr__(self, "attention_layers", self.layers)
        if self.kind not in ("encoder", "decoder", "hybrid"):
            raise ValueError(
                f"{self.name}: kind {self.kind!r} is not described by this shape: "
                "allowed are 'encoder', 'decoder' and 'hybrid'"
            )
        if self.heads % self.kv_heads:
            raise ValueError(f"{self.name}: heads = {self.heads} must be a multiple of kv_heads = {self.kv_heads}")
        for field, limit in (
            ("experts_per_token", "experts"),
            ("dense_layers", "layers"),
            ("attention_layers", "layers"),
            ("local_layers", "attention_layers"),
        ):
            value, highest = getattr(self, field), getattr(self, limit)
            if not 0 <= value <= highest:
                raise ValueError(f"{self.name}: {field} = {value} is out of range: allowed is 0 to {limit} = {highest}")
        if self.experts and not (self.experts_per_token and self.moe_ffn):
            raise ValueError(f"{self.name}: a mixture of {self.experts} experts needs experts_per_token and moe_ffn")
        if (self.kind == "hybrid") != bool(self.known_matmul_parameters):
            raise ValueError(f"{self.name}: known_matmul_parameters belongs to a 'hybrid', and to that alone")

    @property
    def attention_parameters(self) -> int:
        """Weights of one layer's attention projections."""
        if not self.kv_lora_rank:
            return self.hidden * self.head_dim * 2 * (self.heads + self.kv_heads)
        query_width = self.heads * (self.qk_nope_dim + self.qk_rope_dim)
        query = self.q_lora_rank * (self.hidden + query_width) if self.q_lora_rank else self.hidden * query_width
        latent = self.hidden * (self.kv_lora_rank + self.qk_rope_dim)
        unfold = self.kv_lora_rank * self.heads * (self.qk_nope_dim + self.v_head_dim)
        return query + latent + unfold + self.heads * self.v_head_dim * self.hidden

    def _mlp_parameters(self, width: int) -> int:
        return (3 if self.gated_mlp else 2) * self.hidden * width

    @property
    def _mixture_layers(self) -> int:
        return self.layers - self.dense_layers if self.experts else 0

    @property
    def expert_parameters(self) -> int:
        """Weights of all routed experts of all layers; 0 for a dense model."""
        return self._mixture_layers * self.experts * self._mlp_parameters(self.moe_ffn)

    @property
    def block_parameters_per_token(self) -> int:
        """Weights that one token multiplies in all layers: of a mixture, only the experts it uses and the router."""
        if self.known_matmul_parameters:
            return self.known_matmul_parameters - self.hidden * self.vocab
        used = (self.experts_per_token + self.shared_experts) * self._mlp_parameters(self.moe_ffn)
        mixture = self._mixture_layers * (used + self.hidden * self.experts)
        dense = (self.layers - self._mixture_layers) * self._mlp_parameters(self.ffn)
        return self.layers * self.attention_parameters + dense + mixture

    @property
    def matmul_parameters_per_token(self) -> int:
        """Weights that one token multiplies, with the output layer over the vocabulary."""
        return self.block_parameters_per_token + self.hidden * self.vocab

    @property
    def dense_parameters(self) -> int:
        """Weights in every token's path: all that it multiplies but the routed experts."""
        routed = self._mixture_layers * self.experts_per_token * self._mlp_parameters(self.moe_ffn)
        return self.matmul_parameters_per_token - routed

    @property
    def stored_parameters(self) -> int:
        """Weights that memory must hold: with every expert, and the input embedding where it is not the output's."""
        embedding = 0 if self.tied_embeddings else self.hidden * self.vocab
        return self.dense_parameters + self.expert_parameters + embedding

    @property
    def cache_elements_per_token(self) -> int:
        """Numbers kept for each token over all attention layers: keys and values, or a latent and its rotary part."""
        latent = self.kv_lora_rank + self.qk_rope_dim
        width = latent if self.kv_lora_rank else 2 * self.kv_heads * self.head_dim
        return self.attention_layers * width

    @property
    def state_elements(self) -> float:
        """Numbers of recurrent state a sequence keeps: half of a hybrid's other layers are Mamba-2, half are MLPs."""
        if self.kind != "hybrid":
            return 0.0
        return (self.layers - self.attention_layers) / 2.0 * MAMBA_EXPANSION * self.hidden * MAMBA_STATE

    @property
    def _score_and_value_width(self) -> int:
        """Multiply-adds of attention for one pair of tokens in one layer."""
        if self.kv_lora_rank:
            return self.heads * (self.qk_nope_dim + self.qk_rope_dim + self.v_head_dim)
        return 2 * self.heads * self.head_dim


def language_model(name: str) -> LanguageModel:
    """The shape of a published model, by its name or hub id in the table `llm_architectures`.

    Raises `UnknownNameError` with the nearest names, `ValueError` for a kind whose shape this class does not describe.

    >>> language_model("GPT-3 175B").layers
    96
    """
    rows = datasets.index("llm_architectures", _rows_by_name)
    if name not in rows:
        raise unknown_name("language model", name, rows)
    return _language_model(rows[name])


def _rows_by_name(table: pd.DataFrame) -> dict[str, tuple[tuple[str, Any], ...]]:
    """What is known of each shape, by the model's name and by its hub id, of which the first row counts."""
    described = [column for column in LanguageModel.__dataclass_fields__ if column in table and column != "name"]
    rows = table[["model", "hf_id", "params_matmul_active_B", *described]].to_dict("records")
    by_id = {row["hf_id"]: tuple(row.items()) for row in reversed(rows) if pd.notna(row["hf_id"])}
    by_model = {row["model"]: tuple(row.items()) for row in rows}
    return by_model | {name: row for name, row in by_id.items() if name not in by_model}


@lru_cache(maxsize=1024)
def _language_model(items: tuple[tuple[str, Any], ...]) -> LanguageModel:
    row = dict(items)
    fields = {f: row[f] for f in LanguageModel.__dataclass_fields__ if f in row and pd.notna(row[f])}
    integers = {f: int(v) for f, v in fields.items() if f not in ("kind", "gated_mlp", "tied_embeddings")}
    known = round(row["params_matmul_active_B"] * 1e9) if row["kind"] == "hybrid" else 0
    switches = {f: bool(row[f]) for f in ("gated_mlp", "tied_embeddings")}
    return LanguageModel(name=row["model"], kind=row["kind"], known_matmul_parameters=known, **switches, **integers)


def forward_flop(
    model: LanguageModel,
    tokens: ArrayLike,
    *,
    attention: bool = True,
    output_layer: bool = True,
    one_hot_embedding: bool = False,
) -> np.ndarray:
    """FLOP of one forward pass over `tokens` input tokens, two operations a multiply-add.

        FLOP = 2 n (weights of the layers [+ hidden x vocab]) + 2 n^2 attention layers x (widths of scores and values)

    `attention=False` leaves out the second term; `output_layer=False` the product with the vocabulary;
    `one_hot_embedding=True` counts the input look-up as a product with a one-hot vector, as Clark et al. (2020) do
    for their smaller models. Every pair of tokens is counted, also in a decoder, as published counts do. Norms,
    biases and softmax (below 1 %) are left out. Shape of the result: that of `tokens`.
    Source: Kaplan et al. 2020, table 1; Clark et al. 2020, flops_computation.py.

    >>> gpt3 = language_model("GPT-3 175B")
    >>> round(float(forward_flop(gpt3, 2048)) / 1e12)
    735
    """
    n = quantity("tokens", tokens, "token", low=1, low_allowed=True)
    table_products = model.hidden * model.vocab * (int(output_layer) + int(one_hot_embedding))
    flop = FLOP_PER_MAC * n * (model.block_parameters_per_token + table_products)
    if attention:
        flop = flop + FLOP_PER_MAC * n**2 * model.attention_layers * model._score_and_value_width
    return flop
