"""The directive {chart}: a published chart as a numbered figure with its data, drawn at build time and by the page."""

import functools
import html
import json
import re
from pathlib import Path
from typing import Any, ClassVar

import chart_table
import drawing
import project
import record
from docutils import nodes
from docutils.parsers.rst import directives
from kept import fingerprint
from published import caption, file_link, give_label, link, note_notebook, table_links, unknown
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.util.docutils import SphinxDirective


class ChartPicture(nodes.General, nodes.Element):
    """The picture of one chart; `chart` names it in the record."""


class ChartData(nodes.General, nodes.Element):
    """The folded data of one chart and where they are from; `chart` names it in the record."""


class ChartDirective(SphinxDirective):
    """Places a chart that a notebook publishes; the body is its caption."""

    required_arguments = 1
    has_content = True
    option_spec: ClassVar = {"copy": directives.flag}

    def run(self) -> list[nodes.Node]:
        name, known = self.arguments[0], self.env.app.energy_record.charts
        if name not in known:
            return unknown(self, "chart", name, known)
        chart = known[name]
        if faults := chart_table.faults(chart):
            raise ExtensionError(
                f"chart {name!r} (notebook {chart.notebook!r}, cell {chart.cell}) is without {', '.join(faults)}"
            )
        note_notebook(self.env, chart.notebook)
        words, more = caption(self)
        figure = nodes.figure("", ChartPicture(chart=name), classes=["chart-figure"])
        figure += nodes.caption("", "", *words)
        figure += nodes.legend("", *more, self._origin(chart), self._data(chart))
        give_label(self, figure, name)
        return [figure]

    def _origin(self, chart: record.Chart) -> nodes.paragraph:
        line = nodes.paragraph("", "", classes=["chart-origin"])
        source, _ = self.state.inline_text(chart.source.strip().rstrip("."), self.lineno)
        line += [nodes.Text("Source: "), *source, nodes.Text(f" · data as of {chart.data_as_of}")]
        home = f"{self.env.config.energy_notebooks}/{chart.notebook}"
        if home != self.env.docname:
            line += [nodes.Text(" · made in "), link(home, "", self.env.app.energy_record.titles[chart.notebook])]
            if "copy" in self.options:
                line += [nodes.Text(" ("), self._reference(chart.name), nodes.Text(")")]
        return line

    def _data(self, chart: record.Chart) -> ChartData:
        """What leads from the figure to its rows, its tables, its cell and the command that remakes it."""
        root, text = Path(self.env.srcdir), f"{self.env.config.energy_notebooks}/{chart.notebook}.md"
        source = project.source_url(self.env.config, text, line_of_cell(root / text, chart.cell))
        line = nodes.paragraph("", "", file_link(f"charts/{chart.name}.csv", "CSV"), classes=["chart-code"])
        if chart.tables:
            line += [nodes.Text(" · from "), *table_links(self.env, chart.tables)]
        line += [nodes.Text(" · "), nodes.reference("", "cell that made it", refuri=source)]
        line += [nodes.Text(" · "), nodes.literal("", f"make figure NAME={chart.name}")]
        return ChartData("", line, chart=chart.name)

    def _reference(self, name: str) -> addnodes.pending_xref:
        """A link to the numbered placement in the chart's own notebook."""
        reference = addnodes.pending_xref(
            "", refdomain="std", reftype="numref", reftarget=name, refexplicit=False, refwarn=True
        )
        reference["refdoc"] = self.env.docname
        reference += nodes.inline("", name, classes=["std", "std-numref"])
        return reference


@functools.cache
def line_of_cell(text: Path, cell: int) -> int | None:
    """The line at which a cell of a notebook, counted from 1, begins in the text that it was executed from."""
    cells = json.loads(text.with_suffix(".ipynb").read_text(encoding="utf-8"))["cells"]
    before = sum(other["cell_type"] == "code" for other in cells[:cell])
    lines = text.read_text(encoding="utf-8").splitlines() if text.is_file() else []
    starts = [number for number, line in enumerate(lines, start=1) if line.startswith("```{code-cell}")]
    return starts[before - 1] if before <= len(starts) else None


def visit_html(translator: Any, node: ChartPicture) -> None:
    app = translator.builder.app
    chart = app.energy_record.charts[node["chart"]]
    root = Path(app.outdir) / "_static" / "charts"
    root.mkdir(parents=True, exist_ok=True)
    static = _relative(translator, "_static/")
    pictures = "".join(_picture(app, chart, mode, root, static) for mode in drawing.MODES)
    spec = {**chart.spec, "description": chart.description}
    if drawing.is_fluid(spec):
        spec["width"] = "container"
    inlined = json.dumps(spec, separators=(",", ":"), ensure_ascii=False).replace("</", "<\\/")
    translator.body.append(
        f'<div class="chart" data-bundle="{static}vega-bundle.js?v={app.energy_bundle}">'
        f'{pictures}<div class="chart-live"></div>'
        f'<script type="application/json">{inlined}</script></div>'
    )
    raise nodes.SkipNode


def _picture(app: Sphinx, chart: record.Chart, mode: str, root: Path, static: str) -> str:
    """The picture of one mode: the wide one, with the narrow one as phones' choice."""
    parts = []
    for suffix, width in drawing.pictures(chart.spec):
        drawn = drawing.svg(chart.spec, app.energy_themes[mode], width, app.energy_cache)
        name = f"{chart.name}-{mode}{suffix}.svg"
        (root / name).write_text(drawn, encoding="utf-8")
        wide, high = re.search(r'width="([\d.]+)" height="([\d.]+)"', drawn).groups()
        size = f'width="{round(float(wide))}" height="{round(float(high))}"'
        if suffix:
            parts.insert(0, f'<source media="(max-width: 480px)" srcset="{static}charts/{name}" {size}>')
        else:
            alt = html.escape(chart.description)
            # The theme darkens pictures in dark mode unless they say that they suit both.
            parts.append(f'<img class="dark-light" src="{static}charts/{name}" {size} loading="lazy" alt="{alt}">')
    return f'<picture class="chart-{mode}">{"".join(parts)}</picture>'


def visit_data_html(translator: Any, node: ChartData) -> None:
    translator.body.append('<details class="chart-data"><summary>Data and code</summary>')


def depart_data_html(translator: Any, node: ChartData) -> None:
    app = translator.builder.app
    chart = app.energy_record.charts[node["chart"]]
    chart_table.write(chart, Path(app.outdir) / "charts")
    translator.body.append(f"{chart_table.shown_html(chart, _relative(translator, 'charts/'))}</details>")


def skip(translator: Any, node: nodes.Node) -> None:
    """Paper has no room for rows; the printed line of the source says where they are."""
    raise nodes.SkipNode


def _relative(translator: Any, path: str) -> str:
    depth = translator.builder.get_target_uri(translator.builder.current_docname).count("/")
    return "../" * depth + path


def visit_latex(translator: Any, node: ChartPicture) -> None:
    app = translator.builder.app
    chart = app.energy_record.charts[node["chart"]]
    name = f"chart-{chart.name}.pdf"
    drawn = drawing.pdf(chart.spec, app.energy_themes["light"], app.energy_cache)
    (Path(app.outdir) / name).write_bytes(drawn)
    size = r"width=0.78\linewidth,height=0.75\textheight,keepaspectratio"
    translator.body.append(rf"\sphinxincludegraphics[{size}]{{{{{name[:-4]}}}.pdf}}")
    raise nodes.SkipNode


def visit_text(translator: Any, node: ChartPicture) -> None:
    translator.add_text(translator.builder.app.energy_record.charts[node["chart"]].description)
    raise nodes.SkipNode


def read_themes(app: Sphinx, config: Any) -> None:
    """Loads both themes early: a changed theme has every page written again."""
    from energy_lib import chart_data, chart_look

    app.energy_themes = {mode: chart_look.theme(mode) for mode in drawing.MODES}
    config.energy_theme = fingerprint(app.energy_themes, *map(_written, (drawing, chart_table, chart_look, chart_data)))


def _written(module: Any) -> str:
    return Path(module.__file__).read_text(encoding="utf-8")


def write_bundle(app: Sphinx) -> None:
    """Writes the script that charts.js loads when a chart comes into view."""
    app.energy_cache = Path(app.srcdir) / "_build" / ".cache"
    if app.builder.format == "html":
        text = drawing.bundle(app.energy_themes, app.energy_cache)
        app.energy_bundle = fingerprint(text)
        path = Path(app.outdir) / "_static" / "vega-bundle.js"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def add_script(app: Sphinx, page: str, template: str, context: Any, doctree: Any) -> None:
    """Only pages with charts load the script and the style of charts."""
    if doctree and next(doctree.findall(ChartPicture), None):
        app.add_js_file("charts.js", loading_method="defer", priority=400)  # before the theme's, which can wait
        app.add_css_file("figures.css")


def setup(app: Sphinx) -> dict[str, bool]:
    app.setup_extension("published")
    app.add_config_value("energy_theme", "", "html")
    app.add_node(
        ChartPicture,
        html=(visit_html, None),
        latex=(visit_latex, None),
        text=(visit_text, None),
    )
    app.add_node(
        ChartData,
        html=(visit_data_html, depart_data_html),
        latex=(skip, None),
        text=(skip, None),
    )
    app.add_directive("chart", ChartDirective)
    app.connect("config-inited", read_themes)
    app.connect("builder-inited", write_bundle)
    app.connect("html-page-context", add_script)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
