/* The keyboard reaches what scrolls sideways: code, tables, equations. Measured when the browser has laid it out,
   so that it costs a phone nothing. */
(function () {
  "use strict";
  var frames = "pre, .cell_output > .output, .pst-scrollable-table-container, div.math.equation";
  var sized = new ResizeObserver(function (entries) {
    var scrolls = entries.map(function (entry) { return entry.target.scrollWidth > entry.target.clientWidth; });
    entries.forEach(function (entry, i) {
      if (scrolls[i]) { entry.target.tabIndex = 0; } else { entry.target.removeAttribute("tabindex"); }
    });
  });
  document.querySelectorAll(frames).forEach(function (frame) { sized.observe(frame); });
})();

/* A link to a place on its own page closes the menu that it stands in, and the focus goes to the place. */
(function () {
  "use strict";
  document.querySelectorAll("dialog").forEach(function (menu) {
    menu.addEventListener("click", function (event) {
      var link = event.target.closest("a[href^='#']");
      if (!link) { return; }
      menu.addEventListener("close", function () {
        var place = document.getElementById(decodeURIComponent(link.hash.slice(1)));
        if (place) {
          place.tabIndex = -1;
          place.focus({ preventScroll: true });
        }
      }, { once: true });
      menu.close();
    });
  });
})();
