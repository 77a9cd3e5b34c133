"""An AWS for unit tests: moto, with credentials that open nothing and a stack made by hand."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from boto3.session import Session
from botocore.exceptions import ClientError
from moto import mock_aws
from moto.stepfunctions.parser.api import ExecutionStatus
from moto.stepfunctions.parser.models import stepfunctions_parser_backends

from tests.support.waiting import eventually

REGION = "eu-west-1"
OUTPUTS = {
    "InputBucketName": "orchard-input",
    "ResultsBucketName": "orchard-results",
    "ArtefactsBucketName": "orchard-artefacts",
    "StateMachineArn": f"arn:aws:states:{REGION}:123456789012:stateMachine:orchard-pipeline",
    "NoticeTopicArn": f"arn:aws:sns:{REGION}:123456789012:orchard-notices",
    "ClusterSubnetIds": "subnet-0aaa,subnet-0bbb",
    "Release": "r1",
    "Model": "m1",
    "Engines": "onnxruntime",
    "Compute": "emr-ec2",
}


def isolate(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget what the machine knows about AWS, and take credentials of no worth."""
    for name in ("AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")


@contextmanager
def executing() -> Iterator[None]:
    """Moto, in which executions run; at the end all are stopped, whose threads would outlive their cloud."""
    with mock_aws(config={"stepfunctions": {"execute_state_machine": True}}):
        try:
            yield
        finally:
            backend: Any
            for _, _, backend in stepfunctions_parser_backends.iter_backends():
                for execution in backend._get_executions(ExecutionStatus.RUNNING):
                    eventually(lambda one=execution: one.exec_worker.env, "the thread of an execution")
                    execution.stop(datetime.now(UTC), error=None, cause=None)


def client_error(code: str, status: int = 400, message: str = "said AWS", operation: str = "Anything") -> ClientError:
    """What a client raises when AWS answers with an error."""
    answer = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, operation)  # type: ignore[arg-type]


def deploy(session: Session, name: str = "orchard", outputs: dict[str, str] | None = None) -> None:
    """Make a stack that has outputs and, beside them, one topic."""
    template = {
        "Resources": {"Topic": {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": f"{name}-topic"}}},
        "Outputs": {key: {"Value": value} for key, value in (OUTPUTS if outputs is None else outputs).items()},
    }
    session.client("cloudformation").create_stack(StackName=name, TemplateBody=json.dumps(template))


def session(region: str = REGION) -> Session:
    """A session in the region of the tests, or in another."""
    return boto3.Session(region_name=region)


def signs_as(client: Any) -> str:  # noqa: ANN401 (what botocore keeps to itself)
    """The access key of a client's credentials."""
    return client._request_signer._credentials.access_key


def make_buckets(session: Session) -> None:
    """The three buckets of `OUTPUTS`; the input bucket keeps versions."""
    s3 = session.client("s3")
    where = {"LocationConstraint": REGION}
    for output in ("InputBucketName", "ResultsBucketName", "ArtefactsBucketName"):
        s3.create_bucket(Bucket=OUTPUTS[output], CreateBucketConfiguration=where)  # type: ignore[arg-type]
    s3.put_bucket_versioning(Bucket=OUTPUTS["InputBucketName"], VersioningConfiguration={"Status": "Enabled"})
