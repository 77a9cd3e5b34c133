"""The logs in `logs/`: as Spark 3.5 on EMR writes them, most of them by real jobs that were made to fail."""

from pathlib import Path

_FOLDER = Path(__file__).parent / "logs"


def sample(name: str) -> str:
    """The text of one log."""
    return (_FOLDER / f"{name}.txt").read_text(encoding="utf-8")


def names(beginning: str = "") -> list[str]:
    """The names of the logs that begin so."""
    return sorted(path.stem for path in _FOLDER.glob(f"{beginning}*.txt"))
