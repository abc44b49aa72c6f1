"""Runs Jupyter Book: `python tools/render.py FOLDER BUILDER`, with warnings as errors.

It does what the command `jupyter-book build` does, on all cores, which that command has no option for.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

# jsonschema builds the grammars of international addresses for five seconds if it finds them; no book has any.
sys.modules["rfc3987_syntax"] = None

from inputs import ROOT  # noqa: E402
from jupyter_book.sphinx import build_sphinx  # noqa: E402


def main() -> int:
    folder, builder = Path(sys.argv[1]).absolute(), sys.argv[2]
    failed = build_sphinx(
        ROOT,
        folder / builder,
        noconfig=True,
        path_config=ROOT / "_config.yml",
        confoverrides={"external_toc_path": "book/_toc.yml", "latex_individualpages": False, "nitpicky": True},
        builder=builder,
        warningiserror=True,
        keep_going=True,
        jobs=1 + (os.cpu_count() or 1),  # one more, as the first only hands pages to the others
    )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
