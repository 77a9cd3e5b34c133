"""A node's start: what `bootstrap/install.sh` takes for a bare node, with our wheels and with TensorFlow's.

The script is the nodes' own, and so are the wheels. Inside the clock: virtual environment, installation, the check that
every module can be imported. Outside: the network. In place of the AWS CLI stands a copy from the folder of wheels, so
that no local S3 is measured; how much a node fetches is in a column of its own.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.data import FOLDER
from benchmarks.isolated import MeasurementFailedError
from benchmarks.page import Table, compare
from benchmarks.turns import Contender, take_turns
from orchard.cache import project_dir, wheelhouse_dir
from orchard.options import ENGINES
from orchard.release.wheelhouse import gather_wheels, requirements_file

if TYPE_CHECKING:
    from benchmarks.data import Data

_OURS = ENGINES[0]
_AWS = """\
#!/usr/bin/env bash
# aws s3 cp [OPTION ...] SOURCE TARGET: from a folder of this machine.
set -euo pipefail
source=${*: -2:1} target=${*: -1}
if [ -d "$source" ]; then mkdir -p "$target" && cp "$source"* "$target/"; else cp "$source" "$target"; fi
"""


def measure(data: Data, *, quick: bool) -> list[Table]:
    """Start a bare node with the wheels of each engine in turn.

    Args:
        data: Unused.
        quick: Once instead of three times.
    """
    houses = {engine: gather_wheels(requirements_file(project_dir(), engine), wheelhouse_dir()) for engine in ENGINES}
    contenders = [Contender(engine, partial(start_node, house, engine)) for engine, house in houses.items()]
    results = take_turns(contenders, 1 if quick else 3)
    columns = {
        "CPU s": lambda result: f"{result.median('cpu'):.1f}",
        "second start s": lambda result: f"{result.median('again'):.1f}",
        "wheels": lambda result: f"{result.median('wheels'):.0f}",
        "MB fetched": lambda result: f"{result.median('fetched') / 1e6:.0f}",
        "MB on disk": lambda result: f"{result.median('installed') / 1e6:.0f}",
    }
    return [compare("A bare node until it is ready, without the network", results, _OURS, columns)]


def start_node(house: Path, engine: str) -> dict[str, float]:
    """Make a node ready, and then a second time, when there is nothing left to do but to check.

    Args:
        house: The folder of wheels.
        engine: Whose.

    Returns:
        `seconds` and `cpu`, those of the processor in user mode, of the first start; `again`, the seconds of the
        second; `wheels`, their number; `fetched` and `installed`, bytes: what was copied, what is on the disk then.

    Raises:
        MeasurementFailedError: The node did not become ready.
    """
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=FOLDER) as folder:
        tools, venv = Path(folder) / "bin", Path(folder) / "node" / engine
        _write_tools(tools)
        environment = {**os.environ, "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}"}
        command = ["bash", str(project_dir() / "bootstrap" / "install.sh"), str(house), str(venv), "eu-west-1"]
        seconds, cpu = _timed(command, environment)
        again, _ = _timed(command, environment)
        return {
            "seconds": seconds,
            "cpu": cpu,
            "again": again,
            "wheels": len(list(house.glob("*.whl"))),
            "fetched": sum(file.stat().st_size for file in house.iterdir()),
            "installed": sum(path.lstat().st_blocks * 512 for path in venv.rglob("*")),  # stat(2): blocks of 512 bytes
        }


def _write_tools(folder: Path) -> None:
    """The commands that a node has and this machine may not have."""
    folder.mkdir()
    for name, text in {"aws": _AWS, "python3.11": f'#!/bin/sh\nexec {shlex.quote(sys.executable)} "$@"\n'}.items():
        (folder / name).write_text(text, "utf-8")
        (folder / name).chmod(0o755)


def _timed(command: list[str], environment: dict[str, str]) -> tuple[float, float]:
    """Seconds, and seconds of the processor in user mode of the process and of all it waited for."""
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as told:
        began = time.monotonic()
        process = subprocess.Popen(command, env=environment, stdout=told, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.monotonic() - began
        process.returncode = os.waitstatus_to_exitcode(status)  # it has been waited for
        if process.returncode:
            told.seek(0)
            raise MeasurementFailedError(told.read())
        return seconds, usage.ru_utime
