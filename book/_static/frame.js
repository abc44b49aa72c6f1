/* The keyboard reaches what scrolls: the theme sees to code and tables, this to equations. */
(function () {
  "use strict";
  function reach() {
    document.querySelectorAll("div.math.equation").forEach(function (equation) {
      if (equation.scrollWidth > equation.clientWidth) {
        equation.tabIndex = 0;
      } else {
        equation.removeAttribute("tabindex");
      }
    });
  }
  reach();
  new ResizeObserver(reach).observe(document.body);
})();
