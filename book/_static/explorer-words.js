/* What the explorer writes: numbers as the book prints them, the Python call and the CSV of a result. */
(function () {
  "use strict";

  const SUPERSCRIPT = { "-": "⁻", 0: "⁰", 1: "¹", 2: "²", 3: "³", 4: "⁴", 5: "⁵", 6: "⁶", 7: "⁷", 8: "⁸", 9: "⁹" };

  /* A number as the book writes it: three significant digits, a power of ten when very long. */
  function significant(x) {
    if (x === 0) { return "0"; }
    x *= 1 + 1e-11;  /* half a unit is rounded away from zero, as publish.significant does */
    const size = Math.abs(x);
    if (size < 1e-5 || size >= 1e8) {
      const halves = x.toExponential(2).split("e");
      const power = String(Number(halves[1])).split("").map(function (c) { return SUPERSCRIPT[c]; }).join("");
      return halves[0] + "\u00a0×\u00a010" + power;
    }
    const rounded = Number(x.toPrecision(3));
    const decimals = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(rounded))));
    return rounded.toLocaleString("en-US", { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
  }

  /* Low, median and high in the unit that suits the median. */
  function scaled(ends, scale) {
    const fit = scale.find(function (step) { return ends[1] >= step[0] * 0.9995; }) || scale[scale.length - 1];
    return { ends: ends.map(function (x) { return x / fit[0]; }), unit: fit[1] };
  }

  function literal(x) {
    return typeof x === "string" ? JSON.stringify(x) : typeof x === "boolean" ? (x ? "True" : "False") : String(x);
  }

  function call(names, from) {
    return names.map(function (name) { return "    " + name + "=" + literal(from[name]) + ",\n"; }).join("");
  }

  function python(found) {
    const setting = found.setting, own = found.own;
    const shape = own ? "LanguageModel(\n" + call(Object.keys(found.shape), found.shape) + ")\n" : "";
    return "from energy_lib import " + (own ? "LanguageModel, " : "") + "request_energy\n" +
      "from energy_lib.footprint import footprint\n" +
      (found.later ? "from energy_lib.later import later_energy\n" : "") + "\n" + (own ? "model = " + shape : "") +
      "answer = request_energy(\n    " + (own ? "model" : literal(setting.model)) + ",\n    " +
      literal(setting.accelerator) + ",\n" +
      call(["input_tokens", "output_tokens", "batch", "n_accelerators", "weight_bits", "software"], setting) + ")\n" +
      (found.later ? "answer = later_energy(answer, " + setting.year + ")\n" : "") +
      "use = footprint(\n    [answer.low_j, answer.energy_j, answer.high_j],\n" +
      call(["requests_per_day", "people", "server_overhead", "pue", "grid_gco2_per_kwh", "household_kwh",
        "country_twh"], found.use) + ")\n";
  }

  function csv(found) {
    const rows = [["kind", "name", "unit", "value", "low", "high"]];
    const chip = found.answer;
    const units = { answer_j: "J", answer_g: "g", day_wh: "Wh", year_kwh: "kWh", household_percent: "%",
      country_percent: "%", year_kg: "kg" };
    rows.push(["result", "energy_j", "J", chip.energy_j, chip.low_j, chip.high_j]);
    Object.keys(units).forEach(function (name) {
      const three = found.uses.map(function (use) { return use[name]; });
      rows.push(["result", name, units[name], three[1], three[0], three[2]]);
    });
    Object.keys(chip.parts).forEach(function (name) { rows.push(["part", name, "J", chip.parts[name], "", ""]); });
    Object.keys(found.kept).forEach(function (name) { rows.push(["setting", name, "", found.kept[name], "", ""]); });
    return lines(rows);
  }

  function worldPython(found) {
    const names = Object.keys(found.values);
    const changed = names.map(function (name) { return "    " + literal(name) + ": " + literal(found.values[name]) + ",\n"; });
    const world = names.length ? "with_values(world_scenario(), {\n" + changed.join("") + "})" : "world_scenario()";
    return "from energy_lib.change import decompose\n" +
      "from energy_lib.quick import quick_energy" + (names.length ? ", with_values" : "") + "\n" +
      "from energy_lib.world import world_scenario\n\nworld = " + world + "\n" +
      "energy = quick_energy(world)  # low, median and high of each year\n" +
      (found.changes && found.changes.rows.length && found.year > found.firstYear
        ? "changes = decompose(world, world.first_year, " + found.year + ")\n" : "");
  }

  function worldCsv(found) {
    const rows = [["kind", "name", "unit", "value", "low", "high"]];
    found.energy.energy_twh.forEach(function (three, i) {
      rows.push(["result", "energy_" + (found.firstYear + i), "TWh", three[1], three[0], three[2]]);
    });
    const watts = found.energy.watt_per_person;
    rows.push(["result", "watt_per_person_" + found.year, "W", watts[1], watts[0], watts[2]]);
    (found.changes ? found.changes.rows : []).forEach(function (row) {
      rows.push(["change to " + found.year, row.factor, "TWh", row.change_twh, "", ""]);
    });
    Object.keys(found.values).forEach(function (name) { rows.push(["setting", name, "", found.values[name], "", ""]); });
    return lines(rows);
  }

  function lines(rows) {
    return rows.map(function (row) {
      return row.map(function (cell) {
        return /[",\n]/.test(String(cell)) ? '"' + String(cell).replace(/"/g, '""') + '"' : String(cell);
      }).join(",");
    }).join("\r\n") + "\r\n";
  }

  function save(text, name) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
    link.download = name;
    link.click();
    URL.revokeObjectURL(link.href);
  }

  /* Puts a text on the clipboard; where the browser has no such interface, as on pages opened from a file, the old way. */
  function copy(text, done, tell) {
    function old() {
      const area = document.createElement("textarea");
      area.value = text;
      document.body.appendChild(area);
      area.select();
      const worked = document.execCommand("copy");
      area.remove();
      tell(worked ? done : "The browser does not allow it: select the text and copy it.");
    }
    if (navigator.clipboard) {
      navigator.clipboard.writeText(text).then(function () { tell(done); }, old);
    } else { old(); }
  }

  Object.assign(window.energyExplorer, {
    significant: significant, scaled: scaled, python: python, csv: csv, copy: copy, save: save,
    worldPython: worldPython, worldCsv: worldCsv,
  });
})();
