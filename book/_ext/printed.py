"""The printed edition: what LaTeX needs that pages do not, from the title page to columns that fit."""

import re
from itertools import zip_longest
from pathlib import Path
from typing import Any

import project
from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.docutils import SphinxRole
from sphinx.util.texescape import escape

FILE = "energy-of-inference.pdf"
NAME = Path(FILE).stem
BREAK = "\N{ZERO WIDTH SPACE}"
# A column of a table is as wide as its longest text asks, up to this many characters.
WIDEST = 46
# In characters: the space between two columns, and what a line holds in the usual and the small size.
PADDING, LINES = 2, (95, 118, 184)  # the last in the small size along the long side of the paper
CROWDED = 100  # characters that the longest words ask for, from which on a table lies sideways

PREAMBLE = r"""
\usepackage{newunicodechar, pdflscape}
\newunicodechar{^^^^200b}{\hskip0pt\relax}
\newfontfamily\bookFallback{DejaVuSans.ttf}[Scale=0.82]
@FALLBACK@
\definecolor{bookLink}{HTML}{1F4E79}
\hypersetup{pdftitle={@TITLE@}, pdfauthor={@AUTHOR@}, pdfsubject={Edition @EDITION@}, pdflang={en},
  colorlinks=true, allcolors=bookLink, bookmarksnumbered=true, pdfdisplaydoctitle=true}
\sphinxsetup{TitleColor={named}{black}, InnerLinkColor={named}{bookLink}, OuterLinkColor={named}{bookLink},
  verbatimwithframe=false, TableRowColorOdd={gray}{1}, TableRowColorEven={gray}{0.97}}
\newcommand{\bookTableSize}{\footnotesize}
\let\bookTableStart\sphinxatlongtablestart
\protected\def\sphinxatlongtablestart{\bookTableStart\bookTableSize\setlength{\tabcolsep}{3pt}}
\emergencystretch=4em
\hbadness=10000
\raggedbottom
% A new page where less than this is left; the package needspace breaks ragged pages that have room, too.
\newcommand{\bookNeed}[1]{\par\begingroup\setlength{\dimen0}{#1}\dimen2=\pagegoal\advance\dimen2 by -\pagetotal
  \ifdim\pagetotal>0pt \ifdim\dimen0>\dimen2 \newpage\fi\fi\endgroup}
\AddToHook{cmd/section/before}{\bookNeed{9\baselineskip}}
\AddToHook{cmd/subsection/before}{\bookNeed{9\baselineskip}}
% The contents list sections of the story, and of what stands behind it the chapters alone.
\newcounter{bookParts}
\AddToHook{cmd/part/before}{\stepcounter{bookParts}%
  \ifnum\value{bookParts}=2 \addtocontents{toc}{\protect\setcounter{tocdepth}{0}}\fi}
"""
# The front page brings no heading of its own.
CONTENTS = r"""
\renewcommand{\contentsname}{Contents}
\sphinxtableofcontents
\chapter*{In short}
\addcontentsline{toc}{chapter}{In short}
\markboth{In short}{In short}
"""

FONTS = r"""
\setmainfont{texgyrepagella}[Extension=.otf, UprightFont=*-regular, ItalicFont=*-italic, BoldFont=*-bold,
  BoldItalicFont=*-bolditalic]
\setsansfont{texgyreheros}[Extension=.otf, Scale=0.92, UprightFont=*-regular, ItalicFont=*-italic, BoldFont=*-bold,
  BoldItalicFont=*-bolditalic]
\setmonofont{DejaVuSansMono}[Extension=.ttf, Scale=0.78, UprightFont=*, ItalicFont=*-Oblique, BoldFont=*-Bold,
  BoldItalicFont=*-BoldOblique]
"""
TITLE_PAGE = r"""
\begin{titlepage}
\null\vfill
{\sffamily\bfseries\Huge @TITLE@\par}
\vspace{1.5em}
{\Large A reproducible edition of the study by Desislavov, Mart\'inez-Plumed and Hern\'andez-Orallo\par}
\vspace{3em}
{\sffamily Edition @EDITION@\par}
\vspace{0.4em}
{\sffamily\small @COMMIT@\par}
\vfill\vfill
{\small\raggedright @AUTHOR@\par\vspace{0.6em}
The text, figures and code are under the licence in the file \texttt{LICENSE}; each table has its own, named with
it in the chapter on the data.\par\vspace{0.6em}
The code that computes the numbers is not printed. It is in the notebooks of the repository and of the site:
\url{@REPOSITORY@}, \url{@SITE@}.\par}
\end{titlepage}
"""
# Characters that the serif font may lack are set in another.
FALLBACK = "⁰⁴⁵⁶⁷⁸⁹⁻⁺₀₁₂₃₄₅₆₇₈₉≈≤≥≠→←↑↓\N{MINUS SIGN}∞∑√✓✗●○■▲"


class PrintTransform(SphinxPostTransform):
    """Keeps out what only a screen can use, and gives every table columns that fit the page."""

    default_priority = 300  # before the front page loses its sections
    formats = ("latex",)

    def run(self, **kwargs: Any) -> None:
        for unprinted in list(self.document.findall(_is_unprinted)):
            parent = unprinted.parent
            parent.remove(unprinted)
            if isinstance(parent, nodes.section) and len(parent) == 1:  # its title alone
                parent.parent.remove(parent)
        for section in list(self.document.findall(nodes.section)):
            previous = section.parent[section.parent.index(section) - 1]
            if isinstance(previous, nodes.section) and len(section) > 1 and isinstance(section[1], nodes.figure):
                previous += _latex(r"\bookNeed{0.5\textheight}")
        for literal in list(self.document.findall(nodes.literal)):
            _let_break(literal)
        for table in list(self.document.findall(nodes.table)):
            fit(table)


def _is_unprinted(node: nodes.Node) -> bool:
    """Code cells; cards, which lead to chapters as the contents do; and the columns of every table of data."""
    if isinstance(node, nodes.container):
        return node.get("nb_element") == "cell_code_source" or "sd-container-fluid" in node["classes"]
    return isinstance(node, nodes.table) and "columns" in node["classes"]


def _latex(text: str) -> nodes.raw:
    return nodes.raw("", text, format="latex")


def _let_break(node: nodes.Element) -> None:
    for text in list(node.findall(nodes.Text)):
        text.parent.replace(text, nodes.Text(breakable(str(text))))


def breakable(text: str) -> str:
    """The text with places where a long word may end its line: after marks within it, else every eighth letter."""

    def mend(match: re.Match[str]) -> str:
        word = re.sub(r"([_./(,=:-])(?=\w)", rf"\1{BREAK}", match.group())
        return re.sub(rf"([^\s{BREAK}]{{8}})(?=[^\s{BREAK}]{{8}})", rf"\1{BREAK}", word)

    return re.sub(r"\S{9,}", mend, text)


def fit(table: nodes.table) -> None:
    """A long table with wrapped columns, in shares of the line by what their cells hold."""
    rows = [[entry.astext() for entry in row] for row in table.findall(nodes.row)]
    if not rows or any(entry.get("morecols") for entry in table.findall(nodes.entry)):
        return
    columns = [[cell or "" for cell in column] for column in zip_longest(*rows)]
    floors = [PADDING + 1.2 * max(map(_longest_word, column)) for column in columns]
    asked = [max(floor, min(WIDEST, max(map(len, column)))) for floor, column in zip(floors, columns, strict=True)]
    total = sum(asked)
    sideways = sum(floors) > CROWDED
    room = LINES[2] if sideways else LINES[0] if total <= LINES[0] else LINES[1]
    slack = total - sum(floors)
    # What words need comes first; columns of longer texts share what is left of the line.
    left = max(0.0, min(1.0, (room - sum(floors)) / slack)) if slack else 1.0
    widths = [floor + left * (ask - floor) for floor, ask in zip(floors, asked, strict=True)]
    shares = [width / sum(widths) for width in widths]
    for entry in table.findall(nodes.entry):
        _let_break(entry)
    size = r"\footnotesize" if room == LINES[0] else r"\scriptsize"
    spec = "".join(
        rf">{{\raggedright\arraybackslash\hspace{{0pt}}}}p{{\dimexpr {share:.4f}\linewidth-2\tabcolsep\relax}}"
        for share in shares
    )
    table["classes"] = [*(c for c in table["classes"] if c != "longtable"), "longtable"]
    before = [_latex(rf"\renewcommand{{\bookTableSize}}{{{size}}}"), addnodes.tabular_col_spec(spec=spec)]
    turned = [_latex(r"\begin{landscape}")], [_latex(r"\end{landscape}")]
    opening, closing = turned if sideways else ([], [])
    table.replace_self([*opening, *before, table, *closing])


def _longest_word(text: str) -> int:
    return max(map(len, re.split(rf"[ \n{BREAK}]", breakable(text))))


class PdfRole(SphinxRole):
    """`{pdf}` links to the printed edition at the address of the published book: a build without LaTeX has none."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        return [nodes.reference("", self.text, refuri=project.site_url(self.config) + FILE)], []


def configure(app: Sphinx, config: Any) -> None:
    """Title page, fonts and metadata; comes last, so that no other preamble brings a second set of fonts."""
    root = Path(app.srcdir)
    commit = project.commit(root)
    words = {
        "TITLE": config.html_title,
        "AUTHOR": config.author,
        "EDITION": project.edition(root),
        "COMMIT": f"Commit {commit[:12]}" if commit else "Built from changed files",
    }
    words = {name: escape(text, "xelatex") for name, text in words.items()}
    words |= {"REPOSITORY": project.repository_url(config), "SITE": project.site_url(config)}
    words["FALLBACK"] = "\n".join(rf"\newunicodechar{{{c}}}{{{{\bookFallback {c}}}}}" for c in FALLBACK)
    config.latex_elements |= {
        "papersize": "a4paper",
        "pointsize": "10pt",
        "extraclassoptions": "openany,oneside",
        "fontpkg": FONTS,
        "fncychap": "",
        "geometry": r"\usepackage[a4paper, hmargin=28mm, top=26mm, bottom=28mm]{geometry}",
        "preamble": r"\usepackage{unicode-math}" + _filled(PREAMBLE, words),
        "maketitle": _filled(TITLE_PAGE, words),
        "tableofcontents": CONTENTS,
        "figure_align": "H",
        "makeindex": "",
        "printindex": "",
    }
    config.latex_domain_indices = False
    config.latex_documents = [(config.root_doc, f"{NAME}.tex", words["TITLE"], words["AUTHOR"], "manual")]


def _filled(text: str, words: dict[str, str]) -> str:
    return re.sub(r"@([A-Z]+)@", lambda match: words[match.group(1)], text)


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_role("pdf", PdfRole())
    app.add_post_transform(PrintTransform)
    app.connect("config-inited", configure, priority=950)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
