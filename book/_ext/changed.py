"""What moved between editions, and where each edition can be read: {moved-numbers} and {editions}."""

from datetime import date
from pathlib import Path

import editions
import project
from citation import long_date
from citing import page_url
from docutils import nodes
from published import link, table_node
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective


class MovedNumbers(SphinxDirective):
    """Every number that moved, with its old value: in a released edition, or since the last one where none is named."""

    optional_arguments = 1
    HEADINGS = (("Number", 40), ("Before", 24), ("Now", 24), ("Change", 12))

    def run(self) -> list[nodes.Node]:
        self.env.note_reread()
        known = editions.released(Path(self.env.srcdir))
        names = list(known)
        if self.arguments:
            if self.arguments[0] not in known:
                raise self.error(f"no edition {self.arguments[0]!r}; released: {', '.join(names) or 'none'}")
            place = names.index(self.arguments[0])
            new = known[names[place]]
        else:
            place = len(names)
            new = editions.snapshot(Path(self.env.srcdir), self.env.app.energy_record)
        if place == 0:
            return [nodes.paragraph("", "There is no earlier edition to compare with.")]
        last = names[place - 1]
        moved = editions.moves(known[last], new)
        if not moved:
            return [nodes.paragraph("", f"No published number has moved since edition {last}.")]
        said = f"{len(moved)} published numbers differ from those of edition {last}; intervals in parentheses."
        if len(moved) == 1:
            said = f"One published number differs from that of edition {last}; intervals in parentheses."
        return [nodes.paragraph("", said), table_node(self.HEADINGS, [self._row(move) for move in moved], ["moved"])]

    def _row(self, move: editions.Move) -> list[nodes.Node]:
        what = (move.new or move.old)["what"]
        name = nodes.paragraph("", f"{what} ")
        if move.key in self.env.app.energy_record.numbers:
            name += link(self.config.energy_numbers_page, move.key, move.key)
        else:
            name += nodes.literal("", move.key)
        texts = (editions.with_interval(move.old), editions.with_interval(move.new), move.change)
        return [name, *(nodes.paragraph("", text) for text in texts)]


class Editions(SphinxDirective):
    """Every edition: its date, how many numbers it publishes, and where it can be read."""

    HEADINGS = (("Edition", 20), ("Date", 25), ("Numbers", 15), ("To read", 40))

    def run(self) -> list[nodes.Node]:
        self.env.note_reread()
        app = self.env.app
        work, now = app.energy_work, len(app.energy_record.numbers)
        known = editions.released(Path(self.env.srcdir))
        rows = [
            self._row(name, date.fromisoformat(each["released"]), len(each["numbers"]))
            for name, each in reversed(known.items())
        ]
        if work.edition not in known:
            rows.insert(0, self._row(work.edition, work.released, now))
        return [table_node(self.HEADINGS, rows, ["editions"])]

    def _row(self, edition: str, day: date, numbers: int) -> list[nodes.Node]:
        releases = f"{project.repository_url(self.config)}/releases"
        archive = project.archive_name(edition)
        where = nodes.paragraph()
        if edition == self.env.app.energy_work.edition:
            front = page_url(self.env.app, self.config.root_doc)
            where += [nodes.reference("", "this site", refuri=front), nodes.Text("; ")]
        address = f"{releases}/download/v{edition}/{archive}"
        where += [nodes.reference("", "the whole book", refuri=address), nodes.Text(", to unpack and open; ")]
        where += nodes.reference("", "its sums", refuri=f"{releases}/tag/v{edition}")
        texts = (edition, long_date(day), str(numbers))
        return [*(nodes.paragraph("", text) for text in texts), where]


def setup(app: Sphinx) -> dict[str, bool]:
    app.setup_extension("citing")
    app.add_directive("moved-numbers", MovedNumbers)
    app.add_directive("editions", Editions)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
