"""Read what the executed notebooks publish: numbers, charts and small tables, each with its place.

Nothing is executed and nothing is computed here: the outputs stored in `NAME.ipynb` are the record.
"""

import difflib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

NUMBER_MIME = "application/vnd.energy.number+json"
CHART_MIME = "application/vnd.energy.chart+json"
TABLE_MIME = "application/vnd.energy.table+json"


class RecordError(ValueError):
    """A published item that cannot be used; the message says which notebook and cell."""


@dataclass(frozen=True)
class Number:
    """One published result, in the words and digits that readers see."""

    key: str
    what: str
    value: float | str
    unit: str
    text: str
    notebook: str
    cell: int
    low: float | str | None = None
    high: float | str | None = None
    confidence: float | None = None
    interval_text: str | None = None
    interval_is: str | None = None
    no_interval: str | None = None
    tables: tuple[str, ...] = ()
    headline: bool = False

    @property
    def note(self) -> str:
        """What the number is, and how sure it is, in one sentence for a tooltip."""
        if self.interval_text:
            return f"{self.what}; {self.interval_is or 'interval'}: {self.interval_text}"
        return f"{self.what}; {self.no_interval}" if self.no_interval else self.what


@dataclass(frozen=True)
class Chart:
    """One published chart: the Vega-Lite specification, the columns of its table, and what must be said about it."""

    name: str
    spec: Mapping[str, Any]
    notebook: str
    cell: int
    table: Mapping[str, Any] = field(default_factory=dict)
    description: str = ""
    source: str = ""
    data_as_of: str = ""
    tables: tuple[str, ...] = ()

    @property
    def missing(self) -> list[str]:
        """The required texts that are absent."""
        return [part for part in ("description", "source", "data_as_of") if not getattr(self, part)]


@dataclass(frozen=True)
class Table:
    """One small published table whose cells are already formatted."""

    name: str
    columns: tuple[Mapping[str, str], ...]
    rows: tuple[tuple[str, ...], ...]
    notebook: str
    cell: int


@dataclass(frozen=True)
class Record:
    """Everything that a folder of notebooks publishes, by key or name, in reading order."""

    numbers: dict[str, Number] = field(default_factory=dict)
    charts: dict[str, Chart] = field(default_factory=dict)
    tables: dict[str, Table] = field(default_factory=dict)
    titles: dict[str, str] = field(default_factory=dict)


def read(notebook_dir: Path, order: Iterable[str] = ()) -> Record:
    """The whole record of a folder; `order` names the notebooks that come first."""
    return Record(
        numbers(notebook_dir, order),
        charts(notebook_dir, order),
        tables(notebook_dir, order),
        titles(notebook_dir, order),
    )


def numbers(notebook_dir: Path, order: Iterable[str] = ()) -> dict[str, Number]:
    """Every published number by its key."""
    return _collect(notebook_dir, order, NUMBER_MIME, Number, "key")


def charts(notebook_dir: Path, order: Iterable[str] = ()) -> dict[str, Chart]:
    """Every published chart by its name."""
    return _collect(notebook_dir, order, CHART_MIME, Chart, "name")


def tables(notebook_dir: Path, order: Iterable[str] = ()) -> dict[str, Table]:
    """Every published small table by its name; a row of the wrong length is an error."""
    found = _collect(notebook_dir, order, TABLE_MIME, Table, "name")
    for table in found.values():
        for i, row in enumerate(table.rows, start=1):
            if len(row) != len(table.columns):
                raise RecordError(
                    f"{_place(table.notebook, table.cell)}: table {table.name!r}, row {i} has "
                    f"{len(row)} cells for {len(table.columns)} columns"
                )
    return found


def titles(notebook_dir: Path, order: Iterable[str] = ()) -> dict[str, str]:
    """The first heading of every notebook by its file name; the file name where it has none."""
    return {path.stem: _title(path) for path in _paths(notebook_dir, order)}


def check_tables(record: Record, known: set[str]) -> None:
    """Raise where a number or chart says that it rests on a table that the data do not hold."""
    for item in [*record.numbers.values(), *record.charts.values()]:
        for table in item.tables:
            if table not in known:
                raise RecordError(f"{_place(item.notebook, item.cell)}: no table {table!r}{nearest(table, known)}")


def nearest(name: str, known: Iterable[str]) -> str:
    """The known names most like `name`, as a phrase that ends an error message."""
    close = difflib.get_close_matches(name, list(known), n=3, cutoff=0.4)
    return f"; nearest: {', '.join(close)}" if close else "; none is published under a like name"


Item = TypeVar("Item", Number, Chart, Table)


def _collect(notebook_dir: Path, order: Iterable[str], mime: str, kind: type[Item], identity: str) -> dict[str, Item]:
    found: dict[str, Item] = {}
    for path in _paths(notebook_dir, order):
        for cell, data in _outputs(path, mime):
            item = _build(kind, data, path.stem, cell)
            name = getattr(item, identity)
            if name in found:
                first = found[name]
                raise RecordError(
                    f"{_place(path.stem, cell)}: {identity} {name!r} is already published by "
                    f"{_place(first.notebook, first.cell)}"
                )
            found[name] = item
    return found


def _paths(notebook_dir: Path, order: Iterable[str]) -> list[Path]:
    rank = {name: i for i, name in enumerate(order)}
    return sorted(Path(notebook_dir).glob("*.ipynb"), key=lambda p: (rank.get(p.stem, len(rank)), p.stem))


def _cells(path: Path) -> list[Any]:
    try:
        return json.loads(path.read_text(encoding="utf-8"))["cells"]
    except (ValueError, KeyError) as error:
        raise RecordError(f"{path}: not a notebook ({error})") from error


def _title(path: Path) -> str:
    for cell in _cells(path):
        if cell["cell_type"] == "markdown":
            for line in "".join(cell["source"]).splitlines():
                if line.startswith("# "):
                    return line[2:].strip()
    return path.stem


def _outputs(path: Path, mime: str) -> Iterator[tuple[int, Any]]:
    for number, cell in enumerate(_cells(path), start=1):
        for output in cell.get("outputs", []):
            if mime in output.get("data", {}):
                yield number, output["data"][mime]


def _build(kind: type[Item], data: Any, notebook: str, cell: int) -> Item:
    if not isinstance(data, dict):
        raise RecordError(f"{_place(notebook, cell)}: a published {kind.__name__} is no object")
    fields = {
        name: _frozen(value) for name, value in data.items() if name in kind.__dataclass_fields__ and value is not None
    }
    try:
        return kind(**fields | {"notebook": notebook, "cell": cell})
    except TypeError as error:
        raise RecordError(f"{_place(notebook, cell)}: {kind.__name__}: {error}") from error


def _frozen(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(_frozen(part) for part in value)
    return value


def _place(notebook: str, cell: int) -> str:
    return f"notebook {notebook!r}, cell {cell}"
