"""Serve the book at http://127.0.0.1:8000 and rebuild it whenever its text, code or tables change."""

from __future__ import annotations

import functools
import http.server
import subprocess
import sys
import threading

from inputs import ROOT
from watchfiles import DefaultFilter, watch

ADDRESS = ("127.0.0.1", 8000)
WATCHED = [ROOT / name for name in ("book", "notebooks", "energy_lib", "data", "_config.yml")]


class Sources(DefaultFilter):
    """Changes by a person; executed notebooks are written by the rebuild itself."""

    def __call__(self, change, path: str) -> bool:
        return super().__call__(change, path) and not path.endswith((".ipynb", ".unfinished"))


def rebuild() -> None:
    """As `make book`. A failure is printed and the last good book goes on being served."""
    for tool in ("notebooks.py", "book.py"):
        if subprocess.run([sys.executable, ROOT / "tools" / tool], check=False).returncode:
            return


def main() -> int:
    rebuild()
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=ROOT / "_build" / "html")
    server = http.server.ThreadingHTTPServer(ADDRESS, handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(f"Serving http://{ADDRESS[0]}:{ADDRESS[1]}; reload the page after a rebuild, stop with Ctrl-C.", flush=True)
    for _ in watch(*WATCHED, watch_filter=Sources(), raise_interrupt=False):
        rebuild()
    return 0


if __name__ == "__main__":
    sys.exit(main())
