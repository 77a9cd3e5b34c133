"""Lambda functions inside this very process: fast, for tests. No isolation, no timeout; the context is an imitation."""

import contextlib
import importlib.util
import json
import os
import sys
import threading
import time
import traceback
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import boto3

from orchard.local.iam.roles import SECRET
from orchard.local.lambda_.functions import Function, Result
from orchard.local.moto.patching import replaced

Handler = Callable[[Any, Any], Any]


@dataclass(frozen=True)
class Context:
    """What a handler learns about its invocation; the names are Lambda's."""

    function_name: str
    invoked_function_arn: str
    memory_limit_in_mb: int
    deadline: float
    function_version: str = "$LATEST"
    aws_request_id: str = field(default_factory=lambda: str(uuid.uuid4()))

    @property
    def log_group_name(self) -> str:
        return f"/aws/lambda/{self.function_name}"

    @property
    def log_stream_name(self) -> str:
        return "local"

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until the timeout."""
        return max(0, round((self.deadline - time.monotonic()) * 1000))


class InProcessRunner:
    """Runs handlers in this process, one at a time, since they share its environment and its standard output.

    Args:
        logs: The folder for what functions write, a file each.
    """

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._lock = threading.Lock()
        self._handlers: dict[str, Handler] = {}
        self._variables: set[str] = set()
        self._clients: dict[str, dict[str, Any]] = {}
        _forget_clients()

    def run(self, function: Function, event: bytes) -> Result:
        """Run a handler.

        Returns:
            What it returned, or the error it raised as Lambda describes one.
        """
        log = self._logs / f"{function.name}.log"
        with (
            self._lock,
            self._environment_of(function),
            self._clients_of(function),
            log.open("a", encoding="utf-8") as stream,
            contextlib.redirect_stdout(stream),
        ):
            try:
                if function.name not in self._handlers:
                    self._handlers[function.name] = _load(function, log)
                context = Context(function.name, function.arn, function.memory, time.monotonic() + function.timeout)
                returned = self._handlers[function.name](json.loads(event), context)
                return Result(json.dumps(returned).encode())
            except Exception as error:  # whatever a handler raises is its result
                traceback.print_exc(file=stream)
                return Result.of_error(
                    type(error).__name__, str(error), traceback.format_list(traceback.extract_tb(error.__traceback__))
                )

    def close(self) -> None:
        """Forget the handlers."""
        self._handlers.clear()
        for name in self._variables:
            os.environ.pop(name, None)

    @contextlib.contextmanager
    def _environment_of(self, function: Function) -> Iterator[None]:
        """Have a function's variables, and the process's own again afterwards.

        New ones stay until the end: other threads read the environment meanwhile (urllib looks for proxies in it), name
        by name, and a name that goes between listing and reading it is a KeyError there.
        """
        self._variables |= set(function.environment) - set(os.environ)
        before = {name: os.environ[name] for name in function.environment if name in os.environ}
        os.environ.update(function.environment)
        try:
            yield
        finally:
            os.environ.update(before)

    def _clients_of(self, function: Function) -> AbstractContextManager[None]:
        """Have `orchard.aws.clients` sign with the key of the function's role.

        Not by the environment, where other threads look for a key meanwhile. A handler that makes its own clients acts
        for the user.
        """
        from orchard.aws import clients

        if function.access_key not in self._clients:
            own = {name: cache(member.__wrapped__) for name, member in vars(clients).items() if _is_cached(member)}
            session = boto3.Session(aws_access_key_id=function.access_key, aws_secret_access_key=SECRET)
            self._clients[function.access_key] = {**own, "boto3": session}
        return replaced(clients, **self._clients[function.access_key])


def _load(function: Function, log: Path) -> Handler:
    """Import a function's module under a name of its own: they are all called `app`."""
    module_name, _, handler = function.handler.rpartition(".")
    path = function.folder / (module_name.replace(".", "/") + ".py")
    spec = importlib.util.spec_from_file_location(f"orchard_local_function_{function.name}", path)
    if spec is None or spec.loader is None:
        raise ImportError(f"no module {path}")
    module = importlib.util.module_from_spec(spec)
    # a logger that is made at import keeps the standard output of that moment, so that has to outlive this invocation
    with contextlib.redirect_stdout(_Appending(log)):
        sys.path.insert(0, str(function.folder))
        try:
            spec.loader.exec_module(module)
        finally:
            sys.path.remove(str(function.folder))
    loaded: Handler = getattr(module, handler)
    return loaded


class _Appending:
    """A stream that opens its file for each write, so that nobody has to close it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def write(self, text: str) -> int:
        with self._path.open("a", encoding="utf-8") as stream:
            return stream.write(text)

    def flush(self) -> None:
        """Nothing is ever held back."""


def _forget_clients() -> None:
    """A new Lambda environment has no clients yet; those of an earlier cloud know an endpoint that is gone."""
    from orchard.aws import clients

    for member in vars(clients).values():
        if _is_cached(member):
            member.cache_clear()


def _is_cached(member: object) -> bool:
    return hasattr(member, "cache_clear")
