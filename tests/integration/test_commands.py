"""The operator's commands against a local cloud: from a run that goes on to one that is cleaned away."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from orchard.layout import RUN_ID_TAG, STACK_TAG
from orchard.local.cloud import LocalCloud
from tests.support.cloud.fake import Said, orchard
from tests.support.cloud.in_process import InProcessRunner
from tests.support.cloud.mini import STACK, cluster, executions, reaches, upload
from tests.support.waiting import eventually

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orchard.runs.stop._PAUSE", 0.2)


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    with LocalCloud(STACK, tmp_path_factory.mktemp("home"), runner=InProcessRunner, cores=1) as running:
        yield running


def typed(*words: object) -> Said:
    return orchard("--stack", STACK.name, *words)


def told(*words: object) -> Any:  # noqa: ANN401 (JSON)
    """The facts that a command prints."""
    said = typed(*words, "--json")
    assert said.exit_code == 0, said.stderr
    return json.loads(said.stdout)


def leave_results(cloud: LocalCloud, run: str) -> None:
    """What the jobs would leave."""
    for name, text in {
        "report.html": "<html>",
        "pca/part-0": "numbers",
        "_manifest.json": json.dumps(
            {"files": [{"path": "report.html", "size": 6}, {"path": "pca/part-0", "size": 7}]}
        ),
    }.items():
        bucket = cloud.outputs["ResultsBucketName"]
        boto3.client("s3").put_object(Bucket=bucket, Key=f"runs/{run}/{name}", Body=text.encode())


def started(cloud: LocalCloud, key: str, **options: object) -> str:
    """A run that has just started."""
    run = f"run-{upload(cloud, key, **options)}"
    eventually(lambda: run in executions(cloud), f"the start of {run}")
    return run


def test_a_run_is_watched_and_its_results_are_fetched_and_deleted(
    cloud: LocalCloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run = started(cloud, "in/fruits.txt", first=["sleep", "1"])
    leave_results(cloud, run)

    watched = typed("watch")
    assert watched.exit_code == 0, watched.stderr
    assert "notifying" in watched.stderr
    assert watched.stdout.endswith(f"Next: orchard --stack mini results {run}\n")

    assert told("status", run)["status"] == "SUCCEEDED"
    assert run in [one["run"] for one in told("runs")]
    assert told("results", run[:8], "--only", "pca")["files"] == 1
    assert typed("report", run, "--no-open").stdout == f"out/{run}/report.html\n"
    assert (tmp_path / f"out/{run}/pca/part-0").read_text() == "numbers"

    assert told("clean", "outputs", run, "--yes")["deleted"]
    assert told("clean", "logs", "--all", "--yes")["objects"] > 0
    assert told("clean", "logs", "--all", "--dry-run")["objects"] == 0


def test_a_run_is_stopped_with_its_cluster(cloud: LocalCloud) -> None:
    run = started(cloud, "in/slow.txt", first=["sleep", "600"])
    leave_results(cloud, run)
    eventually(lambda: told("status", run)["cluster_state"] == "RUNNING", "the work of the cluster")
    assert [one["run"] for one in told("runs", "--running")] == [run]
    assert typed("clean", "outputs", run, "--yes").exit_code == 2
    assert told("sweep", "--dry-run") == []

    stopped = told("stop", run, "--yes")

    [ended] = stopped["clusters"]
    assert stopped["stopped"]
    reaches(ended, "TERMINATED")
    assert told("status", run)["status"] == "ABORTED"
    assert run in [one["run"] for one in told("runs", "--failed")]
    assert typed("stop", run).stdout.endswith("Nothing of it is left.\n")
    watched = typed("watch", run)
    assert watched.exit_code == 1
    assert f"Next: orchard --stack mini diagnose {run}" in watched.stderr


def test_a_cluster_without_a_run_is_swept_and_others_are_not(cloud: LocalCloud) -> None:
    ours = cluster(Tags=[{"Key": RUN_ID_TAG, "Value": "gone"}, {"Key": STACK_TAG, "Value": STACK.name}])
    theirs = cluster(Tags=[{"Key": "project", "Value": "theirs"}])
    for one in (ours, theirs):
        reaches(one, "WAITING")

    assert [(one["cluster"], one["terminated"]) for one in told("sweep", "--yes")] == [(ours, True)]

    reaches(ours, "TERMINATED")
    reaches(theirs, "WAITING")
