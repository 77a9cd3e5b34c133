"""Executions that no upload started: copies of another's input, others without a name, with odd ones, redriven ones."""

import json
import uuid

import boto3
import pytest

from tests.integration.faults.outcome import Outcome
from tests.integration.faults.pipeline import Pipeline

pytestmark = pytest.mark.slow

UNTIL_LET_GO = "until [ -e $0.go ]; do sleep 0.05; done"


def start(pipeline: Pipeline, given: object, name: str = "") -> str:
    """Start an execution as the console and the AWS CLI do; its name."""
    named = {"name": name} if name else {}
    started = boto3.client("stepfunctions").start_execution(
        stateMachineArn=pipeline.machine, input=json.dumps(given), **named
    )
    return started["executionArn"].rpartition(":")[2]


def input_of(pipeline: Pipeline, run: str) -> dict[str, object]:
    described = boto3.client("stepfunctions").describe_execution(executionArn=pipeline.execution(run))
    given: dict[str, object] = json.loads(described["input"])
    return given


def works_only_in_its_own_name(done: Outcome) -> None:
    assert done.status == "SUCCEEDED"
    assert [one.run_id for one in done.clusters] == [done.run_id]
    assert "_manifest.json" in done.files
    assert json.loads(done.files["plan.json"])["run_id"] == done.run_id


@pytest.mark.parametrize("name", ["", str(uuid.uuid4()), "fruits_AGAIN-2"])
def test_a_second_execution_of_one_input_is_a_run_of_its_own(pipeline: Pipeline, name: str) -> None:
    first = pipeline.run()

    second = pipeline.outcome(start(pipeline, input_of(pipeline, first.run_id), name))

    works_only_in_its_own_name(second)
    assert second.run_id == name or uuid.UUID(second.run_id)
    assert second.counts == first.counts
    assert pipeline.outcome(first.run_id) == first, "nothing of the first was touched"


def test_of_two_executions_of_one_input_the_one_that_is_stopped_loses_its_cluster(pipeline: Pipeline) -> None:
    first = pipeline.upload("twice.zip", unzip=UNTIL_LET_GO)
    pipeline.step(first, "RUNNING")
    # as an input was before it left the run's id out, and as somebody may write one
    second = start(pipeline, {**input_of(pipeline, first), "run_id": first}, "twice-second")
    pipeline.step(second, "RUNNING")
    pipeline.stop(second)
    pipeline.cluster(second, "TERMINATED")
    assert pipeline.clusters(first)[-1].state == "RUNNING"
    pipeline.let_go("twice", "unzip")

    stopped, done = pipeline.outcome(second), pipeline.outcome(first)

    assert stopped.status == "ABORTED"
    assert stopped.clusters[0].id in stopped.notice.message
    assert done.status == "SUCCEEDED"
    assert stopped.clusters[0].id not in [one.id for one in done.clusters]


@pytest.mark.parametrize("given", [None, [], "words", 7, {}, {"archive": None}, {"run_id": "fruits-0123456789ab"}])
def test_an_input_that_names_no_archive_is_refused(pipeline: Pipeline, given: object) -> None:
    done = pipeline.outcome(start(pipeline, given))

    assert (done.status, done.error) == ("FAILED", "ArchiveRefused")
    assert "The input of this execution names no archive" in done.said


@pytest.mark.parametrize("name", ["früits!", "fruits.zip", "it's(1)", "_hidden"])
def test_a_name_that_no_folder_or_tag_can_have_is_refused(pipeline: Pipeline, name: str) -> None:
    first = pipeline.run()

    done = pipeline.outcome(start(pipeline, input_of(pipeline, first.run_id), name))

    assert (done.status, done.error) == ("FAILED", "ArchiveRefused")
    assert "cannot be a run" in done.said


def redrive(pipeline: Pipeline, run: str) -> None:
    boto3.client("stepfunctions").redrive_execution(executionArn=pipeline.execution(run))


def test_a_run_that_was_stopped_is_redriven(pipeline: Pipeline) -> None:
    run = pipeline.upload("redriven.zip", featurize=UNTIL_LET_GO)
    pipeline.step(run, "COMPLETED")
    pipeline.stop(run)
    stopped = pipeline.outcome(run)
    pipeline.let_go("redriven", "featurize")
    redrive(pipeline, run)

    done = pipeline.outcome(run, notices=2, earlier=1)

    assert stopped.status == "ABORTED"
    works_again = done.clusters[1:]
    assert done.status == "SUCCEEDED"
    assert [one.run_id for one in works_again] == [run]
    assert done.visited.count("IsArchiveAccepted") == 2, "it began anew"


def test_a_run_that_was_redriven_is_stopped_again(pipeline: Pipeline) -> None:
    with pipeline.bootstrap("sleep 600"):
        run = pipeline.upload()
        pipeline.cluster(run, "BOOTSTRAPPING")
        pipeline.stop(run)
        pipeline.outcome(run)
        redrive(pipeline, run)
        pipeline.cluster(run, "BOOTSTRAPPING")
        pipeline.stop(run)

        done = pipeline.outcome(run, notices=2)

    assert done.status == "ABORTED"
    assert len(done.clusters) == 2


def test_a_run_that_failed_for_itself_is_redriven(pipeline: Pipeline) -> None:
    failed = pipeline.run(unzip="exit 3")
    redrive(pipeline, failed.run_id)

    done = pipeline.outcome(failed.run_id)

    assert (done.status, done.cause) == ("FAILED", failed.cause), "it fails again at once, in the same words"
    assert done.clusters == failed.clusters
