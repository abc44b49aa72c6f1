"""The HTML of the explorer: its form, the places of its results, and the coefficients it computes with."""

import html
from itertools import groupby
from typing import Any

OWN = "own"  # the choice of a shape of one's own, in the form and in links
SLIDER_STEPS = 200
# name: (label, smallest, largest of the slider or None); the library itself refuses what is out of range.
NUMBERS = {
    "n_accelerators": ("How many", 1, None),
    "weight_bits": ("Bits a weight", 1, None),
    "input_tokens": ("Tokens read", 1, 100_000),
    "output_tokens": ("Tokens written", 0, 100_000),
    "batch": ("Requests served together", 1, 1000),
    "year": ("Year", 2000, None),
    "requests_per_day": ("Requests a day, each person", 0, 10_000),
    "people": ("People", 0, None),
    "household_kwh": ("Household kWh/year", 1, None),
    "server_overhead": ("Server factor", 1, None),
    "pue": ("Building (PUE)", 1, None),
    "grid_gco2_per_kwh": ("Grams of CO₂ a kWh", 0, None),
}
# What a shape of one's own starts from is a dense model of 8 billion weights.
SHAPE = {
    "layers": ("Layers", 32),
    "hidden": ("Hidden width", 4096),
    "heads": ("Heads", 32),
    "kv_heads": ("Key-value heads", 8),
    "head_dim": ("Width of a head", 128),
    "ffn": ("Feed-forward width", 14336),
    "vocab": ("Vocabulary", 128256),
    "experts": ("Experts (0: dense)", 0),
    "experts_per_token": ("Experts a token uses", 0),
    "shared_experts": ("Shared experts", 0),
    "moe_ffn": ("Width of an expert", 0),
    "dense_layers": ("Dense layers", 0),
}
SWITCHES = {"gated_mlp": ("Gated feed-forward", True), "tied_embeddings": ("Tied embeddings", False)}
PARTS = {
    "standby": "being powered",
    "active": "running at all",
    "weights": "reading the weights",
    "cache": "reading the cache",
    "decode": "computing the answer",
    "prompt": "computing the prompt",
}
ROWS = {
    "chip": "An answer, the chips alone",
    "answer_j": "An answer, server and building too",
    "day": "A day",
    "year": "A year",
    "household_percent": "Of a household's electricity",
    "country_percent": "Of the electricity of the country",
    "answer_g": "CO₂ of an answer",
    "year_g": "CO₂ of a year",
}


def explorer_html(page: Any) -> str:
    """The form, the places of the results, and the coefficients; hidden until the script shows it."""
    from energy_lib.export import to_json

    start = page["defaults"]
    years = f"{page['measured_year']}: as measured; to {page['last_year']}: with the gains of the world's scenario."
    hints = {
        "year": years,
        "server_overhead": f"Whole server over its chips; at most, with eight chips: {start['server_overhead']}.",
        "pue": "Building over its servers; follows the year, until you change it.",
        "household_kwh": f"A dwelling of the European Union: {start['household_kwh']:,}.",
        "grid_gco2_per_kwh": "Follows the country, until you change it.",
    }

    def numbers(*names: str) -> str:
        fields = [_number(n, *NUMBERS[n][:2], value=start[n], hint=hints.get(n, "")) for n in names]
        return f'<div class="explorer-pair">{"".join(fields)}</div>'

    models = _options(page["models"], "family", start["model"])
    models += f'<optgroup label="Yours"><option value="{OWN}">A shape of your own</option></optgroup>'
    shape = "".join(_number(name, label, 0, value=value) for name, (label, value) in SHAPE.items())
    switches = "".join(
        f'<label class="explorer-switch"><input type="checkbox" name="{name}"{" checked" if on else ""}>'
        f" {label}</label>"
        for name, (label, on) in SWITCHES.items()
    )
    software = "".join(_option(name, start["software"]) for name in page["software"])
    countries = "".join(_option(country["name"], start["country"]) for country in page["countries"])
    form = [
        _group(
            "Model",
            _select("model", "Language model", models),
            f'<div class="explorer-shape" hidden><div class="explorer-pair">{shape}</div>{switches}</div>',
        ),
        _group("One answer", _slid("input_tokens", start), _slid("output_tokens", start)),
        _group(
            "Served by",
            _select("accelerator", "Accelerator", _options(page["accelerators"], "vendor", start["accelerator"])),
            numbers("n_accelerators", "weight_bits"),
            _slid("batch", start),
            _select("software", "Software", software),
        ),
        _group("Used by", _slid("requests_per_day", start), numbers("people", "household_kwh")),
        _group(
            "Where and when",
            numbers("server_overhead", "pue"),
            _select("country", "Country", countries),
            numbers("year", "grid_gco2_per_kwh"),
        ),
    ]
    return (
        '<div class="explorer">'
        '<p class="explorer-without">The form that computes any setting needs JavaScript. Without it, the table below '
        "holds a few.</p>"
        '<p class="explorer-notice" role="status" hidden></p>'
        '<div class="explorer-panel" hidden>'
        f'<form class="explorer-form" novalidate>{"".join(form)}</form>{_results()}</div>'
        f'<script type="application/json" class="explorer-data">{to_json(page)}</script></div>'
    )


def _results() -> str:
    segments = "".join(f'<span data-part="{name}"></span>' for name in PARTS)
    legend = "".join(
        f'<li data-part="{name}"><span class="explorer-swatch"></span>{says} <b data-value></b></li>'
        for name, says in PARTS.items()
    )
    rows = "".join(
        f'<tr data-row="{name}"><th scope="row">{says}</th><td data-value></td><td data-interval></td></tr>'
        for name, says in ROWS.items()
    )
    return (
        '<div class="explorer-result">'
        '<div class="explorer-headline"><p class="explorer-error" role="alert" hidden></p>'
        '<div class="explorer-answer" role="status">'
        '<p class="explorer-big"><span data-big></span> <small>an answer</small></p><p data-said></p></div></div>'
        '<div class="explorer-more">'
        f'<div class="explorer-bar" role="img">{segments}</div><ul class="explorer-legend">{legend}</ul>'
        '<table class="explorer-table"><thead><tr><td></td><th scope="col">Estimate</th>'
        f'<th scope="col">90 % interval</th></tr></thead><tbody>{rows}</tbody></table>'
        '<table class="explorer-table explorer-everyday" hidden><thead><tr><th scope="col">Everyday energies</th>'
        '<th scope="col">Answers that take one</th><th scope="col">Taken in a year</th></tr></thead>'
        "<tbody></tbody></table>"
        f'<p class="explorer-basis"></p>{buttons()}</div></div>'
    )


def buttons() -> str:
    """What can be taken away of an answer: a link, a table, and the Python call."""
    return (
        '<p class="explorer-buttons"><button type="button" data-do="link">Copy the link</button>'
        '<button type="button" data-do="csv">Download CSV</button>'
        '<button type="button" data-do="python">Copy the Python call</button>'
        '<span class="explorer-done" role="status"></span></p>'
        '<details class="folded"><summary>The same in Python</summary><pre class="explorer-python" tabindex="0"></pre>'
        "</details>"
    )


def _group(title: str, *content: str) -> str:
    return f"<fieldset><legend>{title}</legend>{''.join(content)}</fieldset>"


def _slid(name: str, start: Any) -> str:
    """A number with a slider on a logarithmic scale beside it."""
    label, low, high = NUMBERS[name]
    slider = (
        f'<input type="range" min="0" max="{SLIDER_STEPS}" data-for="{name}" data-low="{max(low, 1)}" '
        f'data-high="{high}" aria-label="{label}, slider">'
    )
    return _number(name, label, low, value=start[name], after=slider)


def _number(name: str, label: str, low: float, *, value: Any, hint: str = "", after: str = "") -> str:
    said = f'<small id="explorer-{name}-hint">{hint}</small>' if hint else ""
    described_by = f' aria-describedby="explorer-{name}-hint"' if hint else ""
    return (
        f'<div class="explorer-field{" explorer-slid" if after else ""}"><label for="explorer-{name}">{label}</label>'
        f'<input type="number" id="explorer-{name}" name="{name}" value="{value}" min="{low}" step="any" '
        f'inputmode="decimal" autocomplete="off"{described_by}>{after}{said}</div>'
    )


def _select(name: str, label: str, options: str) -> str:
    return (
        f'<div class="explorer-field"><label for="explorer-{name}">{label}</label>'
        f'<select id="explorer-{name}" name="{name}" autocomplete="off">{options}</select></div>'
    )


def _options(things: Any, kind: str, chosen: str) -> str:
    """Options in groups of one kind; groups and names in alphabetical order of groups, then as in the table."""
    ordered = sorted(things, key=lambda thing: thing[kind].lower())
    return "".join(
        f'<optgroup label="{html.escape(group)}">{"".join(_option(t["name"], chosen) for t in found)}</optgroup>'
        for group, found in groupby(ordered, key=lambda thing: thing[kind])
    )


def _option(name: str, chosen: str) -> str:
    return f"<option{' selected' if name == chosen else ''}>{html.escape(name)}</option>"
