"""Job runs of EMR Serverless are found by name and tag, told in the words that EMR has for steps, and ended."""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta
from typing import Any

import botocore.session
import pytest

from orchard.compute.base import Access, Alive, Seen
from orchard.compute.emr_serverless import ALIVE
from orchard.compute.registry import COMPUTES, Computes
from orchard.errors import OrchardError
from orchard.pipeline.state import RunState
from orchard.runs.progress import Progress, read_progress
from tests.support.cloud.emr import FakeEmr
from tests.support.cloud.serverless import APPLICATION, FakeServerless
from tests.support.histories import START, after, execution, history
from tests.support.stack.template import machine

RUN = "fruits-0123456789ab"
JOBS: Any = COMPUTES["emr-serverless"]
FACTS: dict[str, Any] = {
    "run_id": RUN,
    "inspected": {"plan": {"compute": "emr-serverless", "estimate": {"usd_per_hour": 3.6, "price_date": "2026-11"}}},
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
def access(service: FakeServerless) -> Access:
    return service.access()


class TestAlive:
    @pytest.mark.parametrize("state", STATES)
    def test_what_goes_on_is_found_and_what_ends_is_not(
        self, service: FakeServerless, access: Access, state: str
    ) -> None:
        one = service.add(RUN, "unzip", state, created=START)
        found = [Alive(one, RUN, "orchard", START, JOBS)] if state in ALIVE else []
        assert list(JOBS.alive(access)) == found

    def test_a_job_run_that_somebody_started_by_hand_is_nobodys(self, service: FakeServerless, access: Access) -> None:
        service.add(RUN, "unzip", "RUNNING", tags={})
        assert list(JOBS.alive(access)) == []

    def test_all_pages_are_read(self, service: FakeServerless, access: Access) -> None:
        added = {service.add(f"r-{number}", "pca", "RUNNING") for number in range(120)}
        assert {one.id for one in JOBS.alive(access)} == added
        assert service.pages > 2

    def test_what_is_ended_is_cancelled_and_nothing_else(self, service: FakeServerless, access: Access) -> None:
        one, other = (service.add(RUN, stage, "RUNNING") for stage in ("unzip", "pca"))
        JOBS.end_work(access, [one])
        assert (service.state(one), service.state(other)) == ("CANCELLING", "RUNNING")


def looked(access: Access, now: datetime = START) -> Seen:
    return Computes(access).look(RunState.parse(FACTS), START, now)


class TestLook:
    def test_a_job_run_is_told_as_a_step_is(self, service: FakeServerless, access: Access) -> None:
        times = {"created": START, "startedAt": after(60), "endedAt": after(90)}
        one = service.add(RUN, "unzip", "FAILED", stateDetails="Job failed. ExitCode: 1", **times)
        assert list(looked(access).steps.values()) == [
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
    def test_every_state_has_its_word(self, service: FakeServerless, access: Access, state: str) -> None:
        service.add(RUN, "pca", state)
        [step] = looked(access).steps.values()
        known = ("PENDING", "RUNNING", "COMPLETED", "FAILED", "CANCEL_PENDING", "CANCELLED")
        assert step["Status"]["State"] in known, "StepState, EMR's API model"

    def test_those_of_other_runs_and_of_an_older_execution_are_not(
        self, service: FakeServerless, access: Access
    ) -> None:
        service.add(RUN, "unzip", "SUCCESS", created=START - timedelta(days=100))
        service.add("pears-0123456789ab", "unzip", "SUCCESS")
        service.add(f"{RUN}0", "unzip", "SUCCESS")
        assert looked(access) == Seen()

    def test_of_two_of_a_stage_the_later_counts(self, service: FakeServerless, access: Access) -> None:
        service.add(RUN, "unzip", "CANCELLED", created=after(1))
        later = service.add(RUN, "unzip", "RUNNING", created=after(500))
        assert [step["Id"] for step in looked(access).steps.values()] == [later]


class TestComputes:
    def test_a_stack_has_what_is_left_of_its_clusters_beside_its_job_runs(self, service: FakeServerless) -> None:
        tags = [{"Key": "orchard:run-id", "Value": "old-1"}, {"Key": "orchard:stack", "Value": "orchard"}]
        status = {"State": "WAITING", "Timeline": {"CreationDateTime": START}}
        emr = FakeEmr({"j-1": {"Name": "orchard old-1", "Tags": tags, "Status": status}})
        job = service.add(RUN, "unzip", "RUNNING", created=START)
        computes = Computes(service.access(emr=emr))
        cluster, job_run = found = list(computes.alive())
        assert found == [
            Alive("j-1", "old-1", "orchard", START, COMPUTES["emr-ec2"]),
            Alive(job, RUN, "orchard", START, JOBS),
        ]
        assert (str(cluster), str(job_run)) == ("cluster j-1", f"job run {job}")
        computes.end_work(found)
        assert (emr.terminated, service.state(job)) == (["j-1"], "CANCELLING")

    def test_a_run_on_job_runs_is_never_looked_for_among_clusters(self, service: FakeServerless) -> None:
        service.add(RUN, "unzip", "SUCCESS")
        seen = looked(service.access())
        assert (seen.status, [*seen.steps]) == ({}, ["unzip"])


def progress_on(access: Access, now: datetime) -> Progress:
    events = history("AwaitJob", facts=FACTS)
    return read_progress(execution(), events, RunState.parse(FACTS), looked(access, now), now)


def test_where_a_run_on_job_runs_stands(service: FakeServerless, access: Access) -> None:
    unzip = service.add(RUN, "unzip", "SUCCESS", created=after(1), startedAt=after(60), endedAt=after(160))
    featurize = service.add(RUN, "featurize", "RUNNING", created=after(170), startedAt=after(200))
    progress = progress_on(access, after(300))
    assert (progress.known.cluster, progress.works) == ("", "job runs")
    told = [(step.name, step.id, step.state, step.elapsed) for step in progress.steps]
    assert told == [
        ("unzip", unzip, "COMPLETED", timedelta(seconds=100)),
        ("featurize", featurize, "RUNNING", timedelta(seconds=100)),
        ("pca", "", "", None),
    ]
    assert progress.cost.actual == pytest.approx(0.2), "two hundred seconds of work, and nothing between the jobs"


def test_before_a_job_has_started_nothing_is_paid_for(service: FakeServerless, access: Access) -> None:
    service.add(RUN, "unzip", "SCHEDULED", created=after(1))
    progress = progress_on(access, after(30))
    assert (progress.works, progress.cost.actual) == ("job runs", None)


class TestTheEndOfAnApplication:
    def test_one_that_is_started_and_idle_is_stopped(self) -> None:
        fake = FakeServerless()
        fake.add("fruits-1", "pca", "SUCCESS")
        JOBS.leave(fake.access(), {}, fake.pass_time)
        assert (fake.application, fake.sleeps) == ("STOPPED", 1)

    @pytest.mark.parametrize("state", ["CREATED", "STOPPED", "TERMINATED"])
    def test_one_that_can_be_deleted_is_left_alone(self, state: str) -> None:
        fake = FakeServerless()
        fake.application = state
        JOBS.leave(fake.access(), {}, fake.pass_time)
        assert (fake.application, fake.sleeps) == (state, 0)

    def test_one_that_somebody_has_deleted_is_nobodys(self) -> None:
        fake = FakeServerless()
        assert JOBS.leave(fake.access("00fgone"), {}, fake.pass_time) == "00fgone"

    @pytest.mark.parametrize(
        ("before", "after"),
        [("", {}), ("", {"JobApplicationId": APPLICATION}), (APPLICATION, {"JobApplicationId": APPLICATION})],
    )
    def test_one_that_is_not_deleted_is_not_stopped(self, before: str, after: dict[str, str]) -> None:
        fake = FakeServerless()
        assert JOBS.leave(fake.access(before), after, fake.pass_time) == ""
        assert fake.application == "STARTED"

    def test_a_job_that_is_being_cancelled_is_waited_for(self) -> None:
        fake = FakeServerless()
        fake.add("fruits-1", "unzip", "CANCELLING")
        JOBS.leave(fake.access(), {}, fake.pass_time)
        assert (fake.application, fake.sleeps) == ("STOPPED", 2)

    def test_one_that_does_not_stop_is_told_with_its_state(self) -> None:
        fake = FakeServerless()
        with pytest.raises(OrchardError, match="it is STOPPING after 300 seconds") as raised:
            JOBS.leave(fake.access(), {}, lambda _: None)
        assert raised.value.next_command == f"aws emr-serverless stop-application --application-id {APPLICATION}"
