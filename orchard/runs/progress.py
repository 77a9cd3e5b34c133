"""Where a run stands: answers of Step Functions and EMR in, a `Progress` out. Nothing here asks anybody."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from orchard.compute.cost import Cost, cost_of
from orchard.compute.registry import compute_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime, timedelta

    from orchard.compute.base import Compute, Seen
    from orchard.pipeline.state import Place, RunState

_ENDED = frozenset({"SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"})


@dataclass(frozen=True)
class StepProgress:
    """One Spark step.

    Attributes:
        name: The stage, one of `orchard.layout.STAGES`.
        id: EMR's id of it; empty while the step is not queued.
        state: EMR's step state; likewise.
        elapsed: How long it runs, or ran; None if it has not started.
    """

    name: str
    id: str = ""
    state: str = ""
    elapsed: timedelta | None = None


@dataclass(frozen=True)
class Progress:
    """Where a run stands.

    Attributes:
        status: The execution's: RUNNING, SUCCEEDED, FAILED, TIMED_OUT or ABORTED.
        passed: The states it entered, each once, in the order of the first time.
        state: The state that it is in, or ended in.
        steps: The three steps, in order.
        elapsed: Since the start of the execution, until its end.
        error: The name of the error that it failed with.
        cause: Why, in plain words.
        cost: What it costs; the actual cost is that of the present launch's cluster, or of the job runs.
    """

    status: str
    passed: tuple[str, ...]
    state: str
    known: RunState
    cluster_state: str
    steps: tuple[StepProgress, ...]
    elapsed: timedelta
    error: str = ""
    cause: str = ""
    started: datetime | None = None
    cost: Cost = field(default_factory=Cost)

    @property
    def ended(self) -> bool:
        """Whether nothing will change any more."""
        return self.status in _ENDED

    @property
    def kept(self) -> bool:
        """Whether its steps are done, its results complete, and its cluster is kept for further steps."""
        alive = self.status == "RUNNING" and self.cluster_state in ("RUNNING", "WAITING")
        return alive and self.known.plan.keep > 0 and all(step.state == "COMPLETED" for step in self.steps)

    @property
    def complete(self) -> bool:
        """Whether its results are complete."""
        return self.status == "SUCCEEDED" or self.kept

    @property
    def awaits(self) -> Place | None:
        """Its place among those that wait for their turn; None if it does not wait."""
        return None if self.ended else self.known.awaits

    @property
    def compute(self) -> Compute:
        """What it works on."""
        return compute_of(self.known)

    @property
    def works(self) -> str:
        """What works for it, or worked, in a few words."""
        if self.known.cluster:
            return f"cluster {self.known.cluster} is {self.cluster_state}"
        return self.compute.paid_for if self.begun else "no cluster"

    @property
    def begun(self) -> bool:
        """Whether there is a cluster, or a job run."""
        return bool(self.known.cluster) or any(step.id for step in self.steps)


def read_progress(
    execution: Mapping[str, Any],
    history: Sequence[Mapping[str, Any]],
    state: RunState,
    seen: Seen,
    now: datetime,
) -> Progress:
    """Say where a run stands.

    Args:
        execution: The answer to DescribeExecution.
        history: The events of GetExecutionHistory, oldest first.
        state: What they say of the run, `RunState.of_history`.
    """
    names = [event["stateEnteredEventDetails"]["name"] for event in history if "stateEnteredEventDetails" in event]
    queued = state.steps.values()  # what a cluster has beside these is not of this execution, or not known to it yet
    steps = {stage: one for stage, one in seen.steps.items() if not state.cluster or one["Id"] in queued}
    ended = execution["status"] in _ENDED
    last = history[-1]["timestamp"] if history else now
    end = execution.get("stopDate", last) if ended else now
    return Progress(
        status=execution["status"],
        passed=tuple(dict.fromkeys(names)),
        state=names[-1] if names else "",
        known=state,
        cluster_state=seen.status.get("State", ""),
        steps=tuple(_step_progress(stage, steps.get(stage), now) for stage in state.plan.origin.stages),
        elapsed=end - execution["startDate"],
        error=execution.get("error", ""),
        cause=execution.get("cause", ""),
        started=execution["startDate"],
        cost=cost_of(state, seen.paid_seconds),
    )


def _step_progress(stage: str, step: Mapping[str, Any] | None, now: datetime) -> StepProgress:
    if step is None:
        return StepProgress(stage)
    timeline = step["Status"].get("Timeline", {})
    started = timeline.get("StartDateTime")
    elapsed = timeline.get("EndDateTime", now) - started if started else None
    return StepProgress(stage, step["Id"], step["Status"]["State"], elapsed)
