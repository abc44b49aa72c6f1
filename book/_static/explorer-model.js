/* The library's estimate of a request, in the reader's browser: energy_lib's compute, serving, energy and footprint,
   step by step and with their refusals, for one request. Every constant comes from energy_lib.export with the page;
   the tests hold the answers against the library's. */
(function () {
  "use strict";

  /* A refusal in the library's words. */
  function refuse(message, field) {
    const error = new Error(message);
    error.name = "Refusal";
    error.field = field;
    throw error;
  }

  /* A number as Python's float prints it. */
  function pythonFloat(x) {
    if (!isFinite(x)) { return isNaN(x) ? "nan" : x > 0 ? "inf" : "-inf"; }
    const size = Math.abs(x);
    if (size !== 0 && (size < 1e-4 || size >= 1e16)) {
      return x.toExponential().replace(/e([+-])(\d)$/, "e$10$2");
    }
    return Number.isInteger(x) ? x + ".0" : String(x);
  }

  /* A number as Python's format ".0f" prints it: halves go to the even neighbour, and no power of ten. */
  function wholeNumber(x) {
    if (!isFinite(x)) { return pythonFloat(x); }
    let whole = Math.round(x);
    if (Math.abs(x % 1) === 0.5 && whole % 2 !== 0) { whole -= 1; }
    return whole >= 1e21 && typeof BigInt === "function" ? BigInt(whole).toString() : String(whole);
  }

  /* checks.quantity of one value; `rule` has low, and may have high and above (low itself is not allowed). */
  function quantity(name, value, unit, rule, field) {
    if (typeof value !== "number") {
      refuse(name + " must be a number or an array of numbers in " + unit + ", not '" + value + "'", field);
    }
    const bounded = rule.high !== undefined;
    const inside = isFinite(value) && (rule.above ? value > rule.low : value >= rule.low) &&
      (!bounded || value <= rule.high);
    if (!inside) {
      const allowed = (rule.above ? "> " : ">= ") + rule.low + (bounded ? " and <= " + rule.high : " and finite");
      refuse(name + " = " + pythonFloat(value) + " " + unit + " is out of range: allowed is " + allowed, field);
    }
    return value;
  }

  const AT_LEAST_0 = { low: 0 };
  const ABOVE_0 = { low: 0, above: true };
  const AT_LEAST_1 = { low: 1 };

  /* compute.LanguageModel: a shape with all its fields, refused if it cannot exist. */
  function languageModel(page, given) {
    const m = Object.assign({}, page.shape_defaults, given);
    ["layers", "hidden", "heads", "kv_heads", "head_dim", "ffn", "vocab"].forEach(function (field) {
      quantity(m.name + ": " + field, m[field], "1", AT_LEAST_1, field);
    });
    ["experts", "experts_per_token", "dense_layers"].forEach(function (field) {
      quantity(m.name + ": " + field, m[field], "1", { low: -Infinity }, field);
    });
    if (!m.attention_layers) { m.attention_layers = m.layers; }
    if (m.heads % m.kv_heads) {
      refuse(m.name + ": heads = " + m.heads + " must be a multiple of kv_heads = " + m.kv_heads, "heads");
    }
    [["experts_per_token", "experts"], ["dense_layers", "layers"],
      ["attention_layers", "layers"], ["local_layers", "attention_layers"]].forEach(function (pair) {
      if (!(m[pair[0]] >= 0 && m[pair[0]] <= m[pair[1]])) {
        refuse(m.name + ": " + pair[0] + " = " + m[pair[0]] + " is out of range: allowed is 0 to " + pair[1] + " = " +
          m[pair[1]], pair[0]);
      }
    });
    if (m.experts && !(m.experts_per_token && m.moe_ffn)) {
      refuse(m.name + ": a mixture of " + m.experts + " experts needs experts_per_token and moe_ffn",
        m.experts_per_token ? "moe_ffn" : "experts_per_token");
    }
    ["shared_experts", "moe_ffn"].forEach(function (field) {
      quantity(m.name + ": " + field, m[field], "1", AT_LEAST_0, field);
    });
    return Object.assign(m, counts(page.fixed, m));
  }

  /* The weights, cached numbers and recurrent state of a shape. */
  function counts(fixed, m) {
    const mlp = function (width) { return (m.gated_mlp ? 3 : 2) * m.hidden * width; };
    let attention = m.hidden * m.head_dim * 2 * (m.heads + m.kv_heads);
    if (m.kv_lora_rank) {
      const queryWidth = m.heads * (m.qk_nope_dim + m.qk_rope_dim);
      const query = m.q_lora_rank ? m.q_lora_rank * (m.hidden + queryWidth) : m.hidden * queryWidth;
      attention = query + m.hidden * (m.kv_lora_rank + m.qk_rope_dim) +
        m.kv_lora_rank * m.heads * (m.qk_nope_dim + m.v_head_dim) + m.heads * m.v_head_dim * m.hidden;
    }
    const mixtureLayers = m.experts ? m.layers - m.dense_layers : 0;
    const used = (m.experts_per_token + m.shared_experts) * mlp(m.moe_ffn);
    const blocks = m.known_matmul_parameters
      ? m.known_matmul_parameters - m.hidden * m.vocab
      : m.layers * attention + (m.layers - mixtureLayers) * mlp(m.ffn) + mixtureLayers * (used + m.hidden * m.experts);
    const experts = mixtureLayers * m.experts * mlp(m.moe_ffn);
    const dense = blocks + m.hidden * m.vocab - mixtureLayers * m.experts_per_token * mlp(m.moe_ffn);
    const cacheWidth = m.kv_lora_rank ? m.kv_lora_rank + m.qk_rope_dim : 2 * m.kv_heads * m.head_dim;
    return {
      expert_parameters: experts,
      dense_parameters: dense,
      stored_parameters: dense + experts + (m.tied_embeddings ? 0 : m.hidden * m.vocab),
      cache_elements_per_token: m.attention_layers * cacheWidth,
      state_elements: m.kind === "hybrid"
        ? (m.layers - m.attention_layers) / 2 * fixed.mamba_expansion * m.hidden * fixed.mamba_state : 0,
    };
  }

  function attendedTokens(m, context) {
    const local = m.local_layers / m.attention_layers;
    return m.local_layers > 0
      ? (1 - local) * context + local * Math.min(context, m.sliding_window) : context;
  }

  function cacheBytes(fixed, m, context, ranks) {
    const copies = m.kv_lora_rank > 0 ? ranks : Math.max(1, ranks / m.kv_heads);
    return m.cache_elements_per_token * attendedTokens(m, context) * fixed.cache_byte_per_element * copies;
  }

  /* serving.work: bytes and FLOP on one accelerator, with every layer spread over all of them. */
  function work(page, m, load) {
    const fixed = page.fixed, n = load.n_accelerators, batch = load.batch, mixture = m.experts > 1;
    const dense = m.dense_parameters + (mixture ? 0 : m.expert_parameters);
    const experts = mixture ? m.expert_parameters : 0;
    const all = Math.max(m.experts, 1), used = Math.max(m.experts_per_token, 1);
    const touched = mixture ? experts * (1 - Math.pow(1 - used / all, batch)) : experts;
    const active = experts * used / all;
    const expertBits = load.weight_bits > fixed.expert_bits_that_pay ? 16 : load.weight_bits;
    const context = load.input_tokens + load.output_tokens / 2;
    const stateBytes = 2 * m.state_elements * fixed.state_byte_per_element;
    const width = (m.kv_lora_rank > 0 ? m.heads * (2 * m.kv_lora_rank + m.qk_rope_dim) : 2 * m.heads * m.head_dim) *
      m.attention_layers;
    const promptAttention = width * attendedTokens(m, load.input_tokens);
    return {
      weightBytes: (dense * load.weight_bits / n + touched * expertBits / n) / fixed.bit_per_byte,
      cacheBytes: batch * (cacheBytes(fixed, m, context, n) + stateBytes) / n,
      denseFlop: fixed.flop_per_mac * batch * (dense + width * attendedTokens(m, context)) / n,
      expertFlop: fixed.flop_per_mac * (batch * active + page.constants.expert_tile_tokens * touched) / n,
      promptDenseFlop: fixed.flop_per_mac * load.input_tokens * (dense + promptAttention / 2) / n,
      promptExpertFlop: fixed.flop_per_mac * load.input_tokens * active / n,
    };
  }

  /* serving.request_parts: joules of one request over all its accelerators, by cause. */
  function requestParts(page, m, device, load) {
    const c = page.constants, soft = page.software[load.software];
    const deviation = page.deviations[device.name] || { bandwidth_logit: 0, standby_log: 0 };
    const done = work(page, m, load);
    const logit = Math.log(c.bandwidth_share / (1 - c.bandwidth_share)) + deviation.bandwidth_logit;
    const bandwidth = device.bandwidth_byte_per_s / (1 + Math.exp(-logit));
    const rate = device.peak_flop_per_s * c.compute_efficiency;
    const memoryS = (done.weightBytes + done.cacheBytes / c.cache_efficiency) / bandwidth;
    const computeS = (done.denseFlop + done.expertFlop / c.expert_efficiency) / rate;
    const kernelS = Math.max(memoryS, computeS);
    const layerS = m.layers * (soft.layer_s + (load.n_accelerators > 1 ? soft.link_s : 0));
    const stepS = soft.launches_overlap
      ? Math.max(kernelS, layerS) : kernelS + layerS + load.batch * soft.sequence_s;

    const promptKernelS = (done.promptDenseFlop + done.promptExpertFlop / c.expert_efficiency) / rate;
    const joining = load.batch / Math.max(load.output_tokens, 1);
    const promptS = promptKernelS + m.layers * soft.prompt_layer_s * -Math.expm1(-joining) / joining;

    const steps = load.output_tokens / load.batch;
    const seconds = steps * stepS + promptS;
    const activeS = steps * (kernelS + (soft.layers_active ? layerS : 0)) + promptKernelS;
    const standby = Math.exp(deviation.standby_log);
    const perByte = c.memory_share / device.bandwidth_byte_per_s, perFlop = c.compute_share / device.peak_flop_per_s;
    const parts = {
      standby: c.standby_share * standby * seconds,
      active: c.active_share * standby * activeS,
      weights: perByte * steps * done.weightBytes,
      cache: perByte * steps * done.cacheBytes,
      decode: perFlop * steps * (done.denseFlop + done.expertFlop),
      prompt: perFlop * (done.promptDenseFlop + done.promptExpertFlop),
    };
    const uncapped = sum(parts) / seconds;
    const whole = device.tdp_w * load.n_accelerators / Math.sqrt(1 + uncapped * uncapped);
    Object.keys(parts).forEach(function (name) { parts[name] *= whole; });
    return parts;
  }

  function sum(parts) {
    return Object.keys(parts).reduce(function (total, name) { return total + parts[name]; }, 0);
  }

  /* energy._check_memory: refuses a load that memory cannot hold, and says how many accelerators it takes. */
  function checkMemory(fixed, m, device, load) {
    const weights = m.stored_parameters * load.weight_bits / fixed.bit_per_byte;
    const context = load.input_tokens + load.output_tokens * (1 + 1 / load.batch) / 2;  // serving.held_tokens
    const needed = weights + load.batch * cacheBytes(fixed, m, context, load.n_accelerators);
    if (needed > load.n_accelerators * device.memory_byte) {
      const gigabyte = needed / 1e9;
      const boards = Math.ceil(gigabyte * 1e9 / device.memory_byte);
      refuse(m.name + " needs " + wholeNumber(gigabyte) + " GB for its weights and cache, and " + device.name + " has " +
        wholeNumber(device.memory_byte / 1e9) + " GB each: it takes n_accelerators = " + wholeNumber(boards) +
        " or more, or fewer requests or bits", "n_accelerators");
    }
  }

  /* energy.request_energy. `shape` holds the fields of a LanguageModel, `device` an accelerator of the page. */
  function requestEnergy(page, shape, device, load) {
    const m = languageModel(page, shape);
    quantity("input_tokens", load.input_tokens, "token", AT_LEAST_1, "input_tokens");
    quantity("output_tokens", load.output_tokens, "token", AT_LEAST_0, "output_tokens");
    quantity("batch", load.batch, "request", AT_LEAST_1, "batch");
    quantity("n_accelerators", load.n_accelerators, "accelerator", AT_LEAST_1, "n_accelerators");
    quantity("weight_bits", load.weight_bits, "bit", { low: 1, high: 64 }, "weight_bits");
    checkMemory(page.fixed, m, device, load);
    const parts = requestParts(page, m, device, load);
    Object.keys(parts).forEach(function (name) { quantity(name, parts[name], "J", AT_LEAST_0); });
    const measured = Object.prototype.hasOwnProperty.call(page.deviations, device.name);
    const factor = page.interval_factors[measured ? "shape" : "accelerator"], energy = sum(parts);
    return { energy_j: energy, low_j: energy / factor, high_j: energy * factor, parts: parts, measured: measured };
  }

  /* later.later_energy: the same request on hardware and software of a later year. */
  function laterEnergy(page, answer, year) {
    quantity("year", year, "year", { low: page.measured_year, high: page.last_year }, "year");
    const t = year - page.measured_year, gains = Object.values(page.log_gains);
    const less = Math.exp(-t * gains.reduce(function (total, pair) { return total + pair[0]; }, 0));
    const doubt = gains.reduce(function (total, pair) { return total + Math.pow(t * pair[1], 2); }, 0);
    const end = function (ratio) { return Math.exp(Math.sqrt(Math.pow(Math.log(ratio), 2) + doubt)); };
    const energy = answer.energy_j * less, parts = {};
    Object.keys(answer.parts).forEach(function (name) { parts[name] = answer.parts[name] * less; });
    return { energy_j: energy, low_j: energy / end(answer.energy_j / answer.low_j),
      high_j: energy * end(answer.high_j / answer.energy_j), parts: parts, measured: answer.measured };
  }

  /* footprint.footprint of one energy. */
  function footprint(page, energyJ, use) {
    const fixed = page.fixed;
    quantity("energy_j", energyJ, "J", AT_LEAST_0);
    quantity("requests_per_day", use.requests_per_day, "request/day", AT_LEAST_0, "requests_per_day");
    quantity("people", use.people, "person", AT_LEAST_0, "people");
    quantity("server_overhead", use.server_overhead, "(no unit)", AT_LEAST_1, "server_overhead");
    quantity("pue", use.pue, "(no unit)", AT_LEAST_1, "pue");
    quantity("grid_gco2_per_kwh", use.grid_gco2_per_kwh, "g/kWh", AT_LEAST_0, "grid_gco2_per_kwh");
    quantity("household_kwh", use.household_kwh, "kWh/year", ABOVE_0, "household_kwh");
    quantity("country_twh", use.country_twh, "TWh/year", ABOVE_0, "country");
    const answerJ = energyJ * use.server_overhead * use.pue;
    const personDayWh = answerJ / fixed.joule_per_wh * use.requests_per_day;
    const dayWh = personDayWh * use.people, yearKwh = dayWh * fixed.days_per_year / 1000;
    return {
      answer_j: answerJ,
      answer_g: answerJ / fixed.joule_per_kwh * use.grid_gco2_per_kwh,
      day_wh: dayWh,
      year_kwh: yearKwh,
      household_percent: 100 * personDayWh * fixed.days_per_year / 1000 / use.household_kwh,
      country_percent: 100 * yearKwh / (use.country_twh * fixed.kwh_per_twh),
      year_kg: yearKwh * use.grid_gco2_per_kwh / 1000,
    };
  }

  window.energyExplorer = {
    requestEnergy: requestEnergy, footprint: footprint, languageModel: languageModel, pythonFloat: pythonFloat,
    quantity: quantity, refuse: refuse, laterEnergy: laterEnergy,
  };
})();
