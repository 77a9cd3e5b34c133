"""Measuring and limiting this process's memory and processor time."""

import resource
from pathlib import Path


def limit_memory(megabytes: int) -> None:
    """Let this process take so much more address space than it has; beyond, allocations fail."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + megabytes * 2**20
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def peak_mb() -> int:
    """The most memory that this process has had, MiB.

    Not `ru_maxrss`, which a process begins with its parent's.
    """
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) // 1024
