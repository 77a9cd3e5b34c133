"""The job runs of EMR Serverless that runs work on, in the words that EMR has for steps.

A run has one job run for each stage, found by its name and its tag: whoever asks need not know an id, so that also the
job runs of an execution that ended before it knew them are found.
"""

from __future__ import annotations

import time
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from orchard.compute.clusters import Alive
from orchard.compute.serverless_jobs import job_name
from orchard.errors import OrchardError
from orchard.layout import RUN_ID_TAG, STACK_TAG, STAGES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import datetime

    from mypy_boto3_emr_serverless import EMRServerlessClient
    from mypy_boto3_emr_serverless.literals import JobRunStateType

ALIVE: tuple[JobRunStateType, ...] = ("SUBMITTED", "PENDING", "SCHEDULED", "RUNNING", "QUEUED")
"""The states of job runs that go on, and cost money once they run, until they end or somebody cancels them."""

_AS_STEPS = {
    **dict.fromkeys(("SUBMITTED", "PENDING", "SCHEDULED", "QUEUED"), "PENDING"),
    "RUNNING": "RUNNING",
    "SUCCESS": "COMPLETED",
    "FAILED": "FAILED",
    "CANCELLING": "CANCEL_PENDING",
    "CANCELLED": "CANCELLED",
}
"""A job run's state → the state of a step that is as far."""

_STOPPED = ("CREATED", "STOPPED", "TERMINATED")
"""The states of an application that can be deleted, or has been (DeleteApplication, API reference)."""

_PAUSE = 5.0
_LOOKS = 60

_AROUND = timedelta(minutes=5)  # the clocks of Step Functions and EMR Serverless need not agree


class JobRuns:
    """The job runs of one application, which is one stack's.

    Args:
        client: The EMR Serverless client.
        application: The application's id.

    Attributes:
        application: The same.
    """

    def __init__(self, client: EMRServerlessClient, application: str) -> None:
        self._client = client
        self.application = application

    def alive(self) -> Iterator[Alive]:
        """Find the job runs of Orchard that go on.

        Yields:
            The job runs: all of them, on however many pages they are listed.
        """
        pages = self._client.get_paginator("list_job_runs").paginate(applicationId=self.application, states=list(ALIVE))
        for page in pages:
            for listed in page["jobRuns"]:
                job = self._get(listed["id"])
                tags = job.get("tags", {})
                if RUN_ID_TAG in tags:
                    yield Alive(listed["id"], tags[RUN_ID_TAG], tags.get(STACK_TAG, ""), listed["createdAt"])

    def cancel_jobs(self, ids: Sequence[str]) -> None:
        """Cancel job runs."""
        for one in ids:
            self._client.cancel_job_run(applicationId=self.application, jobRunId=one)

    def of_run(self, run: str, since: datetime) -> list[Mapping[str, Any]]:
        """The job runs of one run.

        Args:
            run: The run's id.
            since: When its execution started.

        Returns:
            The latest of each stage that has one, in the form of `Steps` of ListSteps.
        """
        names = {job_name(run, stage): stage for stage in STAGES}
        pages = self._client.get_paginator("list_job_runs").paginate(
            applicationId=self.application, createdAtAfter=since - _AROUND
        )
        listed = [one for page in pages for one in page["jobRuns"] if one.get("name") in names]
        latest = {one.get("name", ""): one["id"] for one in sorted(listed, key=lambda one: one["createdAt"])}
        return [_as_step(stage, self._get(latest[name])) for name, stage in names.items() if name in latest]

    def stop_application(self, sleep: Callable[[float], None] = time.sleep) -> None:
        """Stop the application, which can be deleted then; one that has worked stays started until it has idled.

        Args:
            sleep: Waits for so many seconds.

        Raises:
            OrchardError: A job run goes on, or the application does not stop.
        """
        state = ""
        for _ in range(_LOOKS):
            try:
                state = self._client.get_application(applicationId=self.application)["application"]["state"]
            except self._client.exceptions.ResourceNotFoundException:
                return
            if state in _STOPPED:
                return
            self._refuse_to_stop_work()
            if state == "STARTED":
                # it is refused while a job run is being cancelled
                with suppress(self._client.exceptions.ValidationException):
                    self._client.stop_application(applicationId=self.application)
            sleep(_PAUSE)
        raise OrchardError(
            f"The application {self.application} of EMR Serverless does not stop",
            f"it is {state} after {_LOOKS * _PAUSE:.0f} seconds, and only one that has stopped can be deleted",
            f"aws emr-serverless stop-application --application-id {self.application}",
        )

    def _refuse_to_stop_work(self) -> None:
        pages = self._client.get_paginator("list_job_runs").paginate(applicationId=self.application, states=list(ALIVE))
        going_on = [one.get("name") or one["id"] for page in pages for one in page["jobRuns"]]
        if going_on:
            cause = f"{', '.join(going_on)}: an application with a running job run can neither stop nor be deleted"
            raise OrchardError("Job runs are still going on", cause, "orchard runs --running")

    def _get(self, job_run: str) -> Mapping[str, Any]:
        return self._client.get_job_run(applicationId=self.application, jobRunId=job_run)["jobRun"]


def _as_step(stage: str, job: Mapping[str, Any]) -> Mapping[str, Any]:
    timeline = {
        "CreationDateTime": job["createdAt"],
        "StartDateTime": job.get("startedAt"),
        "EndDateTime": job.get("endedAt"),
    }
    status: dict[str, Any] = {
        "State": _AS_STEPS.get(job["state"], job["state"]),
        "Timeline": {name: time for name, time in timeline.items() if time is not None},
    }
    if job["state"] == "FAILED" and job.get("stateDetails"):
        status["FailureDetails"] = {"Message": job["stateDetails"]}
    return {"Id": job["jobRunId"], "Name": stage, "Status": status}
