"""What holds on every path of the state machine."""

import re
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import pytest

from tests.support.asl import graph, rules
from tests.support.asl.graph import JOB_KINDS, SERVERLESS
from tests.support.asl.query import expressions
from tests.support.asl.scenarios import BEGIN, END, GONE, POLL, QUEUE, TELL, by_jobs
from tests.support.stack.template import machine, properties, rendered, resources, sam

MAIN_LINE = (*BEGIN, *QUEUE, *POLL, *END, "RunSucceeded")
EVENTS = {"Task": 5, "Choice": 2, "Wait": 2}
"""Entered, scheduled, started, succeeded, exited; entered, exited."""

MAX_EVENTS = 25_000


@pytest.mark.parametrize("rule", rules.RULES, ids=lambda rule: rule.__name__)
def test_the_rule_holds(rule: Callable[[dict[str, Any]], Iterator[str]]) -> None:
    assert list(rule(rendered())) == []


def test_the_designed_states_follow_each_other() -> None:
    states = machine()["States"]
    for line in (MAIN_LINE, *((*by_jobs(kind), *TELL, "RunSucceeded") for kind in JOB_KINDS)):
        for state, after in pairwise(line):
            assert after in graph.transitions(states[state]), state


def test_every_state_says_what_it_is_for() -> None:
    assert [name for name, state in machine()["States"].items() if not state.get("Comment")] == []


def test_it_has_no_state_that_only_keeps_books() -> None:
    states = machine()["States"]
    assert len(states) <= 34
    assert not graph.of_type(machine(), "Pass")


def test_expressions_use_nothing_that_step_functions_does_not_have() -> None:
    for text in expressions(machine()):
        assert not re.search(r"\$eval\b|\$\$|\$(?![A-Za-z{])", text), text


def test_it_calls_emr_only_through_the_sdk() -> None:
    called = {state["Resource"] for state in graph.tasks(machine()).values()}
    emr = ("runJobFlow", "addJobFlowSteps", "describeCluster", "describeStep", "terminateJobFlows")
    actions = [f"emr:{one}" for one in emr]
    actions += [f"emrserverless:{one}" for one in ("startJobRun", "getJobRun", "cancelJobRun")]
    actions += [f"emrcontainers:{one}" for one in ("startJobRun", "describeJobRun", "cancelJobRun")]
    assert {resource for resource in called if "emr" in resource.lower()} == {
        f"arn:aws:states:::aws-sdk:{action}" for action in actions
    }


def test_a_run_of_the_longest_time_at_the_shortest_poll_fits_into_an_executions_history() -> None:
    states, parameters = machine()["States"], sam()["Parameters"]
    poll, job_poll, end = (
        sum(EVENTS[states[name]["Type"]] for name in loop) for loop in (POLL, SERVERLESS.job[1:], ("AwaitEnd", *GONE))
    )
    assert job_poll < poll, "so a run on job runs fits too"
    shortest = parameters["PollSeconds"]["MinValue"]
    events = poll * parameters["PatienceSeconds"]["MaxValue"] / shortest + end * rules.ENDING_SECONDS / shortest
    assert events < 0.9 * MAX_EVENTS, "the rest is for launches and retries"


def test_functions_answer_before_their_states_give_up() -> None:
    timeouts = {name: found["Properties"]["Timeout"] for name, found in resources("AWS::Lambda::Function").items()}
    for state, function in (("InspectArchive",) * 2, ("LookAtTurn", "AwaitTurn"), ("DescribeRun",) * 2):
        assert timeouts[function] < machine()["States"][state]["TimeoutSeconds"]


def test_nodes_of_the_clusters_answer_to_imdsv2_only() -> None:
    used = properties("InspectArchive")["Environment"]["Variables"]["SECURITY_CONFIGURATION"]
    metadata = properties(used["Fn::If"][1]["Ref"])["SecurityConfiguration"]["InstanceMetadataServiceConfiguration"]
    assert metadata["MinimumInstanceMetadataServiceVersion"] == 2
