"""Follow the links that lead out of the built book and list, as Markdown, those that no longer answer.

Needs the network, so it runs on a schedule, not in the tests. Without a network it says so, and fails nothing.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.parse import urldefrag, urlsplit
from urllib.request import Request, urlopen

from bs4 import BeautifulSoup

TIMEOUT_S, AT_ONCE = 20, 8
AGENT = "Mozilla/5.0 (link check of a book)"
REFUSES_ROBOTS = {401, 403, 405, 406, 429, 503}  # the page may well be there


def outward(html: Path) -> dict[str, set[str]]:
    """The addresses outside the site, each with the pages that link to it."""
    found = defaultdict(set)
    for page in sorted(html.rglob("*.html")):
        for link in BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser").find_all("a", href=True):
            address, _ = urldefrag(link["href"])
            if urlsplit(address).scheme in ("http", "https"):
                found[address].add(page.relative_to(html).as_posix())
    return found


def fault(address: str) -> str | None:
    """Why an address does not answer, or None."""
    try:
        with urlopen(Request(address, headers={"User-Agent": AGENT}), timeout=TIMEOUT_S):
            return None
    except HTTPError as error:
        return None if error.code in REFUSES_ROBOTS else f"status {error.code}"
    except (URLError, OSError, ValueError) as error:
        return f"no answer ({getattr(error, 'reason', error)})"


def report(pages: dict[str, set[str]], faults: dict[str, str | None]) -> str:
    """The dead addresses with their pages."""
    dead = {address: why for address, why in faults.items() if why}
    if pages and len(dead) == len(pages):
        return f"None of {len(pages)} addresses answered: there is no network here, so nothing was checked."
    lines = [f"{len(pages) - len(dead)} of {len(pages)} addresses answered."]
    lines += [
        f"- {address}: {why}; linked from {', '.join(sorted(pages[address]))}" for address, why in sorted(dead.items())
    ]
    return "\n".join(lines)


def main(html: str) -> int:
    pages = outward(Path(html))
    with ThreadPoolExecutor(AT_ONCE) as pool:
        faults = dict(zip(pages, pool.map(fault, pages), strict=True))
    print(report(pages, faults))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
