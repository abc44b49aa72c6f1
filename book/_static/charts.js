/* Replaces the static picture of a chart by the interactive one when it comes into view.
   Reading needs no script: what draws is fetched once the reader moves, points, touches or types.
   Whatever fails, the picture stays. */
(function () {
  "use strict";
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

  function draw(chart) {
    var spec = JSON.parse(chart.querySelector("script[type='application/json']").textContent);
    var wanted = mode();
    return bundle(chart.dataset.bundle).then(function (charts) {
      /* A fresh element each time: the old view keeps showing until the new one is ready. */
      var live = document.createElement("div");
      live.className = "chart-live";
      chart.appendChild(live);
      return charts.embed(live, spec, {
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
        chart.classList.add("drawn");
        if (wanted !== mode()) { return draw(chart); }
      }, function () {
        live.remove();
      });
    }).catch(function () { /* the picture stays */ });
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
  }

  var moves = ["pointermove", "pointerdown", "touchstart", "wheel", "scroll", "keydown", "focusin"];
  function begin() {
    moves.forEach(function (move) { window.removeEventListener(move, begin); });
    start();
  }

  if ("IntersectionObserver" in window) {
    moves.forEach(function (move) { window.addEventListener(move, begin, { passive: true }); });
  }
})();
