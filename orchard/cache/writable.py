"""Whether files can be written to a folder, found out by writing one: permissions alone do not tell."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_BLOCK = 4096


def why_unwritable(folder: Path) -> str:
    """Why nothing can be written to a folder; nothing of the attempt stays.

    Args:
        folder: It need not exist: whether it can be made is a part of the question.

    Returns:
        The reason; "" if files can be written.
    """
    missing = [one for one in (folder, *folder.parents) if not one.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as probe:
            probe.write(bytes(_BLOCK))
            probe.flush()
            os.fsync(probe.fileno())
    except OSError as error:
        return f"{error.strerror}: {error.filename}" if error.filename else str(error.strerror)
    finally:
        for one in missing:
            with suppress(OSError):
                one.rmdir()
    return ""
