"""EMR Serverless in little: the job runs of one application, found, described and cancelled as its API does.

moto has none that go on, and forgets when they were made; the local cloud's do, and take their time.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from orchard.compute.base import Access
from orchard.compute.emr_serverless import ALIVE
from orchard.compute.emr_serverless_plan import job_name
from orchard.layout import RUN_ID_TAG, STACK_TAG
from tests.support.histories import START

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

APPLICATION = "00fapplication"
_PAGE = 50  # ListJobRuns, API model


class FakeServerless:
    """The service, as boto3 shows it."""

    def __init__(self) -> None:
        self._jobs: dict[str, dict[str, Any]] = {}
        self.pages = 0
        self.application = "STARTED"
        self.sleeps = 0
        self.exceptions = SimpleNamespace(ResourceNotFoundException=KeyError, ValidationException=ValueError)

    def access(self, application: str = APPLICATION, **others: object) -> Access:
        """How it is reached by a stack with its application, beside the fakes of other services."""
        services = {"emr-serverless": self, **others}
        return Access(lambda service: services[service], {"JobApplicationId": application})

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
        known = {"jobRunId": one, "name": job_name(run, stage), "state": state, "createdAt": created, "tags": told}
        self._jobs[one] = {**known, "stateDetails": "", **more}
        return one

    def state(self, job_run: str) -> str:
        return str(self._jobs[job_run]["state"])

    def pass_time(self, _: float) -> None:
        """A while later: what was to stop or to be cancelled is."""
        self.sleeps += 1
        self.application = {"STOPPING": "STOPPED"}.get(self.application, self.application)
        for job in self._jobs.values():
            job["state"] = {"CANCELLING": "CANCELLED"}.get(job["state"], job["state"])

    # what boto3 has

    def get_application(self, applicationId: str) -> dict[str, Any]:  # noqa: N803 (boto3's name)
        if applicationId != APPLICATION:
            raise KeyError(applicationId)
        return {"application": {"state": self.application}}

    def stop_application(self, applicationId: str) -> None:  # noqa: N803
        assert applicationId == APPLICATION
        if any(job["state"] in (*ALIVE, "CANCELLING") for job in self._jobs.values()):
            raise ValueError("all scheduled and running jobs must be completed or cancelled")
        self.application = "STOPPING"

    def get_paginator(self, name: str) -> FakeServerless:
        assert name == "list_job_runs"
        return self

    def paginate(
        self,
        applicationId: str,  # noqa: N803 (boto3's name)
        states: Sequence[str] = (),
        createdAtAfter: datetime | None = None,  # noqa: N803
    ) -> Iterator[dict[str, Any]]:
        assert applicationId == APPLICATION
        found = [
            {"id": job["jobRunId"], **{name: job[name] for name in ("name", "state", "createdAt")}}
            for job in self._jobs.values()
            if (not states or job["state"] in states) and (createdAtAfter is None or job["createdAt"] > createdAtAfter)
        ]
        for start in range(0, max(1, len(found)), _PAGE):
            self.pages += 1
            yield {"jobRuns": found[start : start + _PAGE]}

    def get_job_run(self, applicationId: str, jobRunId: str) -> dict[str, Any]:  # noqa: N803
        assert applicationId == APPLICATION
        return {"jobRun": self._jobs[jobRunId]}

    def cancel_job_run(self, applicationId: str, jobRunId: str) -> None:  # noqa: N803
        assert applicationId == APPLICATION
        self._jobs[jobRunId]["state"] = "CANCELLING"
