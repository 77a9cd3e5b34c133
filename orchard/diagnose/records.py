"""The lines of a log, cut into what was written at once: a record of Spark's log with all that belongs to it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchard.diagnose.noise import record_head
from orchard.errors import ERROR_MARK

if TYPE_CHECKING:
    from collections.abc import Sequence

TRACEBACK = "Traceback (most recent call last):"
"""How Python begins a traceback; Java quotes it in the middle of a line."""

TaskName = tuple[str, str]
"""A task as Spark names it in every attempt: its index and its stage."""

_CHAINED = (
    "During handling of the above exception, another exception occurred:",
    "The above exception was the direct cause of the following exception:",
    "An exception was thrown from the Python worker. Please see the stack trace below.",
)
_TASK = re.compile(r"(?:Lost|Exception in|Finished|Running) task (\d{1,9})\.\d{1,9} in stage (\d{1,9}\.\d{1,9})")
_READ_OF_A_LINE = 400  # a record's head; what names a task is at its beginning


@dataclass(frozen=True)
class Record:
    """Some lines that belong together.

    Attributes:
        level: The log's level; "" for text that no log wrote.
        logger: Who wrote it; likewise.
        message: Its first line, without level and time.
        first: The index of its first line.
        end: The index behind its last line.
        task: The task that it is about, if it names one.
    """

    level: str
    logger: str
    message: str
    first: int
    end: int
    task: TaskName | None


def lines_of(text: str) -> list[str]:
    """Cut a text at its newlines only, so that lines are counted as `zless` and `sed` count them."""
    return [line.removesuffix("\r") for line in text.split("\n")]


def records(lines: Sequence[str]) -> list[Record]:
    """Cut the lines of a log.

    Args:
        lines: All of them.

    Returns:
        The records, in order, without gaps.
    """
    starts = [index for index in range(len(lines)) if index == 0 or _begins(lines, index)]
    return [_record(lines, first, end) for first, end in zip(starts, [*starts[1:], len(lines)], strict=True)]


def _begins(lines: Sequence[str], index: int) -> bool:
    line = lines[index]
    if not line or line[0].isspace():
        return False
    if line[0].isdigit():
        return record_head(line) is not None
    if line.startswith(TRACEBACK):
        return not _is_chained(lines, index)
    return line.startswith((ERROR_MARK, "Exception in thread ", "Command exiting with ret"))


def _is_chained(lines: Sequence[str], index: int) -> bool:
    """Whether the traceback at this line continues the one before it."""
    before = next((lines[i] for i in range(index - 1, max(-1, index - 4), -1) if lines[i].strip()), "")
    return before.strip() in _CHAINED


def _record(lines: Sequence[str], first: int, end: int) -> Record:
    head = lines[first]
    found = record_head(head)
    message = head[found.end() :] if found else head
    task = _TASK.search(message[:_READ_OF_A_LINE])
    return Record(
        level=found[1] if found else "",
        logger=found[2] if found else "",
        message=message,
        first=first,
        end=end,
        task=(task[1], task[2]) if task else None,
    )
