"""Who made the book and how it is cited, all from CITATION.cff: sentences, BibTeX and what Zenodo reads."""

import os
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

import yaml

FILE = "CITATION.cff"
CODE_LICENCE, TEXT_LICENCE = "MIT", "CC-BY-4.0"
LICENCES = {
    CODE_LICENCE: ("MIT License", "https://opensource.org/license/mit"),
    TEXT_LICENCE: ("Creative Commons Attribution 4.0 International", "https://creativecommons.org/licenses/by/4.0/"),
}
MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
    "December",
)  # fmt: skip
# What TeX would read as a command; the braces that group are added afterwards.
_TEX = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
}  # fmt: skip


@dataclass(frozen=True)
class Work:
    """The edition as a work that can be cited."""

    title: str
    abstract: str
    authors: tuple[str, ...]
    keywords: tuple[str, ...]
    edition: str
    released: date
    repository: str
    references: tuple[dict[str, Any], ...]

    @property
    def moment(self) -> datetime:
        """The time that files bear: that of SOURCE_DATE_EPOCH, or the day of the edition."""
        epoch = os.environ.get("SOURCE_DATE_EPOCH")
        return datetime.fromtimestamp(int(epoch), UTC) if epoch else datetime.combine(self.released, time(), UTC)

    @property
    def short_title(self) -> str:
        return self.title.split(":")[0]


def read(root: Path) -> Work:
    """The work that CITATION.cff describes."""
    return parsed((root / FILE).read_text(encoding="utf-8"))


def parsed(text: str) -> Work:
    """The work that the text of a CITATION.cff describes."""
    known = yaml.safe_load(text)
    return Work(
        title=known["title"],
        abstract=known["abstract"],
        authors=tuple(person_name(author) for author in known["authors"]),
        keywords=tuple(known["keywords"]),
        edition=known["version"],
        released=date.fromisoformat(known["date-released"]),
        repository=known["repository-code"],
        references=tuple(known["references"]),
    )


def person_name(author: dict[str, str]) -> str:
    """The name of a person, given name first, or of a group."""
    return author.get("name") or f"{author['given-names']} {author['family-names']}"


def dated(text: str, edition: str, released: date) -> str:
    """CITATION.cff with another edition and its date, everywhere that it states them."""
    stated = {
        "version": f'"{edition}"',
        "edition": f'"{edition}"',
        "date-released": f'"{released.isoformat()}"',
        "year": str(released.year),
        "month": str(released.month),
    }
    head, mark, references = text.partition("\nreferences:")  # other works keep their years
    for field, value in stated.items():
        head = re.sub(rf"^( *{field}): .*$", rf"\g<1>: {value}", head, flags=re.MULTILINE)
    return head + mark + references


def sentence(work: Work, address: str, *, part: str = "", title: str = "") -> str:
    """The citation in words: of the whole, of a part of it, or of what goes by another `title`."""
    within = f"“{part}”, in " if part else ""
    made_by = " and ".join(work.authors)
    return f"{made_by}, {within}{title or work.title}, edition {work.edition}, {long_date(work.released)}. {address}"


def long_date(day: date) -> str:
    """A day as prose writes it, whatever the machine's language.

    >>> long_date(date(2026, 11, 5))
    '5 November 2026'
    """
    return f"{day.day} {MONTHS[day.month - 1]} {day.year}"


def bibtex(work: Work, address: str, *, part: str = "", name: str = "") -> str:
    """The BibTeX entry of the whole, or of the page titled `part` whose file is `name`."""
    fields = {"title": part or work.title, "booktitle": work.title if part else ""}
    return _entry("incollection" if part else "book", name, work, address, fields)


def dataset_bibtex(work: Work, address: str, title: str) -> str:
    """The BibTeX entry of the tables."""
    return _entry("misc", "tables", work, address, {"title": title, "howpublished": "Data set"})


def _entry(kind: str, name: str, work: Work, address: str, own: dict[str, str]) -> str:
    fields = {"author": " and ".join(f"{{{tex(author)}}}" for author in work.authors)}
    fields |= {field: tex(value) for field, value in own.items() if value}
    day = work.released
    fields |= {"edition": work.edition, "year": str(day.year), "month": MONTHS[day.month - 1][:3].lower()}
    fields |= {"note": f"Edition of {long_date(day)}", "url": address}
    lines = [f"  {field:<12} = {value if field == 'month' else f'{{{value}}}'}" for field, value in fields.items()]
    words = f"{work.short_title.removeprefix('The ')} {name} {work.edition}"
    key = re.sub(r"\W+", "_", words.strip().lower())
    return f"@{kind}{{{key},\n" + ",\n".join(lines) + "\n}"


def tex(text: str) -> str:
    """A text in which TeX reads every character as itself.

    >>> tex("50 % of R&D_{x}")
    '50 \\\\% of R\\\\&D\\\\_\\\\{x\\\\}'
    """
    return "".join(_TEX.get(character, character) for character in text)


def zenodo(work: Work) -> dict[str, Any]:
    """What Zenodo reads from `.zenodo.json` when it archives a release."""
    originals = [
        {"identifier": reference["doi"], "relation": "isDerivedFrom", "scheme": "doi"}
        for reference in work.references
        if "doi" in reference
    ]
    code = {"identifier": work.repository, "relation": "isSupplementedBy", "scheme": "url"}
    return {
        "upload_type": "publication",
        "publication_type": "book",
        "title": work.title,
        "description": f"<p>{work.abstract.strip()}</p>",
        "creators": [{"name": author} for author in work.authors],
        "keywords": list(work.keywords),
        "license": TEXT_LICENCE.lower(),
        "access_right": "open",
        "language": "eng",
        "version": work.edition,
        "publication_date": work.released.isoformat(),
        "related_identifiers": [*originals, code],
        "notes": "Code: MIT. Text: CC BY 4.0. Tables: each its own, stated in data/datapackage.json.",
    }
