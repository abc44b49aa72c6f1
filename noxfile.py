"""Every supported environment: `nox` runs the tests and executes all notebooks in each, in a copy of the project.

Pinned: the exact versions of requirements.txt. Oldest and newest: what pyproject.toml allows. The numbers that the
notebooks publish must be, to the letter, those of the committed notebooks.
"""

import shutil
from pathlib import Path

import nox

nox.options.default_venv_backend = "venv"
nox.options.error_on_missing_interpreters = False
PYTHONS = ["3.11", "3.12", "3.13", "3.14"]
EXTRAS = ".[book,test,build]"
# What looks at the built site is the business of `make test`; here the library and its answers are.
NOT_HERE = [
    f"--ignore=tests/test_{name}.py" for name in ("book", "citing", "clone", "machine", "reading", "tools", "explorer")
]


def copied(session: nox.Session) -> Path:
    """A copy of the tracked files, so that no environment sees another's results."""
    folder = Path(session.create_tmp()) / "project"
    shutil.rmtree(folder, ignore_errors=True)
    listed = session.run("git", "ls-files", "-z", external=True, silent=True)
    for name in filter(None, str(listed).split("\0")):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(name, folder / name)
    return folder


def check(session: nox.Session) -> None:
    folder = copied(session).resolve()
    session.chdir(folder)
    # As in the Makefile: the zone that charts are drawn in, and no threads that wait for one another.
    session.env.update(PYTHONPATH=str(folder), TZ="UTC", OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1")
    session.run(
        "python",
        "-m",
        "pytest",
        "-m",
        "not browser and not pdf and not nightly",
        *NOT_HERE,
        "tests",
        "energy_lib",
        *session.posargs,
    )
    session.run("python", "tools/notebooks.py", "--all")
    session.run("python", "tools/same_numbers.py")


@nox.session(python=PYTHONS)
def pinned(session: nox.Session) -> None:
    session.install("--no-deps", "--require-hashes", "-r", "requirements.txt")
    check(session)


@nox.session(python=[PYTHONS[0], PYTHONS[2]])
@nox.parametrize("resolution", ["lowest-direct", "highest"])
def allowed(session: nox.Session, resolution: str) -> None:
    session.install("uv")
    # Compiled, as pip does: else a test is the first to, and meets what the compiler warns of in a dependency.
    session.run_install("uv", "pip", "install", "--compile-bytecode", "--resolution", resolution, EXTRAS)
    check(session)
