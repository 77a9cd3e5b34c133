"""The log of a Spark process: the driver's stdout and stderr, which are a step's, or an executor's, in its container.

In client deploy mode `spark-submit` sends all that Python writes, its stderr too, to the step's stdout (Spark's
PythonRunner joins the two), and its own records to stderr. In either, the line is looked for in which an Orchard job
says what went wrong, and otherwise the error that ended it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import takewhile
from typing import TYPE_CHECKING

from orchard.diagnose.causes import Cause, known_cause, shorten
from orchard.diagnose.chain import chain_of
from orchard.diagnose.finding import Finding, excerpt
from orchard.diagnose.known import OWN_WORDS, QUOTE, ROOT_CAUSE
from orchard.diagnose.records import Record, TaskName, is_noise, lines_of, records
from orchard.errors import ERROR_MARK
from orchard.pipeline.values import Parsed

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

_APPLICATION = re.compile(r"\bapplication_\d{10,20}_\d{1,10}\b")
_CONTAINER = re.compile(r"\bcontainer_(?:e\d{1,6}_)?\d{10,20}_\d{1,10}_\d{1,6}_\d{1,10}\b")
_MOST_IDS = 50
_MAX_ERROR, _MAX_ERRORS = 300, 6
_MAX_OWN = 2000
_MOST_COMPLAINTS = 300
_READ_OF_A_LINE = 4000
_STOPPING = ("Invoking stop()", "SparkContext is stopping", "Driver commanded a shutdown", "RECEIVED SIGNAL TERM")
"""Once a driver stops, everything that was connected to it complains."""

_ABORTED = ("Job aborted", "Aborting job", "aborting job", "Uncaught exception", "User class threw", "Application")
_KILLED = re.compile(
    r"Container killed by YARN|Container killed on request|ExecutorLostFailure|Killed by external signal|"
    r"Exit code is 137|exit(?:ed with)? (?:code|status):? 137|released on a \*lost\* node|No space left on device"
)
_USAGE = re.compile(r"(?:([\w.-]{1,80}): error|Error): (.{1,4000})")
_BY_INTENT = ("TaskKilled", "Stage cancelled", "another attempt succeeded")


@dataclass(frozen=True)
class _OwnWords(Parsed):
    """What an Orchard job says of its failure: see `orchard.errors.ERROR_MARK`."""

    headline: str = ""
    cause: str = ""
    next: str = ""


@dataclass(frozen=True)
class SparkLog:
    """What the log of a Spark process says.

    Attributes:
        finding: Why it failed, if the log says so.
        applications: The ids of YARN's applications that it names, the last first.
        containers: The ids of the containers that it complains of, likewise.
        recovered: The tasks that failed here or elsewhere and then succeeded.
    """

    finding: Finding | None
    applications: tuple[str, ...]
    containers: tuple[str, ...]
    recovered: frozenset[TaskName]


def parse_spark_log(text: str, recovered: Iterable[TaskName] = ()) -> SparkLog:
    """Read the log of a Spark process. Never raises.

    Args:
        text: Its stdout or stderr, whole or the end of it.
        recovered: The tasks that are known to have succeeded in the end: what they failed of is no cause of anything.
    """
    lines = lines_of(text)
    all_records = records(lines)
    done = frozenset(recovered) | {record.task for record in all_records if record.task and _has_succeeded(record)}
    complaints = [record for record in all_records if record.level in ("WARN", "ERROR", "FATAL")]
    return SparkLog(
        finding=_own_words(lines) or _worst(lines, _before_the_end(all_records), done) or _usage(lines),
        applications=_ids(_APPLICATION, (record.message for record in all_records)),
        containers=_ids(_CONTAINER, (record.message for record in complaints)),
        recovered=done,
    )


def named_applications(text: str) -> tuple[str, ...]:
    """The ids of YARN's applications that a text names, the last first."""
    return _ids(_APPLICATION, lines_of(text))


def _own_words(lines: Sequence[str]) -> Finding | None:
    for index in range(len(lines) - 1, -1, -1):
        if lines[index].startswith(ERROR_MARK):
            own = _OwnWords.from_text(lines[index].removeprefix(ERROR_MARK))
            headline, why = own.headline[:_MAX_OWN], own.cause[:_MAX_OWN]
            if headline:
                told_all = f"{headline}: {why}" if why else headline
                sentence = told_all if told_all.endswith(("/", ".")) else f"{told_all}."  # an address stays whole
                cause = Cause(sentence, own.next, weight=OWN_WORDS)
                return Finding(cause, index + 1, index + 1, excerpt(lines, index, index + 1))
    return None


def _usage(lines: Sequence[str]) -> Finding | None:
    """What a command says of its arguments: argparse's last line, or that of spark-submit."""
    for index in range(len(lines) - 1, -1, -1):
        if found := _USAGE.match(lines[index]):
            complaint = shorten(found[2])
            cause = Cause(
                f"{found[1] or 'spark-submit'} was called with wrong arguments: {complaint.rstrip('.')}.",
                "sam build && sam deploy, if the run was started by the stack; its functions and its jobs do not fit.",
                complaint,
                weight=ROOT_CAUSE,
            )
            return Finding(cause, index + 1, index + 1, excerpt(lines, index, index + 1))
    return None


def _has_succeeded(record: Record) -> bool:
    return record.level == "INFO" and record.message.startswith("Finished task ")


def _before_the_end(all_records: Sequence[Record]) -> list[Record]:
    return list(takewhile(lambda record: not any(sign in record.message for sign in _STOPPING), all_records))


@dataclass(frozen=True)
class _Candidate:
    """One record of an error, and its rank."""

    rank: tuple[int, int, int, int, int]
    finding: Finding


@dataclass(frozen=True)
class _Complaint:
    """Some lines of an error: their first, the one behind their last, what they come to, and whether it is Python's."""

    first: int
    end: int
    error: str
    python: bool


def _worst(lines: Sequence[str], some: Iterable[Record], recovered: frozenset[TaskName]) -> Finding | None:
    """Of all errors the one to report: what ended the process, then what is known, what Python says, what is short."""
    # What no logger wrote is looked at whole: below a line of noise may be the cause.
    loud = [one for one in some if not (one.level and is_noise(lines[one.first]))][-_MOST_COMPLAINTS:]
    forgiven = {one.error for record in loud if record.task in recovered for one in _complaints(lines, record)[:1]}
    candidates = [
        candidate
        for record in loud
        if record.task not in recovered and not any(sign in record.message[:300] for sign in _BY_INTENT)
        if (candidate := _candidate(lines, record, forgiven))
    ]
    best = max(candidates, key=lambda one: one.rank, default=None)
    return best.finding if best else None


def _candidate(lines: Sequence[str], record: Record, forgiven: Collection[str]) -> _Candidate | None:
    complaints = _complaints(lines, record)
    ended_it = not record.level or record.level == "FATAL" or any(sign in record.message for sign in _ABORTED)
    # "Aborting task" and its like do not name their task: what they say is known from the records that do.
    if not complaints or (complaints[0].error in forgiven and record.task is None and not ended_it):
        return None
    known = [(one, cause) for one in complaints if (cause := known_cause(one.error))]
    chosen, cause = max(known, key=lambda pair: pair[1].weight, default=(complaints[0], _unknown(complaints[0])))
    chain = chain_of(lines, record.first, record.end)
    python = dict.fromkeys(shorten(found.error, _MAX_ERROR) for found in chain.tracebacks if not found.is_wrapper)
    finding = Finding(
        cause,
        chosen.first + 1,
        chosen.end,
        excerpt(lines, chosen.first, chosen.end),
        tuple(python)[-_MAX_ERRORS:],
        tuple(link.error for link in chain.java),
    )
    has_python = int(chain.traceback is not None)
    return _Candidate((int(ended_it), int(bool(known)), has_python, chosen.first - chosen.end, record.first), finding)


def _complaints(lines: Sequence[str], record: Record) -> list[_Complaint]:
    """The errors in a record, from the innermost to the outermost."""
    chain = chain_of(lines, record.first, record.end)
    python = [chain.traceback] if chain.traceback else []
    wrappers = [found for found in chain.tracebacks if found.is_wrapper]
    killed = [i for i in range(record.first, record.end) if _KILLED.search(lines[i][:_READ_OF_A_LINE])]
    return [
        *(_Complaint(found.first, found.end, found.error, True) for found in python),
        *(_Complaint(i, i + 1, lines[i][:_READ_OF_A_LINE], False) for i in killed[-1:]),
        *(_Complaint(link.line, link.line + 1, link.error, False) for link in reversed(chain.java)),
        *(_Complaint(found.first, found.end, found.error, False) for found in reversed(wrappers)),
    ]


def _unknown(complaint: _Complaint) -> Cause:
    short = shorten(complaint.error)
    # What a Python worker raised is all there is to know about it, even where it is nothing that is known.
    weight = ROOT_CAUSE if complaint.python else QUOTE
    who = "The job" if complaint.python else "Spark"
    return Cause(f"{who} stopped with {short}", "Read the whole log of the step.", short, weight=weight)


def _ids(pattern: re.Pattern[str], texts: Iterable[str]) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for text in texts:
        for one in pattern.findall(text[:_READ_OF_A_LINE]):
            found.pop(one, None)
            found[one] = None
    return tuple(reversed(found))[:_MOST_IDS]
