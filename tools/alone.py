"""One tool writes at a time, and a disk that refuses is told in words that say what to do."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import sys
from collections.abc import Callable, Iterator

from inputs import ROOT

LOCK = ROOT / "_build" / "lock"
FULL = "The disk is full. Free some space, then run it again."
NO_WRITING = f"{ROOT} cannot be written to. Copy the project to a folder of your own, or be given the right to write."
WHAT_TO_DO = {
    errno.ENOSPC: FULL,
    errno.EDQUOT: "The disk quota is used up. Free some space, then run it again.",
    errno.EFBIG: "A file grew larger than this account may write. Raise the limit (`ulimit -f`), then run it again.",
    errno.EROFS: NO_WRITING,
    errno.EACCES: NO_WRITING,
    errno.EPERM: NO_WRITING,
}


@contextlib.contextmanager
def alone() -> Iterator[int]:
    """Waits until no other tool writes; yields the lock's descriptor.

    The lock ends with the last process that holds the descriptor: a program that was handed it goes on holding it when
    the tool that started it is killed, so that the next tool does not write into the same folder beside it.
    """
    LOCK.parent.mkdir(exist_ok=True)
    with LOCK.open("ab") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("Another build of this book is running here; waiting for its end.", file=sys.stderr, flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield lock.fileno()


def told(tool: Callable[[], int]) -> int:
    """The exit status of a tool; where the disk refused, 1 and what to do."""
    try:
        return tool()
    except OSError as error:
        if error.errno not in WHAT_TO_DO:
            raise
        where = f" ({error.filename})" if error.filename else ""
        print(f"{error.strerror}{where}. {WHAT_TO_DO[error.errno]} The last good book stays.", file=sys.stderr)
        return 1
