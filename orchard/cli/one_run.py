"""One run: which is meant, where it stands, that as plain data, and how a command ends after one that ended badly."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from orchard.cli.output import now
from orchard.errors import ArchiveError, RunFailedError, UsageError
from orchard.pipeline.state import REFUSED

if TYPE_CHECKING:
    from orchard.cli.target import Place
    from orchard.compute.cost import Cost
    from orchard.runs.follow import Follower
    from orchard.runs.progress import Progress


def find(place: Place, name: str) -> str:
    """The id of the run that is meant, by its id, the beginning of it, or "" for the latest.

    Raises:
        UsageError: There is no such run, or more than one.
    """
    from orchard.runs.listing import find_run

    return find_run(place.step_functions, place.stack.state_machine_arn, name).rpartition(":")[2]


def follower(place: Place, run: str) -> Follower:
    """What looks at a run, which may be about to start."""
    from orchard.runs.follow import Follower

    return Follower(place.step_functions, place.computes, place.stack.execution_arn(run), now)


def look(place: Place, run: str) -> Progress:
    """Where a run stands.

    Raises:
        UsageError: There is no such run.
    """
    progress = follower(place, run).look()
    if progress is None:
        raise UsageError(f"There is no run {run!r}", "", "orchard runs")
    return progress


def plain(progress: Progress) -> dict[str, Any]:
    """Where a run stands, as plain data."""
    return {
        "status": progress.status,
        "state": progress.state,
        "started": None if progress.started is None else progress.started.isoformat(),
        "elapsed_seconds": round(progress.elapsed.total_seconds(), 1),
        "archive": progress.known.reads,
        "origin": dict(progress.known.plan.origin.runs),
        "images": progress.known.plan.images,
        "awaits_turn": progress.awaits is not None,
        "ahead": progress.awaits.ahead if progress.awaits else None,
        "launch": progress.known.launch,
        "cluster": progress.known.cluster,
        "cluster_state": progress.cluster_state,
        "kept": progress.kept,
        "steps": [
            {
                "name": step.name,
                "id": step.id,
                "state": step.state,
                "seconds": None if step.elapsed is None else round(step.elapsed.total_seconds(), 1),
            }
            for step in progress.steps
        ],
        **plain_cost(progress.cost),
        "error": progress.error,
        "cause": progress.cause,
    }


def plain_cost(cost: Cost) -> dict[str, Any]:
    """A run's cost as plain data."""
    return {
        "cost_usd": None if cost.usd is None else round(cost.usd, 4),
        "estimate_usd": cost.estimate,
        "price_date": cost.price_date or None,
        "price_region": cost.price_region or None,
    }


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
