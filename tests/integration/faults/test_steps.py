"""A step that fails, hangs, or loses its cluster."""

import boto3
import pytest

from tests.integration.faults.pipeline import Pipeline
from tests.integration.faults.server import EMR_IS_ILL, MACHINE, first, held, seen_clusters
from tests.support.cloud.mini import Json

pytestmark = pytest.mark.slow

FAILING = "echo 'ValueError: no such fruit' >&2; exit 3"


def test_nothing_breaks(pipeline: Pipeline) -> None:
    done = pipeline.run()

    assert done.status == "SUCCEEDED"
    assert done.counts["images"] == 3
    assert [one.state for one in done.clusters] == ["TERMINATED"]


@pytest.mark.parametrize("stage", ["unzip", "featurize", "pca"])
def test_a_step_fails(pipeline: Pipeline, stage: str) -> None:
    done = pipeline.run(**{stage: FAILING})

    assert (done.status, done.error) == ("FAILED", "RunFailed")
    assert "no such fruit" in done.cause
    assert f"in the {stage} step" in done.said
    [cluster] = done.clusters
    states = list(cluster.steps.values())
    failed = ["unzip", "featurize", "pca"].index(stage)
    assert states == ["COMPLETED"] * failed + ["FAILED"] + ["CANCELLED"] * (2 - failed), "steps are never tried again"


def test_a_step_hangs(pipeline: Pipeline) -> None:
    def be_impatient(definition: Json) -> None:
        waiting = definition["States"]["JudgeSteps"]["Choices"][3]
        assert waiting["Condition"].endswith(" and $waited < 14400 %}")
        waiting["Condition"] = waiting["Condition"].replace("14400", "30")

    with pipeline.definition(be_impatient):
        done = pipeline.run(featurize="sleep 600")

    assert done.status == "FAILED"
    assert done.clusters[0].steps["featurize"] == "INTERRUPTED"
    assert "30 seconds" in done.said


def test_the_cluster_dies_while_it_works(pipeline: Pipeline) -> None:
    with seen_clusters() as clusters:
        run = pipeline.upload(featurize="sleep 600")
        pipeline.step(run, "COMPLETED")
        with held("DescribeCluster", by=MACHINE) as gate:
            gate.await_call()
            first(clusters).terminate(EMR_IS_ILL)
            pipeline.cluster(run, "TERMINATED_WITH_ERRORS")

        done = pipeline.outcome(run)

    assert done.status == "FAILED"
    assert len(done.clusters) == 1, "a cluster that has worked is not replaced"
    assert done.clusters[0].state == "TERMINATED_WITH_ERRORS"
    assert "internal error" in done.said.lower()


def test_somebody_terminates_the_cluster_by_hand(pipeline: Pipeline) -> None:
    run = pipeline.upload(unzip="sleep 600")
    cluster = pipeline.step(run, "RUNNING")
    with held("DescribeCluster", by=MACHINE) as gate:
        gate.await_call()
        boto3.client("emr").terminate_job_flows(JobFlowIds=[cluster.id])

    done = pipeline.outcome(run)

    assert done.status == "FAILED"
    assert "terminated the cluster" in done.said
    assert len(done.clusters) == 1
