"""The picture that goes with a shared link: a chart of the page under its title, as a PNG of 1200 by 630 pixels."""

import copy
import html
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import drawing
import record
from docutils import nodes
from figures import ChartPicture
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

WIDTH, HEIGHT, MARGIN = 1200, 630, 60
TOP, BOTTOM = 125, 560  # between them lies the chart
TALLEST = 450  # a chart that asks for more would lose its labels
DRAWN_WIDTH, DRAWN_HEIGHT = 660, 190  # small, so that its labels are legible when enlarged
FONT = "font-family=\"'Liberation Sans', Arial, sans-serif\""


def chart_of(app: Sphinx, doctree: nodes.document) -> str:
    """The name of a page's first chart that is not too tall, or that of the book's own picture."""
    charts = app.energy_record.charts
    own = [node["chart"] for node in doctree.findall(ChartPicture)]
    suited = [name for name in own if _height(charts[name].spec) <= TALLEST]
    chosen = suited[0] if suited else app.config.energy_social_chart
    if chosen not in charts:
        raise ExtensionError(f"energy_social_chart: no notebook publishes {chosen!r}{record.nearest(chosen, charts)}")
    return chosen


def _height(spec: Mapping[str, Any]) -> float:
    """The height that a chart asks for; none where it follows from its parts."""
    return spec["height"] if isinstance(spec.get("height"), int | float) else 0


def write_picture(app: Sphinx, page: str, title: str, chart: str) -> str:
    """Draws the picture of a page; returns its path within the site."""
    work = app.energy_work
    below = f"{work.title} · edition {work.edition}"
    spec, theme = app.energy_record.charts[chart].spec, app.energy_themes["light"]
    path = picture_path(page)
    target = Path(app.outdir) / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(drawing.png(card(spec, theme, title, below, app.energy_cache), app.energy_cache))
    return path


def picture_path(page: str) -> str:
    """Where the picture of a page lies within the site.

    >>> picture_path("book/index")
    '_static/social/book-index.png'
    """
    return f"_static/social/{page.replace('/', '-')}.png"


def card(spec: Mapping[str, Any], theme: Mapping[str, Any], title: str, below: str, cache: Path) -> str:
    """The picture as SVG: title, chart, and a line that says where it is from."""
    drawn = drawing.svg(lowered(spec), theme, DRAWN_WIDTH, cache)
    wide, high = (float(side) for side in re.search(r'width="([\d.]+)" height="([\d.]+)"', drawn).groups())
    scale = min((WIDTH - 2 * MARGIN) / wide, (BOTTOM - TOP) / high)
    x, y = (WIDTH - wide * scale) / 2, TOP + (BOTTOM - TOP - high * scale) / 2
    placed = f'x="{x:.1f}" y="{y:.1f}" width="{wide * scale:.1f}" height="{high * scale:.1f}"'
    inner = re.sub(r'width="[\d.]+" height="[\d.]+"', placed, drawn[drawn.index("<svg") :], count=1)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}">'
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>'
        f'<rect width="{WIDTH}" height="10" fill="#00568a"/>'
        f'<text x="{MARGIN}" y="86" {FONT} font-size="{title_size(title)}" font-weight="bold" fill="#1d2630">'
        f"{html.escape(title)}</text>{inner}"
        f'<text x="{MARGIN}" y="604" {FONT} font-size="26" fill="#56606b">{html.escape(below)}</text></svg>'
    )


def title_size(title: str) -> int:
    """A size at which a title keeps to one line."""
    return max(20, min(50, round(2 * (WIDTH - 2 * MARGIN) / max(len(title), 1))))


def lowered(spec: Mapping[str, Any]) -> dict[str, Any]:
    """A chart as flat as the picture, where its height is its own to choose."""
    made = copy.deepcopy(dict(spec))
    if drawing.is_fluid(spec) and _height(spec):
        made["height"] = min(spec["height"], DRAWN_HEIGHT)
    return made
