/* The explorer's panel of the world: reads the factors that the reader set, asks explorer-world-model.js, and draws. */
(function () {
  "use strict";

  const lib = window.energyExplorer, significant = lib.significant;
  const PLAIN_NUMBER = /^-?\d{1,15}(\.\d{1,15})?(e[+-]?\d{1,2})?$/i;
  const GAINS = { hardware: "hardware_gain", software: "software_gain", model: "model_gain" };
  const SVG = "http://www.w3.org/2000/svg";
  const CHART = { high: 230, left: 58, right: 14, top: 26, bottom: 26 };
  const BEYOND_REASON = ["people", "estimate_error", "server_overhead", "pue"];  /* what no reader would move so far */

  function start(root, first) {
    const world = first.page.world, words = JSON.parse(root.dataset.words), address = first.address;
    const one = function (selector) { return root.querySelector(selector); };
    const form = one("form"), fields = {}, sliders = {}, bars = {};
    Array.from(form.elements).forEach(function (e) { if (e.name) { fields[e.name] = e; } });
    root.querySelectorAll("[data-for]").forEach(function (e) { sliders[e.dataset.for] = e; });
    root.querySelectorAll("[data-factor]").forEach(function (row) {
      bars[row.dataset.factor] = { bar: row.querySelector("span"), value: row.querySelector("[data-value]") };
    });
    const inputs = Object.fromEntries(world.inputs.map(function (input) { return [input.name, input]; }));
    const terms = lib.worldTerms(world), target = world.target_share * world.electricity_twh;
    let normals = null, current = null;

    /* ---- The form: a field that is empty stands for the book's distribution ---- */

    function values() {
      const found = {};
      Object.keys(inputs).forEach(function (name) {
        const text = fields[name].value.trim();
        if (text !== "" || fields[name].validity.badInput) { found[name] = text === "" ? "" : Number(text); }
      });
      return found;
    }

    function placeSlider(name) {
      const slider = sliders[name];
      if (name === "year") { slider.value = fields.year.value; return; }
      const input = inputs[name], text = fields[name].value, scale = lib.SCALES[input.kind];
      const x = text === "" ? input.middle : scale.to(Number(text));
      const low = Number(slider.dataset.low), high = Number(slider.dataset.high);
      const share = Math.min(1, Math.max(0, (x - low) / (high - low)));
      slider.value = String(Math.round((isNaN(share) ? 0.5 : share) * Number(slider.max)));
      slider.setAttribute("aria-valuetext", text || fields[name].placeholder);
      fields[name].closest(".explorer-field").classList.toggle("world-set", text !== "");
    }

    function readSlider(name) {
      const slider = sliders[name];
      if (name === "year") { fields.year.value = slider.value; return; }
      const low = Number(slider.dataset.low), high = Number(slider.dataset.high);
      const x = low + (high - low) * Number(slider.value) / Number(slider.max);
      fields[name].value = String(Number(lib.SCALES[inputs[name].kind].from(x).toPrecision(3)));
      placeSlider(name);
    }

    function reset() {
      Object.keys(inputs).forEach(function (name) { fields[name].value = ""; placeSlider(name); });
      fields.year.value = String(world.last_year);
      placeSlider("year");
    }

    /* ---- The answer ---- */

    function compute() {
      const year = lib.quantity("year", fields.year.value.trim() === "" ? "" : Number(fields.year.value), "year",
        { low: world.first_year, high: world.last_year }, "year");
      if (year !== Math.floor(year)) { lib.refuse("year = " + year + " must be a whole year", "year"); }
      const set = values(), given = lib.inputsWith(world, set);
      if (!normals) { normals = lib.stratifiedNormals(world); }
      const medians = given.map(function (input) { return input.middle; });
      const energy = lib.quickEnergy(world, terms, normals, given, year);
      return { year: year, firstYear: world.first_year, values: set, energy: energy, twh: energy.energy_twh[year - world.first_year],
        changes: lib.decompose(world, terms, medians, year), needed: lib.neededFor(world, terms, medians, target, year) };
    }

    function update() {
      let refusal = null;
      current = null;
      try { current = compute(); } catch (error) {
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

    function range(ends, unit) { return significant(ends[0]) + " to " + significant(ends[2]) + " " + unit; }

    function show(found) {
      const twh = found.twh, percent = twh.map(function (x) { return 100 * x / world.electricity_twh; });
      one("[data-big]").textContent = significant(twh[1]) + " TWh";
      one("[data-when]").textContent = "in " + found.year;
      one("[data-said]").textContent = range(twh, "TWh") + " (90 % interval): " + significant(percent[1]) + " % (" +
        range(percent, "%") + ") of all electricity of " + world.electricity_year + ", and " +
        significant(found.energy.watt_per_person[1]) + " W (" + range(found.energy.watt_per_person, "W") +
        ") for each person on Earth.";
      one("[data-target]").textContent = targetWords(found);
      drawYears(found);
      showChanges(found);
      showNeeded(found);
      one(".explorer-python").textContent = lib.worldPython(found);
    }

    function targetWords(found) {
      const aim = String(100 * world.target_share) + " % of the world's electricity (" + significant(target) + " TWh)";
      const inside = found.twh[0] <= target && target <= found.twh[2];
      const place = inside ? " lies inside the interval of " : found.twh[2] < target ? " lies above the interval of "
        : " lies below the interval of ";
      const requests = found.needed.find(function (row) { return row.factor === "requests_per_day"; });
      return aim + place + found.year + ". To get there from the medians by one factor alone, each user would have to ask " +
        significant(requests.needed) + " times a day (" + significant(requests.multiple) +
        " times as often); the last table has the other factors.";
    }

    /* Gains count as the factor of joules since the first year; the reader knows them as gains a year. */
    function asSeen(row, elapsed) {
      if (!GAINS[row.factor]) { return { name: row.factor, value: row.value, needed: row.needed }; }
      return { name: GAINS[row.factor], value: Math.pow(row.value, -1 / elapsed), needed: Math.pow(row.needed, -1 / elapsed) };
    }

    function showNeeded(found) {
      const body = one(".world-needed tbody"), elapsed = found.year - world.first_year;
      one("[data-needed]").textContent = "One factor alone that would take " + found.year + " to " +
        significant(target) + " TWh";
      body.textContent = "";
      found.needed.forEach(function (row) {
        if (!row.reachable || BEYOND_REASON.indexOf(row.factor) >= 0 || (GAINS[row.factor] && !elapsed)) { return; }
        const seen = asSeen(row, elapsed), line = body.insertRow(), head = document.createElement("th");
        const stream = row.stream !== "both" && row.factor !== "frontier_share" ? row.stream + "." : "";
        head.scope = "row";
        head.textContent = words[stream + seen.name];
        line.appendChild(head);
        line.insertCell().textContent = significant(seen.value);
        line.insertCell().textContent = significant(seen.needed);
      });
    }

    function showChanges(found) {
      const rows = found.changes ? found.changes.rows : [];
      one(".world-bars").hidden = !rows.length || found.year === world.first_year;
      if (!rows.length) { return; }
      one("[data-change]").textContent = "From " + world.first_year + " to " + found.year + ", all factors at their medians: " +
        significant(found.changes.first_twh) + " TWh to " + significant(found.changes.last_twh) + " TWh, exactly split";
      const longest = Math.max.apply(null, rows.map(function (row) { return Math.abs(Math.log(row.multiple)); }).concat(0.1));
      rows.forEach(function (row) {
        const part = 50 * Math.log(row.multiple) / longest, drawn = bars[row.factor];
        drawn.bar.style.left = Math.min(50, 50 + part) + "%";
        drawn.bar.style.width = Math.abs(part) + "%";
        drawn.bar.className = part < 0 ? "world-less" : "world-more";
        drawn.value.textContent = "\u00d7 " + significant(row.multiple);
      });
    }

    /* ---- The years, drawn ---- */

    function draw(name, attributes, text) {
      const made = document.createElementNS(SVG, name);
      Object.keys(attributes).forEach(function (key) { made.setAttribute(key, attributes[key]); });
      if (text !== undefined) { made.textContent = text; }
      one(".world-years").appendChild(made);
    }

    function drawYears(found) {
      const svg = one(".world-years"), wide = Math.max(260, svg.clientWidth || 0), all = found.energy.energy_twh;
      const ends = [target].concat(...all).filter(function (x) { return x > 0; });
      const low = Math.floor(Math.log10(Math.min.apply(null, ends))), high = Math.ceil(Math.log10(Math.max.apply(null, ends)));
      const last = Math.max(1, all.length - 1);
      const x = function (i) { return CHART.left + (wide - CHART.left - CHART.right) * i / last; };
      const y = function (twh) {
        const share = (Math.log10(Math.max(twh, Math.pow(10, low))) - low) / Math.max(1, high - low);
        return CHART.high - CHART.bottom - share * (CHART.high - CHART.top - CHART.bottom);
      };
      const line = function (end) {
        return all.map(function (three, i) { return x(i).toFixed(1) + "," + y(three[end]).toFixed(1); });
      };
      svg.textContent = "";
      svg.setAttribute("viewBox", "0 0 " + wide + " " + CHART.high);
      svg.setAttribute("aria-label", "TWh a year on a logarithmic scale, median and 90 % interval: " +
        all.map(function (three, i) {
          return world.first_year + i + " " + significant(three[1]) + " (" + range(three, "TWh") + ")";
        }).join("; "));
      const every = Math.ceil((high - low) / 5);
      for (let power = low; power <= high; power += every) {
        const at = y(Math.pow(10, power));
        draw("line", { class: "world-grid", x1: CHART.left, x2: wide - CHART.right, y1: at, y2: at });
        draw("text", { class: "world-label", x: CHART.left - 8, y: at + 4, "text-anchor": "end" },
          power < 0 ? String(Number(Math.pow(10, power).toFixed(-power))) : Math.pow(10, power).toLocaleString("en-US"));
      }
      all.forEach(function (three, i) {
        draw("text", { class: "world-label", x: x(i), y: CHART.high - 6, "text-anchor": i === last ? "end" : "middle" },
          String(world.first_year + i));
      });
      draw("polygon", { class: "world-band", points: line(0).concat(line(2).reverse()).join(" ") });
      draw("polyline", { class: "world-line", points: line(1).join(" ") });
      draw("line", { class: "world-aim", x1: CHART.left, x2: wide - CHART.right, y1: y(target), y2: y(target) });
      draw("text", { class: "world-label", x: CHART.left + 4, y: y(target) - 5 },
        String(100 * world.target_share) + " % of the world's electricity");
      const chosen = found.year - world.first_year;
      draw("circle", { class: "world-dot", cx: x(chosen), cy: y(all[chosen][1]), r: 5 });
      draw("text", { class: "world-label", x: 2, y: 11 }, "TWh a year (log scale)");
    }

    /* ---- To take away, and the address ---- */

    function tell(text) { one(".explorer-done").textContent = text; }

    function take(what) {
      if (what === "reset") { reset(); update(); }
      if (!current) { return; }
      if (what === "link") { address.write(); lib.copy(window.location.href, "Link copied.", tell); }
      if (what === "python") { lib.copy(lib.worldPython(current), "Python call copied.", tell); }
      if (what === "csv") { lib.save(lib.worldCsv(current), "energy-of-the-world.csv"); tell("CSV saved."); }
    }

    const panel = {
      prefix: "w.",
      kept: function () {
        const year = current && current.year !== world.last_year ? { year: current.year } : {};
        return current && Object.assign(year, current.values);
      },
      reset: reset,
      set: function (name, text) {
        if (!Object.prototype.hasOwnProperty.call(fields, name) || !PLAIN_NUMBER.test(text)) { return false; }
        const input = inputs[name], rule = input ? lib.SCALES[input.kind].rule : { low: world.first_year, high: world.last_year };
        const number = Number(text);
        if (!(rule.above ? number > rule.low : number >= rule.low) || number > (rule.high || Infinity)) { return false; }
        fields[name].value = text;
        placeSlider(name);
        return true;
      },
      update: update,
    };

    form.addEventListener("input", function (event) {
      const e = event.target;
      if (e.dataset.for) { readSlider(e.dataset.for); } else if (e.name) { placeSlider(e.name); }
      tell("");
      update();
    });
    form.addEventListener("submit", function (event) { event.preventDefault(); });
    root.addEventListener("click", function (event) {
      const button = event.target.closest("[data-do]");
      if (button) { take(button.dataset.do); }
    });
    window.addEventListener("resize", function () { if (current) { drawYears(current); } });

    document.querySelectorAll(".world-settings tbody tr").forEach(function (row, i) {
      const cell = row.cells[0], link = document.createElement("a");
      link.href = address.fragment(panel, world.settings[i].values);
      link.textContent = cell.textContent.trim();
      link.addEventListener("click", function () { root.scrollIntoView(); });
      cell.textContent = "";
      cell.appendChild(link);
    });

    one(".explorer-without").hidden = true;
    one(".explorer-panel").hidden = false;
    Object.keys(sliders).forEach(placeSlider);
    address.add(panel);
    root.explorer = { current: function () { return current; } };
  }

  const first = document.querySelector(".explorer:not(.world)");
  document.querySelectorAll(".world").forEach(function (root) { start(root, first.explorer); });
})();
