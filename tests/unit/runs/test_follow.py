"""A run is followed until it ends, whatever the connection does meanwhile."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from orchard.compute.base import Access
from orchard.compute.registry import Computes
from orchard.errors import RunFailedError
from orchard.local.moto.jsonata import evaluated_expressions
from orchard.pipeline.state import RunState
from orchard.runs.follow import FIRST_PAUSE, LONGEST_PAUSE, PATIENCE, Follower, follow
from orchard.runs.progress import Progress
from tests.support.cloud import awsfakes
from tests.support.cloud.awsfakes import client_error
from tests.support.histories import START, execution, history

if TYPE_CHECKING:
    from collections.abc import Iterator

    from boto3.session import Session


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
    return Progress(status, (state,), state, RunState(), "", (), timedelta())


class TestFollow:
    def test_it_looks_until_the_run_has_ended(self) -> None:
        watch = Watch(None, at("InspectArchive"), at("CreateCluster"), at("RunSucceeded", "SUCCEEDED"))
        assert watch.follow().status == "SUCCEEDED"
        assert watch.seen == ["InspectArchive", "CreateCluster", "RunSucceeded"]

    @pytest.mark.parametrize(
        "trouble",
        [
            EndpointConnectionError(endpoint_url="https://states"),
            client_error("ThrottlingException"),
            client_error("Unheard", 503),
        ],
    )
    def test_lost_connections_and_throttling_end_nothing(self, trouble: Exception) -> None:
        watch = Watch(at("CreateCluster"), trouble, trouble, at("RunSucceeded", "SUCCEEDED"))
        assert watch.follow().status == "SUCCEEDED"
        assert watch.troubles == [str(trouble)] * 2

    def test_a_denial_is_no_matter_of_time(self) -> None:
        with pytest.raises(ClientError, match="AccessDenied"):
            Watch(at("CreateCluster"), client_error("AccessDeniedException")).follow()

    def test_it_looks_less_often_while_nothing_changes_and_more_often_when_something_does(self) -> None:
        watch = Watch(*[at("AwaitSteps")] * 6, at("LookAtSteps"), at("RunSucceeded", "SUCCEEDED"))
        watch.follow()
        assert watch.slept[0] == FIRST_PAUSE
        assert watch.slept[1:5] == sorted(watch.slept[1:5])
        assert watch.slept[5] == LONGEST_PAUSE
        assert watch.slept[6] == FIRST_PAUSE

    def test_an_upload_that_starts_nothing_is_given_up(self) -> None:
        watch = Watch(None)
        with pytest.raises(RunFailedError, match="started no run"):
            watch.follow()
        assert sum(watch.slept) >= PATIENCE


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> Iterator[Session]:
    awsfakes.isolate(monkeypatch)
    with evaluated_expressions(), awsfakes.executing():
        yield awsfakes.session()


class TestFollower:
    """Against moto's Step Functions and EMR."""

    MACHINE = {  # noqa: RUF012
        "QueryLanguage": "JSONata",
        "StartAt": "CreateCluster",
        "States": {
            "CreateCluster": {
                "Type": "Task",
                "Resource": "arn:aws:states:::aws-sdk:emr:runJobFlow",
                "Arguments": {
                    "Name": "orchard",
                    "Instances": {"KeepJobFlowAliveWhenNoSteps": True},
                    "Steps": [{"Name": "unzip", "HadoopJarStep": {"Jar": "command-runner.jar"}}],
                },
                "Assign": {"run": {"cluster": {"id": "{% $states.result.JobFlowId %}"}}},
                "Next": "LookAtSteps",
            },
            "LookAtSteps": {
                "Type": "Task",
                "Resource": "arn:aws:states:::aws-sdk:emr:listSteps",
                "Arguments": {"ClusterId": "{% $run.cluster.id %}"},
                "Assign": {"run": "{% $merge([$run, {'steps': {'unzip': {'id': $states.result.Steps[0].Id}}}]) %}"},
                "Output": {},
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
        return Follower(sfn, Computes(Access(lambda _: session.client("emr"), {})), arn, lambda: datetime.now(UTC))

    def test_a_run_from_its_start_to_its_end(self, session: Session) -> None:
        look = self.follower(session).look
        progress = follow(look, lambda _: None, on_trouble=pytest.fail, sleep=lambda _: None)
        assert progress.passed == ("CreateCluster", "LookAtSteps", "AwaitSteps", "RunFailed")
        assert (progress.status, progress.error, progress.cause) == ("FAILED", "RunFailed", "on purpose")
        assert progress.known.cluster.startswith("j-")
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
    follower = Follower(sfn, Computes(Access(lambda _: None, {})), "arn", lambda: START)  # type: ignore[arg-type]
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
