"""Finishes built pages where the theme leaves no other way, and has them written anew when what writes them changed."""

import hashlib
from pathlib import Path
from typing import Any

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


def read_frame(app: Sphinx, config: Any) -> None:
    """Sphinx does not see that an extension of ours or the citation changed; a setting that did has it start afresh."""
    read = [*sorted(Path(__file__).parent.glob("*.*")), Path(app.srcdir) / "CITATION.cff"]
    config.energy_frame = hashlib.sha256(b"".join(path.read_bytes() for path in read if path.is_file())).hexdigest()


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_config_value("energy_frame", "", "env")
    app.connect("config-inited", read_frame)
    app.connect("env-get-outdated", read_the_bibliography_again)
    app.connect("build-finished", give_a_theme_without_script)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
