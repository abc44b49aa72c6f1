"""What a reader of the book waits for: bytes of a page, time to the first chart, time to build one chapter more."""

from __future__ import annotations

import gzip
import json
import re
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bs4 import BeautifulSoup
from hosting import served
from inputs import ROOT

HTML = ROOT / "_build" / "html"
CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
RUNS = 5
# What Altair's own renderer loads from a CDN, in its order; here from npm, served by this machine like our own page.
CDN = ("vega/build/vega.min.js", "vega-lite/build/vega-lite.min.js", "vega-embed/build/vega-embed.min.js")
DRAWN = ".chart.drawn svg, #vis svg"


def chapters() -> list[Path]:
    """The pages of the book."""
    return [page for folder in ("book", "notebooks") for page in sorted((HTML / folder).glob("*.html"))]


def transferred(browser: Any, address: str, draw: bool) -> dict[str, int]:
    """Bytes of every file that a first visit fetches, as they come over the wire, by address."""
    context = browser.new_context(viewport={"width": 360, "height": 800})
    page = context.new_page()
    sizes: dict[str, int] = {}
    network = context.new_cdp_session(page)
    network.send("Network.enable")
    urls: dict[str, str] = {}
    network.on("Network.responseReceived", lambda e: urls.update({e["requestId"]: e["response"]["url"]}))
    network.on(
        "Network.loadingFinished",
        lambda e: sizes.update({urls.get(e["requestId"], e["requestId"]): int(e["encodedDataLength"])}),
    )
    page.goto(address, wait_until="load")
    if draw:
        page.mouse.move(5, 300)
        for chart in page.locator(".chart").all():
            chart.scroll_into_view_if_needed()
            page.wait_for_function("chart => chart.classList.contains('drawn')", arg=chart.element_handle())
    page.wait_for_load_state("networkidle")
    context.close()
    return sizes


def transfer(browser: Any, site: str) -> None:
    """Transfer of every page with all its charts drawn, cache empty; and of a second page, the shared files cached."""
    shared = {"vega-bundle.js", "site.css", "bootstrap.js", "pydata-sphinx-theme.js"}
    totals, own = {}, {}
    for page in chapters():
        name = page.relative_to(HTML).as_posix()
        sizes = transferred(browser, site + name, draw=True)
        totals[name] = sum(sizes.values()) / 1000
        own[name] = sum(size for url, size in sizes.items() if re.sub(r".*/|\?.*", "", url) not in shared) / 1000
    heaviest = max(totals, key=totals.get)
    charted = [size for name, size in totals.items() if 'class="chart"' in (HTML / name).read_text(encoding="utf-8")]
    middle = statistics.median(totals.values())
    print(f"transfer of a page, median                      {middle:7.0f} kB  (aim: below 400)")
    print(f"  of those with charts, all of them drawn       {statistics.median(charted):7.0f} kB  (aim: below 400)")
    print(f"  the heaviest, {heaviest:32}{totals[heaviest]:7.0f} kB")
    print(f"  without what pages share, median              {statistics.median(own.values()):7.0f} kB")


def first_chart(browser: Any, address: str, ready: str, moving: bool = False) -> float:
    """Milliseconds from the start of a visit until a thing is in the page, with an empty cache."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    if moving:  # as the hand of a reader, from which the page knows that somebody is there
        context.add_init_script("setInterval(() => window.dispatchEvent(new Event('pointermove')), 50)")
    page = context.new_page()
    began = time.monotonic()
    page.goto(address, wait_until="commit")
    page.locator(ready).first.wait_for()
    spent = 1000 * (time.monotonic() - began)
    context.close()
    return spent


def other_page(folder: Path, ours: Path) -> Path:
    """The same page with its first chart drawn as Altair's own renderer would, by scripts in the head, unbundled."""
    soup = BeautifulSoup(ours.read_text(encoding="utf-8"), "html.parser")
    chart = soup.select_one(".chart")
    spec = json.loads(chart.select_one("script").string)
    for other in soup.select(".chart"):
        other.clear()
    chart["id"] = "vis"
    # Altair's own scripts run in the page and make code of texts, which the policy of our pages forbids.
    for ours_alone in soup.select("script[src*='charts.js'], meta[http-equiv='Content-Security-Policy']"):
        ours_alone.decompose()
    for path in CDN:
        (folder / Path(path).name).write_bytes((ROOT / "node_modules" / path).read_bytes())
        soup.head.append(soup.new_tag("script", src=f"../{Path(path).name}"))
    draw = soup.new_tag("script")
    draw.string = f"vegaEmbed('#vis', {json.dumps(spec)}, {{renderer: 'svg'}});"
    soup.body.append(draw)
    made = folder / "notebooks" / "other.html"
    made.write_text(str(soup), encoding="utf-8")
    return made


def drawing(browser: Any) -> None:
    """Time to the first chart beside Altair's own renderer with its three scripts, both from this machine."""
    ours = "notebooks/vision.html"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "site"
        shutil.copytree(HTML, folder)
        other = other_page(folder, HTML / ours).relative_to(folder).as_posix()
        scripts = sum(len(gzip.compress((ROOT / "node_modules" / path).read_bytes(), 6)) for path in CDN) / 1000
        with served(folder) as site:
            rows: dict[str, list[float]] = {"picture": [], "drawn": [], "altair": []}
            for _ in range(RUNS):
                rows["picture"].append(first_chart(browser, site + ours, ".chart img:visible"))
                rows["drawn"].append(first_chart(browser, site + ours, DRAWN, moving=True))
                rows["altair"].append(first_chart(browser, site + other, DRAWN))
    middle = {name: statistics.median(times) for name, times in rows.items()}
    print(f"first chart seen / by Altair's own scripts      {middle['picture'] / middle['altair']:7.2f}")
    print(f"first chart interactive / by Altair's scripts   {middle['drawn'] / middle['altair']:7.2f}")
    times = ", ".join(f"{milliseconds:.0f}" for milliseconds in middle.values())
    print(f"  in milliseconds {times}; Altair's scripts are {scripts:.0f} kB compressed")


def exploring(browser: Any, site: str) -> None:
    """Milliseconds from the move of a slider to the answer laid out, in both panels of the explorer."""
    move = """selector => {
        const slider = document.querySelector(selector), last = Number(slider.max), times = [];
        for (let i = 0; i < 200; i += 1) {
            slider.value = String(last * i / 200);
            const began = performance.now();
            slider.dispatchEvent(new Event("input", {bubbles: true}));
            document.body.getBoundingClientRect();
            times.push(performance.now() - began);
        }
        return times.sort((a, b) => a - b);
    }"""
    page = browser.new_page()
    page.goto(f"{site}book/explorer.html")
    sliders = {"an answer": "[data-for='output_tokens']", "the world": ".world [data-for='requests_per_day']"}
    for panel, slider in sliders.items():
        times = page.evaluate(move, slider)
        print(f"slider moved, {panel:10s} laid out: {times[100]:5.1f} ms, 95 % {times[189]:5.1f} ms   (aim: below 16)")
    page.close()


def chapter(make_book: Callable[[Path], float]) -> None:
    """Time of `make book` after a copy of a chapter is added, in a copy of the project that was built already."""
    with tempfile.TemporaryDirectory() as name:
        copy = Path(name) / "book"
        ignored = shutil.ignore_patterns(".venv", "_build", ".git", "__pycache__", "node_modules")
        shutil.copytree(ROOT, copy, ignore=ignored)
        whole = make_book(copy)
        text = (copy / "book" / "limits.md").read_text(encoding="utf-8")
        (copy / "book" / "more.md").write_text(re.sub(r"^\(.*\)=\n", "", text, flags=re.MULTILINE), encoding="utf-8")
        toc = copy / "book" / "_toc.yml"
        toc.write_text(toc.read_text(encoding="utf-8") + "      - file: book/more\n", encoding="utf-8")
        more = make_book(copy)
    print(f"make book, the whole book                       {whole:7.1f} s")
    print(f"make book, one chapter more / the whole book    {more / whole:7.2f}")


def main(make_book: Callable[[Path], float] | None = None) -> None:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        with served(HTML) as site:
            transfer(browser, site)
            exploring(browser, site)
        drawing(browser)
        browser.close()
    if make_book:
        chapter(make_book)


if __name__ == "__main__":
    sys.exit(main())
