"""What has to hold of the pipeline's state machine: rules, each a function from a definition to what is wrong with it.

The cluster exists only inside the state machine, where no scanner of templates looks, so these are the rules that such
a scanner would have. `problems` runs them all, and the scenarios if the rules hold.
"""

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

from tests.support.asl.answers import GIVEN, answers
from tests.support.asl.graph import (
    ANEW,
    CREATE,
    JOB_KINDS,
    TERMINATE,
    ends,
    longest_seconds,
    loops,
    of_type,
    reachable,
    tasks,
    transitions,
    unassigned,
    unfolded,
    while_a_cluster_lives,
    while_a_job_runs,
)
from tests.support.asl.judge import wrong, wrong_calls
from tests.support.asl.query import expressions
from tests.support.asl.run import RunError
from tests.support.asl.scenarios import ENDING_SECONDS, SCENARIOS, TURN_SECONDS
from tests.support.asl.walk import walk
from tests.support.stack.template import sam

Machine = dict[str, Any]

NOTIFY = "Notify"
PARAMETERS = sam()["Parameters"]
_BUSY_EMR = {"Emr.EmrException", "Emr.ThrottlingException"}
"""EMR rejected the call before it did anything; `Emr.EmrException` is how a throttle arrives."""

_BUSY_JOBS = {"EmrServerless.EmrServerlessException", "EmrServerless.ThrottlingException"}
_ILL_JOBS = {"EmrServerless.InternalServerException", "EmrServerless.SdkClientException", "States.Timeout"}
_BUSY_PODS = {f"EmrContainers.{name}Exception" for name in ("EmrContainers", "InternalServer", "SdkClient")}
_BUSY_PODS |= {"States.Timeout"}
_BUSY_LAMBDA = {
    f"Lambda.{error}"
    for error in ("ServiceException", "AWSLambdaException", "SdkClientException", "TooManyRequestsException")
}
RETRIED_ERRORS = {
    "LookAtTurn": {"States.ALL"},
    "lambda:invoke": _BUSY_LAMBDA,
    "emr:runJobFlow": {"Emr.ThrottlingException"},
    "emr:addJobFlowSteps": _BUSY_EMR,
    "emr:describeCluster": {"States.ALL"},
    "emr:describeStep": {"States.ALL"},
    "emr:terminateJobFlows": {"States.ALL"},
    "emrserverless:startJobRun": _BUSY_JOBS | _ILL_JOBS | {"EmrServerless.ConflictException"},
    "emrserverless:getJobRun": {"States.ALL"},
    "emrserverless:cancelJobRun": {"States.ALL"},
    "emrcontainers:startJobRun": _BUSY_PODS,
    "emrcontainers:describeJobRun": {"States.ALL"},
    "emrcontainers:cancelJobRun": {"States.ALL"},
    "sns:publish": {"States.ALL"},
}
"""What each call is made again after; for one state that calls a function, by its name. RunJobFlow and AddJobFlowSteps
are not idempotent: what may have been obeyed (a lost answer, an internal error, a time-out) is never asked for twice.
StartJobRun is, by its token. Of RunJobFlow no
refusal is tried again, so a throttle that has their name is told from them by its words, in JudgeRefusal. A step is
never retried, nor is what a function of ours raises: it would raise it again. Reading, ending and telling twice harms
nobody, so what errors are called there does not matter."""

OWN_PLACES = {
    TERMINATE: "termination_failure",
    **dict.fromkeys((kind.cancel for kind in JOB_KINDS), "termination_failure"),
    "LookAtEnd": "termination_failure",
    "DescribeRun": "description_failure",
    NOTIFY: "notification_failure",
}
"""Where the errors of those are kept that do not fail the run's work; all others are the run's failure."""


def kept_as(place: str) -> dict[str, str]:
    """The `Assign` that adds an error to what is known of the run."""
    return {"run": f"{{% $merge([$run, {{'{place}': $states.errorOutput}}]) %}}"}


KEPT: dict[str, dict[str, Any]] = {
    "InspectArchive": {
        "run": {
            "run_id": "{% $states.context.Execution.Name %}",
            "input": "{% $states.input %}",
            "failure": "{% $states.errorOutput %}",
        }
    },
    CREATE: {"refusal": "{% $states.errorOutput %}"},
}
"""The first task has nothing to add to; what RunJobFlow answers is judged first."""


def paths_lead_on(machine: Machine) -> Iterator[str]:
    """Every path leads from state to state until Succeed or Fail."""
    states = machine["States"]
    for name, state in states.items():
        onward = [state, *state.get("Catch", [])] if state["Type"] != "Choice" else state["Choices"]
        if name not in ends(machine) and not all("Next" in rule for rule in onward):
            yield f"{name} leads nowhere"
        if state["Type"] == "Choice" and "Default" not in state:
            yield f"{name} may not know where to go"
        yield from (
            f"{name} leads to {after}, which is not there" for after in transitions(state) if after not in states
        )
    yield from (f"{name} is never reached" for name in sorted(set(states) - reachable(machine, [machine["StartAt"]])))


def clusters_are_terminated(machine: Machine) -> Iterator[str]:
    """No path from a created cluster ends, describes, or creates another, without terminating it first."""
    forbidden = ends(machine) | {CREATE, "DescribeRun", NOTIFY}
    for name in sorted(while_a_cluster_lives(machine) & forbidden):
        yield f"{name} is reached with a cluster alive"


def jobs_are_ended(machine: Machine) -> Iterator[str]:
    """No path from a started job run ends, describes, or starts another, unless it was seen to end, or is cancelled."""
    forbidden = ends(machine) | {*(kind.start for kind in JOB_KINDS), "DescribeRun", NOTIFY}
    for kind in JOB_KINDS:
        for name in sorted(while_a_job_runs(machine, kind) & forbidden):
            yield f"{name} is reached with a job run going on, of {kind.compute}"


def everybody_is_told(machine: Machine) -> Iterator[str]:
    """No path ends without a notice."""
    for name in sorted(reachable(machine, [machine["StartAt"]], avoiding=[NOTIFY]) & ends(machine)):
        yield f"{name} is reached without a notice"


def errors_are_caught(machine: Machine) -> Iterator[str]:
    """Every task catches everything, and keeps the error in its place; what lives is then terminated, or cancelled."""
    end = dict.fromkeys(while_a_cluster_lives(machine), TERMINATE)
    for kind in JOB_KINDS:
        end |= dict.fromkeys(while_a_job_runs(machine, kind), kind.cancel)
    for name, task in tasks(machine).items():
        if [catch.get("ErrorEquals") for catch in task.get("Catch", [])] != [["States.ALL"]]:
            yield f"{name} does not catch States.ALL"
        for catch in task.get("Catch", []):
            if name in end and catch.get("Next") != end[name]:
                yield f"{name} catches without {end[name]}"
            if catch.get("Assign") != KEPT.get(name, kept_as(OWN_PLACES.get(name, "failure"))):
                yield f"{name} keeps its error by {catch.get('Assign')}"


def retries_are_safe(machine: Machine) -> Iterator[str]:
    """Every task is tried again after what passes by itself, after nothing else, and with growing random pauses."""
    for name, task in tasks(machine).items():
        called = ":".join(task["Resource"].rsplit(":", 2)[1:])
        again = [error for retry in task.get("Retry", []) for error in retry.get("ErrorEquals", [])]
        if len(task.get("Retry", [])) != 1 or sorted(again) != sorted(
            RETRIED_ERRORS.get(name) or RETRIED_ERRORS[called]
        ):
            yield f"{name} is tried again after {again}"
        for retry in task.get("Retry", []):
            if retry.get("JitterStrategy") != "FULL" or not 1 < retry.get("BackoffRate", 0) <= 2:
                yield f"{name} is tried again at fixed times"
            if not 3 < retry.get("MaxAttempts", 0) < 20 or "IntervalSeconds" not in retry:
                yield f"{name} is tried again too seldom, or too often"
            if not 30 <= retry.get("MaxDelaySeconds", 0) <= 60:
                yield f"{name} may be tried again too late"


def variables_are_assigned(machine: Machine) -> Iterator[str]:
    """Whatever way leads to a state, what its expressions read was assigned on it: a state that reads others fails."""
    for name, missing in unassigned(machine).items():
        if missing:
            yield f"{name} reads {sorted(missing)}, which not every way to it assigns"


def time_is_bounded(machine: Machine) -> Iterator[str]:
    """Every task has a time-out, every loop waits and counts, and the machine has more time than any path can take.

    A loop that only a redrive closes is none.
    """
    endless = [name for name, task in tasks(machine).items() if task.get("TimeoutSeconds", 0) < 1]
    yield from (f"{name} has no time-out" for name in endless)
    waits, apart = of_type(machine, "Wait"), unfolded(machine)
    yield from (f"{name} is on a loop without a wait" for name in sorted(loops(apart, [ANEW, *waits])))
    counts = [name for name, state in waits.items() if any(" + " in text for text in expressions(state))]
    yield from (f"{name} is on a loop that nobody counts" for name in sorted(loops(apart, [ANEW, *counts])))
    if "TimeoutSeconds" not in machine:
        yield "the machine has no time-out"
    elif not endless and all(task.get("Retry") for task in tasks(machine).values()):
        polls = PARAMETERS["PollSeconds"]
        patience = PARAMETERS["PatienceSeconds"]["MaxValue"]
        turn = TURN_SECONDS * 1.06  # a wait is a twentieth of what was waited before, and each look takes a call
        longest = longest_seconds(machine, turn, patience, ENDING_SECONDS, (polls["MinValue"], polls["MaxValue"]))
        if not longest < machine["TimeoutSeconds"] <= 2 * longest:
            yield f"the machine has {machine['TimeoutSeconds']} s, and its longest path takes {longest:.0f} s"


RULES: tuple[Callable[[Machine], Iterator[str]], ...] = (
    paths_lead_on,
    clusters_are_terminated,
    jobs_are_ended,
    everybody_is_told,
    errors_are_caught,
    retries_are_safe,
    variables_are_assigned,
    time_is_bounded,
)


def broken_rules(machine: Machine) -> list[str]:
    """What the rules find wrong with a definition."""
    return [f"{rule.__name__}: {found}" for rule in RULES for found in rule(machine)]


def broken_scenarios(machine: Machine, first: str = "") -> Iterator[str]:
    """What a definition does otherwise than the scenarios say; those that visit one state come first."""
    for scenario in sorted(SCENARIOS, key=lambda one: first not in one.visited):
        done = walk(machine, answers(**scenario.given), GIVEN, most=len(scenario.visited))
        yield from wrong(done, scenario)
        if scenario.complete:
            yield from wrong_calls(done)


def problems(machine: Machine, first: str = "") -> list[str]:
    """What is wrong with a rendered definition: by the rules, or, when they hold, the first that a scenario shows.

    A definition that is not even one (a field is missing that its type needs) has that problem.

    Args:
        machine: The definition.
        first: The state whose scenarios are tried before all others.
    """
    try:
        return broken_rules(machine) or [*islice(broken_scenarios(machine, first), 1)]
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, RunError) as error:
        return [f"it cannot be run: {error!r}"]
