"""For programs: every published number as numbers.json, and every table with its schema, at addresses that stay."""

import json
from pathlib import Path
from typing import Any

import citation
import project
import record
from citing import page_url
from editions import sums
from sphinx.application import Sphinx

NUMBERS, SCHEMA = "numbers.json", "numbers.schema.json"
SCHEMA_SOURCE = Path("book") / "_ext" / SCHEMA
PARTS = ("key", "what", "value", "low", "high", "interval_is", "unit", "text", "interval_text", "no_interval")


def numbers(app: Sphinx) -> dict[str, Any]:
    """Every published number with its interval or the reason for none, and its place."""
    work, page = app.energy_work, page_url(app, app.config.energy_numbers_page)
    return {
        "$schema": project.site_url(app.config) + SCHEMA,
        "title": work.title,
        "edition": work.edition,
        "released": work.released.isoformat(),
        "licence": citation.LICENCES[citation.TEXT_LICENCE][1],
        "numbers": [_number(number, work.edition, page) for number in app.energy_record.numbers.values()],
    }


def _number(number: record.Number, edition: str, page: str) -> dict[str, Any]:
    return {
        **{part: getattr(number, part) for part in PARTS},
        "tables": list(number.tables),
        "notebook": number.notebook,
        "cell": number.cell,
        "edition": edition,
        "address": f"{page}#{number.key}",
    }


def resource_path(path: str) -> str:
    """Where the schema of a table lies, beside the table.

    >>> resource_path("paper/gpus.csv")
    'paper/gpus.resource.json'
    """
    return f"{path.removesuffix('.csv')}.resource.json"


def resource(described: Any, package: Any, file: Path) -> dict[str, Any]:
    """A table's description on its own (Frictionless), with the size and hash of its file."""
    alone = {"profile": "tabular-data-resource", **described, "path": file.name}
    alone["licenses"] = project.licences(described, package)
    # A key into another table cannot be followed from here; datapackage.json holds it.
    alone["schema"] = {name: part for name, part in described["schema"].items() if name != "foreignKeys"}
    return {**alone, "bytes": file.stat().st_size, "hash": f"sha256:{sums(file)['sha256']}"}


def write_files(app: Sphinx, error: Exception | None) -> None:
    """Writes numbers, their schema, and a description beside each table."""
    if error or app.builder.format != "html":
        return
    root, out = Path(app.srcdir), Path(app.outdir)
    _write(out / NUMBERS, numbers(app))
    schema = json.loads((root / SCHEMA_SOURCE).read_text(encoding="utf-8"))
    _write(out / SCHEMA, {**schema, "$id": project.site_url(app.config) + SCHEMA})
    package = project.package(root)
    for described in package["resources"]:
        table = root / "data" / described["path"]
        _write(out / "data" / resource_path(described["path"]), resource(described, package, table))


def _write(path: Path, content: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def setup(app: Sphinx) -> dict[str, bool]:
    app.setup_extension("citing")
    app.connect("build-finished", write_files)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
