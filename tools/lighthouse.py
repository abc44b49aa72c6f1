"""Runs Lighthouse on a page, as on a mid-range phone on a slow network, which is how it marks by default."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
from pathlib import Path
from typing import Any

KINDS = ("performance", "accessibility", "best-practices", "seo")
FLAGS = "--headless=new --no-sandbox --disable-gpu --disable-background-networking"


def report(url: str, node_modules: Path, chromium: str) -> dict[str, Any]:
    """One run's whole report."""
    command = [node_modules / ".bin" / "lighthouse", url, "--output=json", "--quiet", f"--chrome-flags={FLAGS}"]
    command += [f"--only-categories={','.join(KINDS)}"]
    told = subprocess.run(
        list(map(str, command)),
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "CHROME_PATH": chromium},
    )
    return json.loads(told.stdout)


def marks(reports: list[dict[str, Any]]) -> dict[str, float]:
    """Marks out of 100, the median of several runs: a shared machine's speed sways from run to run."""
    return {kind: 100 * statistics.median(run["categories"][kind]["score"] for run in reports) for kind in KINDS}


def wants(run: dict[str, Any]) -> list[str]:
    """What a run marks down, the heaviest first."""
    weights = {ref["id"]: ref["weight"] for kind in run["categories"].values() for ref in kind["auditRefs"]}
    lost = [
        (weights.get(name, 0) * (1 - audit["score"]), f"{name}: {audit.get('displayValue', audit['title'])}")
        for name, audit in run["audits"].items()
        if audit["score"] is not None and audit["score"] < 0.9 and weights.get(name, 0)
    ]
    return [words for _, words in sorted(lost, reverse=True)]
