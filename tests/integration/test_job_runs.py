"""The stack on EMR Serverless and on EMR on EKS in the local cloud: the same files, notices, diagnosis and nets."""

import io
import json
import re
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
import pytest
from pyarrow import parquet

from orchard import layout
from orchard.cache import project_dir, wheelhouse_dir
from orchard.compute.base import Access
from orchard.compute.emr import Emr
from orchard.compute.emr_eks import EmrEks
from orchard.compute.emr_serverless import EmrServerless
from orchard.compute.job_runs import JobRuns
from orchard.features.model import ModelFolder
from orchard.local.cloud import LocalCloud
from orchard.pipeline.state import RunState
from orchard.release.wheelhouse import gather_wheels, requirements_file
from tests.support.cloud.fake import orchard
from tests.support.cloud.mini import ended
from tests.support.cloud.nodes import write_environment
from tests.support.pictures.drawn import fruit_members, write_zip
from tests.support.stack.bundles import real_files, stack_with
from tests.support.waiting import eventually

pytestmark = pytest.mark.slow

KINDS: tuple[JobRuns[Any], ...] = (EmrServerless(), EmrEks())
FILES: dict[str, dict[str, Any]] = {}
"""What the run of one zip left, by what it worked on."""


class Place:
    """The stack in a local cloud, and its user."""

    def __init__(self, cloud: LocalCloud, compute: JobRuns[Any]) -> None:
        self.cloud = cloud
        self.compute = compute
        self.access = Access(boto3.client, cloud.outputs)

    @property
    def id(self) -> str:
        """The id of what its job runs are on."""
        return self.cloud.outputs[self.compute.places[0]]

    def upload(self, archive: Path) -> str:
        """Upload an archive; its run."""
        bucket = self.cloud.outputs["InputBucketName"]
        answer = boto3.client("s3").put_object(Bucket=bucket, Key=archive.name, Body=archive.read_bytes())
        return layout.run_id(bucket, archive.name, version_id=answer["VersionId"])

    def run(self, archive: Path) -> tuple[str, dict[str, Any]]:
        """Upload an archive and wait for the end of its run."""
        run = self.upload(archive)
        return run, ended(self.cloud, run)

    def read(self, key: str) -> bytes:
        return boto3.client("s3").get_object(Bucket=self.cloud.outputs["ResultsBucketName"], Key=key)["Body"].read()

    def steps(self, run: str, execution: dict[str, Any]) -> dict[str, str]:
        return {stage: step["Status"]["State"] for stage, step in self.jobs(run, execution).items()}

    def jobs(self, run: str, execution: dict[str, Any]) -> Mapping[str, Mapping[str, Any]]:
        started = execution["startDate"]
        return self.compute.look(self.access, RunState(run_id=run), started, started).steps

    def tables(self, run: str) -> dict[str, Any]:
        """What is in the files of a run, whatever they are called."""
        s3, bucket, found = boto3.client("s3"), self.cloud.outputs["ResultsBucketName"], dict[str, Any]()
        for one in s3.list_objects_v2(Bucket=bucket, Prefix=f"runs/{run}/")["Contents"]:
            folder, content = one["Key"].split("/")[2], self.read(one["Key"])
            if one["Key"].endswith(".parquet") and folder in ("images", "features", "pca"):
                found.setdefault(folder, []).extend(parquet.read_table(io.BytesIO(content)).to_pylist())
            elif one["Key"].endswith(".csv"):
                found[one["Key"].split("/", 2)[2]] = content
        return {name: sorted(rows, key=str) if isinstance(rows, list) else rows for name, rows in found.items()}

    def notice(self, run: str) -> str:
        [told] = [one for one in self.cloud.notices if run in f"{one.subject} {one.message}"]
        return f"{told.subject}\n{told.message}"

    @contextmanager
    def submitting(self, script: str) -> Iterator[None]:
        """Have workers run this shell script for `spark-submit`."""
        file = self.cloud.folder / "clusters" / "image" / "spark-submit"
        file.write_text(f"#!/bin/sh\n{script}\n")
        file.chmod(0o755)
        try:
            yield
        finally:
            file.unlink()

    @contextmanager
    def defined(self, before: str, after: str) -> Iterator[None]:
        """Have the state machine say something else."""
        machine, states = self.cloud.outputs["StateMachineArn"], boto3.client("stepfunctions")
        definition = states.describe_state_machine(stateMachineArn=machine)["definition"]
        assert before in definition
        states.update_state_machine(stateMachineArn=machine, definition=definition.replace(before, after))
        try:
            yield
        finally:
            states.update_state_machine(stateMachineArn=machine, definition=definition)

    @contextmanager
    def older(self) -> Iterator[None]:
        """Have jobs run in an image without python3.11."""
        with pytest.MonkeyPatch.context() as patch:
            if isinstance(self.compute, EmrServerless):
                patch.setattr(application_of(self), "release_label", "emr-7.11.0")
                yield
            else:
                with self.defined("emr-7.13.0-latest", "emr-7.11.0-latest"):
                    yield


@pytest.fixture(scope="module", params=KINDS, ids=lambda compute: compute.name)
def place(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, random_model: ModelFolder
) -> Iterator[Place]:
    wheel = io.BytesIO()
    with zipfile.ZipFile(wheel, "w") as written:
        written.writestr("sitecustomize.py", "import os; os.environ['FOUND_IN_ARCHIVE'] = __file__\n")
    house = gather_wheels(requirements_file(project_dir(), "onnxruntime"), wheelhouse_dir())
    wheels = {"marker-1-py3-none-any.whl": wheel.getvalue()} | {
        path.name: path.read_bytes() for path in house.glob("*.whl")
    }
    files = {f"wheelhouse/onnxruntime/{name}": content for name, content in wheels.items()} | real_files(random_model)
    layer, home, nodes = (tmp_path_factory.mktemp(name) for name in ("layer", "home", "nodes"))
    write_environment(nodes / "onnxruntime")  # for nodes, where there are any
    parameters = {"Compute": request.param.name, "NodeRoot": str(nodes)}
    stack = stack_with(layer, files, random_model.manifest.id, **parameters)
    with LocalCloud(stack, home, cores=2, poll_seconds=1) as cloud:
        yield Place(cloud, request.param)


def application_of(place: Place) -> Any:  # noqa: ANN401 (moto's)
    from moto.core import DEFAULT_ACCOUNT_ID
    from moto.emrserverless.models import emrserverless_backends

    return emrserverless_backends[DEFAULT_ACCOUNT_ID]["eu-west-1"].applications[place.id]


@pytest.fixture(scope="module")
def fruits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One zip for all: its members have the time at which it was drawn."""
    members = fruit_members(training=4, test=1) | {"fruits/LICENSE": b"words"}
    return write_zip(tmp_path_factory.mktemp("fruits") / "früchte & co.zip", members)


def test_a_zip_becomes_the_same_files_without_any_cluster(place: Place, fruits: Path) -> None:
    run, execution = place.run(fruits)
    assert execution["status"] == "SUCCEEDED", execution.get("cause")
    assert place.steps(run, execution) == dict.fromkeys(layout.STAGES, "COMPLETED")
    assert boto3.client("emr").list_clusters()["Clusters"] == []

    counts = json.loads(place.read(f"runs/{run}/summary.json"))["counts"]
    assert (counts["entries"], counts["images"], counts["features"], counts["ignored"]) == (21, 20, 20, 1)
    listed = {file["path"] for file in json.loads(place.read(f"runs/{run}/_manifest.json"))["files"]}
    assert {path.split("/")[0] for path in listed} >= {*layout.RESULTS, "pca"}

    are_those_of_others(place, run)

    notice = place.notice(run)
    assert "Orchard: done" in notice
    assert "Cost\nnothing, on this machine\n\nEstimate on AWS\n$" in notice
    told = json.loads(orchard("status", run, "--json").stdout)
    assert [step["state"] for step in told["steps"]] == ["COMPLETED"] * 3
    assert told["cost_usd"] == 0.0
    assert told["estimate_usd"] > 0
    [line] = [one for one in json.loads(orchard("runs", "--json").stdout) if one["run"] == run]
    assert line["cost_usd"] == told["cost_usd"]
    assert "Job runs" in orchard("status", run).stdout


def are_those_of_others(place: Place, run: str) -> None:
    """The files of a run are the same, wherever its jobs work."""
    FILES[place.compute.name] = place.tables(run)
    assert {"images", "features", "pca", "explained_variance.csv"} <= FILES[place.compute.name].keys()
    for other in FILES.values():
        assert other == FILES[place.compute.name]


@pytest.mark.parametrize("place", [Emr()], ids=["emr-ec2"], indirect=True, scope="module")
def test_a_cluster_leaves_the_same_files(place: Place, fruits: Path) -> None:
    run, execution = place.run(fruits)
    assert execution["status"] == "SUCCEEDED", execution.get("cause")
    are_those_of_others(place, run)


def test_a_release_without_python_3_11_is_said_by_the_first_job(place: Place, tmp_path: Path) -> None:
    with place.older():
        run, execution = place.run(write_zip(tmp_path / "fruits.zip", fruit_members(1, 1)))
    assert execution["status"] == "FAILED"
    assert place.steps(run, execution) == {"unzip": "FAILED"}
    told = json.loads(orchard("diagnose", run, "--json").stdout)
    assert told["cause"].startswith("There is no python3.11 here: the jobs run on Python 3.11, and this image has ")
    assert "ServerlessReleaseLabel=emr-7.13.0 EksReleaseLabel=emr-7.13.0-latest" in json.dumps(told)


def test_a_job_that_fails_says_why_in_its_drivers_log(place: Place, tmp_path: Path) -> None:
    archive = write_zip(tmp_path / "noise.zip", {f"a/{n}.jpg": b"no picture" * 9 for n in range(3)}, zipfile.ZIP_STORED)
    archive.write_bytes(archive.read_bytes().replace(b"no picture", b"damaged it"))  # CRCs no longer fit
    run, execution = place.run(archive)
    assert (execution["status"], execution["error"]) == ("FAILED", "RunFailed")
    assert "3 of 3 images were rejected" in execution["cause"]
    assert place.steps(run, execution) == {"unzip": "FAILED"}, "the other two were never started"
    notice = place.notice(run)
    assert "failed in the unzip step" in " ".join(notice.split())
    [job] = place.jobs(run, execution).values()
    assert place.compute.logs(place.access, f"logs/{run}", "", job["Id"]).stdout in "".join(notice.split())
    told = json.loads(orchard("diagnose", run, "--json").stdout)
    assert (told["step"], told["cluster"]) == ("unzip", "")
    assert "3 of 3 images were rejected" in told["cause"]


def test_every_process_finds_the_archives_python(place: Place, tmp_path: Path) -> None:
    code = "import os, sys; print(os.environ['FOUND_IN_ARCHIVE'], os.getcwd(), sys.version_info[:2])"
    others = "for name in python python3 python3.13 pip; do command -v $name; done"
    bare = 'python3.11 -c \'import importlib.util as u; print(u.find_spec("numpy"), u.find_spec("boto3"))\''
    shown = 'echo "$PYSPARK_PYTHON $PYSPARK_DRIVER_PYTHON"'
    with place.submitting(f'{shown}; $PYSPARK_PYTHON -c "{code}"; {bare}; {others}; exit 7'):
        run, execution = place.run(write_zip(tmp_path / "fruits.zip", fruit_members(1, 1)))
    [job] = place.jobs(run, execution).values()
    folder = place.cloud.folder / "clusters" / job["Id"]
    names, found, images = (folder / "logs" / "stdout").read_text().splitlines()
    assert images == "None None", "the image's own Python has no packages, and there is no other"
    assert names == " ".join(["./environment/bin/python"] * 2)
    packages = folder / "work" / "environment" / "lib" / "site-packages"
    assert found == f"{packages / 'sitecustomize.py'} {folder / 'work'} (3, 11)"
    assert re.search(r"exit ?code:? 7", job["Status"]["FailureDetails"]["Message"], re.IGNORECASE)
    assert not (folder / "work").exists(), "a worker's disk goes with it"


def test_a_run_that_is_stopped_leaves_no_job_run(place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orchard.runs.stop._PAUSE", 0.2)
    with place.submitting("sleep 600"):
        run = place.upload(write_zip(tmp_path / "fruits.zip", fruit_members(1, 1)))
        eventually(
            lambda: [one for one in place.compute.alive(place.access) if one.run_id == run], f"the start of {run}"
        )
        stopped = json.loads(orchard("stop", run, "--yes", "--json").stdout)
        execution = ended(place.cloud, run)
        eventually(lambda: place.steps(run, execution) == {"unzip": "CANCELLED"}, "the end of the job")
    assert execution["status"] == "ABORTED"
    assert len(stopped["clusters"]) == 1
    assert list(place.compute.alive(place.access)) == []
    assert orchard("sweep").stdout == "No cluster has outlived its run.\n"


def test_a_job_that_hangs_is_cancelled_when_patience_ends(place: Place, tmp_path: Path) -> None:
    with place.defined("< 14400", "< 2"), place.submitting("sleep 600"):
        run, execution = place.run(write_zip(tmp_path / "fruits.zip", fruit_members(1, 1)))
        eventually(lambda: place.steps(run, execution) == {"unzip": "CANCELLED"}, "the end of the job")
    assert (execution["status"], execution["error"]) == ("FAILED", "RunFailed")
    assert "not done within the time that a run may take" in execution["cause"]
    assert place.notice(run).count("Orchard: failed") == 1


def test_pods_that_may_not_take_the_role_say_so(place: Place, tmp_path: Path) -> None:
    if not isinstance(place.compute, EmrEks):
        pytest.skip("EMR Serverless is told by the template")
    iam, name = boto3.client("iam"), place.cloud.outputs["PodRoleName"]
    trusted: Any = iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]
    alone = {**trusted, "Statement": trusted["Statement"][:1]}
    iam.update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(alone))
    try:
        run, execution = place.run(write_zip(tmp_path / "fruits.zip", fruit_members(1, 1)))
    finally:
        iam.update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(trusted))
    assert place.steps(run, execution) == {"unzip": "FAILED"}
    assert "The pods may not take the stack's role for them." in execution["cause"]
