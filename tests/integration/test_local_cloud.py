"""From an upload to a notice, and executions that end badly: the local cloud with a pipeline in small."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest

from orchard.local.cloud import LocalCloud
from tests.support.cloud.in_process import InProcessRunner
from tests.support.cloud.mini import STACK, Json, ended, executions, reaches, read, upload
from tests.support.waiting import eventually

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    with LocalCloud(STACK, tmp_path_factory.mktemp("home"), runner=InProcessRunner, cores=1) as running:
        yield running


def test_an_upload_runs_the_pipeline_and_ends_in_a_notice(cloud: LocalCloud) -> None:
    version = upload(cloud, "in/rosé apples+pears.txt", first=["bash", "-c", "echo done"])

    run = ended(cloud, f"run-{version}")

    assert run["status"] == "SUCCEEDED", run
    state = json.loads(run["output"])
    assert state["name"] == "in/rosé apples+pears.txt"
    assert state["record"] == {"key": "in/ros%C3%A9+apples%2Bpears.txt", "size": 5, "version": version}
    logs = (
        f"s3://{cloud.outputs['ResultsBucketName']}/logs/{state['cluster']['id']}/steps/{state['steps']['first']['id']}"
    )
    assert read(f"{logs}/stdout.gz") == "done\n"
    assert "with exitCode 0" in read(f"{logs}/controller.gz")
    # what the states language saw of a time is text, as in AWS
    assert state["step_seen"]["status"]["Timeline"]["EndDateTime"].endswith("Z")
    [notice] = [one for one in cloud.notices if state["described"]["text"] == one.message]
    assert notice.subject == "The run has ended"
    assert reaches(state["cluster"]["id"], "TERMINATED")["StateChangeReason"]["Code"] == "USER_REQUEST"


def test_what_the_filter_leaves_out_starts_nothing(cloud: LocalCloud) -> None:
    before = executions(cloud)
    upload(cloud, "in/fruits.zip")
    upload(cloud, "elsewhere/fruits.txt")

    version = upload(cloud, "in/last.txt")  # events are delivered in any order, but this one is after them

    ended(cloud, f"run-{version}")
    assert sorted(executions(cloud)) == sorted([*before, f"run-{version}"])


def test_the_two_events_of_a_multipart_upload_name_one_version(cloud: LocalCloud, tmp_path: Path) -> None:
    before = executions(cloud)
    large = tmp_path / "large"
    large.write_bytes(os.urandom(20_000_000))

    boto3.client("s3").upload_file(str(large), cloud.outputs["InputBucketName"], "in/large.txt")

    [name] = eventually(lambda: set(executions(cloud)) - set(before), "a run")
    found = json.loads(ended(cloud, name)["output"])["record"]
    assert found["size"] == 20_000_000
    assert set(executions(cloud)) - set(before) == {name}


def test_a_second_version_of_a_key_is_another_run(cloud: LocalCloud) -> None:
    versions = [upload(cloud, "in/again.txt") for _ in range(2)]

    assert {ended(cloud, f"run-{version}")["status"] for version in versions} == {"SUCCEEDED"}


def told_of(cloud: LocalCloud, status: str, name: str) -> Json:
    """What EventBridge told the function about this execution."""

    def look() -> Json | None:
        events = [json.loads(one.message) for one in cloud.notices if one.subject == f"ended {status}"]
        return next((event for event in events if event["detail"]["name"] == name), None)

    return eventually(look, f"the event {status} of {name}")


def test_a_failed_step_cancels_the_rest_and_fails_the_run(cloud: LocalCloud) -> None:
    version = upload(
        cloud, "in/bad.txt", first=["bash", "-c", "echo no such fruit >&2; exit 7"], second=["touch", "never"]
    )

    run = ended(cloud, f"run-{version}")

    assert (run["status"], run["error"]) == ("FAILED", "RunFailed")
    event = told_of(cloud, "FAILED", f"run-{version}")
    assert event["source"] == "aws.states"
    assert event["detail"]["stateMachineArn"] == cloud.outputs["StateMachineArn"]
    assert json.loads(event["detail"]["input"]) == json.loads(run["input"])
    assert event["detail"]["cause"] == run["cause"]
    assert event["detail"]["stopDate"] >= event["detail"]["startDate"] > 1_000_000_000_000


def test_a_stopped_execution_is_told_as_aborted(cloud: LocalCloud) -> None:
    version = upload(cloud, "in/slow.txt", first=["sleep", "60"])
    eventually(lambda: f"run-{version}" in executions(cloud), "the start")
    arn = f"{cloud.outputs['StateMachineArn'].replace(':stateMachine:', ':execution:')}:run-{version}"

    eventually(lambda: _stopped(arn), "an execution that can be stopped")

    assert told_of(cloud, "ABORTED", f"run-{version}")["detail"]["output"] is None
    for found in boto3.client("emr").list_clusters(ClusterStates=["STARTING", "RUNNING", "WAITING"])["Clusters"]:
        boto3.client("emr").terminate_job_flows(JobFlowIds=[found["Id"]])


def _stopped(arn: str) -> bool:
    boto3.client("stepfunctions").stop_execution(executionArn=arn)
    return True


def test_a_timeout_of_the_machine_is_told_as_timed_out(cloud: LocalCloud) -> None:
    machine = {"StartAt": "Wait", "TimeoutSeconds": 1, "States": {"Wait": {"Type": "Wait", "Seconds": 30, "End": True}}}
    states = boto3.client("stepfunctions")
    arn = states.create_state_machine(
        name="impatient", definition=json.dumps(machine), roleArn="arn:aws:iam::123456789012:role/any"
    )["stateMachineArn"]

    states.start_execution(stateMachineArn=arn, name="late")

    assert told_of(cloud, "TIMED_OUT", "late")["detail"]["stateMachineArn"] == arn


def test_errors_of_emr_have_the_names_that_aws_gives_them(cloud: LocalCloud) -> None:
    look = {
        "Type": "Task",
        "Resource": "arn:aws:states:::aws-sdk:emr:describeCluster",
        "Parameters": {"ClusterId": "j-NONE"},
        "Catch": [{"ErrorEquals": ["Emr.InvalidRequestException"], "Next": "Caught"}],
        "End": True,
    }
    machine = {"StartAt": "Look", "States": {"Look": look, "Caught": {"Type": "Succeed"}}}
    states = boto3.client("stepfunctions")
    role = states.describe_state_machine(stateMachineArn=cloud.outputs["StateMachineArn"])["roleArn"]
    arn = states.create_state_machine(name="curious", definition=json.dumps(machine), roleArn=role)["stateMachineArn"]

    started = states.start_execution(stateMachineArn=arn, name="look")["executionArn"]

    def look_again() -> str | None:
        now = states.describe_execution(executionArn=started)["status"]
        return now if now != "RUNNING" else None

    assert eventually(look_again, "the end") == "SUCCEEDED"
