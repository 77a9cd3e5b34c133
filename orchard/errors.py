"""What can go wrong, and what the user is told.

Every error that a user can cause or mend is an `OrchardError`: a headline, the cause, and the next command to type.
Whatever else is raised is a defect of ours, and keeps its traceback.

    OrchardError                     exit 1   the run failed
    ├── RunFailedError               exit 1   an execution ended FAILED, TIMED_OUT or ABORTED
    ├── UsageError                   exit 2   a wrong argument
    │   └── OptionsError             exit 2   run options that contradict each other or the archive
    ├── ArchiveError                 exit 2   something about the zip; see orchard/archive/errors.py
    │   └── TooManyRejectedError     exit 2   too many of its images were rejected; see orchard/archive/too_many.py
    └── EnvironmentNotReadyError     exit 3   a tool, a credential, a stack or an artefact is missing
        └── WeightsUnavailableError  exit 3   the network's weights are neither cached nor downloadable
"""

from __future__ import annotations

from typing import ClassVar

from orchard.shown import shown, shown_lines

ERROR_MARK = "ORCHARD-ERROR "
"""Begins the one line by which `orchard.diagnose` finds what a job itself says of its failure. It is written to stderr,
which `spark-submit` sends on to the step's stdout."""


class OrchardError(Exception):
    """An error with a message for the user.

    Attributes:
        headline: What happened, one sentence without a full stop. What is not printable in it is escaped.
        cause: Why, in plain words; likewise, but for its line breaks.
        next_command: What to type next; empty when there is nothing to type.
        exit_code: What the command line exits with.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, headline: str, cause: str = "", next_command: str = "") -> None:
        super().__init__(headline, cause, next_command)
        self.headline = shown(headline)
        self.cause = shown_lines(cause)
        self.next_command = next_command

    def __str__(self) -> str:
        return f"{self.headline}: {self.cause}" if self.cause else self.headline


class RunFailedError(OrchardError):
    """An execution ended without results."""


class UsageError(OrchardError):
    """The user asked for something that cannot be."""

    exit_code = 2


class OptionsError(UsageError):
    """Run options that contradict each other, or the archive they are meant for."""


class ArchiveError(OrchardError):
    """The archive cannot be used."""

    exit_code = 2


class TooManyRejectedError(ArchiveError):
    """More of the archive's images were rejected than the run may lose."""


class EnvironmentNotReadyError(OrchardError):
    """Something that the command needs is not there yet."""

    exit_code = 3


class WeightsUnavailableError(EnvironmentNotReadyError):
    """The weights asked for are neither on this machine nor to be had."""
