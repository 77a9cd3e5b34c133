"""Runs that begin with the results of an earlier one: asked for twice, together, and again after they were stopped."""

import json
from typing import Any

import boto3
import pytest

from orchard.layout import run_files
from tests.integration.faults.pipeline import Pipeline
from tests.support.stored_run import Files, leave_run, put_all

pytestmark = pytest.mark.slow

ORIGIN = "fruits-0123456789ab"


@pytest.fixture(scope="module")
def origin(pipeline: Pipeline) -> str:
    """The prefix of a complete run."""
    files = Files()
    leave_run(files, run_files(pipeline.cloud.outputs["ResultsBucketName"], ORIGIN))
    put_all(files, boto3.client("s3"))
    return f"runs/{ORIGIN}/"


def versions(pipeline: Pipeline, prefix: str) -> list[Any]:
    """Every version of every object below a prefix, and when it was written."""
    bucket = pipeline.cloud.outputs["ResultsBucketName"]
    listed = boto3.client("s3").list_object_versions(Bucket=bucket, Prefix=prefix)
    assert not listed.get("DeleteMarkers")
    return [(one["Key"], one["VersionId"], one["ETag"], one["LastModified"]) for one in listed["Versions"]]


def ask(pipeline: Pipeline, name: str, run: str = ORIGIN, **told: str) -> str:
    body = json.dumps({"features_of": run, "options": {"components": 2}}).encode()
    return pipeline.upload(f"{name}.orchard.json", body, **told)


def event_of(pipeline: Pipeline, key: str) -> dict[str, Any]:
    """What EventBridge says of the upload."""
    bucket = pipeline.cloud.outputs["InputBucketName"]
    head = boto3.client("s3").head_object(Bucket=bucket, Key=key)
    created = {"key": key, "version-id": head["VersionId"], "etag": head["ETag"].strip('"'), "size": 9}
    return {"detail": {"bucket": {"name": bucket}, "object": {**created, "size": head["ContentLength"]}}}


def test_two_refits_at_once_are_two_runs_of_one_step_each_and_their_events_may_come_again(
    pipeline: Pipeline, origin: str
) -> None:
    before = versions(pipeline, origin)
    asked, known = set(pipeline.cloud.requests), pipeline.cloud.requests
    known.clear()
    runs = [ask(pipeline, name) for name in ("refit one", "refit two")]
    done = [pipeline.outcome(run) for run in runs]
    written = {one for one in known if not one.action.startswith(("s3:Get", "s3:List")) and origin in one.resource}
    known |= asked
    assert not written, "nothing below the origin's prefix is asked for but to be read"
    assert versions(pipeline, origin) == before
    for one in done:
        assert one.status == "SUCCEEDED"
        assert dict(one.clusters[-1].steps) == {"pca": "COMPLETED"}
        assert set(one.files) == {"plan.json", "summary.json", "_manifest.json"}
        assert json.loads(one.files["plan.json"])["origin"]["features"].endswith(ORIGIN)
        assert ORIGIN in one.said
    executions = pipeline.executions()
    pipeline.invoke("StartPipeline", event_of(pipeline, "refit one.orchard.json"))
    pipeline.settle()
    assert pipeline.executions() == executions


def test_a_refit_that_was_stopped_is_redriven(pipeline: Pipeline, origin: str) -> None:
    run = ask(pipeline, "refit redriven", pca="until [ -e $0.go ]; do sleep 0.05; done")
    pipeline.step(run, "RUNNING")
    pipeline.stop(run)
    assert pipeline.outcome(run).status == "ABORTED"
    pipeline.let_go("refit-redriven", "pca")
    boto3.client("stepfunctions").redrive_execution(executionArn=pipeline.execution(run))
    done = pipeline.outcome(run, notices=2, earlier=1)
    assert done.status == "SUCCEEDED"
    assert dict(done.clusters[-1].steps) == {"pca": "COMPLETED"}


@pytest.mark.parametrize("run", ["fruits-ffffffffffff", "unfinished-0123456789ab"])
def test_a_run_that_is_not_there_or_not_complete_is_refused_before_any_cluster(pipeline: Pipeline, run: str) -> None:
    bucket = pipeline.cloud.outputs["ResultsBucketName"]
    boto3.client("s3").put_object(Bucket=bucket, Key="runs/unfinished-0123456789ab/plan.json", Body=b"{}")
    done = pipeline.outcome(ask(pipeline, "refit of none", run))
    assert (done.status, done.error) == ("FAILED", "ArchiveRefused")
    assert run in done.said
