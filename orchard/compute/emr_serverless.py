"""Runs on EMR Serverless: job runs of an application of the stack's own."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from orchard.compute.base import Access, Image, Quota, Requests, StepLogs
from orchard.compute.emr_serverless_plan import as_serverless, job_name, job_requests
from orchard.compute.images import RELEASE_LABEL
from orchard.compute.job_runs import JobRun, JobRuns, Listed, still_going_on
from orchard.compute.sizing import AT_MOST, EIGHT, SHAPES, UNLESS_ALLOWED, Ceiling, runs_at_once
from orchard.compute.work import Work
from orchard.compute.workers import DRIVER_VCPUS
from orchard.errors import OrchardError
from orchard.options import ENGINES, NodeChoice

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime

    from mypy_boto3_emr_serverless import EMRServerlessClient
    from mypy_boto3_emr_serverless.literals import JobRunStateType

    from orchard.compute.emr_plan import ClusterSize
    from orchard.compute.emr_serverless_plan import ServerlessSize
    from orchard.compute.jobs import Jobs

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

_MANY_IMAGES = 10**9  # a run of them is as large as the rules allow


class EmrServerless(JobRuns["ServerlessSize"]):
    """Job runs of the stack's application: see `orchard.compute.base.Compute`."""

    name = "emr-serverless"
    places = ("JobApplicationId", "JOB_APPLICATION_ID")

    def sized(self, cluster: ClusterSize) -> ServerlessSize:
        """The workers."""
        return as_serverless(cluster)

    def job_name(self, run_id: str, stage: str) -> str:
        """The name of a job run."""
        return job_name(run_id, stage)

    def ceiling(self, choice: NodeChoice, given: Mapping[str, str]) -> Ceiling:
        """As many workers as have room in the application beside those of the other runs that may work."""
        if not given.get("MAXIMUM_VCPUS"):
            return AT_MOST
        maximum = int(given["MAXIMUM_VCPUS"])
        share = maximum // runs_at_once(int(given["MAXIMUM_RUNS"]), maximum) - DRIVER_VCPUS
        room = Ceiling(
            share // SHAPES.get(choice.size or "", EIGHT).vcpus,
            "the stack's MaximumVcpus has no room for more beside its MaximumRuns",
        )
        return min(room, AT_MOST, key=lambda one: one.core_nodes)

    def requests(self, size: ServerlessSize, jobs: Jobs, given: Mapping[str, str]) -> Requests:
        """Each job as StartJobRun takes it."""
        return Requests({"jobs": job_requests(size, jobs)}, size.to_json(jobs.release.environment(size.engine)))

    def going_on(self, access: Access, place: str) -> Iterator[Listed]:
        """By their states."""
        return self._job_runs(access, place, states=list(ALIVE))

    def since(self, access: Access, place: str, begin: datetime) -> Iterator[Listed]:
        """By their times."""
        return self._job_runs(access, place, createdAtAfter=begin)

    def _job_runs(self, access: Access, place: str, **which: Any) -> Iterator[Listed]:  # noqa: ANN401 (boto3's)
        for page in _client(access).get_paginator("list_job_runs").paginate(applicationId=place, **which):
            for one in page["jobRuns"]:
                yield Listed(one["id"], one.get("name", ""), one["createdAt"])

    def told(self, access: Access, place: str, job_run: str) -> JobRun:
        """As GetJobRun tells it."""
        job: Mapping[str, Any] = _client(access).get_job_run(applicationId=place, jobRunId=job_run)["jobRun"]
        return JobRun(
            id=job["jobRunId"],
            state=_AS_STEPS.get(job["state"], job["state"]),
            tags=job.get("tags", {}),
            created=job["createdAt"],
            started=job.get("startedAt"),
            ended=job.get("endedAt"),
            message=job.get("stateDetails", ""),
        )

    def cancel(self, access: Access, place: str, job_run: str) -> None:
        """By CancelJobRun."""
        _client(access).cancel_job_run(applicationId=place, jobRunId=job_run)

    def logs(self, access: Access, log_uri: str, cluster: str, step: str) -> StepLogs:
        """What EMR Serverless writes, anew every 15 seconds."""
        folder = f"{log_uri.rstrip('/')}/applications/{self.place(access.given)}/jobs/{step}"
        own = f"{folder}/SPARK_DRIVER"
        return StepLogs(f"{own}/stdout.gz", f"{own}/stderr.gz", lambda _: [folder])

    def leave(self, access: Access, after: Mapping[str, str], sleep: Callable[[float], None] = time.sleep) -> str:
        """Stop the application, which can be deleted then; one that has worked stays started until it has idled.

        Raises:
            OrchardError: A job run goes on there, or it does not stop.
        """
        application, state = self.place(access.given), ""
        if not application or application == self.place(after):
            return ""
        client = _client(access)
        for _ in range(_LOOKS):
            try:
                state = client.get_application(applicationId=application)["application"]["state"]
            except client.exceptions.ResourceNotFoundException:
                return application
            if state in _STOPPED:
                return application
            if left := [one.name or one.id for one in self.going_on(access, application)]:
                raise still_going_on(left, "an application with a running job run can neither stop nor be deleted")
            if state == "STARTED":
                # it is refused while a job run is being cancelled
                with suppress(client.exceptions.ValidationException):
                    client.stop_application(applicationId=application)
            sleep(_PAUSE)
        raise OrchardError(
            f"The application {application} of EMR Serverless does not stop",
            f"it is {state} after {_LOOKS * _PAUSE:.0f} seconds, and only one that has stopped can be deleted",
            f"aws emr-serverless stop-application --application-id {application}",
        )

    def quota(self, region: str) -> Quota:
        """That of all vCPUs at a time, "Max concurrent vCPUs per account", 16 by default.

        "Endpoints and quotas", EMR Serverless User Guide; its code is from public code, not from AWS.
        """
        sizes = (
            self.size(Work(images, images), ENGINES[0], region=region, ceiling=ceiling)
            for images, ceiling in ((1, UNLESS_ALLOWED), (_MANY_IMAGES, UNLESS_ALLOWED), (_MANY_IMAGES, AT_MOST))
        )
        return Quota("emr-serverless", "L-D05C8A75", *(size.vcpus for size in sizes))

    def image(self, access: Access) -> Image:
        """That of the application."""
        found = _client(access).get_application(applicationId=self.place(access.given))["application"]
        fix = f"sam deploy --parameter-overrides ServerlessReleaseLabel={RELEASE_LABEL}"
        return Image(found["releaseLabel"], found.get("imageConfiguration", {}).get("imageUri", ""), fix)


def _client(access: Access) -> EMRServerlessClient:
    client: EMRServerlessClient = access.client("emr-serverless")
    return client
