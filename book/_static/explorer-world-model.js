/* The library's scenario of the world in the reader's browser: energy_lib's quick, adoption and change, step by step.
   Every constant and the names of all factors come from energy_lib.export_world with the page; the tests hold the
   answers against the library's. */
(function () {
  "use strict";

  const lib = window.energyExplorer;
  const SCALES = {
    positive: { unit: "(positive)", rule: { low: 0, above: true }, to: Math.log, from: Math.exp },
    share: { unit: "(share)", rule: { low: 0, high: 1 },
      to: function (x) { return Math.log(x) - Math.log1p(-x); }, from: function (y) { return 1 / (1 + Math.exp(-y)); } },
    overhead: { unit: "(ratio)", rule: { low: 1 },
      to: function (x) { return Math.log(x - 1); }, from: function (y) { return 1 + Math.exp(y); } },
  };

  /* quick.stratified_normals: a row for each input. */
  function stratifiedNormals(world) {
    const draws = world.draws, half = draws / 2, upper = world.upper_middles;
    const multiplier = world.generator[0], increment = world.generator[1], modulus = world.generator[2];
    let state = 1;
    return world.inputs.map(function () {
      const order = new Uint16Array(draws), row = new Float64Array(draws);
      for (let i = 0; i < draws; i += 1) { order[i] = i; }
      for (let i = draws - 1; i > 0; i -= 1) {
        state = (multiplier * state + increment) % modulus;
        const j = Math.floor(state * (i + 1) / modulus), kept = order[i];
        order[i] = order[j];
        order[j] = kept;
      }
      for (let i = 0; i < draws; i += 1) {
        row[i] = order[i] < half ? -upper[half - 1 - order[i]] : upper[order[i] - half];
      }
      return row;
    });
  }

  /* quick.with_values: every input on its scale, those that the reader set without doubt. */
  function inputsWith(world, values) {
    const known = world.inputs.map(function (input) { return input.name; });
    Object.keys(values).forEach(function (name) {
      if (known.indexOf(name) < 0) { throw new RangeError("no input of the scenario has this name: " + name); }
    });
    return world.inputs.map(function (input) {
      if (!Object.prototype.hasOwnProperty.call(values, input.name)) {
        return { middle: input.middle, low: input.spread_low, high: input.spread_high };
      }
      const scale = SCALES[input.kind];
      lib.quantity(input.name, values[input.name], scale.unit, scale.rule, input.name);
      return { middle: scale.to(values[input.name]), low: 0, high: 0 };
    });
  }

  /* A factor's start and slope on its scale, as functions of the inputs' values; a gain makes joules fall. */
  function line(world, pair) {
    const place = function (name) {
      return name === null ? -1 : world.inputs.findIndex(function (input) { return input.name === name; });
    };
    return { start: place(pair[0]), slope: place(pair[1]), sign: pair[1] !== null && /gain$/.test(pair[1]) ? -1 : 1 };
  }

  function start(term, x) { return term.start < 0 ? 0 : x[term.start]; }
  function slope(term, x) { return term.slope < 0 ? 0 : term.sign * x[term.slope]; }

  /* The terms of the formula, found once: shared exponentials, those of each stream, and the bounded factors. */
  function terms(world) {
    const lines = function (pairs) {
      return Object.fromEntries(Object.keys(pairs).map(function (name) { return [name, line(world, pairs[name])]; }));
    };
    const own = {};
    world.streams.forEach(function (stream) {
      const pairs = {};
      Object.keys(world.exponential_of_stream).forEach(function (name) {
        pairs[name] = world.exponential_of_stream[name].map(function (part) {
          return part === null ? null : stream + "." + part;
        });
      });
      own[stream] = lines(pairs);
    });
    const bounded = {};
    Object.keys(world.kinds).forEach(function (name) { bounded[name] = line(world, [name, name + ".growth"]); });
    return { shared: lines(world.exponential), own: own, bounded: bounded };
  }

  /* adoption.factor_values at one place of all inputs. */
  function factorValues(world, t, x, year) {
    const elapsed = year - world.first_year;
    const values = function (lines) {
      return Object.fromEntries(Object.keys(lines).map(function (name) {
        return [name, Math.exp(start(lines[name], x) + elapsed * slope(lines[name], x))];
      }));
    };
    const both = values(t.shared);
    let frontier = 0;
    Object.keys(world.kinds).forEach(function (name) {
      const at = start(t.bounded[name], x) + elapsed * slope(t.bounded[name], x);
      const value = SCALES[world.kinds[name]].from(at);
      if (name === "frontier_share") { frontier = value; } else { both[name] = value; }
    });
    const found = { both: both };
    world.streams.forEach(function (stream) {
      const share = stream === "frontier" ? frontier : 1 - frontier;
      found[stream] = Object.assign({ stream_share: share }, values(t.own[stream]));
    });
    return found;
  }

  /* quick.quick_energy: the draws of TWh of every year, and of watts a person in one of them. */
  function quickEnergy(world, t, normals, inputs, wattYear) {
    const draws = world.draws, years = world.last_year - world.first_year + 1, n = inputs.length;
    const x = new Float64Array(n), twh = [], watts = new Float64Array(draws), s = world.streams;
    for (let year = 0; year < years; year += 1) { twh.push(new Float64Array(draws)); }
    const shared = Object.values(t.shared), own = s.map(function (stream) { return Object.values(t.own[stream]); });
    const unit = Math.log(world.days_per_year / world.joule_per_twh);
    const bounded = ["share_using", "server_overhead", "pue", "frontier_share"].map(function (name) {
      return { term: t.bounded[name], sign: world.kinds[name] === "share" ? -1 : 1 };
    });
    const now = new Float64Array(4), step = new Float64Array(4), energy = [0, 0], grow = [0, 0];
    for (let d = 0; d < draws; d += 1) {
      for (let k = 0; k < n; k += 1) {
        const z = normals[k][d];
        x[k] = inputs[k].middle + z * (z > 0 ? inputs[k].high : inputs[k].low);
      }
      let a = unit, b = 0;
      for (let i = 0; i < shared.length; i += 1) { a += start(shared[i], x); b += slope(shared[i], x); }
      for (let j = 0; j < 2; j += 1) {
        let c = a, e = b;
        for (let i = 0; i < own[j].length; i += 1) { c += start(own[j][i], x); e += slope(own[j][i], x); }
        energy[j] = Math.exp(c);
        grow[j] = Math.exp(e);
      }
      for (let i = 0; i < 4; i += 1) {
        now[i] = Math.exp(bounded[i].sign * start(bounded[i].term, x));
        step[i] = Math.exp(bounded[i].sign * slope(bounded[i].term, x));
      }
      for (let year = 0; year < years; year += 1) {
        const share = 1 / (1 + now[3]);
        const common = (1 / (1 + now[0])) * (1 + now[1]) * (1 + now[2]);
        twh[year][d] = common * (energy[0] * share + energy[1] * (1 - share));
        if (year === wattYear - world.first_year) {
          const people = Math.exp(start(t.shared.people, x) + year * slope(t.shared.people, x));
          watts[d] = twh[year][d] * world.joule_per_twh / world.seconds_per_year / people;
        }
        energy[0] *= grow[0];
        energy[1] *= grow[1];
        for (let i = 0; i < 4; i += 1) { now[i] *= step[i]; }
      }
    }
    return { energy_twh: twh.map(quantiles), watt_per_person: quantiles(watts) };

    function quantiles(values) {
      values.sort();
      return world.ends.map(function (q) {
        const place = (values.length - 1) * q, below = Math.floor(place);
        const above = Math.min(below + 1, values.length - 1);
        return values[below] + (place - below) * (values[above] - values[below]);
      });
    }
  }

  function product(factors) {
    return Object.keys(factors).reduce(function (whole, name) { return whole * factors[name]; }, 1);
  }

  function ofStream(world, values, stream) {
    return Object.assign({}, values.both, values[stream], { unit: world.days_per_year / world.joule_per_twh });
  }

  /* change.log_mean */
  function logMean(a, b) {
    if (!(a > 0 && b > 0)) { return 0; }
    const ratio = Math.log(a / b);
    return ratio === 0 ? b : b * Math.expm1(ratio) / ratio;
  }

  /* change.split_change: what each factor adds to the change of a product, exactly. */
  function splitChange(before, after) {
    const names = Object.keys(before), logs = {}, first = product(before), last = product(after), found = {};
    names.forEach(function (name) {
      logs[name] = before[name] === 0 && after[name] === 0 ? 0 : Math.log(after[name]) - Math.log(before[name]);
    });
    const endless = names.filter(function (name) { return Math.abs(logs[name]) === Infinity; }).length;
    const mean = logMean(last, first);
    names.forEach(function (name) {
      const infinite = Math.abs(logs[name]) === Infinity;
      found[name] = endless ? (infinite ? (last - first) / endless : 0) : mean * logs[name];
    });
    return found;
  }

  /* change.decompose from the first year to `year`, all inputs at their medians; null where there is no energy. */
  function decompose(world, t, x, year) {
    const before = factorValues(world, t, x, world.first_year), after = factorValues(world, t, x, year);
    const ends = [before, after].map(function (values) {
      return world.streams.reduce(function (whole, s) { return whole + product(ofStream(world, values, s)); }, 0);
    });
    if (!(ends[0] > 0 && ends[1] > 0)) { return null; }
    const parts = world.streams.map(function (s) {
      return splitChange(ofStream(world, before, s), ofStream(world, after, s));
    });
    const mean = logMean(ends[1], ends[0]);
    return {
      first_twh: ends[0], last_twh: ends[1],
      rows: world.use.concat(world.efficiency).map(function (factor) {
        const change = parts[0][factor] + parts[1][factor];
        return { factor: factor, frontier_twh: parts[0][factor], year_old_twh: parts[1][factor], change_twh: change,
          multiple: Math.exp(change / mean) };
      }),
    };
  }

  /* change.needed_for: what each factor alone would have to be in `year`, the others at their medians. */
  function neededFor(world, t, x, target, year) {
    const values = factorValues(world, t, x, year), energy = {}, share = {}, rows = [];
    world.streams.forEach(function (s) {
      energy[s] = product(ofStream(world, values, s));
      share[s] = values[s].stream_share;
    });
    const whole = energy.frontier + energy.year_old;
    const add = function (factor, stream, value, multiple) {
      const needed = value * multiple, kind = world.kinds[factor];
      const lowest = kind === "overhead" ? 1 : 0, highest = kind === "share" ? 1 : Infinity;
      rows.push({ factor: factor, stream: stream, value: value, needed: needed, multiple: multiple,
        reachable: needed >= lowest && needed <= highest });
    };
    Object.keys(values.both).forEach(function (name) {
      add(name, "both", values.both[name], whole ? target / whole : NaN);
    });
    world.streams.forEach(function (s) {
      const left = target - (whole - energy[s]);
      const multiple = left > 0 && energy[s] > 0 ? left / energy[s] : NaN;
      Object.keys(values[s]).forEach(function (name) {
        if (name !== "stream_share") { add(name, s, values[s][name], multiple); }
      });
    });
    if (Math.min(share.frontier, share.year_old) > 0) {
      const each = { frontier: energy.frontier / share.frontier, year_old: energy.year_old / share.year_old };
      const gap = each.frontier - each.year_old;
      const needed = gap ? (target - each.year_old) / gap : NaN;
      add("frontier_share", "frontier", share.frontier, needed / share.frontier);
    }
    return rows;
  }

  Object.assign(lib, {
    SCALES: SCALES, worldTerms: terms, stratifiedNormals: stratifiedNormals, inputsWith: inputsWith,
    quickEnergy: quickEnergy, decompose: decompose, neededFor: neededFor,
  });
})();
