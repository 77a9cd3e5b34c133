"""Folders that are in use for as long as the process that made them lives.

A lock (flock(2)) tells, not a process id, which another process may have by now: the system lets go of a lock when its
holder ends, however it ends.
"""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

LOCK = ".lock"
UNFINISHED = ".unfinished-"
"""What folders of things that are being made begin with."""

_SETTLED = 3600.0
"""Seconds after which a folder without a lock is nobody's: it is not just being made."""


@contextmanager
def held_folder(parent: Path, prefix: str = UNFINISHED, *, stays: bool = False) -> Iterator[Path]:
    """A new folder, in use until the context ends.

    Args:
        parent: Where; it need not exist yet.
        prefix: What its name begins with.
        stays: Leave it afterwards, no longer in use, instead of removing it.

    Yields:
        The folder, empty but for its lock.
    """
    import fcntl  # which not every system has

    parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=parent, prefix=prefix))
    fresh = folder / f"{LOCK}-fresh"
    lock = os.open(fresh, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        fresh.rename(folder / LOCK)  # never seen before it is locked
        yield folder
    finally:
        if not stays:
            shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def put(new: Path, folder: Path) -> None:
    """Move a folder that is whole to its place in a cache. Of two processes that make the same, one's stays."""
    shutil.rmtree(folder, ignore_errors=True)
    try:
        new.rename(folder)
    except OSError as error:
        if error.errno not in {errno.ENOTEMPTY, errno.EEXIST}:
            raise


def in_use(folder: Path) -> bool:
    """Whether the process that made a folder by `held_folder` still lives; never without a lock."""
    import fcntl

    try:
        lock = os.open(folder / LOCK, os.O_RDONLY)
    except (FileNotFoundError, NotADirectoryError):
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(lock)
    return False


def left_over(folder: Path) -> bool:
    """Whether nobody will ever need a folder that `held_folder` made, nor is just making it."""
    if in_use(folder):
        return False
    with suppress(FileNotFoundError):
        return (folder / LOCK).exists() or time.time() - folder.stat().st_mtime > _SETTLED
    return False
