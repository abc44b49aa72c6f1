"""Tests of the library and one notebook on arm64, emulated by qemu: `make arm64`.

Needs Debian or Ubuntu with the packages debootstrap and qemu-user-static, root, the network, and Python 3.11, which
is that of the emulated Debian. An emulated Python is some twenty times slower than this machine's.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from inputs import NOTEBOOKS, ROOT

FOLDER = ROOT / "_build" / "arm64"
SYSTEM, PACKAGES, KERNELS = FOLDER / "system", FOLDER / "packages", FOLDER / "jupyter"
SUITE = "bookworm"
MIRROR = "http://deb.debian.org/debian"
PYTHON = ["qemu-aarch64-static", "-L", str(SYSTEM), str(SYSTEM / "usr/bin/python3.11")]
KERNEL = "arm64"
PLATFORMS = ("manylinux2014_aarch64", *(f"manylinux_2_{minor}_aarch64" for minor in range(17, 37)))
TESTS = [f"tests/test_{name}.py" for name in ("units", "compute", "energy", "trends", "hardware_trends")]
NOTEBOOK = "hardware"
ACTIVE = 'import numpy, platform; print(platform.machine(), numpy.show_config(mode="dicts")["SIMD Extensions"])'


def make_system() -> None:
    """Debian's Python for arm64 with the libraries that it needs, unpacked and not installed: nothing of it is run."""
    first = FOLDER / "debootstrap"
    include = "--include=python3,libgomp1,libstdc++6"
    subprocess.run(
        ["debootstrap", "--foreign", "--arch=arm64", "--variant=minbase", include, SUITE, first, MIRROR], check=True
    )
    SYSTEM.mkdir(parents=True)
    for package in sorted(first.glob("var/cache/apt/archives/*.deb")):
        subprocess.run(["dpkg-deb", "-x", package, SYSTEM], check=True)
    shutil.rmtree(first)


def make_packages() -> None:
    """The pinned packages as wheels for arm64."""
    platforms = [part for name in PLATFORMS for part in ("--platform", name)]
    abis = [part for name in ("cp311", "abi3", "none") for part in ("--abi", name)]
    version = [*platforms, *abis, "--implementation", "cp", "--python-version", "3.11.9"]
    pinned = ["--no-deps", "--require-hashes", "--only-binary", ":all:", "-r", str(ROOT / "requirements.txt")]
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(PACKAGES), *version, *pinned]
    subprocess.run(command, check=True)


def make_kernel() -> None:
    """A kernel for Jupyter here whose process is emulated."""
    folder = KERNELS / "kernels" / KERNEL
    folder.mkdir(parents=True, exist_ok=True)
    started = [*PYTHON, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    described = {"argv": started, "display_name": KERNEL, "language": "python", "env": {"PYTHONPATH": _path()}}
    (folder / "kernel.json").write_text(json.dumps(described), encoding="utf-8")


def _path() -> str:
    return os.pathsep.join([str(PACKAGES), str(ROOT)])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tests", nargs="*", default=TESTS, help="files of tests")
    parser.add_argument("--notebooks", nargs="*", default=[NOTEBOOK], help="notebooks by name")
    arguments = parser.parse_args()
    if sys.version_info[:2] != (3, 11):
        sys.exit("Debian's Python for arm64 is 3.11, and the packages are chosen by this one: run it with Python 3.11.")
    if not SYSTEM.is_dir():
        make_system()
    if not PACKAGES.is_dir():
        make_packages()
    make_kernel()
    emulated = {**os.environ, "PYTHONPATH": _path()}
    subprocess.run([*PYTHON, "-c", ACTIVE], env=emulated, check=True)
    failed = []
    if arguments.tests and subprocess.call(
        [*PYTHON, "-m", "pytest", "-m", "not nightly", *arguments.tests], cwd=ROOT, env=emulated
    ):
        failed.append("tests")
    paths: list[Path] = [NOTEBOOKS / f"{name}.ipynb" for name in arguments.notebooks]
    nbval = [sys.executable, "-m", "pytest", "--nbval", "--nbval-kernel-name", KERNEL]
    slow = ["--nbval-kernel-startup-timeout", "600", "--nbval-cell-timeout", "7200"]
    if paths and subprocess.call(
        [*nbval, *slow, *map(str, paths)], cwd=ROOT, env={**os.environ, "JUPYTER_PATH": str(KERNELS)}
    ):
        failed.append("notebooks")
    print(f"arm64: {' and '.join(failed)} failed" if failed else "arm64: passed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
