"""The rules and scenarios are worth something: whatever is taken away from the state machine, one of them notices."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.support.asl.mutations import GONE, Mutation, at, detours, removals, weakenings
from tests.support.asl.rules import broken_rules, problems
from tests.support.stack.template import rendered

DEFINITION = rendered()
STATES = [*DEFINITION["States"], ""]
"""Whose mutations are tried together; "" for what is in no state."""


def of_state(kind: Callable[[dict[str, Any]], Iterator[Mutation]], state: str) -> Iterator[Mutation]:
    for mutation in kind(DEFINITION):
        if (mutation.path[1] if len(mutation.path) > 1 else "") == state:
            yield mutation


def test_nothing_is_wrong_with_the_state_machine_as_it_is() -> None:
    assert problems(DEFINITION) == []


@pytest.mark.parametrize("kind", [removals, detours, weakenings], ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("state", STATES)
def test_every_damage_is_noticed(state: str, kind: Callable[[dict[str, Any]], Iterator[Mutation]]) -> None:
    tried = list(of_state(kind, state))
    # no exception is made: a part that makes no difference does not belong there
    assert [str(mutation) for mutation in tried if not problems(mutation.apply(DEFINITION), state)] == []


def test_every_catch_time_out_retry_and_transition_is_among_the_damages() -> None:
    removed = {mutation.path for mutation in removals(DEFINITION)}
    for name, state in DEFINITION["States"].items():
        at = ("States", name)
        assert {
            (*at, field) for field in ("Catch", "TimeoutSeconds", "Retry", "Next", "Default") if field in state
        } <= removed
        assert {(*at, "Choices", number) for number, _ in enumerate(state.get("Choices", []))} <= removed
    assert ("TimeoutSeconds",) in removed
    assert not any(mutation.value is GONE for mutation in detours(DEFINITION))


CREATE = ("States", "CreateCluster")
WEAKER = [
    Mutation(("TimeoutSeconds",), 36_000),
    Mutation(("TimeoutSeconds",), 36_000),
    Mutation((*CREATE, "Catch", 0, "ErrorEquals"), ["States.TaskFailed"]),
    Mutation((*CREATE, "Retry", 0, "ErrorEquals"), ["States.ALL"]),
    Mutation((*CREATE, "Retry", 0, "ErrorEquals", 0), "Emr.InternalServerErrorException"),
    Mutation((*CREATE, "Retry", 0, "ErrorEquals", 0), "States.Timeout"),
    Mutation((*CREATE, "Retry", 0, "ErrorEquals", 0), "Emr.EmrException"),
    Mutation(("States", "InspectArchive", "Assign", "run", "run_id"), "{% $states.input.run_id %}"),
    Mutation(("States", "Notify", "Retry", 0, "ErrorEquals"), ["SNS.ThrottledException"]),
    Mutation((*CREATE, "Arguments"), "{% $merge([$run.inspected.plan.cluster, {'Steps': []}]) %}"),
    Mutation((*CREATE, "Arguments"), "{% $merge([$run.inspected.plan.cluster, {'ReleaseLabel': 'emr-7.10.0'}]) %}"),
    Mutation((*CREATE, "Arguments"), "{% $sift($run.inspected.plan.cluster, function($v, $k) { $k != 'LogUri' }) %}"),
    Mutation(("States", "QueueSteps", "Retry", 0, "ErrorEquals"), ["States.ALL"]),
    Mutation(("States", "QueueSteps", "Arguments", "Steps"), "{% [$run.inspected.plan.steps[0]] %}"),
    Mutation(("States", "QueueSteps", "Assign", "last_step"), "{% $states.result.StepIds[0] %}"),
    Mutation(("States", "TerminateCluster", "Retry", 0, "ErrorEquals"), ["Emr.EmrException"]),
    Mutation(("States", "TerminateCluster", "Arguments", "JobFlowIds", 0), "{% $run.run_id %}"),
    Mutation(("States", "LookAtSteps", "Catch", 0, "Assign", "run"), "{% $merge([$run, $states.errorOutput]) %}"),
    Mutation(("States", "LookAtJob", "Catch", 0, "Next"), "DescribeRun"),
    Mutation(("States", "CancelJob", "Retry", 0, "ErrorEquals"), ["EmrServerless.EmrServerlessException"]),
    Mutation(("States", "StartJob", "Arguments", "ClientToken"), "{% $run.run_id %}"),
    Mutation(("States", "StartJob", "Arguments", "Tags", "orchard:run-id"), "{% $run.input.archive.key %}"),
    Mutation(("States", "AwaitSteps", "Assign"), {"waited": 0}),
    Mutation(("States", "AwaitEnd", "Assign", "ending"), "{% $ending %}"),
]


@pytest.mark.parametrize("mutation", WEAKER, ids=str)
def test_what_is_weakened_is_noticed(mutation: Mutation) -> None:
    assert problems(mutation.apply(DEFINITION))


def test_a_relaunch_for_another_reason_is_noticed() -> None:
    condition = ("States", "JudgeCluster", "Choices", 0, "Condition")
    for reason in ("VALIDATION_ERROR", "USER_REQUEST"):
        other = at(DEFINITION, condition).replace("BOOTSTRAP_FAILURE", reason)
        assert problems(Mutation(condition, other).apply(DEFINITION))


def test_rules_alone_notice_a_leak() -> None:
    escape = Mutation(("States", "LookAtSteps", "Catch", 0, "Next"), "DescribeRun")
    assert any(found.startswith("clusters_are_terminated") for found in broken_rules(escape.apply(DEFINITION)))
