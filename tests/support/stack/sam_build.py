"""What `sam build` leaves, made once for all tests that look at it; and how its functions are run."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np

from benchmarks.function_packages import lambda_python, runtime_libraries
from orchard.cache.lifeline import descendants
from orchard.local.lambda_.emulator import EmulatorRunner, emulator_binary
from tests.support.stack.template import ROOT, TEMPLATE

_RUNTIME = ("awslambdaric", "simplejson", "snapshot-restore-py")
"""The runtime's client, and what it stands on."""


def sam_build(target: Path) -> Path:
    """Build the stack as a user does, but into another folder.

    Args:
        target: The folder.

    Returns:
        The template in it.
    """
    sam = Path(sys.executable).with_name("sam")
    command = [str(sam), "build", "--template-file", str(TEMPLATE), "--build-dir", str(target), "--region", "eu-west-1"]
    told = {**os.environ, "SAM_CLI_TELEMETRY": "0", "WEIGHTS": "random"}
    done = subprocess.run(command, cwd=ROOT, env=told, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return target / "template.yaml"


class LambdasPython:
    """Runs the functions of a built template on the Python of their runtime, beside nothing but what Lambda has.

    Args:
        template: The template that `sam build` left.
        folder: For what the functions need.

    Attributes:
        python: The Python: Lambda's where this machine has it, else the one that runs this.
        template: The template; for another Python than Lambda's beside packages whose NumPy is that Python's.
    """

    def __init__(self, template: Path, folder: Path) -> None:
        self._folder = folder
        self.python = lambda_python()
        self.template = template
        if self.python == sys.executable:
            self.template = shutil.copytree(template.parent, folder / "packages") / template.name
            site = Path(np.__file__).parent.parent
            for compiled in self.template.parent.glob("*/numpy*"):
                shutil.rmtree(compiled)
                if (site / compiled.name).is_dir():
                    compiled.symlink_to(site / compiled.name)

    def runner(self, logs: Path) -> EmulatorRunner:
        """What a local cloud runs functions with."""
        runtime = self._folder / "runtime"
        runtime.mkdir()
        runtime_libraries(runtime, self.python, _RUNTIME)
        if self.python != sys.executable:
            shutil.copy(Path(__file__).with_name("runtime_client.py"), runtime)
        self._runner = EmulatorRunner(emulator_binary(self._folder), logs, runtime, (self.python, "-S", "-B"))
        return self._runner

    def peak_mebibytes(self, function: str) -> int:
        """The most memory that any process of a function has had (proc(5), VmHWM)."""
        child = self._runner._emulators[function]._child
        assert child is not None
        told = [Path(f"/proc/{pid}/status").read_text() for pid in descendants(child.pid)]
        peaks = [int(line.split()[1]) for text in told for line in text.splitlines() if line.startswith("VmHWM")]
        return max(peaks) // 1024
