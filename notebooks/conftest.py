"""`pytest --nbval notebooks`: each cell is executed, and its outputs compared with the committed ones as they mean."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parent.parent / "tests"))

import nbval.kernel
import perturbed
import pytest
from jupyter_client.manager import KernelManager
from nbval.plugin import IPyNbCell
from same_outputs import differences
from traitlets import default

SHOWN = 10  # differences of one cell
STARTUP_S = 120


class OwnSockets(KernelManager):
    """Kernels with sockets in a folder of their own: of two that start at once, both may else take one port."""

    @default("transport")
    def _transport(self) -> str:
        return "ipc"

    @default("ip")
    def _ip(self) -> str:
        self.folder = tempfile.mkdtemp(prefix="kernel-")
        return f"{self.folder}/socket"

    def cleanup_ipc_files(self) -> None:
        super().cleanup_ipc_files()
        shutil.rmtree(self.folder, ignore_errors=True)


def compare_outputs(cell, executed, committed, skip_compare=None) -> bool:
    """In place of nbval's comparison to the last digit."""
    found = differences(committed, executed)
    more = [f"and {len(found) - SHOWN} more"] if len(found) > SHOWN else []
    cell.comparison_traceback = found[:SHOWN] + more
    return not found


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--perturbed", type=int, metavar="SEED", help="shuffle tied rows and move numbers of all tables")


def pytest_configure(config: pytest.Config) -> None:
    nbval.kernel.KernelManager = OwnSockets
    IPyNbCell.compare_outputs = compare_outputs


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item):
    """Before a notebook's first cell, its kernel is given the perturbed tables."""
    yield
    seed = item.config.getoption("perturbed")
    if seed is None or not isinstance(item, IPyNbCell) or hasattr(item.parent, "perturbed"):
        return
    folder = str(Path(perturbed.__file__).parent)
    code = f"import sys; sys.path.append({folder!r}); import perturbed; perturbed.perturb_tables({seed})"
    reply = item.parent.kernel.kc.execute(code, store_history=False, reply=True, timeout=STARTUP_S)
    if reply["content"]["status"] != "ok":
        raise RuntimeError("\n".join(reply["content"]["traceback"]))
    item.parent.perturbed = True
