"""Job runs of EMR Serverless are found by name and tag, told in the words that EMR has for steps, and ended."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Any

import botocore.session
import pytest

from orchard.compute.base import Computes, is_cluster, worker_name
from orchard.compute.clusters import Alive
from orchard.compute.job_runs import ALIVE, JobRuns
from orchard.errors import OrchardError
from orchard.pipeline.state import RunState
from tests.support.cloud.serverless import APPLICATION, FakeServerless
from tests.support.histories import START, after, execution, history, progress_of
from tests.support.stack.template import machine

RUN = "fruits-0123456789ab"
FACTS: dict[str, Any] = {
    "inspected": {
        "plan": {"compute": "emr-serverless", "estimate": {"usd_per_hour": 3.6, "price_date": "2026-11"}},
    }
}
STATES = ("SUBMITTED", "PENDING", "SCHEDULED", "RUNNING", "QUEUED", "SUCCESS", "FAILED", "CANCELLING", "CANCELLED")
"""All there are; that they are, is tested."""


def test_every_state_that_there_is_is_known_here_and_to_the_state_machine() -> None:
    model = botocore.session.get_session().get_service_model("emr-serverless")
    assert set(STATES) == set(model.shape_for("JobRunState").metadata["enum"])
    judged = re.findall(r"'([A-Z]{3,})'", json.dumps(machine()["States"]["JudgeJob"]))
    assert {*judged} == {*STATES} - {*ALIVE} - {"CANCELLING"}, "the rest goes on"


@pytest.fixture
def service() -> FakeServerless:
    return FakeServerless()


@pytest.fixture
def jobs(service: FakeServerless) -> JobRuns:
    return service.job_runs()


class TestAlive:
    @pytest.mark.parametrize("state", STATES)
    def test_what_goes_on_is_found_and_what_ends_is_not(
        self, service: FakeServerless, jobs: JobRuns, state: str
    ) -> None:
        one = service.add(RUN, "unzip", state, created=START)
        found = [Alive(one, RUN, "orchard", START)] if state in ALIVE else []
        assert list(jobs.alive()) == found

    def test_a_job_run_that_somebody_started_by_hand_is_nobodys(self, service: FakeServerless, jobs: JobRuns) -> None:
        service.add(RUN, "unzip", "RUNNING", tags={})
        assert list(jobs.alive()) == []

    def test_all_pages_are_read(self, service: FakeServerless, jobs: JobRuns) -> None:
        added = {service.add(f"r-{number}", "pca", "RUNNING") for number in range(120)}
        assert {one.id for one in jobs.alive()} == added
        assert service.pages > 2

    def test_what_is_ended_is_cancelled_and_nothing_else(self, service: FakeServerless, jobs: JobRuns) -> None:
        one, other = (service.add(RUN, stage, "RUNNING") for stage in ("unzip", "pca"))
        jobs.cancel_jobs([one])
        assert (service.state(one), service.state(other)) == ("CANCELLING", "RUNNING")


class TestOfRun:
    def test_a_job_run_is_told_as_a_step_is(self, service: FakeServerless, jobs: JobRuns) -> None:
        times = {"created": START, "startedAt": after(60), "endedAt": after(90)}
        one = service.add(RUN, "unzip", "FAILED", stateDetails="Job failed. ExitCode: 1", **times)
        assert jobs.of_run(RUN, START) == [
            {
                "Id": one,
                "Name": "unzip",
                "Status": {
                    "State": "FAILED",
                    "Timeline": {"CreationDateTime": START, "StartDateTime": after(60), "EndDateTime": after(90)},
                    "FailureDetails": {"Message": "Job failed. ExitCode: 1"},
                },
            }
        ]

    @pytest.mark.parametrize("state", STATES)
    def test_every_state_has_its_word(self, service: FakeServerless, jobs: JobRuns, state: str) -> None:
        service.add(RUN, "pca", state)
        [step] = jobs.of_run(RUN, START)
        known = ("PENDING", "RUNNING", "COMPLETED", "FAILED", "CANCEL_PENDING", "CANCELLED")
        assert step["Status"]["State"] in known, "StepState, EMR's API model"

    def test_those_of_other_runs_and_of_an_older_execution_are_not(
        self, service: FakeServerless, jobs: JobRuns
    ) -> None:
        service.add(RUN, "unzip", "SUCCESS", created=START - timedelta(days=100))
        service.add("pears-0123456789ab", "unzip", "SUCCESS")
        service.add(f"{RUN}0", "unzip", "SUCCESS")
        assert jobs.of_run(RUN, START) == []

    def test_of_two_of_a_stage_the_later_counts(self, service: FakeServerless, jobs: JobRuns) -> None:
        service.add(RUN, "unzip", "CANCELLED", created=after(1))
        later = service.add(RUN, "unzip", "RUNNING", created=after(500))
        assert [step["Id"] for step in jobs.of_run(RUN, START)] == [later]


class TestComputes:
    def test_a_stack_has_what_is_left_of_its_clusters_beside_its_job_runs(
        self, service: FakeServerless, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        cluster, emr = Alive("j-1", "old-1", "orchard", START), Emr()
        monkeypatch.setattr("orchard.compute.clusters.tagged_clusters", lambda _: iter([cluster]))
        job = service.add(RUN, "unzip", "RUNNING", created=START)
        computes = Computes(emr, service.job_runs())  # type: ignore[arg-type]
        assert list(computes.alive()) == [cluster, Alive(job, RUN, "orchard", START)]
        computes.end_workers(["j-1", job])
        assert (emr.terminated, service.state(job)) == (["j-1"], "CANCELLING")

    def test_a_run_on_job_runs_is_never_looked_for_among_clusters(self, service: FakeServerless) -> None:
        service.add(RUN, "unzip", "SUCCESS")
        computes = Computes(None, service.job_runs())  # type: ignore[arg-type]
        cluster, steps = computes.look(RUN, RunState.parse(FACTS), START)
        assert cluster is None
        assert [step["Name"] for step in steps] == ["unzip"]

    def test_ids_tell_what_they_are_of(self) -> None:
        assert is_cluster("j-2AXXXXXXGAPLF")
        assert not is_cluster(APPLICATION)
        assert (worker_name("j-1"), worker_name("00f1")) == ("cluster j-1", "job run 00f1")


class Emr:
    """EMR, which terminates."""

    def __init__(self) -> None:
        self.terminated: list[str] = []

    def terminate_job_flows(self, JobFlowIds: list[str]) -> None:  # noqa: N803 (botocore's name)
        self.terminated += JobFlowIds


def test_where_a_run_on_job_runs_stands(service: FakeServerless, jobs: JobRuns) -> None:
    unzip = service.add(RUN, "unzip", "SUCCESS", created=after(1), startedAt=after(60), endedAt=after(160))
    featurize = service.add(RUN, "featurize", "RUNNING", created=after(170), startedAt=after(200))
    steps = jobs.of_run(RUN, START)
    progress = progress_of(execution(), history("AwaitJob", facts=FACTS), None, steps, after(300))
    assert (progress.cluster, progress.on_job_runs) == ("", True)
    told = [(step.name, step.id, step.state, step.elapsed) for step in progress.steps]
    assert told == [
        ("unzip", unzip, "COMPLETED", timedelta(seconds=100)),
        ("featurize", featurize, "RUNNING", timedelta(seconds=100)),
        ("pca", "", "", None),
    ]
    assert progress.cost.actual == pytest.approx(0.2), "two hundred seconds of work, and nothing between the jobs"


def test_before_a_job_has_started_nothing_is_paid_for(service: FakeServerless, jobs: JobRuns) -> None:
    service.add(RUN, "unzip", "SCHEDULED", created=after(1))
    steps = jobs.of_run(RUN, START)
    progress = progress_of(execution(), history("AwaitJob", facts=FACTS), None, steps, after(30))
    assert (progress.on_job_runs, progress.cost.actual) == (True, None)


class TestTheEndOfAnApplication:
    def test_one_that_is_started_and_idle_is_stopped(self) -> None:
        fake = FakeServerless()
        fake.add("fruits-1", "pca", "SUCCESS")
        fake.job_runs().stop_application(fake.pass_time)
        assert (fake.application, fake.sleeps) == ("STOPPED", 1)

    @pytest.mark.parametrize("state", ["CREATED", "STOPPED", "TERMINATED"])
    def test_one_that_can_be_deleted_is_left_alone(self, state: str) -> None:
        fake = FakeServerless()
        fake.application = state
        fake.job_runs().stop_application(fake.pass_time)
        assert (fake.application, fake.sleeps) == (state, 0)

    def test_one_that_somebody_has_deleted_is_nobodys(self) -> None:
        client: Any = FakeServerless()
        JobRuns(client, "00fgone").stop_application(client.pass_time)

    def test_a_job_that_is_being_cancelled_is_waited_for(self) -> None:
        fake = FakeServerless()
        fake.add("fruits-1", "unzip", "CANCELLING")
        fake.job_runs().stop_application(fake.pass_time)
        assert (fake.application, fake.sleeps) == ("STOPPED", 2)

    def test_one_that_does_not_stop_is_told_with_its_state(self) -> None:
        fake = FakeServerless()
        with pytest.raises(OrchardError, match="it is STOPPING after 300 seconds") as raised:
            fake.job_runs().stop_application(lambda _: None)
        assert raised.value.next_command == f"aws emr-serverless stop-application --application-id {APPLICATION}"
