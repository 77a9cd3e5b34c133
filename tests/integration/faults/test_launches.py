"""A cluster that is not to be had, or that dies before it is ready."""

import boto3
import pytest

from tests.integration.faults.pipeline import Pipeline
from tests.integration.faults.server import (
    EMR_IS_ILL,
    MACHINE,
    NO_CAPACITY,
    answer_lost,
    clusters_die,
    first,
    held,
    refused,
    seen_clusters,
    throttled,
)
from tests.support.waiting import eventually

pytestmark = pytest.mark.slow

ONCE = 'rm "$told"; echo "No space left on device" >&2; exit 5'
ALWAYS = 'echo "No space left on device" >&2; exit 5'


def test_a_bootstrap_action_fails_once(pipeline: Pipeline) -> None:
    with pipeline.bootstrap(ONCE):
        done = pipeline.run()

    assert done.status == "SUCCEEDED"
    assert done.clusters[0].reason == "BOOTSTRAP_FAILURE"
    assert len(done.clusters) == 2


def test_a_bootstrap_action_always_fails(pipeline: Pipeline) -> None:
    with pipeline.bootstrap(ALWAYS):
        done = pipeline.run()

    assert done.status == "FAILED"
    assert [one.reason for one in done.clusters] == ["BOOTSTRAP_FAILURE"] * 3
    assert "bootstrap" in done.said.lower()


def test_there_is_no_capacity_once(pipeline: Pipeline) -> None:
    with clusters_die(NO_CAPACITY, times=1):
        done = pipeline.run()

    assert done.status == "SUCCEEDED"
    assert [one.state for one in done.clusters] == ["TERMINATED_WITH_ERRORS", "TERMINATED"]


def test_there_is_no_capacity(pipeline: Pipeline) -> None:
    with clusters_die(NO_CAPACITY):
        done = pipeline.run()

    assert done.status == "FAILED"
    assert [one.reason for one in done.clusters] == ["INSTANCE_FLEET_TIMEOUT"] * 3
    assert "capacity" in done.said.lower()


def test_the_cluster_dies_while_it_boots(pipeline: Pipeline) -> None:
    with pipeline.bootstrap('rm "$told"; sleep 600') as told, seen_clusters() as clusters:
        run = pipeline.upload()
        eventually(lambda: not told.exists(), "the bootstrap action")
        pipeline.queued(run)
        first(clusters).terminate(EMR_IS_ILL)

        done = pipeline.outcome(run)

    assert done.status == "SUCCEEDED"
    assert done.clusters[0].reason == "INTERNAL_ERROR"


def test_the_cluster_dies_between_two_looks(pipeline: Pipeline) -> None:
    """The machine has seen the cluster starting, and sees the steps after its end."""
    with (
        pipeline.bootstrap('rm "$told"; sleep 600'),
        seen_clusters() as clusters,
        held("DescribeStep", by=MACHINE) as gate,
    ):
        run = pipeline.upload()
        gate.await_call()
        first(clusters).terminate(EMR_IS_ILL)
        pipeline.cluster(run, "TERMINATED_WITH_ERRORS")
        gate.open()

        done = pipeline.outcome(run)

    assert done.status == "SUCCEEDED"
    assert len(done.clusters) == 2


def test_the_cluster_dies_before_its_steps_are_queued(pipeline: Pipeline) -> None:
    with clusters_die(EMR_IS_ILL, queued=0):
        done = pipeline.run()

    assert done.status == "FAILED"
    assert "AWS had an internal error" in done.said
    assert len(done.clusters) == 1


def test_somebody_terminates_the_cluster_while_it_boots(pipeline: Pipeline) -> None:
    with pipeline.bootstrap("sleep 600"):
        run = pipeline.upload()
        cluster = pipeline.queued(run)
        boto3.client("emr").terminate_job_flows(JobFlowIds=[cluster.id])

        done = pipeline.outcome(run)

    assert done.status == "FAILED"
    assert len(done.clusters) == 1, "somebody did not want it"


def test_run_job_flow_is_throttled_for_a_while(pipeline: Pipeline) -> None:
    with throttled("RunJobFlow", times=7) as fault:  # more often than the machine's own client tries
        done = pipeline.run()

    assert fault.struck == 7
    assert done.status == "SUCCEEDED"
    assert len(done.clusters) == 1
    assert done.visited.count("JudgeRefusal") == 7


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("ValidationException", "Instance profile orchard-node does not exist"),
        ("AccessDeniedException", "User is not authorized to perform: elasticmapreduce:RunJobFlow"),
        ("InternalServerException", "An internal error occurred"),
    ],
)
def test_run_job_flow_is_refused(pipeline: Pipeline, code: str, message: str) -> None:
    with refused("RunJobFlow", code, message) as fault:
        done = pipeline.run()

    assert done.status == "FAILED"
    assert done.clusters == ()
    assert message in done.said
    assert fault.struck == 1


def test_the_answer_of_run_job_flow_is_lost(pipeline: Pipeline) -> None:
    with answer_lost("RunJobFlow", times=1):
        done = pipeline.run()

    assert done.status == "FAILED"
    [cluster] = done.clusters
    assert cluster.state == "TERMINATED", "nobody knows its id, but it has a tag"
