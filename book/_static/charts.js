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

  function draw(chart) {
    var spec = JSON.parse(chart.querySelector("script[type='application/json']").textContent);
    var wanted = mode();
    var narrow = chart.clientWidth < PHONE;
    return bundle(chart.dataset.bundle).then(function (charts) {
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
        chart.querySelectorAll(".chart-live").forEach(function (old) {
          if (old !== live) { old.remove(); }
        });
        if (chart.view) { chart.view.finalize(); }
        chart.view = result;
        chart.drawnNarrow = narrow;
        chart.classList.add("drawn");
        reach(chart, live);
        if (wanted !== mode()) { return draw(chart); }
      }, function () {
        live.remove();
      });
    }).catch(function () { /* the picture stays */ });
  }

  /* Fingers reach the nearest point, arrow keys step through the points, Escape closes. */
  function reach(chart, live) {
    var at = -1;
    var points = Array.from(live.querySelectorAll(".mark-symbol.role-mark path"));
    points = points.filter(function (point) { return point.__data__ && point.__data__.tooltip; });
    points.sort(function (a, b) { return centre(a).x - centre(b).x || centre(a).y - centre(b).y; });
    points = points.filter(function (point, i) { return !i || words(point) !== words(points[i - 1]); });
    if (!points.length) { return; }
    live.tabIndex = 0;
    live.setAttribute("role", "application");
    live.setAttribute("aria-label", "Interactive chart. Left and right arrow keys step through its points; the table under it holds them all.");

    live.addEventListener("click", function (event) {
      var best = -1, least = FINGER;
      points.forEach(function (point, i) {
        var c = centre(point), away = Math.hypot(c.x - event.clientX, c.y - event.clientY);
        if (away < least) { best = i; least = away; }
      });
      if (best >= 0) { show(points[best]); at = best; } else { hide(); }
    });
    live.addEventListener("keydown", function (event) {
      var step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (step) {
        event.preventDefault();
        at = (at < 0 && step < 0) ? points.length - 1 : Math.min(Math.max(at + step, 0), points.length - 1);
        show(points[at]);
      } else if (event.key === "Escape") {
        hide();
      }
    });
    live.addEventListener("blur", hide);

    function hide() {
      if (at >= 0) { tell(points[at], "mouseout"); }
      at = -1;
    }
  }

  function centre(point) {
    var box = point.getBoundingClientRect();
    return { x: box.left + box.width / 2, y: box.top + box.height / 2 };
  }

  function tell(point, kind) {
    var c = centre(point);
    point.dispatchEvent(new PointerEvent(kind, { bubbles: true, clientX: c.x, clientY: c.y }));
  }

  function show(point) {
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
    moves.forEach(function (move) { window.addEventListener(move, begin, { passive: true }); });
  }
})();
