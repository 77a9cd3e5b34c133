"""EMR does not answer what it is asked, or does not do what it is told."""

import pytest

from tests.integration.faults.pipeline import Pipeline
from tests.integration.faults.server import MACHINE, answer_lost, refused, throttled
from tests.integration.faults.timing import soon_idle

pytestmark = pytest.mark.slow

FORBIDDEN = "AccessDeniedException"


@pytest.mark.parametrize("action", ["DescribeCluster", "DescribeStep", "AddJobFlowSteps", "TerminateJobFlows"])
def test_a_call_is_throttled_for_a_while(pipeline: Pipeline, action: str) -> None:
    with throttled(action, times=4, by=MACHINE) as fault:
        done = pipeline.run()

    assert fault.struck == 4
    assert done.status == "SUCCEEDED"
    assert len(done.clusters) == 1


def test_describe_step_is_refused(pipeline: Pipeline) -> None:
    with refused("DescribeStep", FORBIDDEN, "not authorized to perform: elasticmapreduce:DescribeStep"):
        done = pipeline.run(unzip="sleep 600")

    assert done.status == "FAILED"
    assert "elasticmapreduce:DescribeStep" in done.said


def test_describe_cluster_is_refused(pipeline: Pipeline) -> None:
    with refused("DescribeCluster", FORBIDDEN, "not authorized to perform: elasticmapreduce:DescribeCluster"):
        done = pipeline.run(unzip="sleep 600")

    assert done.status == "FAILED"
    assert "elasticmapreduce:DescribeCluster" in done.said


def test_add_job_flow_steps_is_refused(pipeline: Pipeline) -> None:
    with refused("AddJobFlowSteps", FORBIDDEN, "not authorized to perform: elasticmapreduce:AddJobFlowSteps"):
        done = pipeline.run()

    assert done.status == "FAILED"
    assert "elasticmapreduce:AddJobFlowSteps" in done.said


def test_the_answer_of_add_job_flow_steps_is_lost(pipeline: Pipeline) -> None:
    with answer_lost("AddJobFlowSteps", times=1):
        done = pipeline.run(unzip="sleep 600")

    assert done.status == "FAILED", "the step may be queued, and is not queued twice"
    assert [list(one.steps) for one in done.clusters] == [["unzip", "featurize", "pca"]]


def test_the_answer_of_terminate_job_flows_is_lost(pipeline: Pipeline) -> None:
    with answer_lost("TerminateJobFlows", times=1):
        done = pipeline.run()

    assert done.status == "SUCCEEDED", "telling twice is harmless"


def test_the_machine_may_not_terminate(pipeline: Pipeline) -> None:
    with refused("TerminateJobFlows", FORBIDDEN, by=MACHINE):
        done = pipeline.run()

    assert done.status == "FAILED"
    assert done.has_results
    assert "left over" in done.notice.subject
    assert done.clusters[0].reason == "USER_REQUEST", "the sweeper ended it"


def test_nobody_may_terminate(pipeline: Pipeline) -> None:
    with refused("TerminateJobFlows", FORBIDDEN), pipeline.definition(soon_idle):
        done = pipeline.run()

    assert done.status == "FAILED"
    assert done.has_results
    assert "left over" in done.notice.subject
    assert done.clusters[0].state == "TERMINATED", "it has ended itself, being idle"
