"""Follow a run: where its execution, its cluster and its steps stand.

`Follower` asks Step Functions and what the run works on, `runs.progress` understands their answers, and `follow`
repeats that until the run has ended. A lost connection or a throttled call ends nothing: the run goes on without
whoever watches it.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError, EndpointConnectionError

from orchard.aws.endpoint import check_endpoint
from orchard.aws.errors import CONNECTION_ERRORS, passes
from orchard.errors import RunFailedError
from orchard.pipeline.state import RunState
from orchard.runs.progress import read_progress

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from mypy_boto3_stepfunctions import SFNClient

    from orchard.compute.registry import Computes
    from orchard.runs.progress import Progress

FIRST_PAUSE = 2.0
LONGEST_PAUSE = 5.0
PATIENCE = 300.0
"""Seconds to wait for S3's event to start the run: "typically seconds, sometimes a minute or longer" (S3 user guide,
event notifications), and a Lambda's cold start."""


class Follower:
    """Asks AWS where one run stands, and remembers the history read so far."""

    def __init__(self, sfn: SFNClient, computes: Computes, execution_arn: str, now: Callable[[], datetime]) -> None:
        self._sfn = sfn
        self._computes = computes
        self._arn = execution_arn
        self._now = now
        self._history: list[Mapping[str, Any]] = []

    def look(self) -> Progress | None:
        """Ask once.

        Returns:
            The progress, or None while there is no such execution yet.

        Raises:
            EnvironmentNotReadyError: It is asked of a local cloud, which has ended.
        """
        try:
            execution = self._sfn.describe_execution(executionArn=self._arn)
        except self._sfn.exceptions.ExecutionDoesNotExist:
            return None
        except EndpointConnectionError:
            check_endpoint()  # a local cloud that has ended does not come back, as a lost connection does
            raise
        self._read_on()
        state = RunState.of_history(reversed(self._history), execution.get("input", ""))
        now = self._now()
        seen = self._computes.look(state, execution["startDate"], now)
        return read_progress(execution, self._history, state, seen, now)

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
    until_kept: bool = False,
    sleep: Callable[[float], None] = time.sleep,
) -> Progress:
    """Look at a run until it has ended.

    Args:
        look: `Follower.look`.
        on_progress: Called with the progress of every look.
        on_trouble: Called with one line when a look has failed and will be repeated.
        function_logs: What to type to see why an upload starts nothing.
        until_kept: Whether it is enough that its steps are done and its cluster is kept.

    Raises:
        RunFailedError: No execution started within `PATIENCE`.
    """
    pause, waited, before = FIRST_PAUSE, 0.0, None
    while True:
        try:
            progress = look()
        except (*CONNECTION_ERRORS, ClientError) as error:
            if not passes(error):
                raise
            on_trouble(str(error))
            pause = LONGEST_PAUSE
        else:
            if progress is not None:
                on_progress(progress)
                if progress.ended or (until_kept and progress.kept):
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
