"""The lines of a log, cut into what was written at once: a record of Spark's log with all that belongs to it.

And noise: lines that are in a log whatever ended the process, and never the evidence of a failure. That is what a
logger says at INFO or below, what Spark and the JVM say while they start and stop, what EMR's step runner says of every
step, frames of a stack and empty lines.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

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

_RECORD = re.compile(
    r"(?:\d\d/\d\d/\d\d \d\d:\d\d:\d\d|\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d[.,]\d{3}Z?) (?:\[\w{1,40}\] )?"
    r"(TRACE|DEBUG|INFO|WARN|ERROR|FATAL) ([\w.$]{1,200})[^:]{0,80}: ?"
)
"""The head of a record. "26/11/21 02:19:20 WARN TaskSetManager: …" is the layout of Spark's log4j2 properties, on EMR
too; YARN and Hadoop write "2026-11-21 02:19:20,123 WARN org.apache…: …"."""

_OF_STOPPING = re.compile(
    r"ShutdownHookManager|[Ss]hutdown hook|SparkContext is stopping|stopped SparkContext|Stopped Spark (web UI|@)|"
    r"Deleting directory|MemoryStore cleared|BlockManager(Master)? stopped|OutputCommitCoordinator stopped|"
    r"(Endpoint|Scheduler\w*|EventQueue\w*) stopped|RECEIVED SIGNAL (TERM|HUP|INT)|Driver commanded a shutdown|"
    r"Invoking stop\(\) from|Exception while deleting Spark temp dir|Shutting down (remote daemon|all executors)|"
    r"Command exiting with ret"
)
_OF_STARTING = re.compile(
    r"(SLF4J|log4j|WARNING|NOTE|Picked up \w{1,40})\b ?:|log4j:|Setting default log level|To adjust logging level|"
    r"Using Spark's default log4j|Unable to load native-hadoop|:: (loading|resolving|resolution|retrieving|problems)|"
    r"Warning: (Ignoring non-Spark config|Skip remote jar)"
)
_FRAME = re.compile(r"(at [\w.$<>/]{1,300}\(|\.\.\. \d{1,6} (more|common frames))")
_READ_FOR_NOISE = 1000


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
        return _record_head(line) is not None
    if line.startswith(TRACEBACK):
        return not _is_chained(lines, index)
    return line.startswith((ERROR_MARK, "Exception in thread ", "Command exiting with ret"))


def _is_chained(lines: Sequence[str], index: int) -> bool:
    """Whether the traceback at this line continues the one before it."""
    before = next((lines[i] for i in range(index - 1, max(-1, index - 4), -1) if lines[i].strip()), "")
    return before.strip() in _CHAINED


def _record(lines: Sequence[str], first: int, end: int) -> Record:
    head = lines[first]
    found = _record_head(head)
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


def _record_head(line: str) -> re.Match[str] | None:
    """The head of a logger's record, with its level and its logger; None for a line that no logger began."""
    return _RECORD.match(line)


def is_noise(line: str) -> bool:
    """Whether this line is in a log whatever happened.

    Returns:
        True for what is no evidence of anything; False for all that may be.
    """
    text = line[:_READ_FOR_NOISE].strip()
    if not text or _FRAME.match(text):
        return True
    head = _record_head(text)
    if head is not None and head[1] in ("TRACE", "DEBUG", "INFO"):
        return True
    return _OF_STOPPING.search(text) is not None or _OF_STARTING.match(text) is not None


def without_noise(text: str) -> str:
    """A text without its lines of noise."""
    return "\n".join(line for line in text.splitlines() if not is_noise(line))
