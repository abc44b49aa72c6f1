"""Finishes built pages where the theme leaves no other way."""

from pathlib import Path

from sphinx.application import Sphinx

# The theme writes its mode "auto", which only its script can read: without JavaScript most colours are lost.
WRITTEN, READABLE = ' data-theme="auto"', ' data-theme="light"'


def give_a_theme_without_script(app: Sphinx, error: Exception | None) -> None:
    """Pages start light; the theme's script sets the reader's mode before anything is shown."""
    if error or app.builder.format != "html":
        return
    for page in Path(app.outdir).rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        if WRITTEN in text:
            page.write_text(text.replace(WRITTEN, READABLE, 1), encoding="utf-8")


def read_the_bibliography_again(app: Sphinx, env, added: set[str], changed: set[str], removed: set[str]) -> list[str]:
    """The page of references lists what other pages cite, so it is as old as the oldest of them."""
    return ["book/cite"] if added | changed | removed else []


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("env-get-outdated", read_the_bibliography_again)
    app.connect("build-finished", give_a_theme_without_script)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
