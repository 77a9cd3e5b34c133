"""What `sam build` leaves, deployed to a local cloud: it does the main job, and its roles may do what that takes.

Every request of a role is judged by the policies of the stack as they were created (`local/iam/permissions.py`), so
that what is missing fails a run here; the last test takes each permission away, and sees that it is missed.
"""

import csv
import json
from collections.abc import Iterator
from pathlib import Path

import boto3
import pyarrow.parquet as pq
import pytest

from orchard import layout
from orchard.cli.ending import RunResult
from orchard.cli.refit import refit_run
from orchard.cli.run import run_sources
from orchard.local.cloud import LocalCloud
from orchard.local.iam.permissions import statements_of
from orchard.local.iam.policy import decide
from orchard.local.moto.translate import StackSource
from orchard.options import RunOptions
from security.permissions import listed
from tests.integration.answering import EVENTS, RUN, answers, physical_ids, runs_of
from tests.support.cloud.fake import orchard
from tests.support.cloud.mini import Json, ended, reaches
from tests.support.pictures.drawn import fruit_members, write_zip
from tests.support.stack.sam_build import LambdasPython
from tests.support.stack.template import ACCOUNT, resources
from tests.support.stack.unseen_requests import unseen_requests
from tests.support.waiting import eventually

pytestmark = pytest.mark.slow

MEMBERS = fruit_members(training=5, test=2) | {"fruits/LICENSE": b"words", "fruits/Test/Kiwi/x.jpg": b"no picture"}
FOREIGN = "cluster/j-2AXXXXXXGAPLF"
"""The cluster of the events, which nobody has made: it has no tag that says whose it is."""


@pytest.fixture(scope="module")
def lambdas(built: Path, tmp_path_factory: pytest.TempPathFactory) -> LambdasPython:
    return LambdasPython(built, tmp_path_factory.mktemp("lambda"))


@pytest.fixture(scope="module")
def cloud(lambdas: LambdasPython, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCloud]:
    home = tmp_path_factory.mktemp("home")
    with LocalCloud(StackSource(lambdas.template), home, runner=lambdas.runner) as running:
        yield running


@pytest.fixture(scope="module")
def done(cloud: LocalCloud, tmp_path_factory: pytest.TempPathFactory) -> RunResult:
    """A run of the main job, as a user has it made."""
    folder = tmp_path_factory.mktemp("done")
    archive = write_zip(folder / "Fruits 1+1 été.zip", MEMBERS)
    options = RunOptions(components=3, fit_split="Training")
    return run_sources([archive], options, weights="random", out=folder / "out", table=False)


def rows(folder: Path) -> list[dict[str, str]]:
    return [row for part in sorted(folder.glob("*.csv")) for row in csv.DictReader(part.read_text().splitlines())]


def test_a_zip_becomes_features_components_and_a_report(cloud: LocalCloud, done: RunResult) -> None:
    out = done.folder
    assert done.status == "SUCCEEDED"
    assert out is not None

    summary = json.loads((out / "summary.json").read_text())
    assert summary["versions"]["release"] == cloud.outputs["Release"], "the one that was deployed"
    counts = summary["counts"]
    assert counts["entries"] == len(MEMBERS)
    assert counts["entries"] == sum(
        counts[key] for key in ("directories", "ignored", "skipped", "rejected_in_unzip", "images")
    )
    assert counts["images"] == counts["features"] + counts["rejected_in_featurize"]
    assert counts["rejected_in_featurize"] == 1
    assert [row["path"] for row in rows(out / "rejected")] == ["fruits/Test/Kiwi/x.jpg"]
    assert len(rows(out / "metadata")) == counts["images"] == pq.read_table(out / "images").num_rows
    assert all(row["s3_path"].startswith("s3://") for row in rows(out / "metadata"))
    assert pq.read_table(out / "features").num_rows == pq.read_table(out / "pca").num_rows == counts["features"]
    assert len(rows(out)) == 3, "explained_variance.csv has a line for each component"

    listed = {entry["path"] for entry in json.loads((out / "_manifest.json").read_text())["files"]}
    copied = {str(path.relative_to(out)) for path in out.rglob("*") if path.is_file()}
    assert listed <= copied
    assert "Random weights" in (out / "report.html").read_text()
    [notice] = [one for one in cloud.notices if done.run_id in one.subject]
    assert notice.subject.startswith("Orchard: done")


@pytest.fixture(scope="module")
def refitted(cloud: LocalCloud, done: RunResult, tmp_path_factory: pytest.TempPathFactory) -> RunResult:
    """Other components of it, likewise; RUN is the beginning of its id."""
    out = tmp_path_factory.mktemp("refitted") / "out"
    return refit_run(done.run_id[:-3], RunOptions(components=5), out=out, table=False)


def test_other_components_are_a_run_of_one_step(cloud: LocalCloud, done: RunResult, refitted: RunResult) -> None:
    assert (refitted.status, done.folder is None, refitted.folder is None) == ("SUCCEEDED", False, False)
    assert done.folder is not None
    assert refitted.folder is not None
    summary = json.loads((refitted.folder / "summary.json").read_text())
    assert (summary["origin"], list(summary["stages"])) == ({"features": done.run_id}, ["pca"])
    assert len(rows(refitted.folder)) == 5
    before = {row["path"]: row["components"] for row in pq.read_table(done.folder / "pca").to_pylist()}
    assert before.keys() == {row["path"] for row in pq.read_table(refitted.folder / "pca").to_pylist()}
    assert not (refitted.folder / "features").exists()
    [notice] = [one for one in cloud.notices if refitted.run_id in one.subject]
    assert done.run_id in notice.message


def test_a_cluster_is_kept_for_another_step_until_it_is_stopped(
    cloud: LocalCloud, done: RunResult, tmp_path: Path
) -> None:
    kept = refit_run(done.run_id, RunOptions(components=4, keep=600), out=tmp_path / "kept", table=False)
    assert kept.status == "RUNNING"
    assert len(rows(tmp_path / "kept")) == 4, "the results are there while it is kept"
    assert "done, and its cluster is kept" in orchard("status", kept.run_id).stdout

    words = ("--components", "2", "--fit-split", "training", "--out", tmp_path / "again", "--json")
    said = orchard("submit", kept.run_id, "pca", *words)
    assert said.exit_code == 0, said.stderr
    told, summary = json.loads(said.stdout), json.loads((tmp_path / "again" / "summary.json").read_text())
    assert (summary["run_id"], summary["origin"]) == (told["run"], {"features": done.run_id})
    assert (len(rows(tmp_path / "again")), summary["parameters"]["fit_split"]) == (2, "Training")
    assert len(rows(tmp_path / "kept")) == 4
    assert not [one for one in cloud.notices if kept.run_id in one.subject]

    stopped = json.loads(orchard("stop", kept.run_id, "--yes", "--json").stdout)
    assert (stopped["clusters"], stopped["stopped"]) == ([told["cluster"]], False)
    eventually(lambda: [one for one in cloud.notices if f"done, {kept.run_id}" in one.subject], "the notice of it")
    assert json.loads(orchard("status", kept.run_id, "--json").stdout)["status"] == "SUCCEEDED"
    late = orchard("submit", kept.run_id, "pca")
    assert (late.exit_code, f"Next: orchard refit {kept.run_id}" in late.stderr) == (2, True)
    assert json.loads(orchard("results", told["run"], "--out", tmp_path / "more", "--json").stdout)["files"] > 5


@pytest.fixture(scope="module")
def answered(cloud: LocalCloud, lambdas: LambdasPython) -> Json:
    return answers(cloud, lambdas)


@pytest.mark.parametrize("event", [name for name in EVENTS if name.startswith("s3-")])
def test_an_upload_starts_its_runs(answered: Json, event: str) -> None:
    assert answered[event] == {"started": runs_of(EVENTS[event])}


def test_an_archive_that_is_gone_is_refused(answered: Json) -> None:
    refused = answered["inspect-archive"]
    assert (refused["accepted"], refused["error"]["Error"]) == (False, "ArchiveRefused")
    assert "there is no such object or version (404)" in refused["error"]["Cause"]


@pytest.mark.parametrize(
    ("how", "subject", "said"),
    [
        ("succeeded", "done", "Components 3 "),
        ("refused", "refused", "is not a zip archive"),
        ("step-failed", "failed", "did not complete"),
        ("launch-failed", "failed", "A node could not install its Python environment."),
    ],
)
def test_a_run_is_described(answered: Json, how: str, subject: str, said: str) -> None:
    notice = answered[f"describe-run-{how}"]
    assert notice["subject"] == f"Orchard: {subject}, {RUN}"
    assert said in " ".join(notice["message"].split())


@pytest.mark.parametrize(("how", "notified"), [("failed", False), ("timed-out", False), ("aborted", True)])
def test_an_execution_that_ended_is_told_unless_it_told_by_itself(answered: Json, how: str, notified: bool) -> None:
    """This one told, whatever the events say, but for the event with an error of somebody else's."""
    assert answered[f"execution-{how}"] == {"terminated": [], "notified": notified}


def test_a_run_that_nobody_knows_to_go_on_waits(answered: Json) -> None:
    place = answered["await-turn"]
    assert (place["may_go"], place["ahead"]) == (False, None)
    assert 60 <= place["wait_seconds"] <= 300


def test_a_sweep_by_schedule_finds_nothing_where_nothing_was_left(answered: Json) -> None:
    assert answered["schedule"] == {"terminated": [], "notified": False}


def test_artefacts_are_published_and_gone_with_the_stack(cloud: LocalCloud, answered: Json) -> None:
    assert {answered[f"publication-{how}"]["Status"] for how in ("create", "delete")} == {"SUCCESS"}
    published = answered["publication-create"]["Data"]
    assert published == {name: cloud.outputs[name] for name in ("Release", "Model")}


def upload(cloud: LocalCloud, folder: Path, name: str, script: str) -> str:
    """Start a run whose steps do this instead of Spark's work; its id."""
    submit = cloud.folder / "clusters" / "bin" / "spark-submit"
    submit.write_text(f"#!/bin/sh\n{script}\n")
    submit.chmod(0o755)
    bucket = cloud.outputs["InputBucketName"]
    body = write_zip(folder / name, fruit_members(training=1, test=0)).read_bytes()
    answer = boto3.client("s3").put_object(Bucket=bucket, Key=name, Body=body)
    return layout.run_id(bucket, name, version_id=answer["VersionId"])


@pytest.fixture(scope="module")
def failed(cloud: LocalCloud, done: RunResult, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A run whose first step failed."""
    run = upload(cloud, tmp_path_factory.mktemp("failed"), "fails.zip", "echo 'no such fruit' >&2; exit 3")
    assert ended(cloud, run)["status"] == "FAILED"
    return run


@pytest.fixture(scope="module")
def stopped(cloud: LocalCloud, failed: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A run that was stopped from outside, while its cluster worked."""
    run = upload(cloud, tmp_path_factory.mktemp("stopped"), "stopped.zip", "exec sleep 3600")
    emr = boto3.client("emr")
    [cluster] = eventually(lambda: emr.list_clusters(ClusterStates=["RUNNING"])["Clusters"], "a cluster that works")
    machine = cloud.outputs["StateMachineArn"]
    execution = f"{machine.replace(':stateMachine:', ':execution:')}:{run}"
    boto3.client("stepfunctions").stop_execution(executionArn=execution)
    assert reaches(cluster["Id"], "TERMINATED")["StateChangeReason"]["Code"] == "USER_REQUEST"
    return run


def test_a_failed_step_is_described_from_its_log(cloud: LocalCloud, failed: str) -> None:
    [notice] = [one for one in cloud.notices if failed in one.subject]
    assert "failed" in notice.subject
    assert "no such fruit" in notice.message


def test_a_stopped_run_leaves_no_cluster_and_is_told(cloud: LocalCloud, stopped: str) -> None:
    [notice] = eventually(lambda: [one for one in cloud.notices if stopped in one.subject], "a notice")
    assert "stopped" in notice.message


@pytest.mark.usefixtures("done", "refitted", "answered", "failed", "stopped")
def test_each_permission_is_missed_when_it_is_taken_away(cloud: LocalCloud) -> None:
    physical = physical_ids()
    requests = cloud.requests | set(unseen_requests(physical))
    roles = [physical[role] for role in resources("AWS::IAM::Role") if role in physical]
    policies = {role: statements_of(role, ACCOUNT) for role in roles}
    denied = {one for one in requests if not decide(policies[one.role], one).allowed}
    assert not {one for one in denied if not one.resource.endswith(FOREIGN)}, "these runs wanted nothing else in vain"

    missed, survivors = set(), set()
    for role, policy in policies.items():
        own = {one for one in requests - denied if one.role == role}
        for statement in policy:
            for action in (actions := listed(statement["Action"])):
                without = {**statement, "Action": [one for one in actions if one != action]}
                changed = [without if one is statement else one for one in policy]
                gone = any(not decide(changed, one).allowed for one in own)
                (missed if gone else survivors).add((role, statement["Sid"], action))
    assert not survivors
    assert {role for role, _, _ in missed} == policies.keys(), "each role may do something"
