"""A state machine as a graph: what follows what, and how long it can take."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from tests.support.asl.query import EVALUATOR, Value, expressions, variables

Machine = dict[str, Any]
State = dict[str, Any]

CREATE, TERMINATE = "CreateCluster", "TerminateCluster"
JUDGE_JOB, REFUSED = "JudgeJob", "JudgeRefusal"
ANEW = "IsRedriven"
"""From there a run begins anew, once for each time that somebody redrives the execution, which has its whole time again
then."""


@dataclass(frozen=True)
class JobKind:
    """What a compute that works by job runs has in the state machine.

    Attributes:
        compute: The plan's word for it.
        done: The state of a job run that is done.
        under_way: The states of one that goes on (JobRunState of its API model).
        prefix: How the names of its errors begin.
    """

    compute: str
    start: str
    look: str
    cancel: str
    done: str
    under_way: tuple[str, ...]
    prefix: str

    @property
    def job(self) -> tuple[str, ...]:
        """The states of one job that is over at the first look."""
        return (self.start, "AwaitJob", JUDGE_JOB, self.look, JUDGE_JOB)


SERVERLESS = JobKind(
    *("emr-serverless", "StartJob", "LookAtJob", "CancelJob", "SUCCESS"),
    ("SUBMITTED", "QUEUED", "PENDING", "SCHEDULED", "RUNNING", "CANCELLING"),
    "EmrServerless",
)
EKS = JobKind(
    *("emr-eks", "StartContainerJob", "LookAtContainerJob", "CancelContainerJob", "COMPLETED"),
    ("PENDING", "SUBMITTED", "RUNNING", "CANCEL_PENDING"),
    "EmrContainers",
)
JOB_KINDS = (SERVERLESS, EKS)
_SEEN = f"{JUDGE_JOB}, after a look"

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


def while_a_job_runs(machine: Machine, kind: JobKind) -> set[str]:
    """The states between the start of a job run and its end or its cancellation."""
    going_on = unfolded(machine, [kind], ended=False)
    found = reachable(going_on, [machine["States"][kind.start].get("Next", "")], avoiding=[kind.cancel])
    return found - {_SEEN}


def unfolded(machine: Machine, kinds: Iterable[JobKind] = JOB_KINDS, *, ended: bool = True) -> Machine:
    """The same machine with `JudgeJob` in two, before a look and after one: each leads where jobs can lead it.

    Args:
        kinds: Whose jobs these are.
        ended: Whether they may have ended.
    """
    states, judge = machine["States"], machine["States"][JUDGE_JOB]
    two: dict[str, State] = {}
    for name, seen in ((JUDGE_JOB, False), (_SEEN, True)):
        met = [_met(judge, *job) for kind in kinds for job in _jobs(kind, seen=seen, ended=ended)]
        rules = [rule for rule in judge["Choices"] if rule in met]
        two[name] = {**judge, "Choices": rules}
        if None not in met:
            two[name].pop("Default", None)
    others = {
        name: {**state, "Next": _SEEN} if _after_a_look(state) else state
        for name, state in states.items()
        if name != JUDGE_JOB
    }
    return {**machine, "States": {**others, **two}}


def _after_a_look(state: State) -> bool:
    return state.get("Next") == JUDGE_JOB and state.get("Assign", {}).get("seen") is True


def _jobs(kind: JobKind, *, seen: bool, ended: bool) -> Iterator[tuple[Value, ...]]:
    """What `JudgeJob` may find: the run, the number of the job, the seconds of waiting, and whether it is fresh."""
    over = (kind.done, "FAILED", "CANCELLED")
    found = (*kind.under_way, *(over if ended or not seen else ()))
    for state, job, waited in product(found, (0, 1), (0, 1_000_000)):
        plan = {"compute": kind.compute, "jobs": [{"Name": "a"}, {"Name": "b"}]}
        run = {"job_status": {"state": state}, "inspected": {"plan": plan}}
        yield Value(run), Value(job), Value(waited), Value(seen)


def _met(choice: State, run: Value, job: Value, waited: Value, seen: Value) -> dict[str, Any] | None:
    """The first rule that holds; None if none does."""
    known = {"run": run, "job": job, "waited": waited, "seen": seen}
    return next((rule for rule in choice["Choices"] if EVALUATOR.filled(rule["Condition"], known).json is True), None)


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
    machines = {CREATE: machine} | {kind.start: unfolded(machine, [kind]) for kind in JOB_KINDS}
    own = {first: reachable(on, [first], avoiding=["DescribeRun", ANEW]) for first, on in machines.items()}
    once = 0.0
    for again, on in machines.items():
        others = {name for first, states in own.items() if first != again for name in states} - own[again]
        times = LAUNCHES if again == CREATE else JOBS
        slow = (
            slowest_seconds(state) * (times if again in reachable(on, [name], avoiding=[*others, ANEW]) else 1)
            for name, state in tasks(machine).items()
            if name not in others
        )
        once = max(once, sum(slow))
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
