"""The logs in `logs/`: as Spark 3.5 on EMR writes them, most of them by real jobs that were made to fail."""

from collections.abc import Mapping
from pathlib import Path

from orchard.diagnose.logs import LogEnd, Look

_FOLDER = Path(__file__).parent / "logs"


def sample(name: str) -> str:
    """The text of one log."""
    return (_FOLDER / f"{name}.txt").read_text(encoding="utf-8")


def names(beginning: str = "") -> list[str]:
    """The names of the logs that begin so."""
    return sorted(path.stem for path in _FOLDER.glob(f"{beginning}*.txt"))


class FakeReader:
    """Logs in a dictionary, and which of them were asked for."""

    def __init__(self, logs: Mapping[str, str | LogEnd]) -> None:
        self.logs = {uri: log if isinstance(log, LogEnd) else LogEnd(log) for uri, log in logs.items()}
        self.looks: list[Look] = []
        self.asked: list[str] = []

    def read(self, uri: str) -> LogEnd | None:
        self.asked.append(uri)
        return self.logs.get(uri)

    def list(self, folder: str) -> tuple[str, ...]:
        self.asked.append(folder)
        return tuple(sorted(uri for uri in self.logs if uri.startswith(f"{folder}/")))
