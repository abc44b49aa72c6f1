/* The explorer's first panel, an answer: reads a setting, asks explorer-model.js, and writes text. */
(function () {
  "use strict";

  const OWN = "own", OWN_NAME = "My model";
  const PLAIN_NUMBER = /^\d{1,15}(\.\d{1,15})?(e[+-]?\d{1,2})?$/i;
  const MASS = [[1e12, "Mt"], [1e9, "kt"], [1e6, "t"], [1e3, "kg"], [1, "g"], [1e-3, "mg"]];
  const ENERGY = [[1e12, "TWh"], [1e9, "GWh"], [1e6, "MWh"], [1e3, "kWh"], [1, "Wh"], [1e-3, "mWh"]];

  function start(root) {
    const page = JSON.parse(root.querySelector(".explorer-data").textContent);
    const lib = window.energyExplorer, significant = lib.significant;
    const form = root.querySelector("form");
    const one = function (selector) { return root.querySelector(selector); };
    const fields = {};
    Array.from(form.elements).forEach(function (e) { if (e.name) { fields[e.name] = e; } });
    const sliders = {};
    root.querySelectorAll("[data-for]").forEach(function (e) { sliders[e.dataset.for] = e; });
    const cells = {};
    root.querySelectorAll("[data-row]").forEach(function (row) {
      cells[row.dataset.row] = [row.querySelector("[data-value]"), row.querySelector("[data-interval]"),
        row.querySelector("th")];
    });
    const everyday = page.everyday.map(addEveryday);
    one(".explorer-everyday").hidden = everyday.length === 0;
    const initial = values();
    const address = lib.makeAddress(page.edition, notice);
    let current = null;

    function addEveryday(thing) {
      const row = one(".explorer-everyday tbody").insertRow();
      const head = document.createElement("th");
      head.scope = "row";
      head.textContent = thing.item;
      row.appendChild(head);
      return [row.insertCell(), row.insertCell()];
    }

    /* ---- The form ---- */

    function value(field) {
      if (field.type === "checkbox") { return field.checked; }
      if (field.type !== "number") { return field.value; }
      return field.value.trim() === "" ? "" : Number(field.value);
    }

    function values() {
      const found = {};
      Object.keys(fields).forEach(function (name) { found[name] = value(fields[name]); });
      return found;
    }

    function named(list, name) { return list.find(function (thing) { return thing.name === name; }); }

    function ownShape(setting) {
      const shape = { name: OWN_NAME };
      root.querySelectorAll(".explorer-shape [name]").forEach(function (e) { shape[e.name] = setting[e.name]; });
      return shape;
    }

    function set(name, wanted) {
      const field = fields[name];
      if (field.type === "checkbox") { field.checked = wanted === true; } else { field.value = String(wanted); }
      placeSlider(name);
    }

    function placeSlider(name) {
      const slider = sliders[name], x = Number(fields[name].value);
      if (!slider) { return; }
      const low = Number(slider.dataset.low), high = Number(slider.dataset.high);
      const share = Math.log(Math.min(high, Math.max(low, x || low)) / low) / Math.log(high / low);
      slider.value = String(Math.round(share * Number(slider.max)));
      slider.setAttribute("aria-valuetext", fields[name].value);
    }

    function readSlider(slider) {
      const low = Number(slider.dataset.low), high = Number(slider.dataset.high);
      const x = low * Math.pow(high / low, Number(slider.value) / Number(slider.max));
      fields[slider.dataset.for].value = String(Math.round(Number(x.toPrecision(2))));
      slider.setAttribute("aria-valuetext", fields[slider.dataset.for].value);
    }

    /* ---- The answer ---- */

    function compute(setting) {
      const shape = setting.model === OWN ? ownShape(setting) : named(page.models, setting.model);
      const now = lib.requestEnergy(page, shape, named(page.accelerators, setting.accelerator), setting);
      const answer = lib.laterEnergy(page, now, setting.year);
      const country = named(page.countries, setting.country);
      const use = Object.assign({ country_twh: country.twh }, setting);
      const uses = [answer.low_j, answer.energy_j, answer.high_j].map(function (joules) {
        return lib.footprint(page, joules, use);
      });
      return { setting: setting, later: setting.year > page.measured_year, kept: kept(setting), own: setting.model === OWN, shape: shape, answer: answer,
        country: country, use: use, uses: uses };
    }

    function update() {
      const setting = values();
      one(".explorer-shape").hidden = setting.model !== OWN;
      let refusal = null;
      current = null;
      try { current = compute(setting); } catch (error) {
        if (error.name !== "Refusal") { throw error; }
        refusal = error;
      }
      Object.keys(fields).forEach(function (name) {
        if (refusal && refusal.field === name) { fields[name].setAttribute("aria-invalid", "true"); }
        else { fields[name].removeAttribute("aria-invalid"); }
      });
      one(".explorer-error").textContent = refusal ? refusal.message : "";
      one(".explorer-error").hidden = !refusal;
      one(".explorer-answer").hidden = one(".explorer-more").hidden = !!refusal;
      if (current) { show(current); address.keep(); }
    }

    function ends(found, name) { return found.uses.map(function (use) { return use[name]; }); }

    function write(row, three, unit) {
      cells[row][0].textContent = significant(three[1]) + " " + unit;
      cells[row][1].textContent = significant(three[0]) + " to " + significant(three[2]);
    }

    function writeScaled(row, three, scale) {
      const fit = lib.scaled(three, scale);
      write(row, fit.ends, fit.unit);
      return fit;
    }

    function show(found) {
      const answer = found.answer, kwh = ends(found, "year_kwh");
      const asked = Number(found.setting.requests_per_day) * Number(found.setting.people);
      one("[data-big]").textContent = significant(answer.energy_j) + " J";
      write("chip", [answer.low_j, answer.energy_j, answer.high_j], "J");
      write("answer_j", ends(found, "answer_j"), "J");
      writeScaled("day", ends(found, "day_wh"), ENERGY);
      const year = writeScaled("year", kwh.map(function (x) { return x * 1000; }), ENERGY);
      cells.country_percent[2].textContent = "Of the electricity of " + (found.country.name === "World" ? "the world" :
        found.country.name) + " (" + found.country.year + ")";
      write("household_percent", ends(found, "household_percent"), "%");
      write("country_percent", ends(found, "country_percent"), "%");
      writeScaled("answer_g", ends(found, "answer_g"), MASS);
      writeScaled("year_g", ends(found, "year_kg").map(function (x) { return x * 1000; }), MASS);
      one("[data-said]").textContent = significant(answer.low_j) + " to " + significant(answer.high_j) +
        " J (90 % interval) on the chips alone. " + significant(asked) + " a day take " + significant(year.ends[1]) + " " +
        year.unit + " a year (" + significant(year.ends[0]) + " to " + significant(year.ends[2]) +
        "), server and building included.";
      one(".explorer-basis").textContent = answer.measured
        ? "Intervals are those of models left out of the fit: this accelerator was measured."
        : "Intervals are the wider ones, of accelerators left out of the fit: this one was never measured.";
      if (found.later) {
        one(".explorer-basis").textContent += " For " + found.setting.year + " the joules measured in " +
          page.measured_year + " fall by the gains of hardware and software that the world's scenario expects, and the " +
          "interval holds their doubt" + ((page.pue_by_year[found.setting.year] || {}).projected
          ? "; the PUE of that year is the IEA's projection." : ".");
      }
      showParts(answer);
      page.everyday.forEach(function (thing, i) {
        everyday[i][0].textContent = significant(thing.joules / found.uses[1].answer_j);
        everyday[i][1].textContent = significant(kwh[1] * page.fixed.joule_per_kwh / thing.joules);
      });
      one(".explorer-python").textContent = lib.python(found);
    }

    function showParts(answer) {
      const said = [];
      root.querySelectorAll(".explorer-bar [data-part]").forEach(function (e) {
        const percent = 100 * answer.parts[e.dataset.part] / answer.energy_j;
        e.style.width = percent + "%";
        said.push(e.dataset.part + " " + percent.toFixed(0) + " %");
      });
      one(".explorer-bar").setAttribute("aria-label", "Where the joules go: " + said.join(", "));
      root.querySelectorAll(".explorer-legend [data-part]").forEach(function (e) {
        e.querySelector("[data-value]").textContent =
          (100 * answer.parts[e.dataset.part] / answer.energy_j).toFixed(0) + " %";
      });
    }

    /* ---- To take away ---- */

    function tell(words) { one(".explorer-done").textContent = words; }

    function take(what) {
      if (!current) { return; }
      if (what === "link") { address.write(); lib.copy(window.location.href, "Link copied.", tell); }
      if (what === "python") { lib.copy(lib.python(current), "Python call copied.", tell); }
      if (what === "csv") {
        lib.save(lib.csv(current), "energy-of-an-answer.csv");
        tell("CSV saved.");
      }
    }

    /* ---- The address ---- */

    /* What of a setting counts: a shape only where it is the reader's own. */
    function kept(setting) {
      const found = {};
      Object.keys(fields).forEach(function (name) {
        if (!fields[name].closest(".explorer-shape") || setting.model === OWN) {
          found[name] = typeof setting[name] === "boolean" ? Number(setting[name]) : setting[name];
        }
      });
      return found;
    }

    /* Whether a text from the address may stand in a field. */
    function allowed(field, text) {
      if (field.type === "checkbox") { return text === "0" || text === "1"; }
      if (field.type === "number") { return PLAIN_NUMBER.test(text) && Number(text) >= Number(field.min); }
      return Array.from(field.options).some(function (option) { return option.value === text; });
    }

    const panel = {
      prefix: "",
      kept: function () { return current && current.kept; },
      reset: function () { Object.keys(initial).forEach(function (name) { set(name, initial[name]); }); },
      set: function (name, text) {
        const field = Object.prototype.hasOwnProperty.call(fields, name) ? fields[name] : null;
        if (!field || !allowed(field, text)) { return false; }
        set(name, field.type === "checkbox" ? text === "1" : text);
        return true;
      },
      update: update,
    };

    function notice(words) {
      one(".explorer-notice").textContent = words;
      one(".explorer-notice").hidden = !words;
    }

    /* ---- What the reader does ---- */

    form.addEventListener("input", function (event) {
      const e = event.target;
      if (e.dataset.for) { readSlider(e); } else if (e.name) { placeSlider(e.name); }
      if (e.name === "year" && page.pue_by_year[e.value]) { set("pue", page.pue_by_year[e.value].pue); }
      if (e.name === "country") { set("grid_gco2_per_kwh", named(page.countries, e.value).grid_gco2_per_kwh); }
      tell("");
      update();
    });
    form.addEventListener("submit", function (event) { event.preventDefault(); });
    root.addEventListener("click", function (event) {
      const button = event.target.closest("[data-do]");
      if (button) { take(button.dataset.do); }
    });

    /* The table's settings open in the form. */
    document.querySelectorAll(".explorer-settings:not(.world-settings) tbody tr").forEach(function (row, i) {
      const cell = row.cells[0], link = document.createElement("a");
      link.href = address.fragment(panel, kept(Object.assign({}, initial, page.settings[i])));
      link.textContent = cell.textContent.trim();
      link.addEventListener("click", function () { root.scrollIntoView(); });
      cell.textContent = "";
      cell.appendChild(link);
    });

    one(".explorer-without").hidden = true;
    one(".explorer-panel").hidden = false;
    Object.keys(sliders).forEach(placeSlider);
    address.add(panel);
    root.explorer = { address: address, page: page, current: function () { return current; } };
    document.addEventListener("DOMContentLoaded", address.start);
  }

  document.querySelectorAll(".explorer:not(.world)").forEach(start);
})();
