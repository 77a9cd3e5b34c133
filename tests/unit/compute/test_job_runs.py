"""Job runs are found by name and tag, told in the words that EMR has for steps, and ended, wherever they run."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta
from typing import Any

import botocore.session
import pytest

from orchard.compute.base import Access, Alive, Seen
from orchard.compute.registry import COMPUTES, Computes
from orchard.pipeline.state import RunState
from orchard.runs.progress import Progress, read_progress
from tests.support.asl.graph import JOB_KINDS
from tests.support.cloud.emr import FakeEmr
from tests.support.cloud.job_runs import JOB_RUNS, FakeEks, FakeJobRuns, FakeServerless
from tests.support.histories import START, after, execution, history
from tests.support.stack.template import machine

RUN = "fruits-0123456789ab"
STATES = {
    FakeServerless: (
        *("SUBMITTED", "PENDING", "SCHEDULED", "RUNNING", "QUEUED", "SUCCESS", "FAILED"),
        *("CANCELLING", "CANCELLED"),
    ),
    FakeEks: ("PENDING", "SUBMITTED", "RUNNING", "FAILED", "CANCELLED", "CANCEL_PENDING", "COMPLETED"),
}
"""All there are; that they are, is tested."""

every_state = pytest.mark.parametrize(
    ("service", "state"), [(kind, state) for kind, states in STATES.items() for state in states], indirect=["service"]
)


def facts(service: FakeJobRuns) -> dict[str, Any]:
    """What is known of a run on it."""
    plan = {"compute": service.compute.name, "estimate": {"usd_per_hour": 3.6, "price_date": "2026-11"}}
    return {"run_id": RUN, "inspected": {"plan": plan}}


@pytest.mark.parametrize("kind", JOB_RUNS)
def test_every_state_that_there_is_is_known_here_and_to_the_state_machine(kind: type[FakeJobRuns]) -> None:
    model = botocore.session.get_session().get_service_model(kind.service)
    assert set(STATES[kind]) == set(model.shape_for("JobRunState").metadata["enum"])
    judged = set(re.findall(r"'([A-Z_]{3,})'", json.dumps(machine()["States"]["JudgeJob"])))
    going_on = {*kind.going_on, kind.cancelling}
    assert judged & {*STATES[kind]} == {*STATES[kind]} - going_on, "the rest goes on"
    [known] = [one for one in JOB_KINDS if one.compute == kind.compute.name]
    assert set(known.under_way) == going_on


@pytest.fixture(params=JOB_RUNS, ids=lambda kind: kind.service)
def service(request: pytest.FixtureRequest) -> FakeJobRuns:
    made: FakeJobRuns = request.param()
    return made


@pytest.fixture
def access(service: FakeJobRuns) -> Access:
    return service.access()


class TestAlive:
    @every_state
    def test_what_goes_on_is_found_and_what_ends_is_not(self, service: FakeJobRuns, access: Access, state: str) -> None:
        one = service.add(RUN, "unzip", state, created=START)
        compute = COMPUTES[service.compute.name]
        found = [Alive(one, RUN, "orchard", START, compute)] if state in service.going_on else []
        assert list(compute.alive(access)) == found

    def test_a_job_run_that_somebody_started_by_hand_is_nobodys(self, service: FakeJobRuns, access: Access) -> None:
        service.add(RUN, "unzip", "RUNNING", tags={})
        service.add(RUN, "unzip", "RUNNING", tags={}, name="another-teams")
        assert list(service.compute.alive(access)) == []

    def test_all_pages_are_read(self, service: FakeJobRuns, access: Access) -> None:
        added = {service.add(f"r-{number}", "pca", "RUNNING") for number in range(120)}
        assert {one.id for one in service.compute.alive(access)} == added
        assert service.pages > 2

    def test_what_is_ended_is_cancelled_and_nothing_else(self, service: FakeJobRuns, access: Access) -> None:
        one, other = (service.add(RUN, stage, "RUNNING") for stage in ("unzip", "pca"))
        service.compute.end_work(access, [one])
        assert (service.state(one), service.state(other)) == (service.cancelling, "RUNNING")

    def test_a_stack_without_a_place_for_them_has_none(self, service: FakeJobRuns) -> None:
        service.add(RUN, "unzip", "RUNNING")
        nowhere = service.access("")
        assert list(service.compute.alive(nowhere)) == []
        assert service.compute.look(nowhere, RunState.parse(facts(service)), START, START) == Seen()


def looked(service: FakeJobRuns, access: Access, now: datetime = START) -> Seen:
    return Computes(access).look(RunState.parse(facts(service)), START, now)


class TestLook:
    @every_state
    def test_every_state_has_its_word(self, service: FakeJobRuns, access: Access, state: str) -> None:
        service.add(RUN, "pca", state)
        [step] = looked(service, access).steps.values()
        known = ("PENDING", "RUNNING", "COMPLETED", "FAILED", "CANCEL_PENDING", "CANCELLED")
        assert step["Status"]["State"] in known, "StepState, EMR's API model"

    def test_those_of_other_runs_and_of_an_older_execution_are_not(self, service: FakeJobRuns, access: Access) -> None:
        service.add(RUN, "unzip", service.done, created=START - timedelta(days=100))
        service.add("pears-0123456789ab", "unzip", service.done)
        service.add(f"{RUN}0", "unzip", service.done)
        assert looked(service, access) == Seen()

    def test_of_two_of_a_stage_the_later_counts(self, service: FakeJobRuns, access: Access) -> None:
        service.add(RUN, "unzip", "CANCELLED", created=after(1))
        later = service.add(RUN, "unzip", "RUNNING", created=after(500))
        assert [step["Id"] for step in looked(service, access).steps.values()] == [later]


def told(service: FakeJobRuns, **more: object) -> dict[str, Any]:
    """How a job run is told that failed."""
    one = service.add(RUN, "unzip", "FAILED", created=START, **more)
    [step] = looked(service, service.access()).steps.values()
    assert (step["Id"], step["Name"]) == (one, "unzip")
    return dict(step["Status"])


def test_a_job_run_of_emr_serverless_is_told_as_a_step_is() -> None:
    assert told(FakeServerless(), stateDetails="Job failed.", startedAt=after(60), endedAt=after(90)) == {
        "State": "FAILED",
        "Timeline": {"CreationDateTime": START, "StartDateTime": after(60), "EndDateTime": after(90)},
        "FailureDetails": {"Message": "Job failed."},
    }


def test_a_job_run_of_emr_on_eks_is_told_likewise_and_began_when_it_was_made_as_far_as_is_said() -> None:
    assert told(FakeEks(), stateDetails="JobRun failed.", failureReason="USER_ERROR", finishedAt=after(90)) == {
        "State": "FAILED",
        "Timeline": {"CreationDateTime": START, "StartDateTime": START, "EndDateTime": after(90)},
        "FailureDetails": {"Message": "USER_ERROR: JobRun failed."},
    }


class TestComputes:
    def test_a_stack_has_what_is_left_of_its_clusters_beside_its_job_runs(self, service: FakeJobRuns) -> None:
        tags = [{"Key": "orchard:run-id", "Value": "old-1"}, {"Key": "orchard:stack", "Value": "orchard"}]
        status = {"State": "WAITING", "Timeline": {"CreationDateTime": START}}
        emr = FakeEmr({"j-1": {"Name": "orchard old-1", "Tags": tags, "Status": status}})
        job = service.add(RUN, "unzip", "RUNNING", created=START)
        computes = Computes(service.access(emr=emr))
        cluster, job_run = found = list(computes.alive())
        assert found == [
            Alive("j-1", "old-1", "orchard", START, COMPUTES["emr-ec2"]),
            Alive(job, RUN, "orchard", START, COMPUTES[service.compute.name]),
        ]
        assert (str(cluster), str(job_run)) == ("cluster j-1", f"job run {job}")
        computes.end_work(found)
        assert (emr.terminated, service.state(job)) == (["j-1"], service.cancelling)

    def test_a_run_on_job_runs_is_never_looked_for_among_clusters(self, service: FakeJobRuns) -> None:
        service.add(RUN, "unzip", service.done)
        seen = looked(service, service.access())
        assert (seen.status, [*seen.steps]) == ({}, ["unzip"])


def progress_on(service: FakeJobRuns, now: datetime) -> Progress:
    events = history("AwaitJob", facts=facts(service))
    state = RunState.parse(facts(service))
    return read_progress(execution(), events, state, looked(service, service.access(), now), now)


def test_where_a_run_on_job_runs_stands(service: FakeJobRuns) -> None:
    ended = {"endedAt": after(160), "finishedAt": after(160)}
    unzip = service.add(RUN, "unzip", service.done, created=after(60), startedAt=after(60), **ended)
    featurize = service.add(RUN, "featurize", "RUNNING", created=after(200), startedAt=after(200))
    progress = progress_on(service, after(300))
    assert (progress.known.cluster, progress.works) == ("", "job runs")
    found = [(step.name, step.id, step.state, step.elapsed) for step in progress.steps]
    assert found == [
        ("unzip", unzip, "COMPLETED", timedelta(seconds=100)),
        ("featurize", featurize, "RUNNING", timedelta(seconds=100)),
        ("pca", "", "", None),
    ]
    assert progress.cost.actual == pytest.approx(0.2), "two hundred seconds of work, and nothing between the jobs"


@pytest.mark.parametrize(
    ("service", "state"), [(FakeServerless, "SCHEDULED"), (FakeEks, "SUBMITTED")], indirect=["service"]
)
def test_before_a_job_has_started_nothing_is_paid_for(service: FakeJobRuns, state: str) -> None:
    service.add(RUN, "unzip", state, created=after(1))
    progress = progress_on(service, after(30))
    assert (progress.works, progress.cost.actual) == ("job runs", None)
