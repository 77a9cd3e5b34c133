"""Lines that are in a log whatever ended the process: none of them is ever the evidence of a failure.

What a logger says at INFO or below, what Spark and the JVM say while they start and stop, what EMR's step runner says
of every step, frames of a stack and empty lines.
"""

from __future__ import annotations

import re

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
_READ_OF_A_LINE = 1000


def record_head(line: str) -> re.Match[str] | None:
    """The head of a logger's record, with its level and its logger; None for a line that no logger began."""
    return _RECORD.match(line)


def is_noise(line: str) -> bool:
    """Whether this line is in a log whatever happened.

    Args:
        line: One line of a log.

    Returns:
        True for what is no evidence of anything; False for all that may be.
    """
    text = line[:_READ_OF_A_LINE].strip()
    if not text or _FRAME.match(text):
        return True
    head = record_head(text)
    if head is not None and head[1] in ("TRACE", "DEBUG", "INFO"):
        return True
    return _OF_STOPPING.search(text) is not None or _OF_STARTING.match(text) is not None


def without_noise(text: str) -> str:
    """A text without its lines of noise."""
    return "\n".join(line for line in text.splitlines() if not is_noise(line))
