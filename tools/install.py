"""Install the pinned packages, each checked by its hash, beside the Python that runs this, and say how far it is."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import progress

ROOT = Path(__file__).resolve().parent.parent
PIN = re.compile(r"^[\w.-]+==", re.MULTILINE)
COLLECTING = re.compile(r"Collecting ([\w.-]+)==")


def main() -> int:
    pinned = len(PIN.findall((ROOT / "requirements.txt").read_text(encoding="utf-8")))
    print(f"Installing {pinned} packages into {sys.prefix}, once: this takes a minute or more.", flush=True)
    # The list is whole, so nothing is resolved: an older pip would else stumble over the extras of packages released
    # since.
    what = ["install", "--no-deps", "--require-hashes", "-r", str(ROOT / "requirements.txt")]
    if uv := shutil.which("uv"):  # does the same in a fraction of the time, and says itself how far it is
        return subprocess.run(
            [uv, "pip", *what, "--python", sys.executable, "--compile-bytecode"], check=False
        ).returncode
    command = [sys.executable, "-m", "pip", *what, "--disable-pip-version-check", "--no-input", "--progress-bar", "off"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, encoding="utf-8", errors="replace") as pip:
        collected = 0
        for line in pip.stdout:
            if found := COLLECTING.match(line):
                collected += 1
                progress.show("fetching packages", f"{collected} of {pinned}, {found[1]}")
            elif line.startswith("Installing collected packages"):
                progress.show("putting packages in place", "all at once")
    progress.clear()
    return pip.returncode


if __name__ == "__main__":
    sys.exit(main())
