"""Makes the theme's frame light: icons drawn in the page, and no script that holds up its first sight."""

import re
import shutil
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.builders.html._assets import _JavaScript
from sphinx.util import logging

logger = logging.getLogger(__name__)

# What the theme ships and no page uses.
UNUSED = (
    "scripts/fontawesome.js",
    "scripts/fontawesome.js.map",
    "scripts/pydata-sphinx-theme.js.map",
    "scripts/sphinx-book-theme.js.map",
    "sbt-webpack-macros.html",
    "styles/theme.css",
    "vendor/fontawesome",
    "webpack-macros.html",
)
# Lines on a field of 24 by 24, by the theme's name of the icon.
ICONS = {
    "angle-left": "M15 5l-7 7 7 7",
    "angle-right": "M9 5l7 7-7 7",
    "arrow-up": "M12 20V4m-7 7 7-7 7 7",
    "bars": "M3 6h18M3 12h18M3 18h18",
    "circle-half-stroke": "M12 3a9 9 0 0 0 0 18zm0 0a9 9 0 0 1 0 18m-2-16v14m-2-13v12m-2-10v8",
    "download": "M12 3v12m-5-5 5 5 5-5M4 20h16",
    "file": "M6 3h8l5 5v13H6zm8 0v5h5",
    "file-pdf": "M7 9V3h10v6M7 17H4V9h16v8h-3M7 14h10v7H7z",
    "list": "M8 6h13M8 12h13M8 18h13M3 6h1M3 12h1M3 18h1",
    "magnifying-glass": "M10 4a6 6 0 1 1 0 12 6 6 0 0 1 0-12zm4 10 7 7",
    "moon": "M20 14A8.5 8.5 0 1 1 10 4a7 7 0 0 0 10 10z",
    "sun": "M12 8a4 4 0 1 1 0 8 4 4 0 0 1 0-8zm0-6v2m0 16v2M2 12h2m16 0h2M5 5l1 1m12 12 1 1M5 19l1-1M18 6l1-1",
}
# An icon as the theme writes it: an empty element of which a script made a picture.
WRITTEN = re.compile(r'<(i|span) class="([^"]*\bfa[bsr]?(?:-solid|-brands|-regular)? +fa-[^"]*)"([^>]*)></\1>')
# What the theme's scripts do wrong: the script, what stands there, and what is put in its place. The last holds a
# comment, by which a script that was mended already is known.
PYDATA, BOOK = "scripts/pydata-sphinx-theme.js", "scripts/sphinx-book-theme.js"
REWRITTEN = (
    # It measures every code cell while the page loads, which takes a phone seconds; frame.js does it for nothing.
    (PYDATA, r'"complete"===document\.readyState\?(\w+)\(\):window\.addEventListener\("load",\1\)', "0/*in frame.js*/"),
    # A button that was pressed by a key keeps the focus; a click by a pointer counts itself in `detail`.
    (BOOK, r"\(\)=>\{(\w+)\.blur\(\)\}", r"e=>{e.detail/*not by keys*/&&\1.blur()}"),
    # A menu that closes gives the focus back to the button that opened it, whatever had the focus.
    (
        PYDATA,
        r"const (\w+)=document\.activeElement;(?=\w+\(\w+,\w+\),\w+\.showModal)",
        r"const \1=e.currentTarget/*opener*/;",
    ),
)
# What the theme's markup gets wrong for those who hear pages or steer them by keys.
MENDED = (
    (r' aria-label="Toggle hidden content"', ""),  # the words that stand there say more
    (r'(<button class="btn search-button-field[^>]*?) title="Search" aria-label="Search"', r"\1"),
    (r'(<div class="sidebar-primary-items__start sidebar-primary__section")>', r'\1 role="region" aria-label="Book">'),
    (r' role="doc-biblioentry"', ' role="listitem"'),
    # The mode is known before the page is first painted, or a dark one begins with a flash of light.
    (
        r'(dataset\.theme = )localStorage\.getItem\("theme"\) \|\| "auto"',
        r'\1{light: "light", dark: "dark"}[localStorage.getItem("mode")]'
        r' || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")',
    ),
)
NAMED = re.compile(r"\bfa-(?!solid\b|brands\b|regular\b|lg\b)([a-z-]+)")


def svg(classes: str, attributes: str = "") -> str:
    """An icon that takes the size and the colour of the text around it, and that is not read out."""
    path = ICONS[NAMED.search(classes).group(1)]
    kept = " ".join(["icon", *re.findall(r"\btheme-switch\b|\bfa-lg\b", classes)])
    mode = "".join(re.findall(r' data-mode="\w+"', attributes))
    return f'<svg class="{kept}"{mode} viewBox="0 0 24 24" aria-hidden="true"><path d="{path}"/></svg>'


def finished(html: str) -> str:
    """A page with its markup mended and its icons drawn in it; an icon that is not among them is a KeyError."""
    for pattern, replacement in MENDED:
        html = re.sub(pattern, replacement, html)
    return WRITTEN.sub(lambda found: svg(found.group(2), found.group(3)), html)


def finish(app: Sphinx, error: Exception | None) -> None:
    if error or app.builder.format != "html":
        return
    for page in Path(app.outdir).rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        try:
            made = finished(text)
        except KeyError as missing:
            logger.warning("%s: no icon %s is drawn in book/_ext/frame.py", page.relative_to(app.outdir), missing)
            continue
        if made != text:
            page.write_text(made, encoding="utf-8")
    static = Path(app.outdir) / "_static"
    for name, pattern, replacement in REWRITTEN:
        script = (static / name).read_text(encoding="utf-8")
        script, found = re.subn(pattern, replacement, script)
        if not (found or re.search(r"/\*.*\*/", replacement).group() in script):
            logger.warning("%s does no longer what frame.py puts right: look for %s in REWRITTEN", name, replacement)
        (static / name).write_text(re.sub(r"\n//# sourceMappingURL=.*", "", script), encoding="utf-8")
    for name in UNUSED:
        path = static / name
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


def defer_scripts(app: Sphinx, page: str, template: str, context: Any, doctree: Any) -> None:
    """Scripts wait for the page, in their order; only those of the search page lean on one another while it loads."""
    if page == "search":
        return
    made = []
    for script in context["script_files"]:
        attributes = getattr(script, "attributes", {})
        if attributes.get("body", "").startswith("DOCUMENTATION_OPTIONS."):
            continue  # options of the theme's that this book does not use, as scripts in the page
        if isinstance(script, _JavaScript) and script.filename and not {"async", "defer"} & set(attributes):
            script = _JavaScript(script.filename, priority=script.priority, **attributes, defer="defer")  # noqa: PLW2901
        made.append(script)
    context["script_files"] = made


def setup(app: Sphinx) -> dict[str, bool]:
    # After all others have added theirs, and before the theme gives each its checksum.
    app.connect("html-page-context", defer_scripts, priority=900)
    app.connect("build-finished", finish)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
