"""Columns that the other cells of their row determine, each with its formula: nobody types these."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any, NamedTuple

from energy_lib.compute import LanguageModel
from energy_lib.units import HOURS_PER_YEAR, JOULE_PER_KCAL, JOULE_PER_WH, SECONDS_PER_DAY

Row = SimpleNamespace  # the cells by name, None where empty


class Formula(NamedTuple):
    """`value` of a row is the cell of `column`, or None where it is not determined; it needs the cells `needs`."""

    column: str
    needs: str
    value: Callable[[Row], Any]


def derived(table: str, row: Mapping[str, Any]) -> dict[str, Any]:
    """The empty cells of a row of `table` that the others determine. `row` holds every column, None where empty.

    >>> derived("everyday_energy", {"wh": 18.0, "joules": None})
    {'joules': 64800.0}
    """
    known = Row(**row)
    found = {}
    while True:
        new = {
            formula.column: value
            for formula in FORMULAS.get(table, ())
            if getattr(known, formula.column) is None and (value := determined(formula, known)) is not None
        }
        if not new:
            return found
        column = next(iter(new))  # one at a time: a cell follows from the first formula that determines it
        setattr(known, column, new[column])
        found[column] = new[column]


def determined(formula: Formula, row: Row) -> Any:
    """What a formula gives for a row: None where a cell is missing that it needs."""
    if any(getattr(row, name) is None for name in formula.needs.split()):
        return None
    return formula.value(row)


def columns(table: str) -> set[str]:
    """The columns of `table` that have a formula.

    >>> columns("gpus")
    {'gflops_per_watt'}
    """
    return {formula.column for formula in FORMULAS.get(table, ())}


_DAYS = {"tokens/day": 1, "tokens/week": 7, "tokens/month": 30.44, "tokens/quarter": 91.32, "tokens/year": 365.25}
_16_BITS_OR_MORE = ("fp32_tflops", "tf32_tflops", "fp16_vector_tflops", "fp16_tensor_tflops")
_RATES = (*_16_BITS_OR_MORE, "fp8_tflops", "int8_tops", "fp4_tflops")
_SHAPE = "kind layers hidden heads kv_heads head_dim ffn gated_mlp vocab tied_embeddings attention_layers"


def _model(row: Row) -> LanguageModel | None:
    """The shape of a row of `llm_architectures`; None where it does not determine the weights."""
    if row.kind not in ("encoder", "decoder"):
        return None
    cells = {name: getattr(row, name, None) for name in LanguageModel.__dataclass_fields__}
    return LanguageModel(**{name: cell for name, cell in cells.items() if cell is not None} | {"name": row.model})


def _billions(count: Callable[[LanguageModel], int]) -> Callable[[Row], float | None]:
    def value(row: Row) -> float | None:
        model = _model(row)
        return None if model is None else count(model) / 1e9

    return value


def _attention(row: Row) -> str:
    if row.kv_lora_rank:
        return "MLA"
    return "MHA" if row.kv_heads == row.heads else "MQA" if row.kv_heads == 1 else "GQA"


def _cached_per_layer(row: Row) -> int | None:
    if row.attention == "MLA":
        return row.kv_lora_rank + row.qk_rope_dim if row.kv_lora_rank and row.qk_rope_dim else None
    return 2 * row.kv_heads * row.head_dim


def _fastest(row: Row, rates: tuple[str, ...]) -> str | None:
    known = [name for name in rates if getattr(row, name) is not None]
    return max(known, key=lambda name: getattr(row, name), default=None)


def _best_per_watt(rates: tuple[str, ...]) -> Callable[[Row], float | None]:
    return lambda r: 1000 * getattr(r, best) / r.tdp_w if (best := _fastest(r, rates)) else None


def _check_ratio(row: Row) -> float | None:
    rate = row.fp16_tensor_tflops if row.fp16_tensor_fp16acc_tflops is None else row.fp16_tensor_fp16acc_tflops
    return None if rate is None else rate / row.tensor_check_tflops


def _energy_check_ratio(row: Row) -> float | None:
    if not row.energy_per_capita_kWh:
        return None
    return 1e9 * row.primary_energy_TWh / row.population / row.energy_per_capita_kWh


def _per_query(row: Row) -> float | None:
    samples = {"SingleStream": 1, "MultiStream": 8}.get(row.scenario)
    return None if samples is None else samples * row.J_per_sample


def _joules_per_operation(row: Row) -> float | None:
    if row.unit in ("J/K", "a"):
        return None
    return row.value if row.unit == "J" else 1e-12 * row.value if row.unit == "pJ" else 1 / row.value


def _active_parameters(model: LanguageModel) -> int:
    """Weights that take part in one token: those multiplied, and the input embedding where it is not the output's."""
    return model.matmul_parameters_per_token + (0 if model.tied_embeddings else model.hidden * model.vocab)


def _active_expert_parameters(model: LanguageModel) -> int:
    return model.expert_parameters * model.experts_per_token // model.experts if model.experts else 0


FORMULAS: dict[str, tuple[Formula, ...]] = {
    "gpus": (Formula("gflops_per_watt", "tflops watts", lambda r: round(1000 * r.tflops / r.watts, 2)),),
    "throughput": (
        Formula("speedup", "throughput baseline_throughput", lambda r: round(r.throughput / r.baseline_throughput, 2)),
    ),
    "accelerators": (
        Formula("tensor_check_ratio", "tensor_check_tflops", _check_ratio),
        Formula("gflops_per_w_fp32", "fp32_tflops tdp_w", lambda r: 1000 * r.fp32_tflops / r.tdp_w),
        Formula("gflops_per_w_best_ge16bit", "tdp_w", _best_per_watt(_16_BITS_OR_MORE)),
        Formula("best_any_precision", "", lambda r: _fastest(r, _RATES)),
        Formula("gops_per_w_best_any", "tdp_w", _best_per_watt(_RATES)),
    ),
    "llm_architectures": (
        Formula("attention", "heads kv_heads", _attention),
        Formula("attention_layers", "kind layers", lambda r: r.layers if r.kind in ("encoder", "decoder") else None),
        Formula("local_layers", "", lambda r: 0 if r.sliding_window is None else None),
        Formula("kv_elements_per_token_per_layer", "attention kv_heads head_dim", _cached_per_layer),
        Formula(
            "kv_elements_per_token_full",
            "kv_elements_per_token_per_layer attention_layers",
            lambda r: r.kv_elements_per_token_per_layer * r.attention_layers,
        ),
        Formula("params_total_B", _SHAPE, _billions(lambda model: model.stored_parameters)),
        Formula("params_active_B", _SHAPE, _billions(_active_parameters)),
        Formula("params_expert_total_B", _SHAPE, _billions(lambda model: model.expert_parameters)),
        Formula("params_expert_active_B", _SHAPE, _billions(_active_expert_parameters)),
        Formula("params_embedding_B", "vocab hidden", lambda r: r.vocab * r.hidden / 1e9),
        Formula("params_matmul_active_B", _SHAPE, _billions(lambda model: model.matmul_parameters_per_token)),
        Formula(
            "check_total_rel_err",
            "params_total_B reported_total_B",
            lambda r: r.params_total_B / r.reported_total_B - 1,
        ),
        Formula(
            "check_active_rel_err",
            "params_active_B reported_active_B",
            lambda r: r.params_active_B / r.reported_active_B - 1,
        ),
    ),
    "mlenergy_llm": (
        Formula(
            "active_params_B",
            "total_params_B architecture",
            lambda r: None if r.architecture == "MoE" else r.total_params_B,
        ),
        Formula(
            "energy_per_request_J",
            "energy_per_output_token_J avg_output_tokens",
            lambda r: r.energy_per_output_token_J * r.avg_output_tokens,
        ),
        Formula("energy_per_request_J", "energy_per_request_Wh", lambda r: r.energy_per_request_Wh * JOULE_PER_WH),
        Formula("energy_per_request_Wh", "energy_per_request_J", lambda r: r.energy_per_request_J / JOULE_PER_WH),
        Formula(
            "energy_per_output_token_J",
            "energy_per_request_J avg_output_tokens",
            lambda r: r.energy_per_request_J / r.avg_output_tokens,
        ),
        Formula(
            "avg_power_W",
            "benchmark_version energy_per_output_token_J output_throughput_tok_s",
            lambda r: (
                None if r.benchmark_version == "v1.0" else r.energy_per_output_token_J * r.output_throughput_tok_s
            ),
        ),
        Formula(
            "avg_power_W",
            "benchmark_version energy_per_request_J latency_s",
            lambda r: r.energy_per_request_J / r.latency_s if r.benchmark_version == "v1.0" else None,
        ),
        Formula("avg_power_W", "avg_power_per_gpu_W n_gpus", lambda r: r.avg_power_per_gpu_W * r.n_gpus),
        Formula("avg_power_per_gpu_W", "avg_power_W n_gpus", lambda r: r.avg_power_W / r.n_gpus),
        Formula(
            "energy_per_output_token_J",
            "benchmark_version avg_power_W output_throughput_tok_s",
            lambda r: None if r.benchmark_version == "v1.0" else r.avg_power_W / r.output_throughput_tok_s,
        ),
    ),
    "mlperf_power": (
        Formula("J_per_sample", "avg_power_W samples_per_s", lambda r: r.avg_power_W / r.samples_per_s),
        Formula("J_per_output_token", "avg_power_W tokens_per_s", lambda r: r.avg_power_W / r.tokens_per_s),
        Formula(
            "J_per_output_token_est", "J_per_sample tokens_per_sample", lambda r: r.J_per_sample / r.tokens_per_sample
        ),
        Formula("J_per_stream_query", "scenario J_per_sample", _per_query),
        Formula("inferred", "scenario", lambda r: r.scenario == "Offline" and r.effective_scenario == "SingleStream"),
    ),
    "published_query_energy": (
        Formula(
            "J_per_output_token_implied",
            "Wh_per_query tokens_out",
            lambda r: JOULE_PER_WH * r.Wh_per_query / r.tokens_out,
        ),
    ),
    "measured_vision": (
        Formula("joules_per_image", "watts images_per_s", lambda r: r.watts / r.images_per_s),
        Formula("watts", "joules_per_image images_per_s", lambda r: r.joules_per_image * r.images_per_s),
        Formula("images_per_s", "joules_per_image watts", lambda r: r.watts / r.joules_per_image),
        Formula("flop_convention", "gmacs", lambda r: "MAC"),
    ),
    "measured_vision_mlperf": (Formula("joules_per_image", "watts images_per_s", lambda r: r.watts / r.images_per_s),),
    "timm_models": (Formula("model", "arch tag", lambda r: f"{r.arch}.{r.tag}"),),
    "timm_model_dates": (Formula("model", "arch tag", lambda r: f"{r.arch}.{r.tag}"),),
    "timm_recount": (
        Formula("ratio", "gmacs_recounted gmacs_published", lambda r: r.gmacs_recounted / r.gmacs_published),
    ),
    "physical_limits": (Formula("J_per_operation", "value unit", _joules_per_operation),),
    "electricity_by_country": (
        Formula("per_capita_kWh", "electricity_TWh population", lambda r: 1e9 * r.electricity_TWh / r.population),
        Formula(
            "energy_per_capita_W", "energy_per_capita_kWh", lambda r: r.energy_per_capita_kWh * 1000 / HOURS_PER_YEAR
        ),
        Formula(
            "energy_per_capita_check_ratio",
            "primary_energy_TWh population energy_per_capita_kWh",
            _energy_check_ratio,
        ),
    ),
    "human_energy": (
        Formula("kwh_per_day", "watts", lambda r: r.watts * SECONDS_PER_DAY / 3.6e6),
        Formula("MJ_per_day", "watts", lambda r: r.watts * SECONDS_PER_DAY / 1e6),
        Formula("kcal_per_day", "watts", lambda r: r.watts * SECONDS_PER_DAY / JOULE_PER_KCAL),
        Formula("kwh_per_year", "watts", lambda r: r.watts * HOURS_PER_YEAR / 1000),
    ),
    "everyday_energy": (
        Formula("joules", "wh", lambda r: r.wh * JOULE_PER_WH),
        Formula("wh", "joules", lambda r: r.joules / JOULE_PER_WH),
    ),
    "ai_usage": (
        Formula("tokens_per_day_equiv", "value unit", lambda r: r.value / _DAYS[r.unit] if r.unit in _DAYS else None),
    ),
    "ai_chips_installed": (
        Formula("tdp_total_MW_median", "units_median tdp_w", lambda r: round(r.units_median * r.tdp_w / 1e6, 2)),
    ),
}
