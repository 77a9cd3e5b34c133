"""What a log says about a failure, as far as people want to read it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orchard.diagnose.causes import Cause

_MAX_LINES = 20
_MAX_WIDTH = 240


@dataclass(frozen=True)
class Finding:
    """What a log says about a failure.

    Attributes:
        cause: The cause; its `found_in` is empty, the reader of the file knows it.
        first_line: Where it is in the text, counted from 1.
        last_line: Where it ends.
        lines: The numbers and texts of the lines that show the cause, from `first_line` to `last_line`, shortened.
        python: The Python errors, the outermost first, one line each.
        java: The Java exceptions, likewise.
    """

    cause: Cause
    first_line: int
    last_line: int
    lines: tuple[tuple[int, str], ...] = ()
    python: tuple[str, ...] = ()
    java: tuple[str, ...] = ()

    def moved(self, by: int) -> Finding:
        """The same, in a text that has so many lines before it."""
        lines = tuple((number + by, text) for number, text in self.lines)
        return replace(self, first_line=self.first_line + by, last_line=self.last_line + by, lines=lines)

    @property
    def place(self) -> str:
        """Its lines in words."""
        if self.last_line > self.first_line:
            return f"lines {self.first_line} to {self.last_line}"
        return f"line {self.first_line}"


@dataclass(frozen=True)
class Evidence:
    """What a log in S3 says about a failure."""

    uri: str
    finding: Finding

    @property
    def cause(self) -> Cause:
        """The cause, and where it was found."""
        return replace(self.finding.cause, found_in=f"{self.uri}, {self.finding.place}")


def excerpt(lines: Sequence[str], first: int, end: int) -> tuple[tuple[int, str], ...]:
    """Some lines of a log with their numbers.

    Args:
        first: The index of the first.
        end: The index behind the last.

    Returns:
        Number, counted from 1, and text of each; of many lines only the first and the last.
    """
    chosen = list(range(first, end))
    if len(chosen) > _MAX_LINES:
        chosen = chosen[: _MAX_LINES // 2] + chosen[-_MAX_LINES // 2 :]
    return tuple((index + 1, _cut(lines[index])) for index in chosen)


def _cut(line: str) -> str:
    return line if len(line) <= _MAX_WIDTH else f"{line[:_MAX_WIDTH]} ..."
