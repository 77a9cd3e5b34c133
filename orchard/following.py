"""Follow a run: where its execution, its cluster and its steps stand.

`read_progress` is pure: answers of Step Functions and EMR in, a `Progress` out. `Follower` asks for the answers, and
`follow` repeats that until the run has ended. A lost connection or a throttled call ends nothing: the run goes on
without whoever watches it.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from orchard.aws import CONNECTION_ERRORS
from orchard.errors import RunFailedError
from orchard.layout import STAGES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime, timedelta

    from mypy_boto3_emr import EMRClient
    from mypy_boto3_stepfunctions import SFNClient

FIRST_PAUSE = 2.0
LONGEST_PAUSE = 5.0
PATIENCE = 300.0
"""Seconds to wait for S3's event to start the run: "typically seconds, sometimes a minute or longer" (S3 user guide,
event notifications), and a Lambda's cold start."""

_ENDED = frozenset({"SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"})
_TRANSIENT = frozenset(
    {
        "InternalFailure",
        "InternalServerError",
        "InternalServerException",
        "RequestLimitExceeded",
        "RequestTimeout",
        "ServiceUnavailable",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)


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

    @property
    def ended(self) -> bool:
        """Whether nothing will change any more."""
        return self.status in _ENDED


def read_progress(
    execution: Mapping[str, Any],
    history: Sequence[Mapping[str, Any]],
    cluster: Mapping[str, Any] | None,
    steps: Iterable[Mapping[str, Any]],
    now: datetime,
) -> Progress:
    """Say where a run stands.

    Args:
        execution: The answer to DescribeExecution.
        history: The events of GetExecutionHistory, oldest first.
        cluster: `Cluster` of the answer to DescribeCluster, for the cluster that `latest_facts` names.
        steps: `Steps` of the answers to ListSteps, for the same cluster.
        now: The present.

    Returns:
        The progress.
    """
    facts = latest_facts(history)
    names = [event["stateEnteredEventDetails"]["name"] for event in history if "stateEnteredEventDetails" in event]
    queued = {step["Id"]: step for step in steps}
    ended = execution["status"] in _ENDED
    last = history[-1]["timestamp"] if history else now
    end = execution.get("stopDate", last) if ended else now
    return Progress(
        status=execution["status"],
        passed=tuple(dict.fromkeys(names)),
        state=names[-1] if names else "",
        launch=facts.get("launch", {}).get("attempt", 0),
        cluster=cluster_id(facts),
        cluster_state=cluster["Status"]["State"] if cluster else "",
        steps=tuple(_step_progress(stage, queued.get(_step_id(facts, stage)), now) for stage in STAGES),
        elapsed=end - execution["startDate"],
        error=execution.get("error", ""),
        cause=execution.get("cause", ""),
    )


def latest_facts(history: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The data that the execution carried into its latest state: plan, launch, cluster, steps, failure.

    Args:
        history: The events of GetExecutionHistory, oldest first.

    Returns:
        The data; empty when the execution has just started, or its log holds no data.
    """
    for event in reversed(history):
        text = event.get("stateEnteredEventDetails", {}).get("input")
        if text:
            try:
                facts = json.loads(text)
            except ValueError:  # Step Functions cuts long data off
                continue
            if isinstance(facts, dict):
                return facts
    return {}


def cluster_id(facts: Mapping[str, Any]) -> str:
    """The cluster of the present launch, by the facts of `latest_facts`; empty before there is one."""
    return str(facts.get("cluster", {}).get("id", ""))


def _step_id(facts: Mapping[str, Any], stage: str) -> str:
    return str(facts.get("steps", {}).get(stage, {}).get("id", ""))


def _step_progress(stage: str, step: Mapping[str, Any] | None, now: datetime) -> StepProgress:
    if step is None:
        return StepProgress(stage)
    timeline = step["Status"].get("Timeline", {})
    started = timeline.get("StartDateTime")
    elapsed = timeline.get("EndDateTime", now) - started if started else None
    return StepProgress(stage, step["Id"], step["Status"]["State"], elapsed)


class Follower:
    """Asks AWS where one run stands, and remembers the history read so far.

    Args:
        sfn: The Step Functions client.
        emr: The EMR client.
        execution_arn: The run's execution.
        now: The clock.
    """

    def __init__(self, sfn: SFNClient, emr: EMRClient, execution_arn: str, now: Callable[[], datetime]) -> None:
        self._sfn = sfn
        self._emr = emr
        self._arn = execution_arn
        self._now = now
        self._history: list[Mapping[str, Any]] = []

    def look(self) -> Progress | None:
        """Ask once.

        Returns:
            The progress, or None while there is no such execution yet.
        """
        try:
            execution = self._sfn.describe_execution(executionArn=self._arn)
        except self._sfn.exceptions.ExecutionDoesNotExist:
            return None
        self._read_on()
        facts = latest_facts(self._history)
        cluster: Mapping[str, Any] | None = None
        steps: list[Mapping[str, Any]] = []
        if cluster_id(facts):
            cluster = self._emr.describe_cluster(ClusterId=cluster_id(facts))["Cluster"]
            # Not by their ids: after a launch that failed, the facts still hold the ids of another cluster's steps.
            pages = self._emr.get_paginator("list_steps").paginate(ClusterId=cluster_id(facts))
            steps = [step for page in pages for step in page["Steps"]]
        return read_progress(execution, self._history, cluster, steps, self._now())

    def _read_on(self) -> None:
        """Add the events since the last time: newest first, until one that is known."""
        known = self._history[-1]["id"] if self._history else 0
        fresh: dict[int, Mapping[str, Any]] = {}
        paginator = self._sfn.get_paginator("get_execution_history")
        for page in paginator.paginate(executionArn=self._arn, reverseOrder=True):
            fresh.update((event["id"], event) for event in page["events"] if event["id"] > known)
            if any(event["id"] <= known for event in page["events"]):
                break
        self._history.extend(event for _, event in sorted(fresh.items()))


def follow(
    look: Callable[[], Progress | None],
    on_progress: Callable[[Progress], None],
    *,
    on_trouble: Callable[[str], None],
    function_logs: str = "",
    sleep: Callable[[float], None] = time.sleep,
) -> Progress:
    """Look at a run until it has ended.

    Args:
        look: `Follower.look`.
        on_progress: Told of every look.
        on_trouble: Told, in one line, that a look failed and will be repeated.
        function_logs: What to type to see why an upload starts nothing.
        sleep: Waits for so many seconds.

    Returns:
        The last progress.

    Raises:
        RunFailedError: No execution started within `PATIENCE`.
    """
    pause, waited, before = FIRST_PAUSE, 0.0, None
    while True:
        try:
            progress = look()
        except (*CONNECTION_ERRORS, ClientError) as error:
            if not _passes(error):
                raise
            on_trouble(str(error))
            pause = LONGEST_PAUSE
        else:
            if progress is not None:
                on_progress(progress)
                if progress.ended:
                    return progress
            elif waited >= PATIENCE:
                raise RunFailedError(
                    "The upload started no run",
                    f"the bucket's event has not reached the pipeline within {PATIENCE:.0f} seconds",
                    function_logs,
                )
            here = progress and (progress.state, progress.cluster_state, [step.state for step in progress.steps])
            pause = FIRST_PAUSE if here != before else min(LONGEST_PAUSE, pause * 1.5)
            before = here
        sleep(pause)
        waited += pause


def _passes(error: Exception) -> bool:
    """Whether an error is of the kind that passes by itself: no connection, too many requests, a fault of AWS's."""
    if isinstance(error, ClientError):
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        return error.response.get("Error", {}).get("Code", "") in _TRANSIENT or status >= 500
    return isinstance(error, CONNECTION_ERRORS)
