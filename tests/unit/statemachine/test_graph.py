"""What holds on every path of the state machine, and that each of these rules would notice when it does not."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pytest

from tests import asl_graph
from tests.stack_template import MACHINE, machine, resources, sam

MAIN_LINE = [
    "InspectArchive",
    "IsArchiveAccepted",
    "FirstLaunch",
    "CreateCluster",
    "QueueUnzip",
    "QueueFeaturize",
    "QueuePca",
    "AwaitSteps",
    "LookAtCluster",
    "KeepClusterStatus",
    "JudgeCluster",
    "LookAtSteps",
    "KeepStepStatus",
    "JudgeSteps",
    "TerminateCluster",
    "IsLaunchRetried",
    "DescribeRun",
    "Notify",
    "Outcome",
    "RunSucceeded",
]

EVENTS_PER_POLL = {"Task": 5, "Pass": 2, "Choice": 2, "Wait": 2}
"""Entered, scheduled, started, succeeded, exited; entered, exited."""
MAX_EVENTS = 25_000


@pytest.mark.parametrize("check", asl_graph.CHECKS, ids=lambda check: check.__name__)
def test_the_rule_holds(check: Callable[[dict[str, Any]], list[str]]) -> None:
    assert check(machine()) == []


def test_the_designed_states_follow_each_other() -> None:
    states = machine()["States"]
    for state, after in pairwise(MAIN_LINE):
        assert after in asl_graph.transitions(states[state]), state


def test_every_state_says_what_it_is_for() -> None:
    assert [name for name, state in machine()["States"].items() if not state.get("Comment")] == []


def test_it_is_plain_jsonpath_and_calls_emr_only_through_the_sdk() -> None:
    text = MACHINE.read_text()
    assert not any(word in text for word in ("QueryLanguage", "{%", '"Assign"', '"Arguments"', '"Output"'))
    called = {state["Resource"] for state in asl_graph.tasks(machine()).values()}
    assert {resource for resource in called if "emr" in resource.lower()} == {
        f"arn:aws:states:::aws-sdk:emr:{action}"
        for action in ("runJobFlow", "addJobFlowSteps", "describeCluster", "describeStep", "terminateJobFlows")
    }


def test_steps_cancel_what_is_behind_them_when_they_fail() -> None:
    for stage in ("unzip", "featurize", "pca"):
        [step] = machine()["States"][f"Queue{stage.title()}"]["Parameters"]["Steps"]
        assert step == {
            "Name": stage,
            "ActionOnFailure": "CANCEL_AND_WAIT",
            "HadoopJarStep": {"Jar": "command-runner.jar", "Args.$": f"$.inspected.plan.steps.{stage}"},
        }


def test_a_run_of_the_longest_time_at_the_shortest_poll_fits_into_an_executions_history() -> None:
    definition = machine()
    states = definition["States"]
    poll = asl_graph.reachable(definition, ["AwaitSteps"], avoiding=frozenset({"TerminateCluster"}))
    cycle = [states[name]["Type"] for name in MAIN_LINE if name in poll]
    polls = definition["TimeoutSeconds"] / sam()["Parameters"]["PollSeconds"]["MinValue"]
    assert polls * sum(EVENTS_PER_POLL[kind] for kind in cycle) < 0.97 * MAX_EVENTS


def test_functions_answer_before_their_states_give_up() -> None:
    timeouts = {name: found["Properties"]["Timeout"] for name, found in resources("AWS::Lambda::Function").items()}
    for state in ("InspectArchive", "DescribeRun"):
        assert timeouts[state] < machine()["States"][state]["TimeoutSeconds"]


GONE = object()


@dataclass(frozen=True)
class Mutation:
    """One thing changed, and the check that has to notice."""

    check: str
    path: tuple[str | int, ...]
    value: Any = GONE

    def __str__(self) -> str:
        at = ".".join(str(part) for part in self.path)
        return f"{at} gone" if self.value is GONE else f"{at} = {json.dumps(self.value)}"

    def apply(self, definition: dict[str, Any]) -> dict[str, Any]:
        place: Any = definition
        for part in self.path[:-1]:
            place = place[part]
        if self.value is GONE:
            del place[self.path[-1]]
        else:
            place[self.path[-1]] = self.value
        return definition


def _mutations() -> Iterator[Mutation]:
    """Every net taken away in turn."""
    yield Mutation("time_is_bounded", ("TimeoutSeconds",))
    yield Mutation("time_is_bounded", ("TimeoutSeconds",), 600)
    yield Mutation("paths_lead_on", ("StartAt",), "FirstLaunch")
    definition = machine()
    alive = asl_graph.reachable(definition, ["QueueUnzip"], avoiding=frozenset({"TerminateCluster"}))
    for name, state in definition["States"].items():
        yield from _mutations_of_paths(name, state, name in alive)
        if state["Type"] == "Task":
            yield from _mutations_of_a_task(name, state, name in alive)
    yield from _mutations_of_the_cluster()
    yield from _mutations_of_termination()
    for number in range(len(definition["States"]["JudgeCluster"]["Choices"][0]["And"])):
        if number not in (0, 2):  # whether it ended, and whether there is a reason at all, is behaviour, not safety
            yield Mutation("retries_are_safe", ("States", "JudgeCluster", "Choices", 0, "And", number))


def _mutations_of_paths(name: str, state: dict[str, Any], alive: bool) -> Iterator[Mutation]:
    end = ("States", name, "Default" if "Default" in state else "Next")
    if end[-1] in state:
        yield Mutation("paths_lead_on", end)
        yield Mutation("paths_lead_on", end, "Tpyo")
    if alive:
        yield from (
            Mutation("clusters_are_terminated", end, escape) for escape in ("RunFailed", "DescribeRun", "CreateCluster")
        )
        for number in range(len(state.get("Choices", []))):
            yield Mutation("clusters_are_terminated", ("States", name, "Choices", number, "Next"), "Outcome")


def _mutations_of_a_task(name: str, state: dict[str, Any], alive: bool) -> Iterator[Mutation]:
    task = ("States", name)
    yield Mutation("errors_are_caught", (*task, "Catch"))
    yield Mutation("errors_are_caught", (*task, "Catch", 0, "ErrorEquals"), ["States.TaskFailed"])
    yield Mutation("errors_are_caught", (*task, "Catch", 0, "ResultPath"))
    yield Mutation("failures_are_kept", (*task, "Catch", 0, "ResultPath"), "$.error")
    yield Mutation("time_is_bounded", (*task, "TimeoutSeconds"))
    yield Mutation("retries_are_safe", (*task, "Retry"))
    if alive:
        yield Mutation("errors_are_caught", (*task, "Catch", 0, "Next"), "DescribeRun")
    if state["Resource"].endswith(asl_graph.NOT_IDEMPOTENT):
        for error in ("States.ALL", "States.Timeout", "Emr.InternalServerErrorException"):
            yield Mutation("retries_are_safe", (*task, "Retry", 0, "ErrorEquals"), [error])


def _mutations_of_the_cluster() -> Iterator[Mutation]:
    cluster = ("States", "CreateCluster", "Parameters")
    instances = (*cluster, "Instances")
    yield from (Mutation("cluster_is_safe", (*cluster, field)) for field in asl_graph.CLUSTER_FIELDS)
    yield from (Mutation("cluster_is_safe", (*instances, field)) for field in asl_graph.INSTANCE_FIELDS)
    yield from (Mutation("cluster_is_safe", (*cluster, "Tags", number)) for number in range(len(asl_graph.TAGS)))
    yield Mutation("cluster_is_safe", (*cluster, "AutoTerminationPolicy", "IdleTimeout"), 7200)
    yield Mutation("cluster_is_safe", (*cluster, "Steps"), [])
    yield Mutation("cluster_is_safe", (*cluster, "ReleaseLabel"), "emr-7.10.0")
    yield Mutation("cluster_is_safe", (*cluster, "EbsRootVolumeSize"), 15)
    yield Mutation("cluster_is_safe", (*instances, "Ec2KeyName"), "mine")
    yield Mutation("cluster_is_safe", (*instances, "TerminationProtected"), True)
    yield Mutation("cluster_is_safe", (*instances, "KeepJobFlowAliveWhenNoSteps"), False)


def _mutations_of_termination() -> Iterator[Mutation]:
    terminate = ("States", "TerminateCluster")
    yield Mutation("termination_is_robust", (*terminate, "Retry"))
    yield Mutation("termination_is_robust", (*terminate, "ResultPath"))
    yield Mutation("termination_is_robust", (*terminate, "Catch", 0, "Next"), "RunFailed")
    yield Mutation("termination_is_robust", (*terminate, "Parameters", "JobFlowIds.$"), "States.Array($.run_id)")


@pytest.mark.parametrize("mutation", list(_mutations()), ids=str)
def test_a_net_that_is_taken_away_is_missed(mutation: Mutation) -> None:
    assert mutation.check in asl_graph.violations(mutation.apply(machine()))
