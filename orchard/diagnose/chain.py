"""An error with all that caused it: a chain of Java exceptions, of Python tracebacks, or of one inside the other.

Spark wraps what fails in a Python worker into Java exceptions, and Py4J wraps those into a Python one: the outermost
says no more than that a call failed. What people need is inside.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchard.diagnose.causes import shorten
from orchard.diagnose.records import TRACEBACK

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_MAX_LINK = 300
_MAX_LINKS = 12
_MOST_TRACEBACKS, _MAX_TRACEBACK = 100, 400  # how many, and how many lines of one
_CLASS = re.compile(r"[\w$.]{3,300}")
_WRAPPERS = ("py4j.protocol.", "pyspark.errors.exceptions.captured.", "pyspark.errors.exceptions.base.PySpark")
"""Python errors that only say that Java said something."""

_STAGE_FAILURE = "most recent failure: "


@dataclass(frozen=True)
class Traceback:
    """One Python traceback.

    Attributes:
        first: The index of its first line.
        end: The index behind its last line.
        error: Its last line: the class of the error and its message.
    """

    first: int
    end: int
    error: str

    @property
    def is_wrapper(self) -> bool:
        """Whether it only says that Java said something."""
        return self.error.startswith(_WRAPPERS)


@dataclass(frozen=True)
class Link:
    """One Java exception.

    Attributes:
        line: The index of its line.
        error: Its class and its message.
    """

    line: int
    error: str


@dataclass(frozen=True)
class Chain:
    """An error with all that caused it.

    Attributes:
        java: The Java exceptions, the outermost first.
        tracebacks: The Python tracebacks, in the order of the text.
    """

    java: tuple[Link, ...]
    tracebacks: tuple[Traceback, ...]

    @property
    def traceback(self) -> Traceback | None:
        """The shortest Python traceback that is not a wrapper, of equals the last."""
        raised = [found for found in self.tracebacks if not found.is_wrapper]
        return min(reversed(raised), key=lambda found: found.end - found.first, default=None)


def chain_of(lines: Sequence[str], first: int, end: int) -> Chain:
    """Read the chain of errors in some lines.

    Args:
        first: The index of the first line to read.
        end: The index behind the last.

    Returns:
        The chain; empty if no error is there.
    """
    tracebacks: list[Traceback] = []
    java: dict[str, Link] = {}
    index, tried = first, 0
    while index < end:
        for error in _java_errors(lines[index]):
            java.setdefault(error, Link(index, error))
        if TRACEBACK in lines[index] and tried < _MOST_TRACEBACKS:
            tried += 1
            found = _traceback(lines, index, min(end, index + _MAX_TRACEBACK))
            if found is not None:
                tracebacks.append(found)
                index = found.end - 1  # its last line may begin what Java says
                continue
        index += 1
    return Chain(tuple(java.values())[:_MAX_LINKS], tuple(tracebacks))


def _traceback(lines: Sequence[str], start: int, end: int) -> Traceback | None:
    """The traceback that begins at this line, or None if it is cut off before it says what happened."""
    line = lines[start]
    indent = len(line) - len(line.lstrip()) if line.lstrip().startswith(TRACEBACK) else 0
    for index in range(start + 1, end):
        text = lines[index]
        own = text[indent:] if text[:indent].isspace() or not indent else text
        if own and not own[0].isspace():
            return Traceback(start, index + 1, own.strip())
    return None


def _java_errors(line: str) -> Iterator[str]:
    """The Java exceptions that one line names: one, or several that Spark quoted in each other."""
    text = line.strip()
    for prefix in ("Caused by: ", ": ", "Suppressed: ", "# "):
        text = text.removeprefix(prefix)
    if text.startswith('Exception in thread "'):
        text = text.partition('" ')[2]
    name, _, message = text.partition(": ")
    if _is_class(name.rstrip(":")):
        if _STAGE_FAILURE in message:
            aborted, _, failure = message.partition(_STAGE_FAILURE)
            yield _link(name, aborted.rstrip(", "))
            yield from _task_failure(failure)
        else:
            yield _link(name.rstrip(":"), "" if message.strip() == TRACEBACK else message)
    elif "Lost task " in line[:300]:
        yield from _task_failure(line[line.index("Lost task ") :])


def _task_failure(text: str) -> Iterator[str]:
    """What stopped a task: "Lost task 1.3 in stage 0.0 (TID 5) (host executor 0): <what>"."""
    what = text.partition("): ")[2]
    name, _, message = what.partition(": ")
    if _is_class(name):
        yield _link(name, "" if message.strip() == TRACEBACK else message)
    elif what:
        yield shorten(what, _MAX_LINK)


def _link(name: str, message: str) -> str:
    return shorten(f"{name}: {message}" if message.strip() else name, _MAX_LINK)


def _is_class(name: str) -> bool:
    """Whether this is the full name of a Java exception: `java.io.EOFException`, not `ValueError`."""
    if not _CLASS.fullmatch(name) or "." not in name:
        return False
    own = name.rpartition(".")[2]
    return own[:1].isupper() and ("Error" in own or "Exception" in own) and not name.startswith(_WRAPPERS)
