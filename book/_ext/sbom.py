"""What the book is made with: sbom.cdx.json, its bill of materials (CycloneDX), and {software-licences} on a page.

Every locked Python package with the hashes that its installation checks, and the script that draws charts in pages.
"""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import citation
import vl_convert
from docutils import nodes
from kept import kept
from packaging.requirements import Requirement
from published import table_node
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

BILL = "sbom.cdx.json"
LOCK = "requirements.txt"
BUNDLE = "_static/vega-bundle.js"
LONGEST_NAME = 60  # a longer text is the licence itself, not its name
HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


@dataclass(frozen=True)
class Pin:
    """A locked package: the hashes are those of the files that may be installed, the marker says where it is needed."""

    name: str
    version: str
    marker: str
    hashes: tuple[str, ...]

    @property
    def licence(self) -> str:
        """As the installed package states it; the reason where it cannot be known."""
        try:
            return stated_licence(distribution(self.name)) or "unknown: the package states none"
        except PackageNotFoundError:
            return f"unknown: installed only where {self.marker}" if self.marker else "unknown: not installed"


def pins(text: str) -> Iterator[Pin]:
    r"""The packages of a file of pins with hashes, in its order.

    >>> [pin.name for pin in pins("numpy==2.4.0 \\\n    --hash=sha256:" + "0" * 64)]
    ['numpy']
    """
    for line in text.replace("\\\n", " ").splitlines():
        if line.strip() and not line.lstrip().startswith("#"):
            asked = Requirement(line.split(" --hash")[0].strip())
            (version,) = asked.specifier
            marker = str(asked.marker or "").replace('"', "'")
            yield Pin(asked.name, version.version, marker, tuple(sorted(HASH.findall(line))))


def stated_licence(package: Distribution) -> str | None:
    """The licence in a package's metadata: its expression, its name, or its classifiers."""
    metadata = package.metadata
    if expression := metadata.get("License-Expression"):
        return expression
    classified = [
        line.split(" :: ")[-1] for line in metadata.get_all("Classifier", []) if line.startswith("License ::")
    ]
    exact = sorted(set(classified) - {"OSI Approved"})
    if exact:
        return "; ".join(exact)
    named = (metadata.get("License") or "").strip()
    return named if 0 < len(named) <= LONGEST_NAME and "\n" not in named else None


def scripts() -> dict[str, str]:
    """The versions of the JavaScript libraries in the bundle, as vl-convert ships them."""
    return {
        "vega": vl_convert.get_vega_version(),
        "vega-lite": vl_convert.get_vegalite_versions()[-1],
        "vega-embed": vl_convert.get_vega_embed_version(),
    }


def bill(root: Path, bundle: bytes) -> Any:
    """The bill of materials; it bears the date of the edition, so the same sources give the same bill."""
    from cyclonedx.contrib.license.factories import LicenseFactory
    from cyclonedx.model import ExternalReference, ExternalReferenceType, HashAlgorithm, HashType, Property, XsUri
    from cyclonedx.model.bom import Bom
    from cyclonedx.model.component import Component, ComponentType
    from cyclonedx.model.contact import OrganizationalContact
    from packageurl import PackageURL

    def sums(*found: str) -> list[HashType]:
        return [HashType(alg=HashAlgorithm.SHA_256, content=one) for one in found]

    def package(kind: str, name: str, version: str, licence: str, **more: Any) -> Component:
        purl = PackageURL(kind, name=name, version=version)
        licences = [LicenseFactory().make_from_string(licence)]
        return Component(name=name, version=version, bom_ref=str(purl), purl=purl, licenses=licences, **more)

    work, lock = citation.read(root), (root / LOCK).read_text(encoding="utf-8")
    parts = []
    for pin in pins(lock):
        page = XsUri(f"https://pypi.org/project/{pin.name}/{pin.version}/#files")
        files = ExternalReference(type=ExternalReferenceType.DISTRIBUTION, url=page, hashes=sums(*pin.hashes))
        where = [Property(name="installed-where", value=pin.marker)] if pin.marker else []
        parts.append(package("pypi", pin.name, pin.version, pin.licence, external_references=[files], properties=where))
    found = hashlib.sha256(bundle).hexdigest()
    inside = [package("npm", name, version, "BSD-3-Clause") for name, version in scripts().items()]
    parts.append(Component(name=BUNDLE, type=ComponentType.FILE, bom_ref=BUNDLE, hashes=sums(found), components=inside))
    made = Bom(components=parts)
    made.serial_number = uuid5(NAMESPACE_URL, f"{work.edition} {found} {lock}")
    made.metadata.timestamp = work.moment
    made.metadata.component = Component(
        name=work.title, version=work.edition, type=ComponentType.APPLICATION, bom_ref="book"
    )
    made.metadata.authors = [OrganizationalContact(name=name) for name in work.authors]
    made.register_dependency(made.metadata.component, parts)
    return made


def as_json(made: Any) -> str:
    from cyclonedx.output.json import JsonV1Dot6

    return JsonV1Dot6(made).output_as_string(indent=1) + "\n"


class SoftwareLicences(SphinxDirective):
    """Every locked package with its version and its licence."""

    def run(self) -> list[nodes.Node]:
        root = Path(self.env.srcdir)
        self.env.note_reread()
        rows = [(pin.name, pin.version, pin.licence) for pin in pins((root / LOCK).read_text(encoding="utf-8"))]
        rows += [(name, version, "BSD-3-Clause") for name, version in scripts().items()]
        cells = [[nodes.paragraph("", text) for text in row] for row in rows]
        return [table_node((("Package", 35), ("Version", 20), ("Licence", 45)), cells, ["software-licences"])]


def write_bill(app: Sphinx, error: Exception | None) -> None:
    if error is None and app.builder.format == "html":
        out, root = Path(app.outdir), Path(app.srcdir)
        bundle, work = (out / BUNDLE).read_bytes(), citation.read(root)
        names = [
            hashlib.sha256(bundle).hexdigest(),
            scripts(),
            work.title,
            work.edition,
            str(work.moment),
            work.authors,
        ]
        made_from = [(root / LOCK).read_text(encoding="utf-8"), Path(__file__).read_text(encoding="utf-8"), *names]
        cache = root / "_build" / ".cache"
        (out / BILL).write_bytes(kept(cache, "json", made_from, lambda: as_json(bill(root, bundle)).encode()))


def setup(app: Sphinx) -> dict[str, bool]:
    app.setup_extension("published")
    app.add_directive("software-licences", SoftwareLicences)
    app.connect("build-finished", write_bill)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
