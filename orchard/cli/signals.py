"""What a command says of a run that has ended badly."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchard.errors import ArchiveError, RunFailedError
from orchard.pipeline.state import REFUSED

if TYPE_CHECKING:
    from orchard.runs.progress import Progress


def failure(run: str, progress: Progress, archive: str, plan: str, diagnosis: str) -> ArchiveError | RunFailedError:
    """The error with which a command ends after a run that has none of the results it should have.

    Args:
        plan: What to type after a refusal.
        diagnosis: What to type after any other failure.

    Returns:
        An `ArchiveError` for a refused archive, else a `RunFailedError`.
    """
    if progress.error == REFUSED:
        return ArchiveError(f"{archive} was refused", progress.cause, plan)
    how = {"TIMED_OUT": "took too long", "ABORTED": "was stopped"}.get(progress.status, "failed")
    return RunFailedError(f"The run {run} {how}", progress.cause, diagnosis)
