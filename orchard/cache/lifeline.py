"""Programs that end with the process that started them, whatever ended it, and with all that they started themselves.

    python -I -S lifeline.py FD PROGRAM ARGUMENT…

is the program's keeper: it adopts every orphan below it (`PR_SET_CHILD_SUBREAPER`, prctl(2)), and holds the reading end
of a pipe, FD, whose other end nobody has but who started it. When that end closes, as `kill -9` closes it too, or when
the program has ended, everything below ends. A process group would not do, as pyspark's daemon makes one of its own;
nor would a parent's death signal, which reaches children only. Where there is no `/proc` (macOS) only the program ends.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

NOT_FOUND = 127
"""What a shell says of a command that is not there, and the keeper, too."""

_PROC = Path("/proc")
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36  # include/uapi/linux/prctl.h
_REQUESTS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_REQUEST_GRACE = 3.0


def kept(argv: Sequence[str], lifeline: int) -> list[str]:
    """The command that runs a program under a keeper.

    Args:
        lifeline: The reading end of the pipe, which the keeper has to inherit (`pass_fds`).
    """
    return [sys.executable, "-I", "-S", __file__, str(lifeline), *argv]


@contextmanager
def pipe() -> Iterator[tuple[int, int]]:
    """A pipe whose ends are both closed at the end, if they still are open."""
    ends = os.pipe()
    try:
        yield ends
    finally:
        for end in ends:
            with suppress(OSError):
                os.close(end)


def run(
    argv: Sequence[str], *, env: Mapping[str, str] | None = None, timeout: float | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end, or to this process's.

    Args:
        env: Its whole environment; None for this process's.
        timeout: Seconds that it may take.

    Returns:
        How it ended, with what it wrote; code `NOT_FOUND` if there is no such program.

    Raises:
        subprocess.TimeoutExpired: It took longer.
    """
    with pipe() as (lifeline, _):
        return subprocess.run(
            kept(argv, lifeline),
            env=env,
            pass_fds=[lifeline],
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=timeout,
            check=False,
        )


def descendants(ancestor: int) -> list[int]:
    """The living processes below a process; always none where there is no `/proc`."""
    parents = {}
    for stat in _PROC.glob("[0-9]*/stat"):
        with suppress(OSError, ValueError):
            # proc(5): pid (command) state ppid …; the command may hold spaces and parentheses
            state, parent = stat.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[:2]
            if state != "Z":
                parents[int(stat.parent.name)] = int(parent)
    found = {ancestor}
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return sorted(found - {ancestor})


class _Keeper:
    """Keeps one program. There is one thread only: signals arrive in a pipe of their own."""

    def __init__(self, lifeline: int, argv: Sequence[str]) -> None:
        self._lifeline = lifeline
        self._status: int | None = None
        os.set_inheritable(lifeline, False)
        prctl = _prctl()
        prctl(_PR_SET_CHILD_SUBREAPER, 1)
        self._arrived, wakeup = os.pipe()
        os.set_blocking(wakeup, False)
        signal.set_wakeup_fd(wakeup, warn_on_full_buffer=False)
        for number in (signal.SIGCHLD, *_REQUESTS):
            signal.signal(number, lambda *_: None)
        self._pid = os.fork()
        if self._pid == 0:
            prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)  # should the keeper itself be killed
            _become(argv)

    def keep(self) -> int:
        """Wait for the end of the program or of the lifeline, and end what is below; the program's wait status."""
        grace = None
        while grace is None and self._status is None:
            ready, _, _ = select.select([self._lifeline, self._arrived], [], [])
            if self._arrived in ready and set(os.read(self._arrived, 512)) & set(_REQUESTS):
                grace = _REQUEST_GRACE
            if self._lifeline in ready:
                grace = float(os.read(self._lifeline, 64) or b"0")  # nothing was written: who held it is dead
            self._reap()
        if grace:
            self._end(signal.SIGTERM, time.monotonic() + grace)
        self._end(signal.SIGKILL, None)
        self._reap()
        return self._status or 0

    def _end(self, number: int, deadline: float | None) -> None:
        """Send everything below a signal, until nothing is left or the time is over."""
        asked: set[int] = set()
        while (left := self._below()) and (deadline is None or time.monotonic() < deadline):
            for pid in left:
                if number == signal.SIGKILL or pid not in asked:
                    asked.add(pid)
                    with suppress(ProcessLookupError, PermissionError):
                        os.kill(pid, number)
            time.sleep(0.01)
            self._reap()

    def _below(self) -> list[int]:
        if _PROC.joinpath("self").exists():
            return descendants(os.getpid())
        return [self._pid] if self._status is None else []

    def _reap(self) -> None:
        with suppress(ChildProcessError):
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == 0:
                    break
                if pid == self._pid:
                    self._status = status


def _prctl() -> Callable[[int, int], object]:
    if sys.platform != "linux":
        return lambda *_: None
    from ctypes import CDLL

    return lambda option, value: CDLL(None).prctl(option, value)


def _become(argv: Sequence[str]) -> None:
    # SIGPIPE and SIGXFSZ are what Python itself ignores
    for number in (signal.SIGCHLD, signal.SIGPIPE, signal.SIGXFSZ, *_REQUESTS):
        signal.signal(number, signal.SIG_DFL)
    with suppress(OSError):
        # where it is told no locale, Python has set one, for itself and its children (PEP 538)
        given = _PROC.joinpath("self", "environ").read_bytes().split(b"\0")
        os.environb.pop(b"LC_CTYPE", None)
        for name, _, value in (variable.partition(b"=") for variable in given):
            if name == b"LC_CTYPE":
                os.environb[name] = value
    try:
        os.execvp(argv[0], list(argv))  # noqa: S606  # without a shell, as is meant
    except OSError as error:
        os.write(2, f"{argv[0]}: {error.strerror}\n".encode())
    finally:
        os._exit(NOT_FOUND)


def _end_as(status: int) -> None:
    """End this process as the program did."""
    if os.WIFSIGNALED(status):
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        number = os.WTERMSIG(status)
        if number != signal.SIGKILL:
            signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
    os._exit(os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    _end_as(_Keeper(int(sys.argv[1]), sys.argv[2:]).keep())
