"""The directives {explorer} and {world}: forms that compute in the browser, and tables where no script runs."""

import hashlib
import json
from pathlib import Path
from typing import Any

import explorer_form
import explorer_world_form
import project
from docutils import nodes
from kept import kept
from published import table_node
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

SCRIPTS = (
    "explorer-model.js",
    "explorer-world-model.js",
    "explorer-words.js",
    "explorer-address.js",
    "explorer.js",
    "explorer-world.js",
)
STYLE = "explorer.css"


class Explorer(nodes.General, nodes.Element):
    """The form and its results, as HTML."""


class ExplorerDirective(SphinxDirective):
    """Places the explorer, then the table of a few settings."""

    def run(self) -> list[nodes.Node]:
        made = computed_for(self.env)
        html = explorer_form.explorer_html(made["page"])
        return [Explorer("", html=html), *settings_nodes(made["page"], made["answers"])]


class WorldDirective(SphinxDirective):
    """Places the panel of the world, then the table of a few of its settings. The page must hold an {explorer} too."""

    def run(self) -> list[nodes.Node]:
        made = computed_for(self.env)
        world = made["page"]["world"]
        return [Explorer("", html=explorer_world_form.world_html(world)), *world_settings_nodes(world, made["years"])]


def computed_for(env: Any) -> Any:
    """What both panels need of the library; computed again when any of its modules or tables changed."""
    root = Path(env.srcdir)
    read = sorted([*(root / "energy_lib").rglob("*.py"), *(root / "data").rglob("*.csv"), root / project.PACKAGE])
    for path in [__file__, explorer_form.__file__, explorer_world_form.__file__, *read]:
        env.note_dependency(str(path))
    made_from = [hashlib.sha256(path.read_bytes()).hexdigest() for path in [Path(__file__), *read]]
    return json.loads(kept(env.app.energy_cache, "json", made_from, lambda: json.dumps(computed()).encode()))


def computed() -> dict[str, Any]:
    """The coefficients, and the values of both tables of settings."""
    from energy_lib.export import coefficients

    page = json.loads(json.dumps(coefficients()))
    answers = [answer_and_year(setting) for setting in page["settings"]]
    years = [world_year(setting["values"], page["world"]["last_year"]) for setting in page["world"]["settings"]]
    return {"page": page, "answers": answers, "years": years}


def settings_nodes(page: Any, answers: Any) -> list[nodes.Node]:
    """The table of a few settings, with what `answer_and_year` computed for each."""
    from energy_lib.publish import interval_text, significant

    start = page["defaults"]
    rows = []
    for setting, (chip_j, year_kwh) in zip(page["settings"], answers, strict=True):
        cells = [f"{significant(m)} ({interval_text(low, high, '')})" for low, m, high in (chip_j, year_kwh)]
        rows.append([nodes.paragraph("", text) for text in (described(setting), *cells)])
    asked = f"{start['requests_per_day']} such answers a day for a year (kWh)"
    headings = (("Setting", 50), ("An answer, the chips alone (J)", 22), (asked, 28))
    said = (
        "A few settings, with their 90 % intervals. The last column counts the whole server at "
        f"{start['server_overhead']} times its chips, and the building at a PUE of {start['pue']}."
    )
    return [nodes.paragraph("", said), table_node(headings, rows, ["explorer-settings"])]


def world_settings_nodes(world: Any, years: Any) -> list[nodes.Node]:
    """The table of a few settings of the scenario, with what `world_year` computed for each."""
    from energy_lib.publish import interval_text, significant

    rows = []
    for setting, (low, median, high) in zip(world["settings"], years, strict=True):
        share = [100.0 * twh / world["electricity_twh"] for twh in (low, median, high)]
        cells = (
            setting["says"],
            f"{significant(median)} ({interval_text(low, high, '')})",
            f"{significant(share[1])} ({interval_text(share[0], share[2], '')})",
        )
        rows.append([nodes.paragraph("", text) for text in cells])
    headings = (
        ("Setting", 40),
        (f"TWh in {world['last_year']}", 30),
        (f"% of the world's electricity of {world['electricity_year']}", 30),
    )
    said = nodes.paragraph("", "A few settings of the scenario, with their 90 % intervals; a tap opens one above.")
    return [said, table_node(headings, rows, ["explorer-settings", "world-settings"])]


def described(setting: Any) -> str:
    """A setting in words."""
    boards = f"{setting['n_accelerators']} × " if setting["n_accelerators"] > 1 else ""
    bits = "" if setting["weight_bits"] == 16 else f", {setting['weight_bits']} bits"
    alone = "alone" if setting["batch"] == 1 else f"{setting['batch']} at a time"
    return (
        f"{setting['model']} on {boards}{setting['accelerator']}{bits}, {alone}: {setting['input_tokens']:,} tokens "
        f"read, {setting['output_tokens']:,} written"
    )


def world_year(values: Any, year: int) -> list[float]:
    """Low, median and high TWh of a year of the scenario with some inputs changed."""
    from energy_lib.quick import quick_energy, with_values
    from energy_lib.world import world_scenario

    return quick_energy(with_values(world_scenario(), values), [year])["energy_twh"][:, 0].tolist()


def answer_and_year(setting: Any) -> tuple[Any, Any]:
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
    app.setup_extension("figures")
    app.add_node(Explorer, html=(visit_html, None), latex=(_skip, None), text=(_skip, None))
    app.add_directive("explorer", ExplorerDirective)
    app.add_directive("world", WorldDirective)
    app.connect("html-page-context", add_files)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
