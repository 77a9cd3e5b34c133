"""How much memory the processes that this one started have taken at most."""

from __future__ import annotations

import os
from pathlib import Path


def peak_mb(command: str) -> float:
    """The greatest resident set that any process below this one has had so far.

    Args:
        command: What must stand in the process's command line, `pyspark.daemon` for Python's workers say.

    Returns:
        MB (2**20 bytes), from `VmHWM` of proc(5): pages that are shared with other processes count as well.

    Raises:
        ValueError: There is no such process.
    """
    found = [_peak_kb(pid) for pid in _descendants(os.getpid()) if command in _command(pid)]
    return max(found) / 1024


def own_peak_mb() -> float:
    """The same of this process."""
    return _peak_kb(os.getpid()) / 1024


def _descendants(pid: int) -> list[int]:
    parents: dict[int, list[int]] = {}
    for process in Path("/proc").glob("[0-9]*"):
        if parent := _field(int(process.name), "PPid"):
            parents.setdefault(int(parent), []).append(int(process.name))
    found, waiting = [], [pid]
    while waiting:
        children = parents.get(waiting.pop(), [])
        found += children
        waiting += children
    return found


def _peak_kb(pid: int) -> int:
    return int(_field(pid, "VmHWM").removesuffix(" kB") or 0)


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text("utf-8", "replace").replace("\0", " ")
    except OSError:  # it has ended meanwhile
        return ""


def _field(pid: int, name: str) -> str:
    """A field of the process's status; empty when the process has ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text("utf-8", "replace").splitlines()
    except OSError:
        return ""
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith(f"{name}:")), "")
