"""A cloud that pretends: moto's stack, buckets and Step Functions, and an upload that starts a scripted run.

What a real cloud does between an upload and its results is scripted; everything that the command line asks for, and in
which order, is answered by moto.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import boto3

from orchard import aws, layout
from orchard.features.model import ModelFolder, ModelManifest
from tests import awsfakes

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import pytest
    from boto3.session import Session

SUMMARY: dict[str, Any] = {
    "counts": {
        "images": 1920,
        "classes": 24,
        "rejected_in_unzip": 2,
        "rejected_in_featurize": 1,
        "features": 1919,
    },
    "model": {"name": "MobileNetV2", "weights": "imagenet"},
    "engine": "onnxruntime",
    "parameters": {"kept": 57, "cumulative": 0.9012},
    "cost": {"total_usd": 0.061, "price_date": "2026-11"},
}
RESULTS = {"report.html": "<html>", "summary.json": json.dumps(SUMMARY), "rejected/unzip.csv": "path,stage,reason\n"}

_CLUSTER = {
    "Type": "Task",
    "Resource": "arn:aws:states:::aws-sdk:emr:runJobFlow",
    "Parameters": {
        "Name": "orchard",
        "Instances": {"KeepJobFlowAliveWhenNoSteps": True},
        "Steps": [{"Name": "unzip", "HadoopJarStep": {"Jar": "command-runner.jar"}}],
    },
    "ResultSelector": {"id.$": "$.JobFlowId"},
    "ResultPath": "$.cluster",
    "Next": "Notify",
}


def machine(outcome: Mapping[str, str]) -> dict[str, Any]:
    """A pipeline in miniature that ends with the error given, or well if there is none."""
    end = {"Type": "Fail", **outcome} if outcome else {"Type": "Succeed"}
    return {
        "StartAt": "InspectArchive",
        "States": {
            "InspectArchive": {"Type": "Pass", "Next": "CreateCluster"},
            "CreateCluster": _CLUSTER,
            "Notify": {"Type": "Pass", "Next": "End"},
            "End": end,
        },
    }


class FakeCloud:
    """The stack `orchard`, in moto; an upload to its input bucket starts a run.

    Args:
        outcome: `Error` and `Cause` of the run; empty if it succeeds.
        results: What the run leaves, by name below its prefix.
        logs: What its cluster leaves, likewise.
    """

    def __init__(
        self,
        outcome: Mapping[str, str] | None = None,
        results: Mapping[str, str] | None = None,
        logs: Mapping[str, str] | None = None,
    ) -> None:
        self.environment = {"AWS_ENDPOINT_URL_ORCHARD": "http://localhost:1", "AWS_ACCESS_KEY_ID": "local"}
        self.environment |= {"AWS_SECRET_ACCESS_KEY": "local", "AWS_DEFAULT_REGION": awsfakes.REGION}
        self.notices: list[str] = []
        self.uploads: list[dict[str, Any]] = []
        self.starts_runs = True
        self._results = RESULTS if results is None else results
        self._logs = logs or {}
        self._session = awsfakes.session()
        awsfakes.make_buckets(self._session)
        role = "arn:aws:iam::123456789012:role/pipeline"
        definition = json.dumps(machine(outcome or {}))
        made = self._session.client("stepfunctions").create_state_machine(
            name="pipeline", definition=definition, roleArn=role
        )
        self.outputs = awsfakes.OUTPUTS | {"StateMachineArn": made["stateMachineArn"]}
        awsfakes.deploy(self._session, outputs=self.outputs)

    def watch(self, session: Session) -> Session:
        """Let uploads through a session start runs, as the bucket's event does."""
        session.events.register("before-parameter-build.s3.PutObject", self._remember)
        session.events.register("after-call.s3.PutObject", self._start)
        return session

    def _remember(self, params: dict[str, Any], **_: object) -> None:
        self.uploads.append({name: params.get(name) for name in ("Bucket", "Key", "Metadata")})

    def _start(self, parsed: dict[str, Any], **_: object) -> None:
        bucket, key = self.uploads[-1]["Bucket"], self.uploads[-1]["Key"]
        if bucket != self.outputs["InputBucketName"] or not self.starts_runs:
            return
        run = layout.run_id(bucket, key, version_id=parsed["VersionId"])
        s3 = self._session.client("s3")
        for name, text in self._results.items():
            s3.put_object(Bucket=self.outputs["ResultsBucketName"], Key=layout.run_prefix(run) + name, Body=text)
        for name, text in self._logs.items():
            s3.put_object(Bucket=self.outputs["ResultsBucketName"], Key=layout.log_prefix(run) + name, Body=text)
        self.notices.append(f"Orchard: {run}")
        machine_arn = self.outputs["StateMachineArn"]
        self._session.client("stepfunctions").start_execution(stateMachineArn=machine_arn, name=run, input="{}")


def use(monkeypatch: pytest.MonkeyPatch, cloud: FakeCloud) -> FakeCloud:
    """Make every session that the command line opens one of this cloud's."""
    real = aws.open_session

    def open_session(region: str | None = None, profile: str | None = None) -> Session:
        return cloud.watch(real(region, profile))

    monkeypatch.setattr(aws, "open_session", open_session)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    return cloud


def model_folder(path: Path, weights: str = "imagenet") -> ModelFolder:
    """A model whose files hold nothing."""
    path.mkdir(parents=True, exist_ok=True)
    files = {}
    for name in ("model.onnx", "model.keras"):
        (path / name).write_bytes(b"")
        files[name] = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    manifest = ModelManifest(name="MobileNetV2", weights=weights, weights_sha256="0" * 64, files=files)
    (path / "manifest.json").write_text(manifest.to_json())
    return ModelFolder(path)
