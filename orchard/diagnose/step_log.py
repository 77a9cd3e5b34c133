"""The log of a Spark step: the driver's own words, or Spark's.

In client deploy mode `spark-submit` sends all that Python writes, its stderr too, to the step's stdout (Spark's
PythonRunner joins the two), and its own records to stderr. Two things are looked for in either: the line in which an
Orchard job says what went wrong, and otherwise the Python traceback that ended it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from orchard.diagnose.causes import Cause, known_cause, shorten
from orchard.diagnose.values import parsed, words
from orchard.jobs.entry import ERROR_MARK

_TRACEBACK = "Traceback (most recent call last):"
_JAVA_FAILURE = re.compile(r"^(?:Caused by: |Exception in thread \"[^\"]*\" )([\w.$]+(?:Error|Exception)\b.*)")
_KILLED = re.compile(r"\b(?:Container killed by YARN|ExecutorLostFailure|exit code:? 137)\b.*")


@dataclass(frozen=True)
class Finding:
    """What a log says about a failure.

    Attributes:
        cause: The cause; its `found_in` is empty, the reader of the file knows it.
        first_line: Where it is in the text, counted from 1.
        last_line: Where it ends.
    """

    cause: Cause
    first_line: int
    last_line: int


def parse_step_log(text: str) -> Finding | None:
    """Find why a step failed.

    Args:
        text: The whole of its stdout or stderr.

    Returns:
        The last of the job's own error lines; without any the last Python traceback; then what Java or YARN said last;
        None if there is nothing of the kind.
    """
    lines = text.splitlines()
    return _own_words(lines) or _traceback(lines) or _java(lines)


def _own_words(lines: list[str]) -> Finding | None:
    for number in range(len(lines), 0, -1):
        line = lines[number - 1]
        if line.startswith(ERROR_MARK):
            told = parsed(line.removeprefix(ERROR_MARK))
            headline, why = words(told, "headline"), words(told, "cause")
            if headline:
                sentence = f"{headline}: {why}." if why else f"{headline}."
                return Finding(Cause(sentence, words(told, "next")), number, number)
    return None


def _traceback(lines: list[str]) -> Finding | None:
    start = next((i for i in range(len(lines) - 1, -1, -1) if lines[i].strip() == _TRACEBACK), None)
    if start is None:
        return None
    indent = len(lines[start]) - len(lines[start].lstrip())
    for i in range(start + 1, len(lines)):
        line = lines[i][indent:] if lines[i][:indent].isspace() or not indent else lines[i]
        if line and not line[0].isspace():
            return Finding(_explain(line, f"The job stopped with {shorten(line)}"), start + 1, i + 1)
    return None


def _java(lines: list[str]) -> Finding | None:
    for number in range(len(lines), 0, -1):
        line = lines[number - 1]
        if found := _JAVA_FAILURE.search(line.strip()) or _KILLED.search(line):
            return Finding(_explain(found[0], f"Spark stopped with {shorten(found[0])}"), number, number)
    return None


def _explain(line: str, otherwise: str) -> Cause:
    return known_cause(line) or Cause(otherwise, "Read the whole log of the step.", shorten(line))
