"""One command of a cluster, a bootstrap action's or a step's: a real process, with the logs of a node."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from orchard.diagnose.records import is_noise
from orchard.local.emr.logs import LogFolder, controller_log
from orchard.local.processes import Child, Children

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path


@dataclass(frozen=True)
class Ended:
    """How a command ended.

    Attributes:
        code: Its exit code, or minus the signal that ended it.
        message: The last thing that it said on standard error of its failure; empty if nothing.
    """

    code: int
    message: str


class Commands:
    """Runs the commands of one cluster, one after the other, until told to stop."""

    def __init__(self) -> None:
        self._children = Children()
        self._lock = threading.Lock()
        self._current: tuple[str, Child] | None = None

    def run(
        self,
        name: str,
        argv: Sequence[str],
        env: Mapping[str, str],
        cwd: Path,
        logs: LogFolder,
        started: Callable[[], None] = lambda: None,
    ) -> Ended:
        """Run a command to its end.

        Args:
            name: What the controller log and `interrupt` call it.
            argv: The command; its program is looked for on the `PATH` of its environment.
        """
        logs.folder.mkdir(parents=True, exist_ok=True)
        began = datetime.now(UTC)
        with (logs.folder / "stdout").open("wb") as stdout, (logs.folder / "stderr").open("wb") as stderr:
            with self._lock:
                child = Child(argv, env=env, cwd=cwd, stdout=stdout, stderr=stderr)
                self._current = name, self._children.add(child)
            started()
            code = child.wait()
            with self._lock:
                self._current = None
        text = controller_log(name, argv, began, datetime.now(UTC), code)
        (logs.folder / "controller").write_text(text, encoding="utf-8")
        return Ended(code, _last_word(logs.folder / "stderr"))

    def interrupt(self, name: str) -> None:
        """End a command, if it runs now, with all that it started."""
        with self._lock:
            current = self._current
        if current is not None and current[0] == name:
            current[1].end()

    def end(self) -> None:
        """End everything that was ever started here; a command that comes later ends at once."""
        self._children.end()


def _last_word(file: Path, most: int = 65_536) -> str:
    """The last line that tells something.

    EMR, too, takes its message from "an error log that describes the root cause" (FailureDetails, API model).
    """
    lines = file.read_bytes()[-most:].decode(errors="replace").splitlines()
    return next((line.strip() for line in reversed(lines) if not is_noise(line)), "")
