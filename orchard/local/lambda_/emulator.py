"""Lambda functions as processes: the runtime of AWS below the Lambda Runtime Interface Emulator of the AWS SAM CLI.

Each function has an emulator, started at its first event and again whenever it has died or the function is configured
anew. It serves one request at a time: a second one meanwhile would end it.
"""

from __future__ import annotations

import http.client
import json
import os
import platform
import shutil
import socket
import sys
import threading
import time
import uuid
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchard.errors import EnvironmentNotReadyError, installing
from orchard.local.lambda_.functions import Function, Result
from orchard.local.processes import Child, Children, inherited

if TYPE_CHECKING:
    from collections.abc import Sequence

_INVOCATIONS = "/2015-03-31/functions/function/invocations"
_START = 120.0
"""Seconds until an emulator listens; it takes a tenth of one, on a machine with nothing else to do."""

_GRACE = 30.0
"""Seconds beyond a function's timeout until its emulator counts as stuck: a first event also waits for the start."""

_TIMED_OUT = "Sandbox.Timedout"
_ERROR_FIELDS = {"errorMessage", "errorType", "stackTrace"}


def emulator_binary(folder: Path) -> Path:
    """The emulator for this machine, made executable.

    Args:
        folder: Where to copy it to: the SAM CLI's own copy is not executable.

    Raises:
        EnvironmentNotReadyError: The SAM CLI is not installed, or has none for this machine.
    """
    architecture = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}.get(
        platform.machine().lower(), platform.machine()
    )
    fix = installing("local")
    if sys.platform != "linux":
        raise EnvironmentNotReadyError(
            "Lambda functions cannot be emulated here", f"the emulator is a program for Linux, not {sys.platform}", fix
        )
    import samcli

    name = f"aws-lambda-rie-{architecture}"
    source = Path(str(samcli.__file__)).parent / "local" / "rapid" / name
    if not source.is_file():
        raise EnvironmentNotReadyError("The Lambda emulator is missing", f"the AWS SAM CLI has no {source}", fix)
    copy = folder / name
    shutil.copyfile(source, copy)
    copy.chmod(0o755)
    return copy


class EmulatorRunner:
    """Runs functions below emulators.

    Args:
        logs: The folder for what functions write, a file each.
        library: The folder that every function can import from, as from a layer.
        python: What runs them; without more, this Python with everything that is installed for it.
    """

    def __init__(self, binary: Path, logs: Path, library: Path, python: Sequence[str] = (sys.executable,)) -> None:
        self._binary = binary
        self._logs = logs
        self._library = library
        self._python = python
        self._children = Children()
        self._lock = threading.Lock()
        self._emulators: dict[str, Emulator] = {}

    def run(self, function: Function, event: bytes) -> Result:
        """Run a function."""
        with self._lock:
            earlier = self._emulators.get(function.name)
            if earlier is None or earlier.function != function:
                self._emulators[function.name] = Emulator(function, self._start)
            emulator = self._emulators[function.name]
        if earlier is not None and earlier is not emulator:
            earlier.end()
        return emulator.run(event)

    def close(self) -> None:
        """End all emulators."""
        self._children.end(grace=0.5)

    def _start(self, function: Function) -> tuple[Child, int]:
        port, runtime_port = free_port(), free_port()
        path = os.pathsep.join([str(function.folder), str(self._library)])
        addresses = {"--runtime-interface-emulator-address": port, "--runtime-api-address": runtime_port}
        arguments = [argument for flag, at in addresses.items() for argument in (flag, f"127.0.0.1:{at}")]
        with (self._logs / f"{function.name}.log").open("ab") as log:
            child = Child(
                [str(self._binary), *arguments, *self._python, "-m", "awslambdaric", function.handler],
                env={
                    **inherited(),
                    **function.environment,
                    "AWS_ACCESS_KEY_ID": function.access_key,
                    "PYTHONPATH": path,
                    "LAMBDA_TASK_ROOT": str(function.folder),
                },
                cwd=function.folder,
                stdout=log,
            )
        return self._children.add(child), port


class Emulator:
    """One function's emulator.

    Args:
        start: Starts an emulator for it; returns the process and the port where it listens.
    """

    def __init__(self, function: Function, start: Any) -> None:
        self.function = function
        self._start = start
        self._lock = threading.Lock()
        self._child: Child | None = None
        self._port = 0

    def end(self) -> None:
        """End it, once it has done with the events before."""
        with self._lock:
            if self._child is not None:
                self._child.end(grace=0)

    def run(self, event: bytes) -> Result:
        """Give it an event, once it has done with those before."""
        with self._lock:
            if self._child is None or not self._child.alive:
                self._child, self._port = self._start(self.function)
                _await_port(self._port, self._child)
            try:
                status, body = _post(self._port, event, self.function.timeout + _GRACE)
            except (OSError, http.client.HTTPException) as error:
                self._child.end(grace=0)
                return Result.of_error("Runtime.ExitError", f"RequestId: {uuid.uuid4()} Error: {error or 'no answer'}")
            result = understood(status, body)
            if result.failed and _TIMED_OUT.encode() in result.payload:
                self._child.end(grace=0)  # it resets itself, and an event meanwhile would fail
            return result


def understood(status: int, body: bytes) -> Result:
    """What an emulator's answer means. It has no header for errors, and answers a timeout with plain text."""
    try:
        answer = json.loads(body)
    except ValueError:
        message = body.decode(errors="replace")
        kind = _TIMED_OUT if "timed out" in message else "Runtime.Unknown"
        return Result.of_error(kind, f"RequestId: {uuid.uuid4()} Error: {message}")
    raised = isinstance(answer, dict) and _ERROR_FIELDS | {"requestId"} == set(answer)
    return Result(body, failed=raised or status != http.client.OK)


def free_port() -> int:
    """A TCP port of this machine where nobody listens now."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _await_port(port: int, child: Child) -> None:
    deadline = time.monotonic() + _START
    while child.alive and time.monotonic() < deadline:
        with closing(socket.socket()) as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)


def _post(port: int, event: bytes, timeout: float) -> tuple[int, bytes]:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)) as connection:
        connection.request("POST", _INVOCATIONS, event, {"Content-Type": "application/json"})
        response = connection.getresponse()
        return response.status, response.read()
