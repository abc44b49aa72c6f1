/* Replaces the static picture of a chart by the interactive one when it comes into view, and loads long tables of
   data when they are opened. Whatever fails, the picture and the first rows stay. */
(function () {
  "use strict";
  var PHONE = 480, LINE_ENDS = "line-ends", FINGER = 30;
  var loading = null;
  var drawn = [];

  function mode() {
    return document.documentElement.dataset.theme === "dark" ? "dark" : "light";
  }

  function bundle(address) {
    if (!loading) {
      loading = new Promise(function (resolve, reject) {
        var script = document.createElement("script");
        script.src = address;
        script.onload = function () { resolve(window.energyCharts); };
        script.onerror = reject;
        document.head.appendChild(script);
      });
    }
    return loading;
  }

  /* As `fitted` in energy_lib/chart_look.py: names at the ends of lines, or a legend where there is no room. */
  function fit(spec, width) {
    var layers = spec.layer || [];
    var named = layers.some(function (layer) { return layer.name === LINE_ENDS; });
    var narrow = width < PHONE;
    if (narrow && layers.length) {
      spec.layer = layers.filter(function (layer) { return layer.name !== LINE_ENDS; });
    }
    var encodings = [spec].concat(spec.layer || []).map(function (part) { return part.encoding || {}; });
    var rows = encodings.some(function (encoding) { return (encoding.y || {}).type === "nominal"; });
    var coded = [];
    encodings.forEach(function (encoding) {
      [encoding.color, encoding.shape].forEach(function (code) {
        if (code && ("field" in code || "datum" in code)) { coded.push(code); }
      });
    });
    if (!narrow) {
      if (named) { coded.forEach(function (code) { code.legend = null; }); }
      return spec;
    }
    coded = coded.filter(function (code) { return code.legend !== null; });
    var several = new Set(coded.map(function (code) { return code.field; })).size > 1;
    coded.forEach(function (code) {
      code.legend = Object.assign({}, code.legend, { columns: rows || several ? 1 : 2 });
    });
    encodings.forEach(function (encoding) {
      if (rows && encoding.x && "title" in encoding.x) {
        encoding.x.axis = Object.assign({}, encoding.x.axis, { titleAnchor: "end" });
      }
    });
    return spec;
  }

  /* Of drawings that are under way together, as when the mode is switched twice, the last begun is kept. */
  function draw(chart) {
    var turn = chart.turn = (chart.turn || 0) + 1;
    var wanted = mode();
    var narrow = chart.clientWidth < PHONE;
    return bundle(chart.dataset.bundle).then(function (charts) {
      var spec = JSON.parse(chart.querySelector("script[type='application/json']").textContent);
      /* A fresh element each time: the old view keeps showing until the new one is ready. */
      var live = document.createElement("div");
      live.className = "chart-live";
      chart.appendChild(live);
      return charts.embed(live, fit(spec, chart.clientWidth), {
        config: charts.themes[wanted],
        renderer: "svg",
        actions: false,
        ast: true,
        defaultStyle: false,
        tooltip: { theme: "custom", disableDefaultStyle: true },
      }).then(function (result) {
        if (turn !== chart.turn) {
          result.finalize();
          live.remove();
          return;
        }
        hide(chart);
        chart.querySelectorAll(".chart-live").forEach(function (old) {
          if (old !== live) { old.remove(); }
        });
        if (chart.view) { chart.view.finalize(); }
        chart.view = result;
        chart.drawnNarrow = narrow;
        chart.classList.add("drawn");
        take(chart, live);
      }, function (fault) {
        live.remove();
        throw fault;
      });
    }).catch(function () {
      if (!chart.classList.contains("drawn")) { pass(chart); }  /* the picture stays */
    });
  }

  /* Fingers reach the nearest point, arrow keys step through the points, Escape closes. The chart itself takes the
     focus, from the moment the page is read: a stop of the Tab key that came with the drawing would come behind the
     reader's back, and one inside a drawing would go with it. */
  function reach(chart) {
    chart.points = [];
    chart.at = -1;
    chart.tabIndex = 0;
    chart.setAttribute("role", "application");
    chart.setAttribute("aria-label", "Interactive chart. Left and right arrow keys step through its points; the table under it holds them all.");

    chart.addEventListener("click", function (event) {
      var best = -1, least = FINGER;
      chart.points.forEach(function (point, i) {
        var c = centre(point), away = Math.hypot(c.x - event.clientX, c.y - event.clientY);
        if (away < least) { best = i; least = away; }
      });
      if (best >= 0) { show(chart, best); } else { hide(chart); }
    });
    chart.addEventListener("keydown", function (event) {
      var step = { ArrowRight: 1, ArrowLeft: -1 }[event.key], last = chart.points.length - 1;
      if (step && last >= 0) {
        event.preventDefault();
        show(chart, chart.at < 0 && step < 0 ? last : Math.min(Math.max(chart.at + step, 0), last));
      } else if (event.key === "Escape") {
        hide(chart);
      }
    });
    chart.addEventListener("blur", function () { hide(chart); });
  }

  /* Nothing to step through, or no drawing: the Tab key passes by, and a focus that is there stays there. */
  function pass(chart) {
    chart.tabIndex = -1;
    chart.removeAttribute("role");
    chart.removeAttribute("aria-label");
  }

  function take(chart, live) {
    var points = Array.from(live.querySelectorAll(".mark-symbol.role-mark path"));
    points = points.filter(function (point) { return point.__data__ && point.__data__.tooltip; });
    points.sort(function (a, b) { return centre(a).x - centre(b).x || centre(a).y - centre(b).y; });
    chart.points = points.filter(function (point, i) { return !i || words(point) !== words(points[i - 1]); });
    if (!chart.points.length) { pass(chart); }
  }

  function centre(point) {
    var box = point.getBoundingClientRect();
    return { x: box.left + box.width / 2, y: box.top + box.height / 2 };
  }

  function tell(point, kind) {
    var c = centre(point);
    point.dispatchEvent(new PointerEvent(kind, { bubbles: true, clientX: c.x, clientY: c.y }));
  }

  function hide(chart) {
    if (chart.at >= 0) { tell(chart.points[chart.at], "mouseout"); }
    chart.at = -1;
  }

  function show(chart, at) {
    var point = chart.points[at];
    chart.at = at;
    tell(point, "pointermove");
    var said = document.getElementById("chart-said");
    if (!said) {
      said = document.createElement("div");
      said.id = "chart-said";
      said.className = "chart-said";
      said.setAttribute("aria-live", "polite");
      document.body.appendChild(said);
    }
    said.textContent = words(point);
  }

  function words(point) {
    var tip = point.__data__.tooltip;
    return Object.keys(tip).map(function (name) { return name + ": " + tip[name]; }).join("; ");
  }

  /* The page holds the first rows of a long table; all of them come when it is opened. */
  function loadRows(details) {
    var frame = details.querySelector(".chart-table[data-rest]");
    if (!frame) { return; }
    details.addEventListener("toggle", function () {
      fetch(frame.dataset.rest).then(function (answer) {
        if (!answer.ok) { throw new Error(answer.status); }
        return answer.text();
      }).then(function (text) {
        var table = new DOMParser().parseFromString(text, "text/html").querySelector("table.chart-rows");
        frame.replaceChildren(document.adoptNode(table));
      }).catch(function () { /* the first rows stay, with a link to all */ });
    }, { once: true });
  }

  function start() {
    var charts = document.querySelectorAll(".chart[data-bundle]");
    var seen = new IntersectionObserver(function (entries) {
      entries.forEach(function (entry) {
        if (entry.isIntersecting) {
          seen.unobserve(entry.target);
          drawn.push(entry.target);
          draw(entry.target);
        }
      });
    }, { rootMargin: "400px" });
    charts.forEach(function (chart) { seen.observe(chart); });

    new MutationObserver(function () { drawn.forEach(draw); })
      .observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
    window.addEventListener("resize", function () {
      drawn.forEach(function (chart) {
        if ("drawnNarrow" in chart && chart.drawnNarrow !== chart.clientWidth < PHONE) {
          chart.drawnNarrow = !chart.drawnNarrow;
          draw(chart);
        }
      });
    });
  }

  /* Reading needs no script: what draws is fetched once the reader moves, points, touches or types. */
  var moves = ["pointermove", "pointerdown", "touchstart", "wheel", "scroll", "keydown", "focusin"];
  function begin() {
    moves.forEach(function (move) { window.removeEventListener(move, begin); });
    start();
  }

  document.querySelectorAll("details.chart-data").forEach(loadRows);
  if ("IntersectionObserver" in window) {
    document.querySelectorAll(".chart[data-bundle]").forEach(reach);
    moves.forEach(function (move) { window.addEventListener(move, begin, { passive: true }); });
  }
})();
