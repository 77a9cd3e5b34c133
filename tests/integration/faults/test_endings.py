"""An execution that is ended from outside, the sweeper behind it, and a topic that takes no message."""

import json
from datetime import timedelta

import boto3
import pytest

from orchard.local.moto.patching import replaced
from orchard.options import LONGEST_KEEP, RunOptions
from orchard.runs import orphans
from tests.integration.faults.outcome import Outcome
from tests.integration.faults.pipeline import Pipeline
from tests.integration.faults.server import MACHINE, held, raising, refused
from tests.integration.faults.timing import soon_idle
from tests.support.cloud.fake import orchard
from tests.support.cloud.mini import Json
from tests.support.paths import ROOT

pytestmark = pytest.mark.slow


def test_stopped_while_the_cluster_starts(pipeline: Pipeline) -> None:
    with pipeline.bootstrap("sleep 600"):
        run = pipeline.upload()
        pipeline.cluster(run, "BOOTSTRAPPING")
        pipeline.stop(run)

        done = pipeline.outcome(run)

    assert done.status == "ABORTED"
    assert done.clusters[0].reason == "USER_REQUEST"


def test_stopped_while_a_step_runs(pipeline: Pipeline) -> None:
    run = pipeline.upload(featurize="sleep 600")
    pipeline.step(run, "COMPLETED")
    pipeline.stop(run)

    done = pipeline.outcome(run)

    assert done.status == "ABORTED"
    assert done.clusters[0].steps["featurize"] == "INTERRUPTED"


def test_stopped_while_the_cluster_is_created(pipeline: Pipeline) -> None:
    with held("RunJobFlow") as gate:
        run = pipeline.upload()
        gate.await_call()
        pipeline.stop(run)
        gate.open()

        done = pipeline.outcome(run)

    assert done.status == "ABORTED"


@pytest.mark.parametrize("refusals", [0, None])
def test_stopped_while_the_cluster_is_being_terminated(pipeline: Pipeline, refusals: int | None) -> None:
    """Whether the call of the machine that waits here then does its work or not."""
    with (
        refused("TerminateJobFlows", "AccessDeniedException", times=refusals, by=MACHINE),
        held("TerminateJobFlows", by=MACHINE) as gate,
    ):
        run = pipeline.upload()
        gate.await_call()
        pipeline.stop(run)
        gate.open()

        done = pipeline.outcome(run)

    assert done.status == "ABORTED"


def test_the_execution_takes_too_long(pipeline: Pipeline) -> None:
    def hasten(definition: Json) -> None:
        definition["TimeoutSeconds"] = 2

    with pipeline.definition(hasten):
        done = pipeline.run(unzip="sleep 600")

    assert done.status == "TIMED_OUT"
    assert done.clusters[0].steps["unzip"] == "INTERRUPTED"


def test_nobody_sweeps(pipeline: Pipeline) -> None:
    """Of all nets only one is left: the cluster ends itself."""
    before = pipeline.undelivered()
    with raising("StopOrphans"), pipeline.definition(soon_idle):
        run = pipeline.upload(unzip="until [ -e $0.go ]; do sleep 0.05; done")
        pipeline.step(run, "RUNNING")
        pipeline.stop(run)
        pipeline.let_go(run.rsplit("-", 1)[0], "unzip")

        done = pipeline.outcome(run, notices=0)

    assert before == []
    assert done.status == "ABORTED"
    assert done.clusters[0].state == "TERMINATED"
    [event] = pipeline.undelivered()
    pipeline.invoke("StopOrphans", event["requestPayload"])
    assert pipeline.outcome(run).status == "ABORTED", "and now somebody was told"


def test_the_event_of_an_end_never_comes(pipeline: Pipeline) -> None:
    """EventBridge promises no more than its best effort: the schedule finds what the event did not tell of."""
    events = boto3.client("events")
    [rule] = [one["Name"] for one in events.list_rules()["Rules"] if "EndedExecutions" in one["Name"]]
    events.disable_rule(Name=rule)
    try:
        run = pipeline.upload(unzip="sleep 600")
        pipeline.step(run, "RUNNING")
        pipeline.stop(run)
        other = pipeline.upload("works on.zip", featurize="until [ -e $0.go ]; do sleep 0.05; done")
        pipeline.step(other, "COMPLETED")
        _by_schedule(pipeline)
        assert pipeline.clusters(run)[-1].state == "RUNNING", "it has just been made"
        with replaced(orphans, GRACE=timedelta()):
            _by_schedule(pipeline)
            pipeline.cluster(run, "TERMINATED")
            _by_schedule(pipeline)
        pipeline.let_go("works-on", "featurize")

        done, went_on = pipeline.outcome(run), pipeline.outcome(other)
    finally:
        events.enable_rule(Name=rule)

    assert (done.status, went_on.status) == ("ABORTED", "SUCCEEDED")
    assert done.clusters[0].id in done.notice.message


KEEPS = RunOptions(keep=LONGEST_KEEP)


def kept(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch, options: RunOptions = KEEPS) -> str:
    """A run whose work is done, and whose cluster is kept."""
    monkeypatch.setattr(pipeline, "options", options)
    run = pipeline.upload()
    pipeline.cluster(run, "WAITING")
    return run


def test_a_kept_cluster_is_used_by_nobody(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline, "options", RunOptions(keep=60))
    done = pipeline.run()
    assert done.status == "SUCCEEDED"
    assert done.visited.count("AwaitSteps") > 4, "the steps, and four looks at a cluster that waits"
    assert list(done.clusters[0].steps.values()) == ["COMPLETED"] * 3


def test_a_kept_cluster_is_stopped_and_its_run_has_done_its_work(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = kept(pipeline, monkeypatch)
    with replaced(orphans, GRACE=timedelta()):
        _by_schedule(pipeline)
    assert pipeline.clusters(run)[-1].state == "WAITING", "no schedule ends what a run keeps"
    stopped = json.loads(orchard("stop", run, "--yes", "--json").stdout)
    done = pipeline.outcome(run)
    assert (stopped["stopped"], stopped["clusters"]) == (False, [done.clusters[0].id])
    assert done.status == "SUCCEEDED"
    assert "_manifest.json" in done.files


def test_a_run_that_keeps_its_cluster_is_stopped_in_the_console(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = kept(pipeline, monkeypatch)
    pipeline.stop(run)
    done = pipeline.outcome(run)
    assert done.status == "ABORTED"
    assert done.clusters[0].id in done.notice.message


def _by_schedule(pipeline: Pipeline) -> None:
    pipeline.invoke("StopOrphans", json.loads((ROOT / "events" / "schedule.json").read_text()))
    pipeline.events_are_over()


def test_the_sweeper_comes_for_a_run_that_ended_well(pipeline: Pipeline) -> None:
    done = pipeline.run()

    _sweep(pipeline, done)

    assert pipeline.outcome(done.run_id) == done


def test_the_sweeper_comes_twice_for_a_run_that_did_not(pipeline: Pipeline) -> None:
    run = pipeline.upload(unzip="sleep 600")
    pipeline.step(run, "RUNNING")
    pipeline.stop(run)
    done = pipeline.outcome(run)

    _sweep(pipeline, done)
    _sweep(pipeline, done)

    assert pipeline.outcome(run) == done


def test_the_sweeper_comes_while_the_run_and_another_go_on(pipeline: Pipeline) -> None:
    runs = [pipeline.upload(featurize="until [ -e $0.go ]; do sleep 0.05; done") for _ in range(2)]
    for run in runs:
        pipeline.step(run, "COMPLETED")
    broken = pipeline.upload(unzip="sleep 600")
    pipeline.step(broken, "RUNNING")
    pipeline.stop(broken)
    pipeline.cluster(broken, "TERMINATED")
    pipeline.invoke("StopOrphans", _ended(pipeline, runs[0], "FAILED"))  # an event that is not true
    pipeline.events_are_over()
    for run in runs:
        pipeline.let_go(run.rsplit("-", 1)[0], "featurize")

    assert [pipeline.outcome(run).status for run in runs] == ["SUCCEEDED"] * 2
    assert pipeline.outcome(broken).status == "ABORTED"


def _sweep(pipeline: Pipeline, done: Outcome) -> None:
    pipeline.invoke("StopOrphans", _ended(pipeline, done.run_id, done.status))
    pipeline.settle()


def _ended(pipeline: Pipeline, run: str, status: str) -> Json:
    """What EventBridge says about the end of an execution."""
    execution = pipeline.execution(run)
    detail = {"executionArn": execution, "stateMachineArn": pipeline.machine, "name": run, "status": status}
    return {"source": "aws.states", "detail-type": "Step Functions Execution Status Change", "detail": detail}


def test_sns_is_throttled_for_a_while(pipeline: Pipeline) -> None:
    with refused("Publish", "Throttled", "Rate exceeded", times=3):
        done = pipeline.run()

    assert done.status == "SUCCEEDED"


@pytest.mark.parametrize(("told", "status"), [({}, "SUCCEEDED"), ({"unzip": "exit 3"}, "FAILED")])
def test_sns_takes_nothing(pipeline: Pipeline, told: dict[str, str], status: str) -> None:
    with refused("Publish", "AuthorizationError", "not authorized to perform: SNS:Publish"):
        done = pipeline.run(notices=0, **told)

    assert done.status == status


def test_sns_takes_nothing_about_a_run_that_was_stopped(pipeline: Pipeline) -> None:
    with refused("Publish", "AuthorizationError", "not authorized to perform: SNS:Publish"):
        run = pipeline.upload(unzip="sleep 600")
        pipeline.step(run, "RUNNING")
        pipeline.stop(run)
        done = pipeline.outcome(run, notices=0)

    assert done.status == "ABORTED"
    [event] = pipeline.undelivered()
    pipeline.invoke("StopOrphans", event["requestPayload"])
    assert pipeline.outcome(run).status == "ABORTED", "and now somebody was told"
