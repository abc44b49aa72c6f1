"""Writes one stylesheet for all pages, of the theme's and the book's rules that some page can use."""

import functools
import hashlib
import posixpath
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import tinycss2
from kept import kept
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

NAME = "site.css"
# Those that the theme's template links outside Sphinx's own list; they come first.
THEME = ("basic.css", "styles/pydata-sphinx-theme.css")
FUNCTION = re.compile(r":(?:not|is|where|has|host|lang|nth-[\w-]+)\(")
NAMED = re.compile(r"[.#](-?[A-Za-z_][\w-]*)")
LINKED = re.compile(r"""url\((['"]?)(?!data:|#)([^)'"]*)\1\)""")
QUOTED = re.compile(r"""(["'`])((?:(?!\1)[^\\\n]|\\.)*)\1""")
CONDITIONS = ("media", "supports", "layer", "container")


def names_in(html: str) -> set[str]:
    """The classes and ids that a page has before any script runs."""
    return {name for value in re.findall(r"""\b(?:class|id)=["']([^"']*)["']""", html) for name in value.split()}


def words_in(script: str) -> set[str]:
    """The words in a script's texts, and the names in its markup: classes that it may give are among them."""
    words = {word for _, text in QUOTED.findall(script) for word in re.findall(r"-?[A-Za-z_][\w-]*", text)}
    return words | names_in(script)


def without_functions(selector: str) -> str:
    """A selector without what stands in :not(), :is() and their like, which may name what a page lacks."""
    while found := FUNCTION.search(selector):
        depth, end = 1, found.end()
        while depth and end < len(selector):
            depth += {"(": 1, ")": -1}.get(selector[end], 0)
            end += 1
        selector = selector[: found.start()] + selector[end:]
    return re.sub(r"\[[^\]]*\]", "", selector)


def selectors(prelude: list[Any]) -> list[str]:
    """The selectors of a rule; commas within brackets part none."""
    parts: list[list[Any]] = [[]]
    for token in prelude:
        if token.type == "literal" and token.value == ",":
            parts.append([])
        else:
            parts[-1].append(token)
    return [tinycss2.serialize(part).strip() for part in parts]


def pruned(rules: Iterable[Any], known: set[str]) -> str:
    """The rules that a page with only the known classes and ids can use, in their order."""
    kept = []
    for rule in rules:
        if rule.type == "qualified-rule":
            used = [s for s in selectors(rule.prelude) if set(NAMED.findall(without_functions(s))) <= known]
            if used:
                kept.append(f"{','.join(used)}{{{_declarations(rule.content)}}}")
        elif rule.type == "at-rule" and rule.lower_at_keyword in CONDITIONS and rule.content is not None:
            inner = pruned(tinycss2.parse_rule_list(rule.content, skip_comments=True, skip_whitespace=True), known)
            if inner:
                kept.append(f"@{rule.at_keyword}{tinycss2.serialize(rule.prelude)}{{{inner}}}")
        elif rule.type == "error":
            raise ExtensionError(f"a stylesheet cannot be read: {rule.message}")
        elif rule.type == "at-rule" and rule.lower_at_keyword not in ("font-face", "charset"):
            kept.append(tinycss2.serialize([rule]))
    return "\n".join(kept)


def _declarations(content: list[Any]) -> str:
    return re.sub(r"\s+", " ", tinycss2.serialize([t for t in content if t.type != "comment"])).strip()


def merged(root: Path, names: Iterable[str], known: set[str]) -> str:
    """One stylesheet for the folder `root`, made of those named in it; a picture that is not there is an error."""
    made = []
    for name in dict.fromkeys(names):
        text = (root / name).read_text(encoding="utf-8")
        rules = tinycss2.parse_stylesheet(text, skip_comments=True, skip_whitespace=True)
        made.append(LINKED.sub(functools.partial(_moved, root, name), pruned(rules, known)))
    return "\n".join(made) + "\n"


def _moved(root: Path, name: str, found: re.Match) -> str:
    path = posixpath.normpath(posixpath.join(posixpath.dirname(name), found.group(2)))
    if not (root / path).is_file():
        raise ExtensionError(f"{name}: {found.group(2)} is not there")
    return f"url({path})"


def link_one_sheet(app: Sphinx, page: str, template: str, context: Any, doctree: Any) -> None:
    """Pages link the one sheet, and after it those that only they use."""
    common = list(dict.fromkeys(css.filename for css in app.builder._orig_css_files))
    app.energy_sheets = [name.removeprefix("_static/") for name in common]
    context["css_files"] = [css for css in context["css_files"] if getattr(css, "filename", css) not in common]


def write_sheet(app: Sphinx, error: Exception | None) -> None:
    if error or app.builder.format != "html" or not hasattr(app, "energy_sheets"):
        return
    out = Path(app.outdir)
    pages = {path: path.read_text(encoding="utf-8") for path in out.rglob("*.html")}
    scripts = (path.read_text(encoding="utf-8") for path in (out / "_static").rglob("*.js"))
    known = set().union(*map(names_in, pages.values()), *map(words_in, scripts))
    names = [*THEME, *app.energy_sheets]
    sheets = [(out / "_static" / name).read_text(encoding="utf-8") for name in names]
    made_from = [names, sheets, sorted(known), Path(__file__).read_text(encoding="utf-8")]
    cache = Path(app.srcdir) / "_build" / ".cache"
    text = kept(cache, "css", made_from, lambda: merged(out / "_static", names, known).encode()).decode()
    (out / "_static" / NAME).write_text(text, encoding="utf-8")
    version = hashlib.sha256(text.encode()).hexdigest()[:8]
    for path, html in pages.items():
        # Browsers keep a sheet for a while: its address tells one edition from the next.
        linked = re.sub(rf"_static/{NAME}(\?v=\w+)?", f"_static/{NAME}?v={version}", html)
        if linked != html:
            path.write_text(linked, encoding="utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("html-page-context", link_one_sheet, priority=950)
    app.connect("build-finished", write_sheet, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
