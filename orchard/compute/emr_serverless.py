"""Runs on EMR Serverless: one job run for each stage, in the words that EMR has for steps.

Job runs are found by their names and their tags: whoever asks need not know an id, so that those of an execution that
ended before it knew them are found too.
"""

from __future__ import annotations

import time
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from orchard.compute.base import Access, Alive, Image, Quota, Requests, Seen, StepLogs
from orchard.compute.emr_plan import cluster_size
from orchard.compute.emr_serverless_plan import (
    DRIVER_VCPUS,
    EXECUTION_TIMEOUT_MINUTES,
    as_serverless,
    job_name,
    job_requests,
)
from orchard.compute.images import RELEASE_LABEL
from orchard.compute.sizing import AT_MOST, EIGHT, SHAPES, UNLESS_ALLOWED, Ceiling, runs_at_once
from orchard.compute.work import Work
from orchard.errors import OrchardError
from orchard.layout import RUN_ID_TAG, STACK_TAG, STAGES
from orchard.options import AS_PLANNED, ENGINES, NodeChoice

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from mypy_boto3_emr_serverless import EMRServerlessClient
    from mypy_boto3_emr_serverless.literals import JobRunStateType

    from orchard.compute.emr_serverless_plan import ServerlessSize
    from orchard.compute.jobs import Jobs
    from orchard.pipeline.state import RunState

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

APPLICATION_IDS = ("JobApplicationId", "JOB_APPLICATION_ID")
"""What the application's id is called, as an output of the stack and as a variable of a function."""

_MANY_IMAGES = 10**9  # a run of them is as large as the rules allow


class EmrServerless:
    """Job runs of the stack's application: see `orchard.compute.base.Compute`."""

    name = "emr-serverless"
    sized_in = "Workers"
    worker = "job run"
    ended = "cancelled"
    paid_for = "job runs"
    works_by = "Job runs"
    packs_environments = True

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

    def size(
        self,
        work: Work,
        engine: str,
        *,
        region: str,
        choice: NodeChoice = AS_PLANNED,
        ceiling: Ceiling = UNLESS_ALLOWED,
    ) -> ServerlessSize:
        """The workers."""
        return as_serverless(cluster_size(work, engine, region=region, choice=choice, ceiling=ceiling))

    def requests(self, size: ServerlessSize, jobs: Jobs, given: Mapping[str, str]) -> Requests:
        """Each job as StartJobRun takes it."""
        return Requests({"jobs": job_requests(size, jobs)}, size.to_json(jobs.release.environment(size.engine)))

    def alive(self, access: Access) -> Iterator[Alive]:
        """The job runs of the stack's application: all of them, on however many pages they are listed."""
        application = _application(access.given)
        if application:
            for listed in _going_on(_client(access), application):
                tags = _job(access, listed["id"]).get("tags", {})
                if RUN_ID_TAG in tags:
                    yield Alive(listed["id"], tags[RUN_ID_TAG], tags.get(STACK_TAG, ""), listed["createdAt"], self)

    def end_work(self, access: Access, ids: Sequence[str]) -> None:
        """Cancel job runs."""
        for one in ids:
            _client(access).cancel_job_run(applicationId=_application(access.given), jobRunId=one)

    def look(self, access: Access, state: RunState, since: datetime, now: datetime, *, steps: bool = True) -> Seen:
        """The latest job run of each stage, whatever is known of their ids; without an application there is none."""
        application = _application(access.given)
        if not application:
            return Seen()
        names = {job_name(state.run_id, stage): stage for stage in STAGES}
        pages = (
            _client(access)
            .get_paginator("list_job_runs")
            .paginate(applicationId=application, createdAtAfter=since - _AROUND)
        )
        listed = [one for page in pages for one in page["jobRuns"] if one.get("name") in names]
        latest = {one.get("name", ""): one["id"] for one in sorted(listed, key=lambda one: one["createdAt"])}
        found = {stage: _as_step(stage, _job(access, latest[name])) for name, stage in names.items() if name in latest}
        return Seen(steps=found, paid_seconds=_seconds(found.values(), now))

    def find_cluster(self, access: Access, run: str, started: datetime, ended: datetime) -> str:
        """Nothing has to be known: job runs are found by their names."""
        return ""

    def logs(self, access: Access, log_uri: str, cluster: str, step: str) -> StepLogs:
        """What EMR Serverless writes, anew every 15 seconds."""
        folder = f"{log_uri.rstrip('/')}/applications/{_application(access.given)}/jobs/{step}"
        own = f"{folder}/SPARK_DRIVER"
        return StepLogs(f"{own}/stdout.gz", f"{own}/stderr.gz", lambda _: [folder])

    def left_over(self, state: RunState) -> str:
        """A job run that could not be cancelled."""
        how = f"could not be cancelled; it ends by itself after {EXECUTION_TIMEOUT_MINUTES} minutes."
        return f"The job run {state.job_run or 'of this run'} {how}"

    def leave(self, access: Access, after: Mapping[str, str], sleep: Callable[[float], None] = time.sleep) -> str:
        """Stop the application, which can be deleted then; one that has worked stays started until it has idled."""
        application, state = _application(access.given), ""
        if not application or application == _application(after):
            return ""
        client = _client(access)
        for _ in range(_LOOKS):
            try:
                state = client.get_application(applicationId=application)["application"]["state"]
            except client.exceptions.ResourceNotFoundException:
                return application
            if state in _STOPPED:
                return application
            going_on = [one.get("name") or one["id"] for one in _going_on(client, application)]
            if going_on:
                cause = f"{', '.join(going_on)}: an application with a running job run can neither stop nor be deleted"
                raise OrchardError("Job runs are still going on", cause, "orchard runs --running")
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
        found = _client(access).get_application(applicationId=_application(access.given))["application"]
        fix = f"sam deploy --parameter-overrides ServerlessReleaseLabel={RELEASE_LABEL}"
        return Image(found["releaseLabel"], found.get("imageConfiguration", {}).get("imageUri", ""), fix)


def _client(access: Access) -> EMRServerlessClient:
    client: EMRServerlessClient = access.client("emr-serverless")
    return client


def _application(given: Mapping[str, str]) -> str:
    """The stack's application; "" for a stack that has none."""
    return next((given[name] for name in APPLICATION_IDS if name in given), "")


def _going_on(client: EMRServerlessClient, application: str) -> Iterator[Mapping[str, Any]]:
    pages = client.get_paginator("list_job_runs").paginate(applicationId=application, states=list(ALIVE))
    return (one for page in pages for one in page["jobRuns"])


def _job(access: Access, job_run: str) -> Mapping[str, Any]:
    return _client(access).get_job_run(applicationId=_application(access.given), jobRunId=job_run)["jobRun"]


def _seconds(steps: Iterable[Mapping[str, Any]], now: datetime) -> float | None:
    """How long job runs took together; None if none has started."""
    times = [one["Status"]["Timeline"] for one in steps]
    took = [(time.get("EndDateTime", now) - time["StartDateTime"]) for time in times if "StartDateTime" in time]
    return max(0.0, sum(took, timedelta()).total_seconds()) if took else None


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
