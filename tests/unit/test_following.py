"""Where a run stands is read from its history, its cluster and its steps."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from moto import mock_aws

from orchard import following
from orchard.errors import RunFailedError
from orchard.following import Follower, Progress, StepProgress, follow, read_progress
from tests import awsfakes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from boto3.session import Session

START = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def after(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def history(*states: str, facts: dict[str, Any] | None = None) -> list[dict[str, Any]]:
    """An execution's events as Step Functions writes them: the last state was entered with `facts`."""
    events: list[dict[str, Any]] = [{"id": 1, "type": "ExecutionStarted", "timestamp": START}]
    for state in states:
        details = {"name": state, "input": json.dumps(facts or {"run_id": "fruits-1"})}
        number = len(events) + 1
        kind = "TaskStateEntered"
        events.append({"id": number, "type": kind, "timestamp": after(number), "stateEnteredEventDetails": details})
        events.append({"id": number + 1, "type": "TaskScheduled", "timestamp": after(number)})
    return events


def execution(status: str = "RUNNING", **more: object) -> dict[str, Any]:
    return {"status": status, "startDate": START, **more}


def step(identity: str, state: str, **times: datetime) -> dict[str, Any]:
    return {"Id": identity, "Status": {"State": state, "Timeline": {"CreationDateTime": START, **times}}}


QUEUED = {
    "launch": {"attempt": 1},
    "cluster": {"id": "j-1"},
    "steps": {"unzip": {"id": "s-1"}, "featurize": {"id": "s-2"}, "pca": {"id": "s-3"}},
}
LOOP = ("AwaitSteps", "LookAtCluster", "JudgeCluster", "LookAtSteps", "JudgeSteps")


class TestReadProgress:
    def test_a_run_that_has_just_started(self) -> None:
        assert read_progress(execution(), [], None, [], after(1)) == Progress(
            status="RUNNING",
            passed=(),
            state="",
            launch=0,
            cluster="",
            cluster_state="",
            steps=(StepProgress("unzip"), StepProgress("featurize"), StepProgress("pca")),
            elapsed=timedelta(seconds=1),
        )

    def test_states_are_told_once_however_often_the_steps_are_looked_at(self) -> None:
        events = history("InspectArchive", "CreateCluster", *LOOP, *LOOP, "AwaitSteps", facts=QUEUED)
        progress = read_progress(execution(), events, None, [], after(60))
        assert progress.passed == ("InspectArchive", "CreateCluster", *LOOP)
        assert progress.state == "AwaitSteps"

    def test_each_step_has_emrs_state_and_its_own_time(self) -> None:
        steps = [
            step("s-2", "RUNNING", StartDateTime=after(100)),
            step("s-3", "PENDING"),
            step("s-1", "COMPLETED", StartDateTime=after(60), EndDateTime=after(95)),
        ]
        cluster = {"Status": {"State": "RUNNING"}}
        progress = read_progress(execution(), history(*LOOP, facts=QUEUED), cluster, steps, after(130))
        assert (progress.cluster, progress.cluster_state, progress.launch) == ("j-1", "RUNNING", 1)
        assert progress.steps == (
            StepProgress("unzip", "s-1", "COMPLETED", timedelta(seconds=35)),
            StepProgress("featurize", "s-2", "RUNNING", timedelta(seconds=30)),
            StepProgress("pca", "s-3", "PENDING"),
        )

    def test_after_a_failed_launch_the_old_clusters_steps_are_forgotten(self) -> None:
        facts = {**QUEUED, "cluster": {"id": "j-2"}, "launch": {"attempt": 2}}
        progress = read_progress(execution(), history("QueueUnzip", facts=facts), None, [], after(1))
        assert (progress.cluster, progress.launch) == ("j-2", 2)
        assert {one.state for one in progress.steps} == {""}

    def test_the_end_of_the_execution_stops_the_clock(self) -> None:
        ended = execution("FAILED", stopDate=after(90), error="RunFailed", cause="The disk is full")
        progress = read_progress(ended, history("RunFailed", facts=QUEUED), None, [], after(5000))
        assert progress.ended
        assert progress.elapsed == timedelta(seconds=90)
        assert (progress.error, progress.cause) == ("RunFailed", "The disk is full")

    def test_an_end_without_a_date_is_that_of_the_last_event(self) -> None:
        events = history("AwaitSteps")
        progress = read_progress(execution("TIMED_OUT"), events, None, [], after(5000))
        assert progress.elapsed == events[-1]["timestamp"] - START

    def test_data_that_step_functions_has_cut_off_are_taken_from_an_earlier_state(self) -> None:
        events = [*history("QueuePca", facts=QUEUED), *history("AwaitSteps")[1:2]]
        events[-1]["stateEnteredEventDetails"]["input"] = '{"run_id": "fruits-1", "inspec'
        assert read_progress(execution(), events, None, [], after(1)).cluster == "j-1"

    @pytest.mark.parametrize("status", ["RUNNING", "PENDING_REDRIVE"])
    def test_a_run_that_can_still_change_has_not_ended(self, status: str) -> None:
        assert not read_progress(execution(status), [], None, [], after(1)).ended


class Watch:
    """What `follow` is given, and what it tells: a script of looks, and no waiting."""

    def __init__(self, *looks: Progress | Exception | None) -> None:
        self._looks = list(looks)
        self.seen: list[str] = []
        self.troubles: list[str] = []
        self.slept: list[float] = []

    def look(self) -> Progress | None:
        look = self._looks.pop(0) if len(self._looks) > 1 else self._looks[0]
        if isinstance(look, Exception):
            raise look
        return look

    def follow(self) -> Progress:
        return follow(
            self.look,
            lambda progress: self.seen.append(progress.state),
            on_trouble=self.troubles.append,
            sleep=self.slept.append,
        )


def at(state: str, status: str = "RUNNING") -> Progress:
    return Progress(status, (state,), state, 0, "", "", (), timedelta())


def refused(code: str, status: int = 400) -> ClientError:
    answer = {"Error": {"Code": code, "Message": ""}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, "DescribeExecution")  # type: ignore[arg-type]


class TestFollow:
    def test_it_looks_until_the_run_has_ended(self) -> None:
        watch = Watch(None, at("InspectArchive"), at("CreateCluster"), at("RunSucceeded", "SUCCEEDED"))
        assert watch.follow().status == "SUCCEEDED"
        assert watch.seen == ["InspectArchive", "CreateCluster", "RunSucceeded"]

    @pytest.mark.parametrize(
        "trouble",
        [
            EndpointConnectionError(endpoint_url="https://states"),
            refused("ThrottlingException"),
            refused("Unheard", 503),
        ],
    )
    def test_lost_connections_and_throttling_end_nothing(self, trouble: Exception) -> None:
        watch = Watch(at("CreateCluster"), trouble, trouble, at("RunSucceeded", "SUCCEEDED"))
        assert watch.follow().status == "SUCCEEDED"
        assert watch.troubles == [str(trouble)] * 2

    def test_a_denial_is_no_matter_of_time(self) -> None:
        with pytest.raises(ClientError, match="AccessDenied"):
            Watch(at("CreateCluster"), refused("AccessDeniedException")).follow()

    def test_it_looks_less_often_while_nothing_changes_and_more_often_when_something_does(self) -> None:
        watch = Watch(*[at("AwaitSteps")] * 6, at("LookAtSteps"), at("RunSucceeded", "SUCCEEDED"))
        watch.follow()
        assert watch.slept[0] == following.FIRST_PAUSE
        assert watch.slept[1:5] == sorted(watch.slept[1:5])
        assert watch.slept[5] == following.LONGEST_PAUSE
        assert watch.slept[6] == following.FIRST_PAUSE

    def test_an_upload_that_starts_nothing_is_given_up(self) -> None:
        watch = Watch(None)
        with pytest.raises(RunFailedError, match="started no run"):
            watch.follow()
        assert sum(watch.slept) >= following.PATIENCE


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> Iterator[Session]:
    awsfakes.isolate(monkeypatch)
    with mock_aws(config={"stepfunctions": {"execute_state_machine": True}}):
        yield awsfakes.session()


class TestFollower:
    """Against moto's Step Functions and EMR."""

    MACHINE = {  # noqa: RUF012
        "StartAt": "CreateCluster",
        "States": {
            "CreateCluster": {
                "Type": "Task",
                "Resource": "arn:aws:states:::aws-sdk:emr:runJobFlow",
                "Parameters": {
                    "Name": "orchard",
                    "Instances": {"KeepJobFlowAliveWhenNoSteps": True},
                    "Steps": [{"Name": "unzip", "HadoopJarStep": {"Jar": "command-runner.jar"}}],
                },
                "ResultSelector": {"id.$": "$.JobFlowId"},
                "ResultPath": "$.cluster",
                "Next": "LookAtSteps",
            },
            "LookAtSteps": {
                "Type": "Task",
                "Resource": "arn:aws:states:::aws-sdk:emr:listSteps",
                "Parameters": {"ClusterId.$": "$.cluster.id"},
                "ResultSelector": {"unzip": {"id.$": "States.ArrayGetItem($.Steps[*].Id, 0)"}},
                "ResultPath": "$.steps",
                "Next": "AwaitSteps",
            },
            "AwaitSteps": {"Type": "Wait", "Seconds": 0, "Next": "RunFailed"},
            "RunFailed": {"Type": "Fail", "Error": "RunFailed", "Cause": "on purpose"},
        },
    }

    def follower(self, session: Session, start: bool = True) -> Follower:
        sfn = session.client("stepfunctions")
        role = "arn:aws:iam::123456789012:role/pipeline"
        machine = sfn.create_state_machine(name="pipeline", definition=json.dumps(self.MACHINE), roleArn=role)
        arn = machine["stateMachineArn"]
        if start:
            sfn.start_execution(stateMachineArn=arn, name="fruits-1", input='{"run_id": "fruits-1"}')
        arn = arn.replace(":stateMachine:", ":execution:") + ":fruits-1"
        return Follower(sfn, session.client("emr"), arn, lambda: datetime.now(UTC))

    def test_a_run_from_its_start_to_its_end(self, session: Session) -> None:
        look = self.follower(session).look
        progress = follow(look, lambda _: None, on_trouble=pytest.fail, sleep=lambda _: None)
        assert progress.passed == ("CreateCluster", "LookAtSteps", "AwaitSteps", "RunFailed")
        assert (progress.status, progress.error, progress.cause) == ("FAILED", "RunFailed", "on purpose")
        assert progress.cluster.startswith("j-")
        assert progress.cluster_state == "WAITING"
        assert progress.steps[0].state in {"RUNNING", "PENDING"}
        assert progress.steps[1].state == ""

    def test_looking_twice_counts_nothing_twice(self, session: Session) -> None:
        look = self.follower(session).look
        last = follow(look, lambda _: None, on_trouble=pytest.fail, sleep=lambda _: None)
        again = look()
        assert again is not None
        assert again.passed == last.passed

    def test_no_execution_yet(self, session: Session) -> None:
        assert self.follower(session, start=False).look() is None


def test_only_what_is_new_in_a_long_history_is_asked_for() -> None:
    """A wait of hours makes thousands of events: each look reads back to the last known one, and no further."""
    sfn = PagedHistory()
    follower = Follower(sfn, None, "arn", lambda: START)  # type: ignore[arg-type]
    for events, pages in ((250, 3), (250, 1), (310, 1)):
        sfn.events, sfn.pages_read = history(*["AwaitSteps"] * (events // 2)), 0
        progress = follower.look()
        assert progress is not None
        assert progress.passed == ("AwaitSteps",)
        assert sfn.pages_read == pages
    assert [event["id"] for event in follower._history] == list(range(1, 312))


class PagedHistory:
    """The part of Step Functions that `Follower` asks, 100 events a page, newest first."""

    class exceptions:  # noqa: N801 (botocore's name)
        class ExecutionDoesNotExist(Exception):  # noqa: N818 (botocore's name)
            pass

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.pages_read = 0

    def describe_execution(self, executionArn: str) -> dict[str, Any]:  # noqa: N803 (botocore's name)
        return execution()

    def get_paginator(self, name: str) -> PagedHistory:
        assert name == "get_execution_history"
        return self

    def paginate(self, executionArn: str, reverseOrder: bool) -> Iterator[dict[str, Any]]:  # noqa: N803
        assert reverseOrder
        newest = self.events[::-1]
        for begin in range(0, len(newest), 100):
            self.pages_read += 1
            yield {"events": newest[begin : begin + 100]}
