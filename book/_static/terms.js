// Shows what a word means, or how sure a number is, while its link is pointed at, in focus or tapped once.
(() => {
  const LINKS = "a.term[data-said], a.num[data-said]";
  const EDGE = 8; // pixels kept free at the sides of the window
  const box = document.createElement("div");
  box.id = "said";
  box.setAttribute("role", "tooltip");
  let shown = null;
  let leaving = 0;

  const hide = () => {
    clearTimeout(leaving);
    shown?.removeAttribute("aria-describedby");
    shown = null;
    box.classList.remove("visible");
  };
  // Time to move the pointer from the link onto the words.
  const leave = () => {
    clearTimeout(leaving);
    leaving = setTimeout(hide, 200);
  };

  const show = (link) => {
    clearTimeout(leaving);
    if (shown === link) return;
    hide();
    shown = link;
    box.textContent = link.dataset.said;
    link.setAttribute("aria-describedby", box.id);
    box.classList.add("visible");
    const at = link.getClientRects()[0];
    const wide = document.documentElement.clientWidth;
    const left = Math.max(EDGE, Math.min(at.left, wide - box.offsetWidth - EDGE));
    const below = at.bottom + box.offsetHeight + EDGE < window.innerHeight;
    box.style.left = `${left + window.scrollX}px`;
    box.style.top = `${(below ? at.bottom + 2 : at.top - box.offsetHeight - 2) + window.scrollY}px`;
  };

  const prepare = (link) => {
    let touched = false;
    let open = false;
    link.addEventListener("pointerenter", (event) => event.pointerType === "mouse" && show(link));
    link.addEventListener("pointerleave", (event) => event.pointerType === "mouse" && leave());
    link.addEventListener("pointerdown", (event) => {
      touched = event.pointerType !== "mouse";
      open = shown === link;
    });
    link.addEventListener("focus", () => show(link));
    link.addEventListener("blur", leave);
    link.addEventListener("click", (event) => {
      if (touched && !open) {
        event.preventDefault();
        show(link);
      }
      touched = false;
    });
  };

  const begin = () => {
    for (const number of document.querySelectorAll("a.num[title]")) {
      number.dataset.said = number.title;
      number.removeAttribute("title"); // or the browser would show it a second time
    }
    document.querySelectorAll(LINKS).forEach(prepare);
    document.body.append(box);
    box.addEventListener("pointerenter", () => clearTimeout(leaving));
    box.addEventListener("pointerleave", leave);
    document.addEventListener("keydown", (event) => event.key === "Escape" && hide());
    document.addEventListener("pointerdown", (event) => {
      if (!event.target.closest(LINKS) && event.target !== box) hide();
    });
  };
  begin();
})();
