"""Serve the book at http://127.0.0.1:8000, rebuild it whenever its text, code or tables change, and reload the page.

PORT names another port.
"""

from __future__ import annotations

import errno
import functools
import http.server
import io
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import BinaryIO

from inputs import ROOT
from watchfiles import DefaultFilter, watch

import book

HOST, PORT = "127.0.0.1", "8000"
WATCHED = [ROOT / name for name in ("book", "notebooks", "energy_lib", "data", "_config.yml")]
# A file of its own, as the pages' policy forbids scripts within them; the built pages know nothing of it.
SCRIPT = "/reload-while-writing.js"
RELOAD = f"""let seen;
setInterval(async () => {{
  const answer = await fetch("/{book.STAMP}").catch(() => null);
  if (!answer?.ok) return;
  const now = await answer.text();
  if (seen && now !== seen) location.reload();
  seen = now;
}}, 1000);
"""


class Pages(http.server.SimpleHTTPRequestHandler):
    """The built book, each page with the script that reloads it after a rebuild."""

    def send_head(self) -> BinaryIO | None:
        path = Path(self.translate_path(self.path))
        if path.is_dir() and self.path.split("?")[0].endswith("/"):
            path /= "index.html"
        if self.path == SCRIPT:
            return self._answer("text/javascript", RELOAD)
        if path.suffix == ".html" and path.is_file():
            page = path.read_text(encoding="utf-8")
            return self._answer("text/html", page.replace("</head>", f'<script src="{SCRIPT}"></script></head>', 1))
        return super().send_head()

    def _answer(self, kind: str, text: str) -> BinaryIO:
        body = text.encode()
        self.send_response(200)
        self.send_header("Content-Type", f"{kind}; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        return io.BytesIO(body)

    def end_headers(self) -> None:
        self.send_header("Cache-Control", "no-store")
        super().end_headers()

    def log_message(self, format: str, *arguments: object) -> None:
        """The terminal is for what the rebuild says."""


class Sources(DefaultFilter):
    """Changes by a person; executed notebooks and their picture are written by the rebuild itself."""

    def __call__(self, change, path: str) -> bool:
        return super().__call__(change, path) and not path.endswith((".ipynb", ".unfinished", "picture.png"))


def rebuild() -> None:
    """As `make book`. A failure is printed and the last good book goes on being served."""
    subprocess.run([sys.executable, ROOT / "tools" / "book.py", "--execute"], check=False)


def main() -> int:
    asked = os.environ.get("PORT", PORT)
    if not (asked.isdecimal() and int(asked) < 2**16):
        print(f"PORT={asked} is no port: name a number from 1024 to 65535, for example PORT=8001.", file=sys.stderr)
        return 1
    try:
        handler = functools.partial(Pages, directory=book.HTML)
        server = http.server.ThreadingHTTPServer((HOST, int(asked)), handler)
    except OSError as error:
        if error.errno not in (errno.EADDRINUSE, errno.EACCES):
            raise
        print(f"Port {asked} is not free: name another one, as in `PORT={int(asked) + 1} make serve`.", file=sys.stderr)
        return 1
    threading.Thread(target=server.serve_forever, daemon=True).start()
    rebuild()
    print(f"Serving http://{HOST}:{server.server_port}; pages reload after a rebuild, stop with Ctrl-C.", flush=True)
    for _ in watch(*WATCHED, watch_filter=Sources(), raise_interrupt=False):
        rebuild()
    return 0


if __name__ == "__main__":
    sys.exit(main())
