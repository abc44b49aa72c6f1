"""How many FLOP a language model's forward pass takes, from its shape alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from energy_lib import datasets
from energy_lib.checks import quantity, unknown_name
from energy_lib.units import FLOP_PER_MAC


@dataclass(frozen=True)
class LanguageModel:
    """The shape of a transformer, enough to count its parameters and its FLOP.

    `kv_heads` < `heads` is grouped-query attention; `kv_lora_rank` > 0 is latent attention, with its projections of
    `q_lora_rank` (0: none), `qk_nope_dim`, `qk_rope_dim` and `v_head_dim`. `experts` > 0 is a mixture in which each
    token uses `experts_per_token` of them and all `shared_experts`, each of width `moe_ffn`, in every layer but the
    first `dense_layers`. Raises `ValueError` for a shape that cannot exist.

    >>> tiny = LanguageModel("tiny", layers=2, hidden=8, heads=2, kv_heads=2, head_dim=4, ffn=32, vocab=100)
    >>> tiny.matmul_parameters_per_token
    2336
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

    def __post_init__(self) -> None:
        for field in ("layers", "hidden", "heads", "kv_heads", "head_dim", "ffn", "vocab"):
            quantity(f"{self.name}: {field}", getattr(self, field), "1", low=1, low_allowed=True)
        if self.kind not in ("encoder", "decoder"):
            raise ValueError(
                f"{self.name}: kind {self.kind!r} is not described by this shape: allowed are 'encoder', 'decoder'"
            )
        if self.heads % self.kv_heads:
            raise ValueError(f"{self.name}: heads = {self.heads} must be a multiple of kv_heads = {self.kv_heads}")
        if self.experts_per_token > self.experts:
            raise ValueError(
                f"{self.name}: experts_per_token = {self.experts_per_token} is out of range: "
                f"allowed is 0 to experts = {self.experts}"
            )
        if not 0 <= self.dense_layers <= self.layers:
            raise ValueError(
                f"{self.name}: dense_layers = {self.dense_layers} is out of range: "
                f"allowed is 0 to layers = {self.layers}"
            )

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
    def block_parameters_per_token(self) -> int:
        """Weights that one token multiplies in all layers: of a mixture, only the experts it uses and the router."""
        if not self.experts:
            return self.layers * (self.attention_parameters + self._mlp_parameters(self.ffn))
        used = self.experts_per_token + self.shared_experts
        mixture = used * self._mlp_parameters(self.moe_ffn) + self.hidden * self.experts
        dense = self.dense_layers * self._mlp_parameters(self.ffn)
        return self.layers * self.attention_parameters + dense + (self.layers - self.dense_layers) * mixture

    @property
    def matmul_parameters_per_token(self) -> int:
        """Weights that one token multiplies, with the output layer over the vocabulary."""
        return self.block_parameters_per_token + self.hidden * self.vocab

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
    table = datasets.load("llm_architectures")
    rows = table[(table["model"] == name) | (table["hf_id"] == name)]
    if rows.empty:
        raise unknown_name("language model", name, [*table["model"], *table["hf_id"].dropna()])
    row = rows.iloc[0]
    fields = {f: row[f] for f in LanguageModel.__dataclass_fields__ if f in row and pd.notna(row[f])}
    integers = {f: int(v) for f, v in fields.items() if f not in ("kind", "gated_mlp")}
    return LanguageModel(name=row["model"], kind=row["kind"], gated_mlp=bool(row["gated_mlp"]), **integers)


def forward_flop(
    model: LanguageModel,
    tokens: ArrayLike,
    *,
    attention: bool = True,
    output_layer: bool = True,
    one_hot_embedding: bool = False,
) -> np.ndarray:
    """FLOP of one forward pass over `tokens` input tokens, two operations a multiply-add.

        FLOP = 2 n (weights of the layers [+ hidden x vocab]) + 2 n^2 layers x (widths of scores and values)

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
        flop = flop + FLOP_PER_MAC * n**2 * model.layers * model._score_and_value_width
    return flop
