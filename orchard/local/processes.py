"""Processes that leave nothing behind: each starts a session of its own, and a session is ended as a whole."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

GRACE = 3.0
"""Seconds between the request to end (SIGTERM) and the end (SIGKILL); a JVM needs about one for its hooks."""

_PROC = Path("/proc")

_INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TZ", "JAVA_HOME", "LD_LIBRARY_PATH")


def inherited() -> dict[str, str]:
    """The variables of this process that those of the local cloud get too: where things are, and nobody's tokens."""
    return {name: os.environ[name] for name in _INHERITED if name in os.environ}


class Child:
    """A running process, with everything that it started.

    Args:
        argv: The program and its arguments.
        env: Its whole environment.
        cwd: Its working folder.
        stdout: Where its output goes, and, unless `stderr` says otherwise, its errors.
        stderr: Where its errors go.

    Raises:
        OSError: There is no such program, or it cannot be run.
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
        self._process = subprocess.Popen(
            list(argv),
            env=dict(env),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr or subprocess.STDOUT,
            start_new_session=True,  # so that its process id names the session of all its descendants
        )

    @property
    def pid(self) -> int:
        """Its process id, and its session's."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether the process itself (not its descendants) still runs."""
        return self._process.poll() is None

    def wait(self) -> int:
        """Wait for its end; the exit code, or minus the signal that ended it."""
        return self._process.wait()

    def end(self, grace: float = GRACE) -> None:
        """End it and all its descendants.

        Args:
            grace: Seconds they may take to end of themselves.
        """
        _signal_session(self.pid, signal.SIGTERM)
        deadline = time.monotonic() + grace
        while (self.alive or session_members(self.pid)) and time.monotonic() < deadline:
            time.sleep(0.05)
        _signal_session(self.pid, signal.SIGKILL)
        self.wait()


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


def session_members(session: int) -> list[int]:
    """The processes of a session that still run.

    Args:
        session: The session's id.

    Returns:
        Their ids. Where there is no `/proc` (macOS) always none: there, only process groups can be ended.
    """
    members = []
    for stat in _PROC.glob("[0-9]*/stat"):
        with suppress(OSError, ValueError, IndexError):
            # proc(5): pid (command) state ppid pgrp session …; the command may hold spaces and parentheses
            state, _, _, own_session = stat.read_text().rpartition(")")[2].split()[:4]
            if int(own_session) == session and state != "Z":
                members.append(int(stat.parent.name))
    return members


def _signal_session(session: int, number: signal.Signals) -> None:
    """Signal a whole session: a process group is not enough, because pyspark's daemon makes one of its own."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(session, number)
    for pid in session_members(session):
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)
