"""Draws Vega-Lite charts without a browser, and makes the one script that draws them in a page.

Everything is kept by the hash of what it was made from, so that a second build draws nothing.
"""

import io
import json
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pikepdf
import vl_convert
from kept import kept

from energy_lib.chart_look import NARROW, WIDE, fitted, is_fluid

MODES = ("light", "dark")
# A wide picture for the column of text, a narrow one for phones, in pixels.
WIDTHS = {"": WIDE, "-narrow": NARROW}
# Pictures are laid out in a font as wide as any that a reader may have, and shown in the reader's own.
WIDEST_FONT = "DejaVu Sans"

# The bundle's top-level names would collide with Sphinx's own scripts, and a page's module loader
# would swallow its exports: hence the function and its shadowed names.
BUNDLE = """(function () {
  var define, module, exports, require;
%s
  window.energyCharts.themes = %s;
})();
"""
EXPORT = "window.energyCharts = {embed: vegaEmbed};"


def pictures(spec: Mapping[str, Any]) -> list[tuple[str, int]]:
    """The suffix and width of every picture that a chart needs in each mode."""
    return list(WIDTHS.items()) if is_fluid(spec) else [("", WIDTHS[""])]


def svg(spec: Mapping[str, Any], theme: Mapping[str, Any], width: int, cache: Path) -> str:
    """The chart as an SVG picture."""
    measured = {**theme, "font": WIDEST_FONT, "text": {**theme["text"], "font": WIDEST_FONT}}
    themed = _themed(fitted(spec, width), measured)
    drawn = _kept(cache, "svg", themed, lambda: vl_convert.vegalite_to_svg(themed, **_here()).encode())
    return drawn.decode().replace(f'font-family="{WIDEST_FONT}"', f'font-family="{theme["font"]}"')


def chart_png(spec: Mapping[str, Any], theme: Mapping[str, Any], cache: Path, pixels: int = 1200) -> bytes:
    """The chart as a PNG picture so many pixels wide, for feeds and for links that others share."""
    themed = _themed(fitted(spec, WIDE), theme)
    scale = pixels / WIDE
    return _kept(cache, "png", [themed, scale], lambda: vl_convert.vegalite_to_png(themed, scale=scale, **_here()))


def pdf(spec: Mapping[str, Any], theme: Mapping[str, Any], cache: Path) -> bytes:
    """The chart as a PDF picture, for the printed edition."""
    themed = _themed(fitted(spec, WIDTHS[""]), theme)
    return _kept(cache, "pdf", themed, lambda: _ordered(vl_convert.vegalite_to_pdf(themed, **_here())))


def _ordered(drawn: bytes) -> bytes:
    """The same PDF with its objects in the order of their use: they come in another one each time."""
    written = io.BytesIO()
    with pikepdf.open(io.BytesIO(drawn)) as picture:
        picture.save(written, deterministic_id=True)
    return written.getvalue()


def png(picture: str, cache: Path) -> bytes:
    """An SVG picture as PNG, for what shows no SVG."""
    return _kept(cache, "png", picture, lambda: vl_convert.svg_to_png(picture, scale=1))


def bundle(themes: Mapping[str, Any], cache: Path) -> str:
    """The script that gives pages `energyCharts.embed` and the themes, from no network."""
    script = _kept(cache, "js", EXPORT, lambda: vl_convert.javascript_bundle(EXPORT, **_newest()).encode())
    return BUNDLE % (script.decode(), json.dumps(themes, sort_keys=True))


def _newest() -> dict[str, str]:
    return {"vl_version": vl_convert.get_vegalite_versions()[-1]}


def _here() -> dict[str, Any]:
    """Drawing never fetches: a chart whose data lie elsewhere is an error."""
    return {**_newest(), "allowed_base_urls": []}


def _themed(spec: dict[str, Any], theme: Mapping[str, Any]) -> dict[str, Any]:
    return {**spec, "config": {**theme, **spec.get("config", {})}}


def _kept(cache: Path, suffix: str, what: Any, make: Callable[[], bytes]) -> bytes:
    tool = [version("vl-convert-python"), vl_convert.get_vegalite_versions()[-1]]
    return kept(cache, suffix, [what, tool], make)
