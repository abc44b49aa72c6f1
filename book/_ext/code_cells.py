"""Code cells that follow one another fold behind one line: a reader of the story passes it once."""

from typing import Any

from docutils import nodes
from myst_nb.sphinx_ import HideCodeCellNode
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform


class JoinFoldedCells(SphinxPostTransform):
    default_priority = 200  # next after MyST-NB has folded each by itself
    formats = ("html",)

    def run(self, **kwargs: Any) -> None:
        for fold in list(self.document.findall(HideCodeCellNode)):
            cell = fold.parent
            before = cell.parent[cell.parent.index(cell) - 1]
            if _is_only_folded(cell) and _is_only_folded(before):
                before[0].extend(fold.children)
                cell.parent.remove(cell)


def _is_only_folded(node: nodes.Node) -> bool:
    """Whether this is a cell of which nothing shows but the line that unfolds it."""
    return isinstance(node, nodes.container) and len(node) == 1 and isinstance(node[0], HideCodeCellNode)


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_post_transform(JoinFoldedCells)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
