"""What runs jobs, in little: the job runs of one place, found, described and cancelled as its service's API does.

moto has none that go on, and forgets when they were made; the local cloud's do, and take their time.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from orchard.compute import emr_eks, emr_serverless
from orchard.compute.base import Access
from orchard.compute.emr_eks import EmrEks
from orchard.compute.emr_serverless import EmrServerless
from orchard.layout import RUN_ID_TAG, STACK_TAG
from tests.support.histories import START

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from orchard.compute.job_runs import JobRuns

APPLICATION, VIRTUAL_CLUSTER = "00fapplication", "0virtualcluster"
_PAGE = 50  # ListJobRuns, both API models


class FakeJobRuns:
    """A service, as boto3 shows it.

    Attributes:
        service: boto3's name for it.
        place: The id of where its job runs are.
        going_on: The states of those that cost money.
        cancelling: The state of one that was told to end.
        done: The state of one that succeeded.
    """

    compute: JobRuns[Any]
    service: str
    place: str
    going_on: Sequence[str]
    cancelling: str
    done: str

    def __init__(self) -> None:
        self._jobs: dict[str, dict[str, Any]] = {}
        self.pages = 0
        self.sleeps = 0
        self.exceptions = SimpleNamespace(ResourceNotFoundException=KeyError, ValidationException=ValueError)

    def access(self, place: str | None = None, **others: object) -> Access:
        """How it is reached by a stack with its place, beside the fakes of other services."""
        services = {self.service: self, **others}
        output, _ = self.compute.places
        return Access(lambda service: services[service], {output: self.place if place is None else place})

    def add(
        self,
        run: str,
        stage: str,
        state: str,
        created: datetime = START,
        tags: dict[str, str] | None = None,
        **more: object,
    ) -> str:
        """A job run; its id."""
        one = f"00f{len(self._jobs):04}"
        told = {RUN_ID_TAG: run, STACK_TAG: "orchard"} if tags is None else tags
        name = self.compute.job_name(run, stage)
        known = {"id": one, "jobRunId": one, "name": name, "state": state, "createdAt": created, "tags": told}
        self._jobs[one] = {**known, "stateDetails": "", **more}
        return one

    def state(self, job_run: str) -> str:
        return str(self._jobs[job_run]["state"])

    # what boto3 has

    def get_paginator(self, name: str) -> FakeJobRuns:
        assert name == "list_job_runs"
        return self

    def _paginate(self, place: str, states: Sequence[str], after: datetime | None) -> Iterator[dict[str, Any]]:
        assert place == self.place
        found = [
            {name: job[name] for name in ("id", "name", "state", "createdAt")}
            for job in self._jobs.values()
            if (not states or job["state"] in states) and (after is None or job["createdAt"] > after)
        ]
        for start in range(0, max(1, len(found)), _PAGE):
            self.pages += 1
            yield {"jobRuns": found[start : start + _PAGE]}

    def _told(self, place: str, job_run: str) -> dict[str, Any]:
        assert place == self.place
        return {"jobRun": self._jobs[job_run]}

    def _cancel(self, place: str, job_run: str) -> None:
        assert place == self.place
        self._jobs[job_run]["state"] = self.cancelling


class FakeServerless(FakeJobRuns):
    """EMR Serverless, with one application."""

    compute, service, place = EmrServerless(), "emr-serverless", APPLICATION
    going_on, cancelling, done = emr_serverless.ALIVE, "CANCELLING", "SUCCESS"

    def __init__(self) -> None:
        super().__init__()
        self.application = "STARTED"

    def pass_time(self, _: float) -> None:
        """A while later: what was to stop or to be cancelled is."""
        self.sleeps += 1
        self.application = {"STOPPING": "STOPPED"}.get(self.application, self.application)
        for job in self._jobs.values():
            job["state"] = {"CANCELLING": "CANCELLED"}.get(job["state"], job["state"])

    def get_application(self, applicationId: str) -> dict[str, Any]:  # noqa: N803 (boto3's name)
        if applicationId != APPLICATION:
            raise KeyError(applicationId)
        return {"application": {"state": self.application}}

    def stop_application(self, applicationId: str) -> None:  # noqa: N803
        assert applicationId == APPLICATION
        if any(job["state"] in (*self.going_on, "CANCELLING") for job in self._jobs.values()):
            raise ValueError("all scheduled and running jobs must be completed or cancelled")
        self.application = "STOPPING"

    def paginate(
        self,
        applicationId: str,  # noqa: N803 (boto3's name)
        states: Sequence[str] = (),
        createdAtAfter: datetime | None = None,  # noqa: N803
    ) -> Iterator[dict[str, Any]]:
        return self._paginate(applicationId, states, createdAtAfter)

    def get_job_run(self, applicationId: str, jobRunId: str) -> dict[str, Any]:  # noqa: N803
        return self._told(applicationId, jobRunId)

    def cancel_job_run(self, applicationId: str, jobRunId: str) -> None:  # noqa: N803
        self._cancel(applicationId, jobRunId)


class FakeEks(FakeJobRuns):
    """EMR on EKS, with one virtual cluster.

    Attributes:
        cluster_state: The virtual cluster's; "" if it is not there.
        refuses: Whether nothing can be cancelled.
    """

    compute, service, place = EmrEks(), "emr-containers", VIRTUAL_CLUSTER
    going_on, cancelling, done = emr_eks.ALIVE, "CANCEL_PENDING", "COMPLETED"
    cluster_state = "RUNNING"
    refuses = False

    def describe_virtual_cluster(self, id: str) -> dict[str, Any]:  # noqa: A002 (boto3's name)
        if not self.cluster_state or id != VIRTUAL_CLUSTER:
            raise KeyError(id)
        provider = {"id": "orchards", "type": "EKS", "info": {"eksInfo": {"namespace": "fruit"}}}
        return {"virtualCluster": {"id": id, "state": self.cluster_state, "containerProvider": provider}}

    def paginate(
        self,
        virtualClusterId: str,  # noqa: N803 (boto3's name)
        states: Sequence[str] = (),
        createdAfter: datetime | None = None,  # noqa: N803
    ) -> Iterator[dict[str, Any]]:
        return self._paginate(virtualClusterId, states, createdAfter)

    def describe_job_run(self, virtualClusterId: str, id: str) -> dict[str, Any]:  # noqa: A002, N803
        return self._told(virtualClusterId, id)

    def cancel_job_run(self, virtualClusterId: str, id: str) -> None:  # noqa: A002, N803
        if self.refuses or self.state(id) not in self.going_on:
            raise ValueError(f"Job run {id} is not in a cancellable state")
        self._cancel(virtualClusterId, id)


JOB_RUNS: tuple[type[FakeJobRuns], ...] = (FakeServerless, FakeEks)
