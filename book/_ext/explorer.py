"""The directive {explorer}: a form that computes in the reader's browser, and a table where no script runs."""

from pathlib import Path
from typing import Any

import explorer_form
from docutils import nodes
from explorer_form import explorer_html
from published import table_node
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

SCRIPTS = ("explorer-model.js", "explorer-words.js", "explorer.js")
STYLE = "explorer.css"
# What the answers depend on: a change has the page written anew.
MODULES = ("checks", "compute", "energy", "estimate", "export", "footprint", "hardware", "serving", "units")
TABLES = (
    "adoption/electricity_by_country.csv",
    "adoption/everyday_energy.csv",
    "adoption/pue.csv",
    "fitted/request_constants.csv",
    "fitted/request_deviations.csv",
    "fitted/request_errors.csv",
    "hardware/accelerators.csv",
    "language/llm_architectures.csv",
)


class Explorer(nodes.General, nodes.Element):
    """The form and its results, as HTML."""


class ExplorerDirective(SphinxDirective):
    """Places the explorer, then the table of a few settings."""

    def run(self) -> list[nodes.Node]:
        from energy_lib.export import coefficients

        root = Path(self.env.srcdir)
        read = [*(root / "energy_lib" / f"{name}.py" for name in MODULES), *(root / "data" / name for name in TABLES)]
        for path in [__file__, explorer_form.__file__, *(path for path in read if path.exists())]:
            self.env.note_dependency(str(path))
        page = coefficients()
        return [Explorer("", html=explorer_html(page)), *settings_nodes(page)]


def settings_nodes(page: Any) -> list[nodes.Node]:
    """The table of a few settings, computed by the library."""
    from energy_lib.publish import interval_text, significant

    start = page["defaults"]
    rows = []
    for setting, (chip_j, year_kwh) in zip(page["settings"], map(_computed, page["settings"]), strict=True):
        cells = [f"{significant(m)} ({interval_text(low, high, '')})" for low, m, high in (chip_j, year_kwh)]
        rows.append([nodes.paragraph("", text) for text in (described(setting), *cells)])
    asked = f"{start['requests_per_day']} such answers a day for a year (kWh)"
    headings = (("Setting", 50), ("An answer, the chips alone (J)", 22), (asked, 28))
    said = (
        "A few settings, with their 90 % intervals. The last column counts the whole server at "
        f"{start['server_overhead']} times its chips, and the building at a PUE of {start['pue']}."
    )
    return [nodes.paragraph("", said), table_node(headings, rows, ["explorer-settings"])]


def described(setting: Any) -> str:
    """A setting in words."""
    boards = f"{setting['n_accelerators']} × " if setting["n_accelerators"] > 1 else ""
    bits = "" if setting["weight_bits"] == 16 else f", {setting['weight_bits']} bits"
    alone = "alone" if setting["batch"] == 1 else f"{setting['batch']} at a time"
    return (
        f"{setting['model']} on {boards}{setting['accelerator']}{bits}, {alone}: {setting['input_tokens']:,} tokens "
        f"read, {setting['output_tokens']:,} written"
    )


def _computed(setting: Any) -> tuple[Any, Any]:
    """Low, median and high: joules of an answer at the chip, and kWh of a year."""
    from energy_lib.energy import request_energy
    from energy_lib.footprint import footprint

    load = ("input_tokens", "output_tokens", "batch", "n_accelerators", "weight_bits", "software")
    answer = request_energy(setting["model"], setting["accelerator"], **{name: setting[name] for name in load})
    ends = [float(answer.low_j), float(answer.energy_j), float(answer.high_j)]
    use = ("requests_per_day", "people", "server_overhead", "pue", "grid_gco2_per_kwh", "household_kwh")
    year = footprint(ends, country_twh=1, **{name: setting[name] for name in use})["year_kwh"]
    return ends, year.tolist()


def visit_html(translator: Any, node: Explorer) -> None:
    translator.body.append(node["html"])
    raise nodes.SkipNode


def _skip(translator: Any, node: Explorer) -> None:
    """On paper the table of settings stands alone."""
    raise nodes.SkipNode


def add_files(app: Sphinx, page: str, template: str, context: Any, doctree: Any) -> None:
    """Only pages with an explorer load its script and style."""
    if doctree and next(doctree.findall(Explorer), None):
        for script in SCRIPTS:
            app.add_js_file(script, loading_method="defer")
        app.add_css_file(STYLE)


def setup(app: Sphinx) -> dict[str, bool]:
    app.setup_extension("published")
    app.add_node(Explorer, html=(visit_html, None), latex=(_skip, None), text=(_skip, None))
    app.add_directive("explorer", ExplorerDirective)
    app.connect("html-page-context", add_files)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
