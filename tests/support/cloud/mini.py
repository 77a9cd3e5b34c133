"""A local cloud with a pipeline in small (tests/integration/mini_stack), and how to look at what happens in it."""

import gzip
import json
from typing import Any

import boto3

from orchard.layout import ObjectAddress
from orchard.local.cloud import LocalCloud
from orchard.local.moto.translate import StackSource
from tests.support.paths import ROOT
from tests.support.waiting import eventually

STACK = StackSource(
    ROOT / "tests" / "integration" / "mini_stack" / "template.yaml", name="mini", parameters={"IdleSeconds": "60"}
)

Json = dict[str, Any]


def upload(cloud: LocalCloud, key: str, body: bytes = b"hello", **told: object) -> str:
    """Put an object whose run has this input; the version it got."""
    answer = boto3.client("s3").put_object(
        Bucket=cloud.outputs["InputBucketName"], Key=key, Body=body, Metadata={"told": json.dumps(told)}
    )
    return answer["VersionId"]


def ended(cloud: LocalCloud, name: str) -> Json:
    """The execution of this name, when it has ended."""
    states = boto3.client("stepfunctions")
    arn = f"{cloud.outputs['StateMachineArn'].replace(':stateMachine:', ':execution:')}:{name}"

    def look() -> Json | None:
        try:
            described = states.describe_execution(executionArn=arn)
        except states.exceptions.ExecutionDoesNotExist:
            return None
        return described if described["status"] != "RUNNING" else None

    return eventually(look, f"the end of {name}")


def executions(cloud: LocalCloud) -> list[str]:
    found = boto3.client("stepfunctions").list_executions(stateMachineArn=cloud.outputs["StateMachineArn"])
    return [one["name"] for one in found["executions"]]


def cluster(*steps: list[str] | tuple[list[str], str], keep_alive: bool = True, **more: object) -> str:
    """A cluster with these steps: arguments of the command runner, or (arguments, ActionOnFailure)."""
    given = [step if isinstance(step, tuple) else (step, "CANCEL_AND_WAIT") for step in steps]
    return boto3.client("emr").run_job_flow(
        Name="by hand",
        Instances={"KeepJobFlowAliveWhenNoSteps": keep_alive},
        Steps=[
            {
                "Name": f"step {number}",
                "ActionOnFailure": action,
                "HadoopJarStep": {"Jar": "command-runner.jar", "Args": args},
            }
            for number, (args, action) in enumerate(given)
        ],
        **more,
    )["JobFlowId"]


def status(cluster_id: str) -> Json:
    return boto3.client("emr").describe_cluster(ClusterId=cluster_id)["Cluster"]["Status"]


def reaches(cluster_id: str, *states: str) -> Json:
    def look() -> Json | None:
        now = status(cluster_id)
        return now if now["State"] in states else None

    return eventually(look, f"the state {states} of {cluster_id}")


def steps_of(cluster_id: str) -> list[Json]:
    """The steps in the order in which they were added."""
    return list(reversed(boto3.client("emr").list_steps(ClusterId=cluster_id)["Steps"]))


def step_states(cluster_id: str) -> list[str]:
    return [step["Status"]["State"] for step in steps_of(cluster_id)]


def read(uri: str) -> str:
    address = ObjectAddress.parse(uri)
    return gzip.decompress(
        boto3.client("s3").get_object(Bucket=address.bucket, Key=address.key)["Body"].read()
    ).decode()


def script(cloud: LocalCloud, name: str, text: str) -> str:
    address = ObjectAddress(cloud.outputs["ResultsBucketName"], f"scripts/{name}")
    boto3.client("s3").put_object(Bucket=address.bucket, Key=address.key, Body=text.encode())
    return address.uri
