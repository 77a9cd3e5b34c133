"""A deployment publishes what `sam build` assembled, or fails saying what is missing; its end empties the bucket."""

import io
import json
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import urllib3
from moto import mock_aws

from functions.publish_artefacts import app
from orchard.aws import clients
from orchard.compute.emr_serverless import EmrServerless
from tests.support.cloud.job_runs import APPLICATION, VIRTUAL_CLUSTER, FakeEks, FakeServerless
from tests.support.stack.bundles import write_bundle
from tests.support.stack.lambda_context import FakeContext

BUCKET = "artefacts"
WAITS_AT = "https://answers.example/?X-Amz-Signature=0123"
LogsOf = Callable[[Any], Callable[[], list[dict[str, Any]]]]


class Answers:
    """Where CloudFormation waits for answers."""

    def __init__(self) -> None:
        self.given: list[dict[str, Any]] = []

    def request(self, method: str, url: str, *, body: str, headers: dict[str, str]) -> None:
        assert (method, url, headers) == ("PUT", WAITS_AT, {"Content-Type": ""})
        self.given.append(json.loads(body))


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> Answers:
    found = Answers()
    monkeypatch.setattr(urllib3, "PoolManager", lambda: found)
    return found


@pytest.fixture
def bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("BUNDLE", str(tmp_path))
    write_bundle(tmp_path, {"orchard.zip": b"code", "model/manifest.json": b"{}"})
    with mock_aws():
        where: Any = {"LocationConstraint": "eu-west-1"}
        clients.s3().create_bucket(Bucket=BUCKET, CreateBucketConfiguration=where)
        clients.s3().put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
        yield tmp_path


def asked(
    kind: str,
    engines: str = "onnxruntime",
    compute: str = "emr-ec2",
    application: str = "",
    before: dict[str, str] | None = None,
) -> None:
    event = {
        "RequestType": kind,
        "ServiceToken": "arn:aws:lambda:eu-west-1:123456789012:function:publish",
        "ResponseURL": WAITS_AT,
        "StackId": "stack",
        "RequestId": "request",
        "LogicalResourceId": "Publication",
        "ResourceType": "Custom::Publication",
        "ResourceProperties": {
            "Bucket": BUCKET,
            "Engines": engines,
            "Compute": compute,
            "JobApplicationId": application,
            "VirtualClusterId": "",
            "StackName": "orchard",
        },
        **({} if before is None else {"OldResourceProperties": before}),
    }
    app.handler(event, FakeContext())


def keys() -> set[str]:
    return {one["Key"] for one in clients.s3().list_objects_v2(Bucket=BUCKET).get("Contents", [])}


def test_a_deployment_publishes_a_release_and_a_model_and_says_which(bundle: Path, answers: Answers) -> None:
    asked("Create")
    [answer] = answers.given
    assert answer == {
        "Status": "SUCCESS", "PhysicalResourceId": BUCKET, "Data": {"Release": "r1", "Model": "m1"},
        "StackId": "stack", "RequestId": "request", "LogicalResourceId": "Publication",
    }  # fmt: skip
    assert {"releases/r1/orchard.zip", "releases/r1/spark_jobs/pca.py", "models/m1/manifest.json"} <= keys()
    assert clients.s3().get_object(Bucket=BUCKET, Key="releases/r1/orchard.zip")["Body"].read() == b"code"


def test_the_next_deployment_uploads_what_is_missing(bundle: Path, answers: Answers, logs_of: LogsOf) -> None:
    asked("Create")
    clients.s3().delete_object(Bucket=BUCKET, Key="releases/r1/orchard.zip")
    logs = logs_of(app.logger)
    asked("Update")
    assert [line["key"] for line in logs() if line["message"] == "Uploading"] == ["releases/r1/orchard.zip"]
    assert answers.given[-1]["Status"] == "SUCCESS"


@pytest.mark.parametrize("how", ["missing", "damaged", "unlisted"])
def test_a_deployment_with_anything_missing_fails_and_says_what(bundle: Path, answers: Answers, how: str) -> None:
    lost = bundle / "releases/r1/spark_jobs/featurize.py"
    if how == "damaged":
        lost.write_text("half")
    else:
        lost.unlink()
    if how == "unlisted":
        listed = json.loads((bundle / "bundle.json").read_text())
        del listed["files"]["releases/r1/spark_jobs/featurize.py"]
        (bundle / "bundle.json").write_text(json.dumps(listed))
    asked("Create")
    [answer] = answers.given
    assert answer["Status"] == "FAILED"
    assert "missing or damaged: releases/r1/spark_jobs/featurize.py" in answer["Reason"]
    assert keys() == set()


def test_a_deployment_that_was_not_built_fails(bundle: Path, answers: Answers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BUNDLE", str(bundle / "elsewhere"))
    asked("Create")
    assert "sam build has not assembled them" in answers.given[0]["Reason"]


def test_the_end_of_the_stack_empties_the_bucket_with_all_versions(bundle: Path, answers: Answers) -> None:
    asked("Create")
    clients.s3().put_object(Bucket=BUCKET, Key="models/own/manifest.json", Body=b"{}")
    clients.s3().put_object(Bucket=BUCKET, Key="models/own/manifest.json", Body=b"{ }")
    clients.s3().delete_object(Bucket=BUCKET, Key="models/own/manifest.json")
    asked("Delete")
    assert answers.given[-1]["Status"] == "SUCCESS"
    clients.s3().delete_bucket(Bucket=BUCKET)


def test_an_engine_that_is_not_in_the_bundle_is_downloaded_by_the_bundles_own_pip(
    bundle: Path, answers: Answers, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_bundle(
        bundle,
        {"requirements/node-tensorflow.txt": b"tensorflow==1", "wheelhouse/onnxruntime/pip-1-py3-none-any.whl": b"pip"},
    )

    def gather(requirements: Path, scratch: Path, *, pip: tuple[str, ...]) -> Path:
        assert requirements.read_text() == "tensorflow==1"
        assert pip[1].endswith("wheelhouse/onnxruntime/pip-1-py3-none-any.whl/pip")
        (scratch / "tensorflow-1-py3-none-any.whl").write_text("wheel")
        (scratch / "requirements.txt").write_text("tensorflow==1")
        return scratch

    monkeypatch.setattr("orchard.release.publish.gather_wheels", gather)
    asked("Create", engines="onnxruntime,tensorflow")
    assert {
        f"releases/r1/wheelhouse/tensorflow/{name}" for name in ("requirements.txt", "tensorflow-1-py3-none-any.whl")
    } <= keys()
    assert answers.given[-1]["Status"] == "SUCCESS"

    monkeypatch.setattr("orchard.release.publish.gather_wheels", lambda *_, **__: pytest.fail("they are there"))
    asked("Update", engines="onnxruntime,tensorflow")
    assert answers.given[-1]["Status"] == "SUCCESS"


def test_workers_without_a_bootstrap_script_get_an_archive_of_the_wheels(bundle: Path, answers: Answers) -> None:
    with zipfile.ZipFile(bundle / "one-1-py3-none-any.whl", "w") as wheel:
        wheel.writestr("one.py", "")
    packed = (bundle / "one-1-py3-none-any.whl").read_bytes()
    write_bundle(bundle, {"wheelhouse/onnxruntime/one-1-py3-none-any.whl": packed})
    asked("Create")
    archive = "releases/r1/environments/onnxruntime.tar.gz"
    assert archive not in keys(), "clusters need none"
    asked("Update", compute="emr-serverless")
    content = clients.s3().get_object(Bucket=BUCKET, Key=archive)["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(content)) as environment:
        assert environment.getnames() == ["bin/python", "lib/site-packages/one.py"]


@pytest.fixture
def serverless(monkeypatch: pytest.MonkeyPatch) -> FakeServerless:
    """An application that has worked a moment ago."""
    fake = FakeServerless()
    monkeypatch.setattr(clients, "client", {"emr-serverless": fake}.__getitem__)
    monkeypatch.setattr(EmrServerless.leave, "__defaults__", (fake.pass_time,))
    return fake


def test_an_application_is_stopped_before_the_stack_deletes_it(
    bundle: Path, answers: Answers, serverless: FakeServerless
) -> None:
    asked("Delete", compute="emr-serverless", application=APPLICATION)
    assert answers.given[-1]["Status"] == "SUCCESS"
    assert serverless.application == "STOPPED"


def test_runs_that_shall_work_on_clusters_again_have_the_application_stopped(
    bundle: Path, answers: Answers, serverless: FakeServerless
) -> None:
    asked("Update", before={"JobApplicationId": APPLICATION})
    assert answers.given[-1]["Status"] == "SUCCESS"
    assert serverless.application == "STOPPED"


@pytest.mark.parametrize("before", [{}, {"JobApplicationId": ""}, {"JobApplicationId": APPLICATION}])
def test_an_application_that_stays_or_comes_is_left_alone(
    bundle: Path, answers: Answers, serverless: FakeServerless, before: dict[str, str]
) -> None:
    """A template of before named none."""
    asked("Update", compute="emr-serverless", application=APPLICATION, before=before)
    assert answers.given[-1]["Status"] == "SUCCESS"
    assert serverless.application == "STARTED"


@pytest.mark.parametrize("kind", ["Delete", "Update"])
def test_jobs_that_go_on_are_named_and_nothing_is_deleted(
    bundle: Path, answers: Answers, serverless: FakeServerless, kind: str
) -> None:
    asked("Create")
    serverless.add("fruits-0123456789ab", "unzip", "RUNNING")
    asked(kind, application=APPLICATION if kind == "Delete" else "", before={"JobApplicationId": APPLICATION})
    assert answers.given[-1]["Status"] == "FAILED"
    assert answers.given[-1]["Reason"].startswith("Job runs are still going on: fruits-0123456789ab unzip: ")
    assert serverless.application == "STARTED"
    assert keys(), "the bucket is as it was"


@pytest.mark.parametrize("state", ["RUNNING", "COMPLETED"])
def test_a_virtual_cluster_is_let_go_when_nothing_of_the_stack_is_on_it(
    bundle: Path, answers: Answers, monkeypatch: pytest.MonkeyPatch, state: str
) -> None:
    eks = FakeEks()
    eks.add("fruits-0123456789ab", "unzip", state)
    monkeypatch.setattr(clients, "client", {"emr-containers": eks}.__getitem__)
    asked("Update", before={"VirtualClusterId": VIRTUAL_CLUSTER, "StackName": "orchard"})
    assert answers.given[-1]["Status"] == ("FAILED" if state == "RUNNING" else "SUCCESS")
    if state == "RUNNING":
        assert "fruits-0123456789ab/unzip: the stack could not end them" in answers.given[-1]["Reason"]


def test_the_address_of_the_answer_is_not_logged(bundle: Path, answers: Answers, logs_of: LogsOf) -> None:
    logs = logs_of(app.logger)
    (bundle / "bundle.json").write_text("no json")
    asked("Create")
    assert answers.given[0]["Status"] == "FAILED"
    assert logs()
    assert "Signature" not in json.dumps(logs())
