"""One measurement, one process: no cache, no thread pool and no peak of memory is left over from the one before."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent


class MeasurementFailedError(Exception):
    """A contender ended with an error; its own output is the message."""


def call(function: str, *, environment: dict[str, str] | None = None, **arguments: Any) -> dict[str, float]:  # noqa: ANN401
    """Call a function in a fresh Python process.

    Args:
        function: `module:name` of a function that takes the arguments by name and gives numbers by name.
        environment: What to set in the process's environment, beside what this one has.
        **arguments: JSON.

    Returns:
        What the function gave.

    Raises:
        MeasurementFailedError: The process failed.
    """
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder) / "answer.json"
        command = [sys.executable, "-m", __spec__.name, function, json.dumps(arguments), str(answer)]
        done = subprocess.run(
            command,
            cwd=ROOT,
            env={**os.environ, **(environment or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            check=False,
        )
        if done.returncode or not answer.exists():
            raise MeasurementFailedError(f"{function} ended with {done.returncode}:\n{done.stdout[-4000:]}")
        measured: dict[str, float] = json.loads(answer.read_text("utf-8"))
        return measured


def _answer(function: str, arguments: str, answer: str) -> None:
    module, name = function.split(":")
    measured = getattr(importlib.import_module(module), name)(**json.loads(arguments))
    Path(answer).write_text(json.dumps(measured), "utf-8")


if __name__ == "__main__":
    _answer(*sys.argv[1:])
