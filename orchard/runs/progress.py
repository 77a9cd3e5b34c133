"""Where a run stands: answers of Step Functions and EMR in, a `Progress` out. Nothing here asks anybody."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from orchard.compute.cost import Cost, cost_of, paid_seconds
from orchard.layout import STAGES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime, timedelta

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
        launch: Which launch of a cluster this is: 1, 2 or 3; 0 before the first.
        cluster: The cluster's id; empty before there is one.
        cluster_state: EMR's cluster state.
        steps: The three steps, in order.
        elapsed: Since the start of the execution, until its end.
        error: The name of the error that it failed with.
        cause: Why, in plain words.
        started: When the execution started.
        archive: The zip's address; empty if the execution's input does not say.
        images: How many images the archive holds; None before that is known.
        awaits: Its place among those that wait for their turn; None if it does not wait.
        cost: What it costs; the actual cost is that of the present launch's cluster, or of the job runs.
    """

    status: str
    passed: tuple[str, ...]
    state: str
    launch: int
    cluster: str
    cluster_state: str
    steps: tuple[StepProgress, ...]
    elapsed: timedelta
    error: str = ""
    cause: str = ""
    started: datetime | None = None
    archive: str = ""
    images: int | None = None
    cost: Cost = field(default_factory=Cost)
    awaits: Place | None = None

    @property
    def ended(self) -> bool:
        """Whether nothing will change any more."""
        return self.status in _ENDED

    @property
    def on_job_runs(self) -> bool:
        """Whether its steps are job runs of EMR Serverless, and not those of a cluster."""
        return not self.cluster and any(step.id for step in self.steps)

    @property
    def paid_for(self) -> str:
        """What its actual cost is for."""
        return "job runs" if self.on_job_runs else "cluster"


def read_progress(
    execution: Mapping[str, Any],
    history: Sequence[Mapping[str, Any]],
    state: RunState,
    cluster: Mapping[str, Any] | None,
    steps: Iterable[Mapping[str, Any]],
    now: datetime,
) -> Progress:
    """Say where a run stands.

    Args:
        execution: The answer to DescribeExecution.
        history: The events of GetExecutionHistory, oldest first.
        state: What they say of the run, `RunState.of_history`.
        cluster: `Cluster` of the answer to DescribeCluster, for the cluster of the state.
        steps: `Steps` of the answers to ListSteps, for the same cluster; without one, the job runs in the same form.
        now: The present.

    Returns:
        The progress.
    """
    names = [event["stateEnteredEventDetails"]["name"] for event in history if "stateEnteredEventDetails" in event]
    known = list(steps)
    queued = {step["Id"]: step for step in known}
    named = {step["Name"]: step for step in known} if cluster is None else {}  # job runs: nobody keeps their ids
    ended = execution["status"] in _ENDED
    last = history[-1]["timestamp"] if history else now
    end = execution.get("stopDate", last) if ended else now
    return Progress(
        status=execution["status"],
        passed=tuple(dict.fromkeys(names)),
        state=names[-1] if names else "",
        launch=state.launch,
        cluster=state.cluster,
        cluster_state=cluster["Status"]["State"] if cluster else "",
        steps=tuple(
            _step_progress(stage, queued.get(state.steps.get(stage, "")) or named.get(stage), now) for stage in STAGES
        ),
        elapsed=end - execution["startDate"],
        error=execution.get("error", ""),
        cause=execution.get("cause", ""),
        started=execution["startDate"],
        archive=state.archive.uri,
        images=state.plan.images,
        cost=cost_of(state, paid_seconds(cluster, known, now)),
        awaits=None if ended else state.awaits,
    )


def _step_progress(stage: str, step: Mapping[str, Any] | None, now: datetime) -> StepProgress:
    if step is None:
        return StepProgress(stage)
    timeline = step["Status"].get("Timeline", {})
    started = timeline.get("StartDateTime")
    elapsed = timeline.get("EndDateTime", now) - started if started else None
    return StepProgress(stage, step["Id"], step["Status"]["State"], elapsed)
