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
HANDLER = re.compile(r"""\son[a-z]+="([^"]*)\"""")
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
    handlers = dict.fromkeys(HANDLER.findall(SCRIPT.sub("", frame)))
    if handlers:
        allowed += ["'unsafe-hashes'", *(f"'sha256-{_hash(text)}'" for text in handlers)]
    directives = {**DIRECTIVES, "script-src": " ".join([DIRECTIVES["script-src"], *allowed])}
    return "; ".join(f"{name} {value}" for name, value in directives.items())


def with_policy(page: str) -> str:
    """A page with its policy before anything that the policy governs."""
    page = WRITTEN.sub("", page)
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
    app.connect("build-finished", write_policies, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
