"""Functions that raise, or return nonsense; how their processes end is in test_processes.py."""

import json

import pytest

from tests.integration.faults.pipeline import Pipeline
from tests.integration.faults.server import Invocation, Result, function, raising, refused, returning
from tests.support.cloud.mini import Json

pytestmark = pytest.mark.slow

NONSENSE = [b"null", b"[]", b'"fruit"', b"{}", b"7"]


def test_lambda_is_busy_for_a_while(pipeline: Pipeline) -> None:
    with refused("Invoke", "TooManyRequestsException", "Rate exceeded", times=4) as fault:
        done = pipeline.run()

    assert fault.struck == 4
    assert done.status == "SUCCEEDED"


def test_inspect_archive_raises(pipeline: Pipeline) -> None:
    with raising("InspectArchive"):
        done = pipeline.run()

    assert (done.status, done.clusters) == ("FAILED", ())
    assert "no such fruit" in done.said


@pytest.mark.parametrize("nonsense", [*NONSENSE, b'{"accepted": true}', b'{"accepted": false}'])
def test_inspect_archive_returns_nonsense(pipeline: Pipeline, nonsense: bytes) -> None:
    with returning("InspectArchive", nonsense):
        done = pipeline.run()

    assert (done.status, done.clusters) == ("FAILED", ())


def test_inspect_archive_returns_a_plan_without_steps(pipeline: Pipeline) -> None:
    def forget_steps(inspect: Invocation) -> Result:
        plan: Json = json.loads(inspect().payload)
        del plan["steps"]
        return Result(json.dumps(plan).encode())

    with function("InspectArchive", forget_steps):
        done = pipeline.run()

    assert done.status == "FAILED"
    assert [one.steps for one in done.clusters] == [{}]


def test_describe_run_raises(pipeline: Pipeline) -> None:
    with raising("DescribeRun"):
        done = pipeline.run()

    assert done.status == "SUCCEEDED", "the results are there"
    assert done.run_id in done.said


@pytest.mark.parametrize("nonsense", [*NONSENSE, b'{"subject": 7, "message": null}'])
def test_describe_run_returns_nonsense(pipeline: Pipeline, nonsense: bytes) -> None:
    with returning("DescribeRun", nonsense):
        done = pipeline.run()

    assert done.status == "SUCCEEDED", "the results are there"


def test_describe_run_returns_nonsense_about_a_failure(pipeline: Pipeline) -> None:
    with returning("DescribeRun", b"null"):
        done = pipeline.run(unzip="exit 3")

    assert done.status == "FAILED"


def test_start_pipeline_raises_once(pipeline: Pipeline) -> None:
    with raising("StartPipeline", times=1):
        done = pipeline.run()

    assert done.status == "SUCCEEDED"


def test_start_pipeline_always_raises(pipeline: Pipeline) -> None:
    before = pipeline.executions()
    with raising("StartPipeline"):
        run = pipeline.upload()
        pipeline.settle()
    assert pipeline.executions() == before

    [event] = pipeline.undelivered()
    pipeline.invoke("StartPipeline", event["requestPayload"])

    assert pipeline.outcome(run).status == "SUCCEEDED"


@pytest.mark.parametrize("name", ["StartPipeline", "StopOrphans"])
def test_what_an_event_returns_is_nobodys_business(pipeline: Pipeline, name: str) -> None:
    def nonsense(do: Invocation) -> Result:
        do()
        return Result(b"null")

    with function(name, nonsense) as fault:
        done = pipeline.run(unzip="exit 3")

    assert fault.struck == 1
    assert done.status == "FAILED"


def test_stop_orphans_raises_once(pipeline: Pipeline) -> None:
    with raising("StopOrphans", times=1):
        run = pipeline.upload(unzip="sleep 600")
        pipeline.step(run, "RUNNING")
        pipeline.stop(run)

        done = pipeline.outcome(run)

    assert done.status == "ABORTED"
