"""`orchard submit` puts a step on a cluster that is kept, and on no other."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import boto3
import pytest

from orchard.layout import run_files
from orchard.runs.progress import Progress, StepProgress
from tests.support.cloud import awsfakes
from tests.support.cloud.fake import FakeCloud, orchard
from tests.support.pictures.drawn import fruit_members, write_zip
from tests.support.states import DONE
from tests.support.stored_run import Files, leave_run, put_all

RUN = "fruits-0123456789ab"


@pytest.fixture
def cloud(make_cloud: Callable[..., FakeCloud], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeCloud:
    """A cloud with a run that goes on, and whose results are there."""
    monkeypatch.chdir(tmp_path)
    cloud, files = make_cloud(goes_on=True), Files()
    leave_run(files, run_files("orchard-results", RUN))
    put_all(files, boto3.client("s3"))
    cloud.start(RUN)
    cloud.waits(RUN)
    return cloud


@pytest.fixture
def kept(cloud: FakeCloud, monkeypatch: pytest.MonkeyPatch) -> str:
    """The cluster of that run, which is kept as far as the commands see."""
    [cluster] = cloud.clusters()
    known = replace(DONE, cluster=cluster, plan=replace(DONE.plan, keep=600, release="cafe00000000"))
    steps = tuple(StepProgress(name, f"s-{name}", "COMPLETED") for name in ("unzip", "featurize", "pca"))
    progress = Progress("RUNNING", (), "AwaitSteps", known, "WAITING", steps, timedelta(seconds=90))
    for command in ("status", "stop", "submit"):
        monkeypatch.setattr(f"orchard.cli.{command}.look", lambda *_: progress)
    return cluster


def names_of_steps(cluster: str) -> list[str]:
    return [step["Name"] for step in awsfakes.session().client("emr").list_steps(ClusterId=cluster)["Steps"]]


def test_a_step_may_only_be_queued(kept: str) -> None:
    done = orchard("submit", "fruits", "pca", "--components", "5", "--no-wait", "--json")
    assert done.exit_code == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["cluster"], told["folder"]) == (kept, None)
    assert f"pca of {told['run']}" in names_of_steps(kept)
    assert f"queued the step {told['step']} on the cluster {kept}" in done.stderr
    again = orchard("submit", "fruits", "pca", "--no-wait").stdout
    assert again.startswith("When the step is done, its results are to be had by: orchard results fruits-refit-")
    assert not Path("out").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("submit", RUN, "featurize"), f"Next: orchard submit {RUN} pca"),
        (("submit", RUN, "pca"), f"The run {RUN} keeps no cluster now --keep was not given"),
        (("submit", RUN, "pca", "--components", "5", "--variance", "0.5"), "not both"),
        (("submit", RUN, "pca", "--engine", "tensorflow"), "No such option: --engine"),
        (("submit", "", "pca"), "names no run"),
        (("refit", RUN, "--local", "--keep", "30m"), "There is no folder"),
        (("refit", RUN, "--keep", "30"), "write it like 30m, 90s or 1h"),
        (("refit", RUN, "--keep", "3h"), "from 1 to 7200"),
    ],
)
def test_what_cannot_be(cloud: FakeCloud, words: tuple[str, ...], said: str) -> None:
    [cluster] = cloud.clusters()
    before = names_of_steps(cluster)
    result = orchard(*words)
    assert result.exit_code == 2
    assert said in " ".join(result.stderr.split())
    assert names_of_steps(cluster) == before
    assert not cloud.uploads


def test_the_end_of_a_kept_cluster_is_not_that_of_its_run(kept: str, cloud: FakeCloud) -> None:
    assert f"Next     orchard results {RUN}" in orchard("status", RUN).stdout
    assert "done, and its cluster is kept" in orchard("status", RUN).stdout
    asked = orchard("stop", RUN, typed="y\n")
    assert f"End what the run {RUN} keeps (cluster {kept}" in asked.stderr
    assert asked.stdout == f"The run {RUN} is done, and keeps its cluster no longer. Terminating {kept}.\n"
    execution = (
        awsfakes.session().client("stepfunctions").list_executions(stateMachineArn=cloud.outputs["StateMachineArn"])
    )
    assert [one["status"] for one in execution["executions"]] == ["RUNNING"]
    assert cloud.clusters()[kept] in ("TERMINATING", "TERMINATED")


def test_a_local_cloud_keeps_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = orchard("run", str(write_zip(tmp_path / "fruits.zip", fruit_members(1, 0))), "--local", "--keep", "30m")
    assert (result.exit_code, "--local and --keep exclude each other" in result.stderr) == (2, True)
    assert "Next: orchard local up" in result.stderr
