"""On what was measured: numbers of one machine mean nothing without it."""

from __future__ import annotations

import os
import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from benchmarks.page import Table

_PACKAGES = ("pyspark", "onnxruntime", "tensorflow-cpu", "numpy", "pyarrow", "pillow", "scikit-learn", "moto")


def machine() -> Table:
    """What this machine, its libraries and this code are."""
    rows = [
        ("processor", f"{_processor()}, {os.cpu_count()} cores, {_vectors()}"),
        ("memory", f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB"),
        ("system", f"Linux {platform.release()}, Python {platform.python_version()}, Java {_java()}"),
        ("libraries", ", ".join(f"{name} {version(name)}" for name in _PACKAGES)),
        ("code", _commit()),
        ("measured", f"{datetime.now(UTC):%Y-%m-%d}"),
    ]
    return Table("Machine and versions", ("", ""), tuple(rows))


def _processor() -> str:
    return _field("model name") or platform.processor() or platform.machine()


def _vectors() -> str:
    """The widest vector instructions: they decide what the network can reach."""
    flags = _field("flags").split()
    return next((name for name in ("avx512f", "avx2", "avx", "sse2") if name in flags), "vectors unknown")


def _field(name: str) -> str:
    lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith(name)), "")


def _java() -> str:
    said = subprocess.run(
        ["java", "-version"], capture_output=True, encoding="utf-8", errors="replace", check=True
    ).stderr
    return said.split('"')[1]


def _commit() -> str:
    asked = ["git", "describe", "--always", "--dirty", "--abbrev=12"]
    return (
        subprocess.run(asked, capture_output=True, encoding="utf-8", errors="replace", check=False).stdout.strip()
        or "unknown"
    )
