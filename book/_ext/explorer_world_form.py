"""The HTML of the panel of the world: a field for each factor of the scenario, and the places of its results."""

import html
import json
from typing import Any

from explorer_form import buttons

GROUPS = {
    "Use": ("people", "share_using", "requests_per_day", "frontier_share"),
    "Answers": (
        "frontier.tokens_per_request",
        "year_old.tokens_per_request",
        "frontier.chip_j_per_token",
        "year_old.chip_j_per_token",
        "estimate_error",
    ),
    "Machines": ("server_overhead", "pue"),
    "Gains a year: how many times fewer joules a token takes": (
        "hardware_gain",
        "software_gain",
        "frontier.model_gain",
        "year_old.model_gain",
    ),
}
UNITS = {"people": "all, users or not", "share_using": "0 to 1", "frontier_share": "0 to 1", "pue": "1 or more"}
SLIDER_STEPS = 400


def world_html(world: Any) -> str:
    """The panel, hidden until the script shows it."""
    from energy_lib.outlook import PLAIN, plain

    inputs = {given["name"]: given for given in world["inputs"]}
    fields = {name: _field(given, plain(name)) for name, given in inputs.items()}
    groups = [
        f"<fieldset><legend>{title}</legend>{''.join(fields.pop(name) for name in names)}</fieldset>"
        for title, names in GROUPS.items()
    ]
    growth = "".join(fields.values())  # what is left
    factors = [*world["use"], *world["efficiency"]]
    bars = "".join(
        f'<tr data-factor="{name}"><th scope="row">{PLAIN[name]}</th><td class="world-track"><span></span></td>'
        "<td data-value></td></tr>"
        for name in factors
    )
    words = html.escape(json.dumps({**{name: plain(name) for name in inputs}, **PLAIN}))
    return (
        f'<div class="explorer world" data-words="{words}">'
        '<p class="explorer-without">The sliders of the scenario need JavaScript. Without it, the table below holds '
        "a few settings.</p>"
        '<div class="explorer-panel" hidden><form class="explorer-form" novalidate>'
        f"{_year(world)}{''.join(groups)}"
        '<details class="folded"><summary>Growth a year</summary><fieldset><legend class="world-unseen">Growth a year'
        f"</legend>{growth}</fieldset></details>"
        '<p class="explorer-buttons"><button type="button" data-do="reset">All as the book has it</button></p></form>'
        '<div class="explorer-result"><div class="explorer-headline">'
        '<p class="explorer-error" role="alert" hidden></p><div class="explorer-answer" role="status">'
        '<p class="explorer-big"><span data-big></span> <small data-when></small></p><p data-said></p></div></div>'
        '<div class="explorer-more"><p class="world-target" data-target></p>'
        '<svg class="world-years" role="img"></svg>'
        '<table class="explorer-table world-bars"><caption data-change></caption><thead><tr><th scope="col">Factor</th>'
        f'<td></td><th scope="col">Multiplies by</th></tr></thead><tbody>{bars}</tbody></table>'
        '<table class="explorer-table world-needed"><caption data-needed></caption><thead><tr><th scope="col">Factor'
        '</th><th scope="col">Median</th><th scope="col">Needed</th></tr></thead><tbody></tbody></table>'
        f"{buttons()}</div></div></div></div>"
    )


def _year(world: Any) -> str:
    last = world["last_year"]
    return (
        '<div class="explorer-field explorer-slid"><label for="world-year">Year</label>'
        f'<input type="range" min="{world["first_year"]}" max="{last}" value="{last}" step="1" data-for="year" '
        'aria-label="Year, slider">'
        f'<input type="number" id="world-year" name="year" value="{last}" min="{world["first_year"]}" max="{last}" '
        'step="1" inputmode="numeric" autocomplete="off"></div>'
    )


def _field(given: Any, label: str) -> str:
    """A number that stays empty while the book's distribution stands, with a slider on the scale of its kind."""
    from energy_lib.publish import interval_text, significant

    name, source = given["name"], given["source"]
    book = significant(given["value"])
    if "low" in given:
        book += f" ({interval_text(given['low'], given['high'], '')})"
    low, high = given["slider"]
    unit = f", {UNITS[name]}" if name in UNITS else ""
    return (
        f'<div class="explorer-field explorer-slid"><label for="world-{name}">{html.escape(label)}{unit}</label>'
        f'<input type="range" min="0" max="{SLIDER_STEPS}" data-for="{name}" data-low="{low!r}" data-high="{high!r}" '
        f'aria-label="{html.escape(label)}, slider">'
        f'<input type="number" id="world-{name}" name="{name}" step="any" placeholder="{_short(given["value"])}" '
        f'inputmode="decimal" autocomplete="off" aria-describedby="world-{name}-book">'
        f'<small id="world-{name}-book">Book: {html.escape(book)}; {html.escape(source)}.</small></div>'
    )


def _short(value: float) -> str:
    """A number that fits its field: large ones with a power of ten, as they can be typed."""
    from energy_lib.publish import significant

    return f"{value:.3g}".replace("e+0", "e").replace("e+", "e") if value >= 1e6 else significant(value)
