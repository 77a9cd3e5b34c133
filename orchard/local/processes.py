"""Processes that leave nothing behind: each has a keeper (`cache.lifeline`), which ends it with this process."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from contextlib import contextmanager, suppress
from typing import IO, TYPE_CHECKING, Any

from orchard.cache import lifeline

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

GRACE = 3.0
"""Seconds between the request to end (SIGTERM) and the end (SIGKILL); a JVM needs about one for its hooks."""

_INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TZ", "JAVA_HOME", "LD_LIBRARY_PATH")


def inherited() -> dict[str, str]:
    """The variables of this process that those of the local cloud get too: where things are, and nobody's tokens."""
    return {name: os.environ[name] for name in _INHERITED if name in os.environ}


class Child:
    """A running program, with everything that it started. What it leaves running when it ends, ends too.

    Args:
        argv: The program and its arguments; one that is not there writes so, and ends with `lifeline.NOT_FOUND`.
        env: Its whole environment.
        stdout: Where its output goes, and, unless `stderr` says otherwise, its errors.
    """

    def __init__(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str],
        cwd: Path,
        stdout: IO[bytes],
        stderr: IO[bytes] | None = None,
    ) -> None:
        held, self._lifeline = os.pipe()
        try:
            self._process = subprocess.Popen(
                lifeline.kept(argv, held),
                env=dict(env),
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr or subprocess.STDOUT,
                pass_fds=[held],
                start_new_session=True,  # Ctrl-C in a terminal is for the command, which ends its children in order
            )
        except BaseException:
            os.close(self._lifeline)
            raise
        finally:
            os.close(held)
        self._lock = threading.Lock()
        self._held = True

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return self._process.poll() is None

    def wait(self) -> int:
        """Wait for its end; the exit code, or minus the signal that ended it."""
        code = self._process.wait()
        self._let_go()
        return code

    def end(self, grace: float = GRACE) -> None:
        """End it and all its descendants.

        Args:
            grace: Seconds they may take to end of themselves.
        """
        self._let_go(str(grace).encode())
        self.wait()

    def _let_go(self, grace: bytes = b"") -> None:
        with self._lock:
            if self._held:
                self._held = False
                with suppress(BrokenPipeError):
                    os.write(self._lifeline, grace)
                os.close(self._lifeline)


class Children:
    """The processes that were started for one purpose, to be ended together."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._children: list[Child] = []
        self._ended = False

    def add(self, child: Child) -> Child:
        """Take care of a process from now on; if all were ended already, it ends at once."""
        with self._lock:
            self._children.append(child)
            ended = self._ended
        if ended:
            child.end(grace=0)
        return child

    def end(self, grace: float = GRACE) -> None:
        """End them all, with what they left running."""
        with self._lock:
            self._ended = True
            children, self._children = self._children, []
        threads = [threading.Thread(target=child.end, args=(grace,)) for child in children]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Have `kill` and a closed terminal end a command as Ctrl-C does, so that what it holds is put away."""

    def end(number: int, _frame: Any) -> None:
        raise SystemExit(128 + number)

    ours: list[signal.Signals] = []
    if threading.current_thread() is threading.main_thread():
        ours = [one for one in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(one) == signal.SIG_DFL]
    for number in ours:
        signal.signal(number, end)
    try:
        yield
    finally:
        for number in ours:
            signal.signal(number, signal.SIG_DFL)
