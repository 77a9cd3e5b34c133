"""What the state machine does on moto's interpreter when its tasks answer as they do in AWS, and when they do not."""

from __future__ import annotations

import json
from typing import Any

import botocore.session
import pytest
from botocore.validate import validate_parameters

from tests.asl_graph import tasks
from tests.asl_run import Fails, Run, run
from tests.stack_template import ARCHIVE, RUN_ID, definition, execution_plan, machine

GIVEN: dict[str, Any] = {
    "run_id": RUN_ID,
    "archive": {"bucket": ARCHIVE.bucket, "key": ARCHIVE.key, "version_id": "v1", "etag": "abc", "size": 12_345},
}
REFUSED = {"accepted": False, "error": {"Error": "ArchiveRefused", "Cause": "Not a zip: it is a tar"}}
NOTICE = {"subject": "Orchard: fruits", "message": "All there is to say.", "cause": "Because."}

TO_CLUSTER = ["InspectArchive", "IsArchiveAccepted", "FirstLaunch", "CreateCluster"]
QUEUE = ["QueueUnzip", "QueueFeaturize", "QueuePca"]
TO_CLUSTER_STATUS = ["AwaitSteps", "LookAtCluster", "KeepClusterStatus", "JudgeCluster"]
POLL = [*TO_CLUSTER_STATUS, "LookAtSteps", "KeepStepStatus", "JudgeSteps"]
RELAUNCH = ["LaunchAgain", "TerminateCluster", "IsLaunchRetried", "NextLaunch", "BackOff", "CreateCluster"]
TELL = ["DescribeRun", "Notify", "Outcome"]
END = ["TerminateCluster", "IsLaunchRetried", *TELL]


def cluster(state: str, *, ready: bool = True, reason: str = "") -> dict[str, Any]:
    """DescribeCluster's answer; EMR leaves out what it does not know."""
    timeline = {"CreationDateTime": "2026-11-01T10:00:00Z"} | (
        {"ReadyDateTime": "2026-11-01T10:05:00Z"} if ready else {}
    )
    change = {"Code": reason, "Message": "On the primary instance."} if reason else {}
    return {
        "Cluster": {"Status": {"State": state, "StateChangeReason": change, "Timeline": timeline}, "Name": "orchard"}
    }


def step(state: str) -> dict[str, Any]:
    """DescribeStep's answer."""
    return {"Step": {"Status": {"State": state}, "Name": "pca"}}


def scripted(**answers: list[Any]) -> Run:
    """Run with the answers of a run that goes well, but for those given."""
    well: dict[str, list[Any]] = {
        "InspectArchive": [{"Payload": execution_plan()}],
        "CreateCluster": [{"JobFlowId": f"j-{number}"} for number in (1, 2, 3, 4)],
        "QueueUnzip": [{"StepIds": ["s-unzip"]}],
        "QueueFeaturize": [{"StepIds": ["s-featurize"]}],
        "QueuePca": [{"StepIds": ["s-pca"]}],
        "LookAtCluster": [cluster("RUNNING")],
        "LookAtSteps": [step("COMPLETED")],
        "TerminateCluster": [{}],
        "DescribeRun": [{"Payload": NOTICE}],
        "Notify": [{"MessageId": "m-1"}],
    }
    return run(definition(), well | answers, GIVEN)


LAUNCH_FAILED = cluster("TERMINATED_WITH_ERRORS", ready=False, reason="BOOTSTRAP_FAILURE")


def test_a_run_that_goes_well() -> None:
    done = scripted(
        LookAtCluster=[cluster("STARTING", ready=False), cluster("RUNNING")],
        LookAtSteps=[step("PENDING"), step("RUNNING"), step("COMPLETED")],
    )
    assert done.visited == [*TO_CLUSTER, *QUEUE, *POLL, *POLL, *POLL, *END, "RunSucceeded"]
    assert done.status == "SUCCEEDED"
    assert done.waits == [15, 15, 15]
    assert done.data["launch"]["attempt"] == 1
    assert done.data["cluster"] == {"id": "j-1"}
    assert {stage: queued["id"] for stage, queued in done.data["steps"].items()} == {
        "unzip": "s-unzip",
        "featurize": "s-featurize",
        "pca": "s-pca",
    }
    assert done.data["cluster_status"]["State"] == "RUNNING"
    assert done.data["step_status"] == {"State": "COMPLETED"}
    assert done.data["described"] == {"notice": NOTICE}
    assert not {"failure", "termination_failure"} & set(done.data)


def test_every_call_is_one_that_emr_understands() -> None:
    emr = botocore.session.Session().get_service_model("emr")
    asked = dict(scripted().calls)
    checked = 0
    for state, task in tasks(machine()).items():
        integration, _, action = task["Resource"].rpartition(":")
        if integration.endswith("aws-sdk:emr"):
            shape = emr.operation_model(action[0].upper() + action[1:]).input_shape
            validate_parameters(asked[state], shape)
            assert set(asked[state]) <= set(shape.members)
            checked += 1
    assert checked == 7


def test_the_cluster_is_the_planned_one() -> None:
    [asked] = scripted().arguments("CreateCluster")
    plan = execution_plan()
    assert asked["Name"] == f"orchard {RUN_ID}"
    assert asked["LogUri"] == plan["log_uri"]
    assert asked["Instances"]["InstanceFleets"] == plan["cluster"]["instance_fleets"]
    assert asked["Instances"]["Ec2SubnetIds"] == ["subnet-0aaa", "subnet-0bbb"]
    assert asked["Configurations"] == plan["cluster"]["configurations"]
    assert asked["BootstrapActions"] == plan["cluster"]["bootstrap_actions"]
    assert {tag["Key"]: tag["Value"] for tag in asked["Tags"]} == {
        "orchard:run-id": RUN_ID,
        "orchard:stack": "orchard",
        "project": "orchard",
        "for-use-with-amazon-emr-managed-policies": "true",
    }


def test_the_steps_are_the_planned_ones_on_the_cluster_that_was_created() -> None:
    done = scripted()
    for stage in ("unzip", "featurize", "pca"):
        [asked] = done.arguments(f"Queue{stage.title()}")
        assert asked["JobFlowId"] == "j-1"
        assert asked["Steps"][0]["HadoopJarStep"]["Args"] == execution_plan()["steps"][stage]
    assert done.arguments("LookAtSteps") == [{"ClusterId": "j-1", "StepId": "s-pca"}]
    assert done.arguments("TerminateCluster") == [{"JobFlowIds": ["j-1"]}]


def test_the_describer_is_given_all_there_is_to_know() -> None:
    done = scripted(LookAtSteps=[step("CANCELLED")])
    [asked] = done.arguments("DescribeRun")
    payload = json.loads(asked["Payload"])
    assert set(payload) == {"state", "started"}
    assert payload["state"]["failure"]["Error"] == "StepFailed"
    [notice] = done.arguments("Notify")
    assert (notice["Subject"], notice["Message"]) == (NOTICE["subject"], NOTICE["message"])


def test_a_refused_archive_costs_no_cluster() -> None:
    done = scripted(InspectArchive=[{"Payload": REFUSED}])
    assert done.visited == ["InspectArchive", "IsArchiveAccepted", "KeepRefusal", *TELL, "ArchiveRefused"]
    assert (done.status, done.error, done.cause) == ("FAILED", "ArchiveRefused", NOTICE["cause"])
    assert done.data["failure"] == REFUSED["error"]


@pytest.mark.parametrize("state", ["FAILED", "CANCELLED", "INTERRUPTED"])
def test_a_step_that_fails_ends_the_run_and_the_cluster(state: str) -> None:
    done = scripted(LookAtSteps=[step("RUNNING"), step(state)])
    assert done.visited == [*TO_CLUSTER, *QUEUE, *POLL, *POLL, "StepFailed", *END, "RunFailed"]
    assert (done.status, done.error, done.cause) == ("FAILED", "RunFailed", NOTICE["cause"])
    assert done.data["failure"]["Error"] == "StepFailed"
    assert state in done.data["failure"]["Cause"]


@pytest.mark.parametrize("state", ["PENDING", "RUNNING", "CANCEL_PENDING"])
def test_a_step_that_is_not_done_is_waited_for(state: str) -> None:
    assert scripted(LookAtSteps=[step(state), step("COMPLETED")]).visited.count("AwaitSteps") == 2


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        ("TERMINATING", "BOOTSTRAP_FAILURE"),
        ("TERMINATED", "INSTANCE_FLEET_TIMEOUT"),
        ("TERMINATED_WITH_ERRORS", "INTERNAL_ERROR"),
    ],
)
def test_a_launch_that_fails_is_tried_again_after_its_cluster_is_terminated(state: str, reason: str) -> None:
    done = scripted(LookAtCluster=[cluster(state, ready=False, reason=reason), cluster("RUNNING")])
    first = [*TO_CLUSTER, *QUEUE, *TO_CLUSTER_STATUS]
    assert done.visited == [*first, *RELAUNCH, *QUEUE, *POLL, *END, "RunSucceeded"]
    assert done.status == "SUCCEEDED"
    assert [asked["JobFlowIds"] for asked in done.arguments("TerminateCluster")] == [["j-1"], ["j-2"]]
    assert done.arguments("LookAtSteps")[0]["ClusterId"] == "j-2"
    assert done.data["launch"]["attempt"] == 2
    assert "failure" not in done.data


def test_three_launches_are_enough() -> None:
    done = scripted(LookAtCluster=[LAUNCH_FAILED])
    attempt = [*QUEUE, *TO_CLUSTER_STATUS]
    assert done.visited == [
        *TO_CLUSTER,
        *attempt,
        *RELAUNCH,
        *attempt,
        *RELAUNCH,
        *attempt,
        "LaunchFailed",
        *END,
        "RunFailed",
    ]
    assert done.error == "RunFailed"
    assert done.data["failure"]["Error"] == "LaunchFailed"
    assert "BOOTSTRAP_FAILURE" in done.data["failure"]["Cause"]
    assert len(done.arguments("TerminateCluster")) == 3


@pytest.mark.parametrize("reason", ["VALIDATION_ERROR", ""])
def test_a_launch_that_would_fail_again_is_not_tried_again(reason: str) -> None:
    done = scripted(LookAtCluster=[cluster("TERMINATED_WITH_ERRORS", ready=False, reason=reason)])
    assert done.visited == [*TO_CLUSTER, *QUEUE, *TO_CLUSTER_STATUS, "LaunchFailed", *END, "RunFailed"]


def test_a_status_without_timeline_and_reason_is_a_launch_that_failed() -> None:
    bare = {"Cluster": {"Status": {"State": "TERMINATED"}}}
    assert scripted(LookAtCluster=[bare]).data["failure"]["Error"] == "LaunchFailed"


@pytest.mark.parametrize("reason", ["BOOTSTRAP_FAILURE", ""])
def test_a_cluster_that_was_ready_and_ends_before_its_steps_is_a_failure(reason: str) -> None:
    done = scripted(
        LookAtCluster=[cluster("RUNNING"), cluster("TERMINATED_WITH_ERRORS", reason=reason)],
        LookAtSteps=[step("RUNNING"), step("CANCELLED")],
    )
    assert done.visited == [*TO_CLUSTER, *QUEUE, *POLL, *POLL, "ClusterLost", *END, "RunFailed"]
    assert done.data["failure"]["Error"] == "ClusterLost"


def test_a_cluster_that_ended_after_its_steps_were_done_is_a_success() -> None:
    done = scripted(LookAtCluster=[cluster("TERMINATING", reason="USER_REQUEST")], LookAtSteps=[step("COMPLETED")])
    assert done.visited == [*TO_CLUSTER, *QUEUE, *POLL, *END, "RunSucceeded"]


@pytest.mark.parametrize(
    ("state", "error"),
    [
        ("QueueUnzip", "States.Timeout"),
        ("QueueFeaturize", "Emr.EmrException"),
        ("QueuePca", "Emr.InternalServerErrorException"),
        ("LookAtCluster", "Emr.InvalidRequestException"),
        ("LookAtSteps", "Emr.EmrException"),
    ],
)
def test_whatever_fails_while_a_cluster_lives_terminates_it(state: str, error: str) -> None:
    done = scripted(**{state: [Fails(error)]})
    assert done.visited[-7:] == [state, *END, "RunFailed"]
    assert done.data["failure"] == {"Error": error, "Cause": "scripted"}
    assert done.arguments("TerminateCluster") == [{"JobFlowIds": ["j-1"]}]


@pytest.mark.parametrize("state", ["InspectArchive", "CreateCluster"])
def test_whatever_fails_before_there_is_a_cluster_is_told(state: str) -> None:
    done = scripted(**{state: [Fails("Lambda.Unknown", "out of memory")]})
    assert done.visited == [*TO_CLUSTER[: TO_CLUSTER.index(state) + 1], *TELL, "RunFailed"]
    assert done.data["failure"] == {"Error": "Lambda.Unknown", "Cause": "out of memory"}


def test_a_second_launch_that_cannot_be_made_leaves_no_cluster() -> None:
    done = scripted(
        CreateCluster=[{"JobFlowId": "j-1"}, Fails("Emr.InternalServerErrorException")], LookAtCluster=[LAUNCH_FAILED]
    )
    assert done.visited[-7:] == ["NextLaunch", "BackOff", "CreateCluster", *TELL, "RunFailed"]
    assert done.arguments("TerminateCluster") == [{"JobFlowIds": ["j-1"]}]


def test_a_cluster_that_cannot_be_terminated_fails_the_execution_so_that_orphans_are_looked_for() -> None:
    done = scripted(TerminateCluster=[Fails("Emr.EmrException", "denied")])
    assert done.visited == [*TO_CLUSTER, *QUEUE, *POLL, "TerminateCluster", *TELL, "RunFailed"]
    assert done.data["termination_failure"] == {"Error": "Emr.EmrException", "Cause": "denied"}
    assert "failure" not in done.data


@pytest.mark.parametrize("error", ["States.Timeout", "Whatever"])
def test_terminating_is_tried_again_whatever_happens(error: str) -> None:
    done = scripted(TerminateCluster=[Fails(error)] * 4 + [{}])
    assert done.status == "SUCCEEDED"
    assert len(done.arguments("TerminateCluster")) == 5


@pytest.mark.parametrize(
    ("state", "error"),
    [
        ("LookAtCluster", "Emr.InternalServerException"),
        ("LookAtCluster", "States.Timeout"),
        ("LookAtSteps", "Emr.EmrException"),
    ],
)
def test_a_look_that_is_throttled_for_a_while_is_survived(state: str, error: str) -> None:
    well = {"LookAtCluster": cluster("RUNNING"), "LookAtSteps": step("COMPLETED")}
    assert scripted(**{state: [Fails(error)] * 10 + [well[state]]}).status == "SUCCEEDED"


@pytest.mark.parametrize("state", ["CreateCluster", "QueuePca"])
def test_a_call_that_was_rejected_by_a_throttle_is_made_again(state: str) -> None:
    answer = {"JobFlowId": "j-1"} if state == "CreateCluster" else {"StepIds": ["s-1"]}
    done = scripted(**{state: [Fails("Emr.EmrException", "Rate exceeded")] * 2 + [answer]})
    assert (done.status, len(done.arguments(state))) == ("SUCCEEDED", 3)


@pytest.mark.parametrize("error", ["Emr.InternalServerErrorException", "States.Timeout", "Emr.SdkClientException"])
def test_a_call_that_may_have_been_obeyed_is_not_made_twice(error: str) -> None:
    assert len(scripted(CreateCluster=[Fails(error)]).arguments("CreateCluster")) == 1


@pytest.mark.parametrize("state", ["InspectArchive", "DescribeRun"])
def test_a_function_that_lambda_could_not_run_is_called_again(state: str) -> None:
    payload = {"InspectArchive": execution_plan(), "DescribeRun": NOTICE}[state]
    done = scripted(**{state: [Fails("Lambda.TooManyRequestsException"), {"Payload": payload}]})
    assert (done.status, len(done.arguments(state))) == ("SUCCEEDED", 2)


@pytest.mark.parametrize(("last", "end"), [("COMPLETED", "RunSucceeded"), ("FAILED", "RunFailed")])
def test_a_describer_that_fails_is_replaced_by_plain_words(last: str, end: str) -> None:
    done = scripted(DescribeRun=[Fails("KeyError", "'State'")], LookAtSteps=[step(last)])
    assert done.visited[-4:] == ["DescribePlainly", "Notify", "Outcome", end]
    [notice] = done.arguments("Notify")
    assert RUN_ID in notice["Subject"]
    assert len(notice["Subject"]) <= 100
    assert last in notice["Message"]
    assert "KeyError" in done.data["described"]["notice"]["cause"]


@pytest.mark.parametrize(("last", "end"), [("COMPLETED", "RunSucceeded"), ("FAILED", "RunFailed")])
def test_a_notice_that_cannot_be_sent_changes_nothing_else(last: str, end: str) -> None:
    done = scripted(Notify=[Fails("SNS.AmazonSNSException")], LookAtSteps=[step(last)])
    assert done.visited[-3:] == ["Notify", "Outcome", end]


def test_the_longest_run_id_still_fits_into_a_subject() -> None:
    longest = "x" * 80
    plain = machine()["States"]["DescribePlainly"]["Parameters"]["notice"]["subject.$"]
    assert len(plain.removeprefix("States.Format('").split("'")[0].replace("{}", longest)) <= 100
