"""No cluster outlives its run, nobody else's is touched, and exactly one notice tells of the end."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError
from moto import mock_aws
from moto.core import DEFAULT_ACCOUNT_ID
from moto.emr.models import emr_backends
from moto.sns.models import sns_backends
from moto.stepfunctions.models import stepfunctions_backends

from functions.stop_orphans.app import handler, logger
from orchard.aws import clients
from orchard.runs import orphans
from tests.support.cloud.job_runs import JOB_RUNS, FakeJobRuns
from tests.support.stack.lambda_context import FakeContext
from tests.support.stack.template import machine

RUN = "fruits-0123456789ab"
LogsOf = Callable[[Any], Callable[[], list[dict[str, Any]]]]

MACHINE = "arn:aws:states:eu-west-1:123456789012:stateMachine:orchard-pipeline"


@pytest.fixture(autouse=True)
def _stack(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with mock_aws():
        definition = json.dumps({"StartAt": "S", "States": {"S": {"Type": "Succeed"}}})
        role = "arn:aws:iam::123456789012:role/r"
        clients.step_functions().create_state_machine(name="orchard-pipeline", definition=definition, roleArn=role)
        clients.s3().create_bucket(Bucket="out", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        monkeypatch.setenv("RESULTS_BUCKET", "out")
        monkeypatch.setenv("STATE_MACHINE_ARN", MACHINE)
        monkeypatch.setenv("JOB_APPLICATION_ID", "")
        monkeypatch.setenv("VIRTUAL_CLUSTER_ID", "")
        monkeypatch.setenv("NOTICE_TOPIC_ARN", clients.sns().create_topic(Name="notices")["TopicArn"])
        yield


def cluster(run: str | None, stack: str = "orchard") -> str:
    tags = [{"Key": "orchard:stack", "Value": stack}] + ([{"Key": "orchard:run-id", "Value": run}] if run else [])
    return clients.client("emr").run_job_flow(
        Name="a cluster",
        Instances={"KeepJobFlowAliveWhenNoSteps": True, "InstanceGroups": []},
        JobFlowRole="nodes",
        ServiceRole="service",
        Tags=tags,
    )["JobFlowId"]


def is_now(cluster_id: str, state: str) -> None:
    """Put a cluster into a state that moto knows but never shows."""
    emr_backends[DEFAULT_ACCOUNT_ID]["eu-west-1"].clusters[cluster_id].state = state


def is_older(cluster_id: str, age: timedelta) -> None:
    """Make a cluster as if it had been created so long ago."""
    emr_backends[DEFAULT_ACCOUNT_ID]["eu-west-1"].clusters[cluster_id].creation_datetime -= age


def execution_of(arn: str) -> Any:  # noqa: ANN401 (moto's)
    return stepfunctions_backends[DEFAULT_ACCOUNT_ID]["eu-west-1"].describe_execution(arn)


def says(monkeypatch: pytest.MonkeyPatch, given: dict[str, Any], **more: object) -> None:
    """Have Step Functions say more of the execution of an event than moto does."""
    sfn = clients.step_functions()
    described = {**sfn.describe_execution(executionArn=given["detail"]["executionArn"]), **more}
    monkeypatch.setattr(sfn, "describe_execution", lambda **_: described)


def counted(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """What was counted, as CloudWatch reads it from the log."""
    (line,) = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "_aws" in line]
    return dict(line)


def asked_of_emr() -> list[str]:
    """The names of the calls that EMR gets from now on."""
    asked: list[str] = []
    clients.client("emr").meta.events.register("before-call.emr", lambda model, **_: asked.append(model.name))
    return asked


def state_of(cluster_id: str) -> str:
    return clients.client("emr").describe_cluster(ClusterId=cluster_id)["Cluster"]["Status"]["State"]


def running(run: str = RUN) -> str:
    return clients.step_functions().start_execution(stateMachineArn=MACHINE, name=run)["executionArn"]


def ended(status: str = "ABORTED", **detail: str) -> dict[str, Any]:
    """End the run's execution, and make the event that EventBridge delivers."""
    arn = running()
    clients.step_functions().stop_execution(executionArn=arn, error=detail.get("error", ""))
    execution_of(arn).status = status
    return event(arn, status, **detail)


def event(arn: str, status: str, **detail: str) -> dict[str, Any]:
    return {
        "source": "aws.states",
        "detail-type": "Step Functions Execution Status Change",
        "detail": {"executionArn": arn, "stateMachineArn": MACHINE, "name": RUN, "status": status, **detail},
    }


def deliver(given: dict[str, Any]) -> dict[str, Any]:
    return handler(given, FakeContext())


def mails() -> list[tuple[str, str]]:
    (topic,) = sns_backends[DEFAULT_ACCOUNT_ID]["eu-west-1"].topics.values()
    return [(subject, message) for _, message, subject, *_ in topic.sent_notifications]


def test_an_aborted_run_loses_its_clusters_and_only_those() -> None:
    own, also_own, anothers, untagged = cluster(RUN), cluster(RUN), cluster("another-run"), cluster(None)
    told = deliver(ended())
    assert sorted(told["terminated"]) == sorted([own, also_own])
    assert {state_of(own), state_of(also_own)} == {"TERMINATED"}
    assert {state_of(anothers), state_of(untagged)} == {"WAITING"}
    ((subject, message),) = mails()
    assert subject == f"Orchard: stopped, {RUN}"
    assert own in message


@pytest.mark.parametrize("other", [f"{RUN}-2", RUN[:-1], f"x{RUN}", RUN.upper(), ""])
def test_a_run_whose_name_is_like_it_keeps_its_cluster(other: str) -> None:
    anothers = cluster(other)
    assert deliver(ended())["terminated"] == []
    assert state_of(anothers) == "WAITING"


def test_each_end_of_a_run_that_was_redriven_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    sent = ended()
    assert deliver(sent)["notified"] is True
    for redrives in (1, 2):
        says(monkeypatch, sent, redriveCount=redrives)
        assert [deliver(sent)["notified"], deliver(sent)["notified"]] == [True, False]
    assert len(mails()) == 3


def test_clusters_are_found_on_every_page_among_many_others() -> None:
    first, second = cluster(RUN), cluster(RUN)
    crowd = [cluster("another-run") for _ in range(110)]
    last = cluster(RUN)
    asked = asked_of_emr()
    assert sorted(deliver(ended())["terminated"]) == sorted([first, second, last])
    assert asked.count("ListClusters") == 3
    assert {state_of(other) for other in crowd} == {"WAITING"}


def test_more_clusters_than_one_call_can_end_are_ended() -> None:
    many = [cluster(RUN) for _ in range(11)]
    asked = asked_of_emr()
    assert sorted(deliver(ended())["terminated"]) == sorted(many)
    assert asked.count("TerminateJobFlows") == 2
    assert {state_of(one) for one in many} == {"TERMINATED"}


@pytest.mark.parametrize("state", ["STARTING", "BOOTSTRAPPING", "RUNNING", "WAITING"])
def test_a_cluster_is_ended_whatever_it_does(state: str) -> None:
    own = cluster(RUN)
    is_now(own, state)
    assert deliver(ended())["terminated"] == [own]


@pytest.mark.parametrize("state", ["TERMINATING", "TERMINATED", "TERMINATED_WITH_ERRORS"])
def test_a_cluster_that_ends_already_is_left_alone(state: str) -> None:
    is_now(cluster(RUN), state)
    asked = asked_of_emr()
    assert deliver(ended())["terminated"] == []
    assert "TerminateJobFlows" not in asked


def test_a_cluster_is_ended_whose_id_the_execution_never_knew() -> None:
    sent = ended("FAILED", error="RunFailed", cause="States.Timeout: CreateCluster")
    unknown = cluster(RUN)
    assert unknown not in json.dumps(sent)
    assert deliver(sent)["terminated"] == [unknown]


def test_an_execution_that_runs_keeps_its_cluster_whatever_the_event_says() -> None:
    own = cluster(RUN)
    assert deliver(event(running(), "ABORTED")) == {"terminated": [], "notified": False}
    assert state_of(own) == "WAITING"
    assert mails() == []


@pytest.mark.parametrize(("status", "headline"), [("ABORTED", "stopped"), ("TIMED_OUT", "timed out")])
def test_a_run_ended_from_outside_is_told_of_also_without_a_cluster(status: str, headline: str) -> None:
    assert deliver(ended(status)) == {"terminated": [], "notified": True}
    assert mails()[0][0] == f"Orchard: {headline}, {RUN}"


@pytest.mark.parametrize("error", ["RunFailed", "ArchiveRefused"])
def test_a_run_that_the_machine_has_told_of_is_not_told_of_again_but_still_cleaned_up(error: str) -> None:
    own = cluster(RUN)
    assert deliver(ended("FAILED", error=error)) == {"terminated": [own], "notified": False}
    assert mails() == []


def test_a_failure_that_the_machine_could_not_catch_is_told_of() -> None:
    assert deliver(ended("FAILED", error="States.DataLimitExceeded", cause="too large"))["notified"] is True
    ((subject, message),) = mails()
    assert subject == f"Orchard: failed, {RUN}"
    assert "States.DataLimitExceeded: too large" in message


def test_the_error_is_asked_for_where_the_event_does_not_carry_it(monkeypatch: pytest.MonkeyPatch) -> None:
    sent = ended("FAILED")
    says(monkeypatch, sent, error="RunFailed")
    assert deliver(sent)["notified"] is False


def test_an_event_that_is_delivered_twice_sends_one_mail() -> None:
    sent = ended()
    own = cluster(RUN)
    assert deliver(sent) == {"terminated": [own], "notified": True}
    asked = asked_of_emr()
    assert deliver(sent) == {"terminated": [], "notified": False}
    assert "TerminateJobFlows" not in asked
    assert len(mails()) == 1


@pytest.mark.parametrize("status", ["RUNNING", "PENDING_REDRIVE"])
def test_an_execution_that_was_started_anew_keeps_its_cluster(status: str) -> None:
    sent = ended()
    execution_of(sent["detail"]["executionArn"]).status = status
    own = cluster(RUN)
    assert deliver(sent) == {"terminated": [], "notified": False}
    assert state_of(own) == "WAITING"
    assert mails() == []


def test_a_mail_that_could_not_be_sent_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    sent = ended()
    topic = clients.sns().create_topic(Name="notices")["TopicArn"]
    monkeypatch.setenv("NOTICE_TOPIC_ARN", f"{topic}-gone")
    with pytest.raises(ClientError, match="NotFound"):
        deliver(sent)
    monkeypatch.setenv("NOTICE_TOPIC_ARN", topic)
    assert deliver(sent)["notified"] is True


def test_orphans_are_counted_for_the_function_of_this_stack(capsys: pytest.CaptureFixture[str]) -> None:
    sent = ended()
    cluster(RUN)
    deliver(sent)
    found = counted(capsys)
    assert found["OrphansStopped"] == [1.0]
    assert (found["service"], found["FunctionName"]) == ("stop_orphans", "function")


def test_logs_carry_the_run_id_but_not_the_whole_event(logs_of: LogsOf) -> None:
    logs = logs_of(logger)
    cluster(RUN)
    deliver(ended("ABORTED", input='{"secret": "of the input"}'))
    assert [line["run_id"] for line in logs()] == [RUN]
    assert "of the input" not in str(logs())


@pytest.mark.parametrize("kind", JOB_RUNS)
@pytest.mark.parametrize("beside_a_cluster", [True, False])
def test_a_job_run_is_cancelled_as_a_cluster_is_terminated(
    beside_a_cluster: bool, kind: type[FakeJobRuns], monkeypatch: pytest.MonkeyPatch
) -> None:
    service = kind()
    own, anothers = service.add(RUN, "unzip", "RUNNING"), service.add("another-run", "pca", "RUNNING")
    left_over = [cluster(RUN)] if beside_a_cluster else []
    works_on(service, monkeypatch)
    assert sorted(deliver(ended())["terminated"]) == sorted([*left_over, own])
    assert (service.state(own), service.state(anothers)) == (service.cancelling, "RUNNING")
    assert {state_of(one) for one in left_over} <= {"TERMINATED"}
    ((_, message),) = mails()
    clusters = "".join(f"Cluster\n{one}\nis being terminated\n\n" for one in left_over)
    assert f"{clusters}Job run\n{own}\nis being cancelled" in message
    assert ("Cluster" in message) == beside_a_cluster


def works_on(service: FakeJobRuns, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the stack work by these job runs."""
    monkeypatch.setenv(service.compute.places[1], service.place)
    monkeypatch.setattr(clients, "client", {"emr": clients.client("emr"), service.service: service}.__getitem__)


SCHEDULED = {"source": "aws.events", "detail-type": "Scheduled Event", "resources": [], "detail": {}}
OLD = timedelta(minutes=6)


class TestBySchedule:
    """The same function every quarter of an hour, for the ends that no event told of."""

    @pytest.mark.parametrize("kind", JOB_RUNS)
    def test_so_is_a_job_run_wherever_it_runs(self, kind: type[FakeJobRuns], monkeypatch: pytest.MonkeyPatch) -> None:
        ended()
        running("another-run")
        service, made = kind(), datetime.now(UTC) - OLD
        own, running_one = (service.add(run, "unzip", "RUNNING", made) for run in (RUN, "another-run"))
        young = service.add(RUN, "featurize", "RUNNING", datetime.now(UTC))
        works_on(service, monkeypatch)
        assert deliver(SCHEDULED)["terminated"] == [own]
        found = [service.state(one) for one in (own, running_one, young)]
        assert found == [service.cancelling, "RUNNING", "RUNNING"]

    def test_an_end_whose_event_never_came_is_cleaned_up_and_told(self) -> None:
        ended()
        own, running_one = cluster(RUN), cluster("another-run")
        running("another-run")
        for one in (own, running_one):
            is_older(one, OLD)
        assert deliver(SCHEDULED) == {"terminated": [own], "notified": True}
        assert (state_of(own), state_of(running_one)) == ("TERMINATED", "WAITING")
        ((subject, message),) = mails()
        assert subject == f"Orchard: stopped, {RUN}"
        assert own in message

    def test_once_is_enough(self) -> None:
        sent = ended()
        assert deliver(SCHEDULED)["notified"] is True
        assert deliver(SCHEDULED) == deliver(sent) == {"terminated": [], "notified": False}
        assert len(mails()) == 1

    @pytest.mark.parametrize("status", ["RUNNING", "PENDING_REDRIVE"])
    def test_a_run_that_goes_on_keeps_its_cluster(self, status: str) -> None:
        execution_of(running()).status = status
        own = cluster(RUN)
        is_older(own, OLD)
        assert deliver(SCHEDULED) == {"terminated": [], "notified": False}
        assert state_of(own) == "WAITING"

    def test_a_cluster_that_has_just_been_made_is_left_for_the_next_time(self) -> None:
        own = cluster("a-run-that-is-not-known-yet")
        assert deliver(SCHEDULED)["terminated"] == []
        is_older(own, OLD)
        assert deliver(SCHEDULED)["terminated"] == [own]

    def test_an_end_is_told_when_nothing_of_the_run_is_left(self) -> None:
        ended()
        own = cluster(RUN)
        assert deliver(SCHEDULED) == {"terminated": [], "notified": False}
        is_older(own, OLD)
        assert deliver(SCHEDULED) == {"terminated": [own], "notified": True}

    def test_another_stack_keeps_its_clusters(self) -> None:
        ended()
        others = [cluster(RUN, "staging"), cluster(None), cluster(RUN, "orchard-two")]
        for one in others:
            is_older(one, OLD)
        assert deliver(SCHEDULED)["terminated"] == []
        assert {state_of(one) for one in others} == {"WAITING"}

    def test_a_run_that_the_machine_has_told_of_is_cleaned_up_only(self, monkeypatch: pytest.MonkeyPatch) -> None:
        says(monkeypatch, ended("FAILED"), error="RunFailed")
        own = cluster(RUN)
        is_older(own, OLD)
        assert deliver(SCHEDULED) == {"terminated": [own], "notified": False}
        assert mails() == []

    def test_what_ended_long_ago_is_told_only_if_something_was_left_of_it(self) -> None:
        execution = execution_of(ended()["detail"]["executionArn"])
        execution.stop_date = execution.start_date - timedelta(hours=2)
        assert deliver(SCHEDULED)["notified"] is False
        is_older(cluster(RUN), OLD)
        assert deliver(SCHEDULED)["notified"] is True

    def test_orphans_are_counted_as_after_an_event(self, capsys: pytest.CaptureFixture[str]) -> None:
        ended()
        is_older(cluster(RUN), OLD)
        deliver(SCHEDULED)
        found = counted(capsys)
        assert (found["OrphansStopped"], "EndingsSeen" in found) == ([1.0], False)


def test_a_sweep_looks_back_further_than_any_execution_can_take() -> None:
    assert orphans.LONGEST_RUN.total_seconds() > machine()["TimeoutSeconds"]
