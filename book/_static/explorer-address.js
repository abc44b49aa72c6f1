/* Keeps the settings of the page's panels in its address, and reads them back. Nothing that comes from the address is
   ever evaluated or parsed as HTML. */
(function () {
  "use strict";

  const VERSION = "1", PAUSE_MS = 300, LONGEST = 4000;

  /* A panel has `prefix`, before its names in the address; kept() -> what of its setting counts, null while it is
     refused; reset(); set(name, text) -> whether it may stand; update(). */
  function address(edition, notice) {
    const panels = [];
    let written = null, timer = null, open = false;

    function fragmentOf(list) {
      const all = { v: VERSION, edition: edition };
      list.forEach(function (one) {
        Object.keys(one.kept).forEach(function (name) { all[one.prefix + name] = one.kept[name]; });
      });
      return "#" + new URLSearchParams(all).toString();
    }

    function write() {
      window.clearTimeout(timer);
      const list = panels.map(function (panel) { return { prefix: panel.prefix, kept: panel.kept() }; });
      if (list.some(function (one) { return one.kept === null; })) { return; }
      written = fragmentOf(list);
      window.history.replaceState(null, "", written);
    }

    function keep() {
      if (!open) { return; }  /* the page as it opens keeps its plain address */
      window.clearTimeout(timer);
      timer = window.setTimeout(write, PAUSE_MS);
    }

    function read() {
      const text = window.location.hash.slice(1);
      if (text === written || "#" + text === written || !/^[^=&]*=/.test(text)) { return; }
      const given = new URLSearchParams(text.slice(0, LONGEST)), ignored = [], seen = {};
      panels.forEach(function (panel) { panel.reset(); });
      if (given.get("v") !== VERSION) {
        notice("The link is not one that this version of the page wrote, and was ignored.");
        return;
      }
      given.forEach(function (wanted, name) {
        if (name === "v" || name === "edition") { return; }
        const panel = panels.find(function (p) { return name.indexOf(p.prefix) === 0; });
        if (seen["=" + name] || !panel || !panel.set(name.slice(panel.prefix.length), wanted)) {
          ignored.push(name.slice(0, 24));
          return;
        }
        seen["=" + name] = true;
      });
      const stale = given.get("edition") !== edition
        ? "The link is from another edition of this page: its numbers may have moved. " : "";
      notice(stale + (ignored.length ? "Parts of the link that this page does not know or allow were ignored: " +
        ignored.slice(0, 5).join(", ") + (ignored.length > 5 ? ", ..." : "") + "." : ""));
    }

    function readAndShow() {
      read();
      panels.forEach(function (panel) { panel.update(); });
    }

    return {
      /* Panels with longer prefixes come first, so that none takes another's names. */
      add: function (panel) {
        panels.push(panel);
        panels.sort(function (a, b) { return b.prefix.length - a.prefix.length; });
      },
      keep: keep,
      write: write,
      fragment: function (panel, kept) { return fragmentOf([{ prefix: panel.prefix, kept: kept }]); },
      start: function () {
        readAndShow();
        open = true;
        window.addEventListener("hashchange", readAndShow);
      },
    };
  }

  window.energyExplorer.makeAddress = address;
})();
