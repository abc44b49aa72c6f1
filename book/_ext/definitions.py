"""What a word means, where it stands: {term} links carry their definition, which terms.js shows."""

from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform


class TermLink(nodes.reference):
    """A link to the glossary; `definition` is the first paragraph of what stands there."""


class CarryDefinitions(SphinxPostTransform):
    """Gives every link to the glossary the definition that it leads to."""

    default_priority = 100  # when references are resolved
    formats = ("html",)

    def run(self, **kwargs: Any) -> None:
        for found in list(self.document.findall(is_link_to_term)):
            target = found.get("refid") or found["refuri"].partition("#")[2]
            made = TermLink("", "", *found.children, **found.attributes)
            made["definition"] = definitions(self.app)[target]
            found.replace_self(made)


def is_link_to_term(node: nodes.Node) -> bool:
    """Whether a resolved reference was made by the role {term}."""
    return isinstance(node, nodes.reference) and any(
        "std-term" in child["classes"] for child in node.findall(nodes.inline)
    )


def definitions(app: Sphinx) -> dict[str, str]:
    """The definitions of the glossary by the anchors of their terms, read once a build."""
    if not hasattr(app, "energy_definitions"):
        app.energy_definitions = read(app.env.get_doctree(app.config.energy_glossary_page))
    return app.energy_definitions


def read(glossary: nodes.document) -> dict[str, str]:
    """The first paragraph of each definition of a page, by the anchors of its terms."""
    found = {}
    for block in glossary.findall(addnodes.glossary):
        for item in block.findall(nodes.definition_list_item):
            said = next(item.findall(nodes.paragraph)).astext().replace("\n", " ")
            found |= {anchor: said for term in item.findall(nodes.term) for anchor in term["ids"]}
    return found


def visit_html(translator: Any, node: TermLink) -> None:
    target = node.get("refuri") or "#" + node["refid"]
    translator.body.append(
        translator.starttag(node, "a", "", CLASS="term", href=target, **{"data-said": node["definition"]})
    )


def depart_html(translator: Any, node: TermLink) -> None:
    translator.body.append("</a>")


def read_again(app: Sphinx, env: Any, added: set[str], changed: set[str], removed: set[str]) -> list[str]:
    """Pages carry what the glossary says, so a changed glossary is a change of them all."""
    return list(env.found_docs) if app.config.energy_glossary_page in added | changed else []


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_config_value("energy_glossary_page", "book/glossary", "env")
    app.add_node(TermLink, html=(visit_html, depart_html))
    app.add_post_transform(CarryDefinitions)
    app.add_js_file("terms.js", loading_method="defer")
    app.add_css_file("reading.css")
    app.connect("env-get-outdated", read_again)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
