"""A state machine as a graph: what follows what, and how long it can take."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from tests.support.asl.query import EVALUATOR, Value, expressions, variables

Machine = dict[str, Any]
State = dict[str, Any]

CREATE, TERMINATE = "CreateCluster", "TerminateCluster"
START, CANCEL = "StartJob", "CancelJob"
JUDGE_JOB, REFUSED = "JudgeJob", "JudgeRefusal"
ANEW = "IsRedriven"
"""From there a run begins anew, once for each time that somebody redrives the execution, which has its whole time again
then."""

JOBS_UNDER_WAY = ("SUBMITTED", "QUEUED", "PENDING", "SCHEDULED", "RUNNING", "CANCELLING")
"""The states of a job run that goes on (JobRunState, EMR Serverless API model)."""

LAUNCHES = 3
JOBS = 3
QUICK_SECONDS = 1.0
"""What a call takes when nothing is wrong with AWS."""


def transitions(state: State) -> list[str]:
    """The names of all states that may follow."""
    rules = [*state.get("Choices", []), *state.get("Catch", []), state]
    return [*(rule["Next"] for rule in rules if "Next" in rule), *([state["Default"]] if "Default" in state else [])]


def reachable(machine: Machine, starts: Iterable[str], avoiding: Iterable[str] = ()) -> set[str]:
    """The states that may be visited from some states on, without ever entering others."""
    found: set[str] = set(avoiding)
    pending = list(starts)
    while pending:
        name = pending.pop()
        if name not in found:
            found.add(name)
            pending += transitions(machine["States"].get(name, {}))
    return found - set(avoiding)


def tasks(machine: Machine) -> dict[str, State]:
    """The states that call something."""
    return of_type(machine, "Task")


def of_type(machine: Machine, *types: str) -> dict[str, State]:
    """The states of some types."""
    return {name: state for name, state in machine["States"].items() if state["Type"] in types}


def ends(machine: Machine) -> set[str]:
    """The states in which an execution ends."""
    return set(of_type(machine, "Succeed", "Fail"))


def while_a_cluster_lives(machine: Machine) -> set[str]:
    """The states between the creation of a cluster and its termination."""
    return reachable(machine, [machine["States"][CREATE].get("Next", "")], avoiding=[TERMINATE])


def while_a_job_runs(machine: Machine) -> set[str]:
    """The states between the start of a job run and its end or its cancellation.

    `JudgeJob` is left by those of its rules that a job can meet that goes on.
    """
    judge = machine["States"][JUDGE_JOB]
    left = {**judge, "Choices": [rule for rule in judge["Choices"] if _may_go_on(rule)]}
    going_on = {**machine, "States": {**machine["States"], JUDGE_JOB: left}}
    return reachable(going_on, [machine["States"][START].get("Next", "")], avoiding=[CANCEL])


def _may_go_on(rule: dict[str, Any]) -> bool:
    return any(
        EVALUATOR.filled(
            rule["Condition"],
            {
                "run": Value({"job_status": {"state": state}, "inspected": {"plan": {"jobs": [{}, {}]}}}),
                "job": Value(0),
                "waited": Value(waited),
            },
        ).json
        for state in JOBS_UNDER_WAY
        for waited in (0, 1_000_000)
    )


def loops(machine: Machine, avoiding: Iterable[str] = ()) -> set[str]:
    """The states of all loops that never enter some states, with the states that lead to them; none, no such loop."""
    left = {name: set(transitions(state)) for name, state in machine["States"].items() if name not in set(avoiding)}
    while ended := {name for name, after in left.items() if not after & left.keys()}:
        left = {name: after for name, after in left.items() if name not in ended}
    return set(left)


def unassigned(machine: Machine) -> dict[str, set[str]]:
    """What each state reads and not every way to it has assigned: names of variables by states."""
    everything = {name for text in expressions(machine["States"]) for name in variables(text)} - {"states"}
    known = dict.fromkeys(machine["States"], everything)
    known[machine["StartAt"]] = set()
    changing = True
    while changing:
        changing = False
        for name, state in machine["States"].items():
            for after, assigned in _ways(state):
                reached = known[name] | assigned
                if after in known and not known[after] <= reached:
                    known[after], changing = known[after] & reached, True
    return {
        name: {read for text in expressions(state) for read in variables(text)} - {"states"} - known[name]
        for name, state in machine["States"].items()
    }


def _ways(state: State) -> Iterator[tuple[str, set[str]]]:
    """Where a state leads, and what is assigned on that way."""
    for rule in [*state.get("Choices", []), *state.get("Catch", []), state]:
        for field in ("Next", "Default"):
            if field in rule:
                yield rule[field], set(rule.get("Assign", {}))


def longest_seconds(machine: Machine, turn: float, patience: float, ending: float, polls: Sequence[float]) -> float:
    """How long an execution can take at most.

    Each task is slow once, or once in each launch, or with each job: its attempts take all their time and its retries
    all their delays. Each of the other calls of a loop is quick.

    Args:
        machine: The definition.
        turn: Seconds of waiting for its turn, calls and the last wait included.
        patience: Seconds of waiting for clusters and steps, all launches together.
        ending: Seconds of waiting for a cluster's end.
        polls: Seconds of one wait, those that may be chosen.

    Returns:
        Seconds.
    """
    of_clusters, of_jobs = (reachable(machine, [first], avoiding=["DescribeRun", ANEW]) for first in (CREATE, START))
    once = max(
        sum(
            slowest_seconds(state) * (times if again in reachable(machine, [name], avoiding=[*others, ANEW]) else 1)
            for name, state in tasks(machine).items()
            if name not in others
        )
        for again, times, others in ((CREATE, LAUNCHES, of_jobs), (START, JOBS, of_clusters))
    )
    # a wait may begin just before its time is up, and there is one before each further launch
    looks = [2 * QUICK_SECONDS * (patience + ending) / poll + (LAUNCHES + 1) * poll for poll in polls]
    return once + turn + patience + ending + max(looks)


def slowest_seconds(task: State) -> float:
    """The longest time that a task takes with its retries; an attempt that times out takes longest."""
    slowest = task["TimeoutSeconds"]
    for retry in task["Retry"]:
        times = range(retry["MaxAttempts"])
        slowest += sum(
            min(retry["MaxDelaySeconds"], retry["IntervalSeconds"] * retry["BackoffRate"] ** n) for n in times
        )
        if {"States.ALL", "States.Timeout"} & set(retry["ErrorEquals"]):
            slowest += task["TimeoutSeconds"] * len(times)
    return float(slowest)
