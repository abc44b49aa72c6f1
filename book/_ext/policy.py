"""Writes a content security policy into every page: no other site is asked, no script runs but the site's own."""

import base64
import hashlib
import re
from pathlib import Path

from sphinx.application import Sphinx

CHARSET = re.compile(r"<meta charset=[^>]*>", re.IGNORECASE)
WRITTEN = re.compile(r'\s*<meta http-equiv="Content-Security-Policy"[^>]*>')
ARTICLE = re.compile(r"<article\b.*?</article>", re.DOTALL)
SCRIPT = re.compile(r"<script\b([^>]*)>(.*?)</script>", re.DOTALL)
# The theme's one inline handler; print.js does its work.
HANDLER, MARK = 'onclick="window.print()"', "data-print"
DATA = re.compile(r"""\btype=["']?application/""")  # a block that no browser runs
DIRECTIVES = {
    "default-src": "'none'",
    "script-src": "'self'",
    # Vega and the theme set styles of single elements.
    "style-src": "'self' 'unsafe-inline'",
    "img-src": "'self' data:",
    "font-src": "'self'",
    # The search reads the pages that it found.
    "connect-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'none'",
}


def policy(page: str) -> str:
    """The policy of a page: beside the site's files, only the theme's own inline scripts run, known by their hash.

    An inline script within the article is not the theme's, and gets none.
    """
    frame = ARTICLE.sub("", page)
    scripts = SCRIPT.findall(frame)
    inline = dict.fromkeys(text for kind, text in scripts if "src=" not in kind and not DATA.search(kind))
    allowed = [f"'sha256-{_hash(text)}'" for text in inline]
    directives = {**DIRECTIVES, "script-src": " ".join([DIRECTIVES["script-src"], *allowed])}
    return "; ".join(f"{name} {value}" for name, value in directives.items())


def with_policy(page: str) -> str:
    """A page with its policy before anything that the policy governs, and without what it forbids."""
    page = WRITTEN.sub("", page).replace(HANDLER, MARK)
    start = CHARSET.search(page)
    if not start:
        return page
    tag = f'\n    <meta http-equiv="Content-Security-Policy" content="{policy(page)}" />'
    return page[: start.end()] + tag + page[start.end() :]


def _hash(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def write_policies(app: Sphinx, error: Exception | None) -> None:
    """Runs last, over pages as they will be served."""
    if error or app.builder.format != "html":
        return
    for path in sorted(Path(app.outdir).rglob("*.html")):
        text = path.read_text(encoding="utf-8")
        made = with_policy(text)
        if made != text:
            path.write_text(made, encoding="utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_js_file("print.js", loading_method="defer")
    app.connect("build-finished", write_policies, priority=990)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
