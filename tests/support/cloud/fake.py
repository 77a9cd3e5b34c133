"""A cloud that pretends: moto's stack, buckets and Step Functions, and an upload that starts a scripted run.

What a real cloud does between an upload and its results is scripted; everything that the command line asks for, and in
which order, is answered by moto.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from boto3.session import Session
from typer.testing import CliRunner

from orchard import layout
from orchard.aws import sessions
from orchard.aws.stack import execution_arn
from orchard.cli.app import app
from orchard.features.model import ModelFolder, ModelManifest
from orchard.pipeline.input import ArchiveVersion, execution_input
from tests.support.cloud import awsfakes
from tests.support.waiting import eventually

SUMMARY: dict[str, Any] = {
    "ignored": {"not an image: .heic": 5, "macOS folder settings": 2},
    "counts": {
        "ignored": 14,
        "images": 1920,
        "classes": 24,
        "rejected_in_unzip": 2,
        "rejected_in_featurize": 1,
        "features": 1919,
    },
    "model": {"name": "MobileNetV2", "weights": "imagenet"},
    "engine": "onnxruntime",
    "parameters": {"kept": 57, "cumulative": 0.9012},
    "cost": {"total_usd": 0.061, "price_date": "2026-11", "region": "eu-west-1"},
}
RESULTS = {"report.html": "<html>", "summary.json": json.dumps(SUMMARY), "rejected/unzip.csv": "path,stage,reason\n"}

PLAN = {
    "counts": {"images": 1922},
    "estimate": {"usd_per_hour": 0.36, "total_usd": 0.06, "price_date": "2026-11", "region": "eu-west-1"},
}

_GIVEN = {"run_id.$": "$$.Execution.Name", "input.$": "$$.Execution.Input"}
_CLUSTER = {
    "Type": "Task",
    "Resource": "arn:aws:states:::aws-sdk:emr:runJobFlow",
    "Parameters": {
        "Name": "orchard",
        "Instances": {"KeepJobFlowAliveWhenNoSteps": True},
        "Steps": [{"Name": "unzip", "HadoopJarStep": {"Jar": "command-runner.jar"}}],
        "Tags": [
            {"Key": layout.RUN_ID_TAG, "Value.$": "$$.Execution.Name"},
            {"Key": layout.STACK_TAG, "Value": "orchard"},
        ],
    },
    "Assign": {"run": {**_GIVEN, "inspected": {"plan": PLAN}, "cluster": {"id.$": "$.JobFlowId"}}},
    "Next": "AwaitSteps",
}


def machine(outcome: Mapping[str, str], goes_on: bool) -> dict[str, Any]:
    """A pipeline in miniature that ends with the error given, or well if there is none, if it ends at all.

    It leaves its cluster behind, and a refused archive has none.
    """
    said = {name: outcome[name] for name in ("Error", "Cause") if name in outcome}
    end = {"Type": "Fail", **said} if outcome else {"Type": "Succeed"}
    refused = outcome.get("Error") == "ArchiveRefused"
    plan = {"next": outcome.get("next", "")} if refused else PLAN
    inspect = {"Type": "Pass", "Assign": {"run": {**_GIVEN, "inspected": {"plan": plan}}}}
    return {
        "StartAt": "InspectArchive",
        "States": {
            "InspectArchive": {**inspect, "Next": "Notify" if refused else "CreateCluster"},
            "CreateCluster": _CLUSTER,
            "AwaitSteps": {"Type": "Wait", "Seconds": 3600 if goes_on else 0, "Next": "Notify"},
            "Notify": {"Type": "Pass", "Next": "End"},
            "End": end,
        },
    }


class FakeCloud:
    """The stack `orchard`, in moto; an upload to its input bucket starts a run.

    Args:
        outcome: `Error` and `Cause` of the run, and of a refusal `next`; empty if it succeeds.
        results: What the run leaves, by name below its prefix.
        logs: What its cluster leaves, likewise.
        goes_on: Whether runs wait for their steps until they are stopped.
        existing_bucket: Whether the input bucket is not the stack's own, and keeps no versions.
    """

    def __init__(
        self,
        outcome: Mapping[str, str] | None = None,
        results: Mapping[str, str] | None = None,
        logs: Mapping[str, str] | None = None,
        *,
        goes_on: bool = False,
        existing_bucket: bool = False,
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
        definition = json.dumps(machine(outcome or {}, goes_on))
        made = self._session.client("stepfunctions").create_state_machine(
            name="orchard-pipeline", definition=definition, roleArn=role
        )
        self.outputs = awsfakes.OUTPUTS | {"StateMachineArn": made["stateMachineArn"]}
        if existing_bucket:
            bucket = self.outputs["ExistingInputBucketName"] = self.outputs["InputBucketName"]
            suspended: Any = {"Status": "Suspended"}
            self._session.client("s3").put_bucket_versioning(Bucket=bucket, VersioningConfiguration=suspended)
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
        etag, version = parsed["ETag"].strip('"'), parsed.get("VersionId")
        run = layout.run_id(bucket, key, version_id=version, etag=etag, sequencer=f"{len(self.uploads)}")
        self.leave(run)
        self.notices.append(f"Orchard: {run}")
        self.start(run, key, version, etag)

    def leave(self, run: str) -> None:
        """Put what a run leaves where it leaves it; if it leaves anything, it is complete."""
        files = [{"path": name, "size": len(text)} for name, text in self._results.items()]
        manifest = {"_manifest.json": json.dumps({"run_id": run, "files": files})} if files else {}
        for name, text in {**self._results, **manifest}.items():
            self.put(layout.run_prefix(run) + name, text)
        for name, text in self._logs.items():
            self.put(layout.log_prefix(run) + name, text)

    def put(self, key: str, content: str | bytes, bucket: str = "ResultsBucketName") -> None:
        """Put an object into a bucket, named as the stack's output is: that of the results."""
        self._session.client("s3").put_object(Bucket=self.outputs[bucket], Key=key, Body=content)

    def remove(self, key: str, bucket: str) -> None:
        """Delete an object."""
        self._session.client("s3").delete_object(Bucket=self.outputs[bucket], Key=key)

    def start(self, run: str, key: str = "fruits.zip", version: str | None = "v1", etag: str = "etag") -> str:
        """Start a run; its execution's address."""
        archive = ArchiveVersion(self.outputs["InputBucketName"], key, version, etag, 2)
        started = self._session.client("stepfunctions").start_execution(
            stateMachineArn=self.outputs["StateMachineArn"], name=run, input=execution_input(archive)
        )
        return started["executionArn"]

    def ended(self, run: str) -> dict[str, Any]:
        """The execution of a run, once it has ended."""
        return self._until(run, lambda execution: execution["status"] != "RUNNING")

    def waits(self, run: str) -> dict[str, Any]:
        """The execution of a run that goes on, once it waits for its steps."""
        sfn = self._session.client("stepfunctions")

        def waits(execution: dict[str, Any]) -> bool:
            events = sfn.get_execution_history(executionArn=execution["executionArn"])["events"]
            return any(event.get("stateEnteredEventDetails", {}).get("name") == "AwaitSteps" for event in events)

        return self._until(run, waits)

    def _until(self, run: str, happened: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        arn = execution_arn(self.outputs["StateMachineArn"], run)

        def look() -> dict[str, Any] | None:
            execution: Any = self._session.client("stepfunctions").describe_execution(executionArn=arn)
            return dict(execution) if happened(execution) else None

        return eventually(look, f"what the run {run} is waited for")

    def clusters(self) -> dict[str, str]:
        """The states of all clusters."""
        return {one["Id"]: one["Status"]["State"] for one in self._session.client("emr").list_clusters()["Clusters"]}


def use(monkeypatch: pytest.MonkeyPatch, cloud: FakeCloud) -> FakeCloud:
    """Make every session that the command line opens one of this cloud's."""
    real = sessions.open_session

    def open_session(region: str | None = None, profile: str | None = None) -> Session:
        return cloud.watch(real(region, profile))

    monkeypatch.setattr(sessions, "open_session", open_session)
    monkeypatch.setattr("orchard.runs.stop._PAUSE", 0.0)  # moto lists a cluster at once
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


@dataclass(frozen=True)
class Said:
    """How a command ended, and what it wrote."""

    exit_code: int
    stdout: str
    stderr: str


def orchard(*words: object, typed: str = "") -> Said:
    """What the command line says to these words, and to what is typed when it asks."""
    result = CliRunner().invoke(app, [str(word) for word in words], input=typed)
    echo = f" {typed}" if typed else ""  # a terminal's, which the runner plays
    return Said(result.exit_code, result.stdout.replace(echo, "", 1), result.stderr)
