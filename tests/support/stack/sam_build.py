"""What `sam build` leaves, made once for all tests that look at it; and how its functions are run."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.function_packages import lambda_python, runtime_libraries
from orchard.cache.lifeline import descendants
from orchard.local.cloud import LocalCloud
from orchard.local.lambda_.emulator import EmulatorRunner, emulator_binary
from orchard.local.lambda_.functions import Functions, running_functions
from orchard.local.moto.translate import StackSource, function_folders, layer_folders
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


def lambda_runtime(folder: Path) -> tuple[str, ...]:
    """Lay out what Lambda has beside a package.

    Args:
        folder: Where.

    Returns:
        The command that starts Python there, with nothing else that is installed.
    """
    python = lambda_python()
    runtime_libraries(folder, python, _RUNTIME)
    if python != sys.executable:
        shutil.copy(Path(__file__).with_name("runtime_client.py"), folder)
    return python, "-S", "-B"


@contextmanager
def run_by_lambdas_python(cloud: LocalCloud, template: Path, folder: Path) -> Iterator[tuple[EmulatorRunner, str]]:
    """Have the functions of a cloud run on the Python of their runtime, beside nothing but what Lambda has.

    Args:
        cloud: The cloud.
        template: The template that it was created from.
        folder: For what the functions need, and for their logs.

    Yields:
        What runs them, and the Python.
    """
    runtime, logs = folder / "runtime", folder / "logs"
    for one in (runtime, logs):
        one.mkdir()
    python = lambda_runtime(runtime)
    runner = EmulatorRunner(emulator_binary(folder), logs, runtime, python)
    with running_functions(
        Functions(runner, function_folders(template), layer_folders(StackSource(template)), cloud.environment)
    ):
        yield runner, python[0]


def peak_mebibytes(runner: EmulatorRunner, function: str) -> int:
    """The most memory that any process of a function has had (proc(5), VmHWM)."""
    child = runner._emulators[function]._child
    assert child is not None
    told = [Path(f"/proc/{pid}/status").read_text() for pid in descendants(child.pid)]
    peaks = [int(line.split()[1]) for text in told for line in text.splitlines() if line.startswith("VmHWM")]
    return max(peaks) // 1024
