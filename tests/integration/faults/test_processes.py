"""Functions whose processes take too long or are killed: real ones, below the emulator."""

from collections.abc import Iterator
from contextlib import contextmanager

import boto3
import pytest

from orchard.local.cloud import LocalCloud
from tests.integration.faults import misbehaving
from tests.integration.faults.pipeline import Pipeline, small_stack
from tests.integration.faults.timing import quick_pauses, unhurried_starts
from tests.support.waiting import eventually

pytestmark = pytest.mark.slow

ENDINGS = {"hang": "Sandbox.Timedout", "die": "Runtime.ExitError"}


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    stack, home = small_stack(tmp_path_factory.mktemp("layer")), tmp_path_factory.mktemp("home")
    with quick_pauses(), unhurried_starts(), LocalCloud(stack, home, cores=1) as cloud:
        yield Pipeline(cloud)


@contextmanager
def deployed(pipeline: Pipeline, function: str, ending: str) -> Iterator[None]:
    """Have this handler in the place of a function's own."""
    client, name = boto3.client("lambda"), pipeline.function(function)
    before = client.get_function_configuration(FunctionName=name)
    broken = f"{misbehaving.__name__}.{ending}"
    client.update_function_configuration(FunctionName=name, Handler=broken, Timeout=2)
    try:
        yield
    finally:
        own = {"Handler": before["Handler"], "Timeout": before["Timeout"]}
        client.update_function_configuration(FunctionName=name, **own)


@pytest.mark.parametrize("ending", ENDINGS)
def test_inspect_archive_ends_badly(pipeline: Pipeline, ending: str) -> None:
    with deployed(pipeline, "InspectArchive", ending):
        done = pipeline.run()

    assert (done.status, done.clusters) == ("FAILED", ())
    assert ENDINGS[ending] in done.said


@pytest.mark.parametrize("ending", ENDINGS)
def test_describe_run_ends_badly(pipeline: Pipeline, ending: str) -> None:
    with deployed(pipeline, "DescribeRun", ending):
        done = pipeline.run()

    assert done.status == "SUCCEEDED", "the results are there"
    assert done.run_id in done.said


@pytest.mark.parametrize("ending", ENDINGS)
def test_start_pipeline_ends_badly(pipeline: Pipeline, ending: str) -> None:
    with deployed(pipeline, "StartPipeline", ending):
        run = pipeline.upload()
        pipeline.settle()
    [event] = pipeline.undelivered()
    assert event["responsePayload"]["errorType"] == ENDINGS[ending]

    pipeline.invoke("StartPipeline", event["requestPayload"])

    assert pipeline.outcome(run).status == "SUCCEEDED"


@pytest.mark.parametrize("ending", ENDINGS)
def test_stop_orphans_ends_badly(pipeline: Pipeline, ending: str) -> None:
    with deployed(pipeline, "StopOrphans", ending):
        run = pipeline.upload(unzip="sleep 600")
        pipeline.step(run, "RUNNING")
        pipeline.stop(run)
        [event] = eventually(pipeline.undelivered, "the end of all attempts")
    assert event["responsePayload"]["errorType"] == ENDINGS[ending]

    pipeline.invoke("StopOrphans", event["requestPayload"])

    assert pipeline.outcome(run).status == "ABORTED"
