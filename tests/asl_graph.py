"""A state machine as a graph, and what has to hold on every path of it.

Each check returns what is wrong, in words; `violations` runs them all. The cluster exists only inside the state
machine, where no scanner of templates looks, so these are the rules that such a scanner would have.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    Machine = dict[str, Any]
    State = dict[str, Any]

CREATE, TERMINATE = "CreateCluster", "TerminateCluster"
NOT_IDEMPOTENT = ("runJobFlow", "addJobFlowSteps")
AMBIGUOUS = {"States.ALL", "States.TaskFailed", "States.Timeout"}
"""Errors that may come after the work was done."""

RETRIED_LAUNCHES = {"BOOTSTRAP_FAILURE", "INTERNAL_ERROR", "INSTANCE_FLEET_TIMEOUT"}


def transitions(state: State) -> list[str]:
    """The names of all states that may follow."""
    rules = [*state.get("Choices", []), *state.get("Catch", []), state, {"Next": state.get("Default", "")}]
    return [rule["Next"] for rule in rules if rule.get("Next")]


def reachable(machine: Machine, starts: Iterable[str], avoiding: frozenset[str] = frozenset()) -> set[str]:
    """The states that may be visited from some states on, without ever entering others."""
    found: set[str] = set()
    pending = [start for start in starts if start not in avoiding]
    while pending:
        name = pending.pop()
        if name not in found:
            found.add(name)
            following = transitions(machine["States"].get(name, {}))
            pending += [after for after in following if after not in avoiding]
    return found


def tasks(machine: Machine) -> dict[str, State]:
    """The states that call something."""
    return {name: state for name, state in machine["States"].items() if state["Type"] == "Task"}


def _while_a_cluster_lives(machine: Machine) -> set[str]:
    return reachable(machine, [machine["States"][CREATE].get("Next", "")], avoiding=frozenset({TERMINATE}))


def paths_lead_on(machine: Machine) -> list[str]:
    """Every path leads from state to state until Succeed or Fail."""
    states = machine["States"]
    wrong = []
    for name, state in states.items():
        ends = state["Type"] in ("Succeed", "Fail")
        if not ends and ("Default" if state["Type"] == "Choice" else "Next") not in state:
            wrong.append(f"{name} leads nowhere")
        wrong += [
            f"{name} leads to {after}, which does not exist" for after in transitions(state) if after not in states
        ]
    wrong += [f"{name} is never reached" for name in sorted(set(states) - reachable(machine, [machine["StartAt"]]))]
    return wrong


def clusters_are_terminated(machine: Machine) -> list[str]:
    """No path from a created cluster ends, describes, or creates another, without terminating it first."""
    forbidden = {name for name, state in machine["States"].items() if state["Type"] in ("Succeed", "Fail")}
    forbidden |= {CREATE, "DescribeRun"}
    return [f"{name} is reached with a cluster alive" for name in sorted(_while_a_cluster_lives(machine) & forbidden)]


def errors_are_caught(machine: Machine) -> list[str]:
    """Every task catches everything; while a cluster lives, that leads to its termination."""
    wrong = []
    alive = _while_a_cluster_lives(machine)
    for name, state in tasks(machine).items():
        caught = [catch for catch in state.get("Catch", []) if catch["ErrorEquals"] == ["States.ALL"]]
        if not caught:
            wrong.append(f"{name} does not catch States.ALL")
        for catch in caught:
            if name in alive and catch["Next"] != TERMINATE:
                wrong.append(f"{name} catches without terminating")
            if not catch.get("ResultPath", "$").startswith("$."):
                wrong.append(f"{name} loses the run's data when it catches")
    return wrong


def termination_is_robust(machine: Machine) -> list[str]:
    """Terminating is tried again whatever happens, and the notice goes out even if it fails."""
    state = machine["States"][TERMINATE]
    wrong = []
    if state["Parameters"] != {"JobFlowIds.$": "States.Array($.cluster.id)"} or "ResultPath" not in state:
        wrong.append("the run's cluster is not what is terminated")
    if not any(retry["ErrorEquals"] == ["States.ALL"] for retry in state.get("Retry", [])):
        wrong.append("termination is not tried again")
    if not all("Notify" in reachable(machine, [catch["Next"]]) for catch in state.get("Catch", [{"Next": ""}])):
        wrong.append("nobody is told when termination fails")
    return wrong


def time_is_bounded(machine: Machine) -> list[str]:
    """Every task and the machine have a timeout, and the machine's is the longest."""
    wrong = [f"{name} has no timeout" for name, state in tasks(machine).items() if "TimeoutSeconds" not in state]
    together = sum(state.get("TimeoutSeconds", 0) for state in tasks(machine).values())
    if machine.get("TimeoutSeconds", 0) <= together:
        wrong.append("the machine's timeout is missing or shorter than those of its tasks together")
    return wrong


CLUSTER_FIELDS: dict[str, Callable[[Any], bool]] = {
    "LogUri.$": lambda value: value == "$.inspected.plan.log_uri",
    "ReleaseLabel": lambda value: value == "emr-7.11.0",
    "Applications": lambda value: {"Name": "Spark"} in value,
    "Configurations.$": bool,
    "BootstrapActions.$": bool,
    "Instances": lambda value: value.get("KeepJobFlowAliveWhenNoSteps") is True,
    "ServiceRole": bool,
    "JobFlowRole": bool,
    "SecurityConfiguration": bool,
    "EbsRootVolumeSize": lambda value: value >= 30,
    "AutoTerminationPolicy": lambda value: 60 <= value["IdleTimeout"] <= 3600,
    "StepConcurrencyLevel": lambda value: value == 1,
    "VisibleToAllUsers": lambda value: value is True,
    "Tags": bool,
}
INSTANCE_FIELDS: dict[str, Callable[[Any], bool]] = {
    "InstanceFleets.$": bool,
    "Ec2SubnetIds.$": bool,
    "KeepJobFlowAliveWhenNoSteps": lambda value: value is True,
    "TerminationProtected": lambda value: value is False,
}
TAGS = {
    "orchard:run-id": {"Value.$": "$.run_id"},
    "orchard:stack": {"Value": "${StackName}"},
    "project": {"Value": "orchard"},
    "for-use-with-amazon-emr-managed-policies": {"Value": "true"},
}


def cluster_is_safe(machine: Machine) -> list[str]:
    """The cluster has logs, roles, encryption and tags, ends itself when idle, and lets nobody log in."""
    cluster = machine["States"][CREATE]["Parameters"]
    instances = cluster.get("Instances", {})
    wrong = [
        f"{field} is missing or wrong" for field, good in CLUSTER_FIELDS.items() if not _good(cluster, field, good)
    ]
    wrong += [
        f"{field} is missing or wrong" for field, good in INSTANCE_FIELDS.items() if not _good(instances, field, good)
    ]
    tags = {
        tag["Key"]: {name: value for name, value in tag.items() if name != "Key"} for tag in cluster.get("Tags", [])
    }
    wrong += [f"the tag {key} is missing or wrong" for key, value in TAGS.items() if tags.get(key) != value]
    forbidden = {"Steps", "Ec2KeyName"}
    return wrong + [f"{field} is set" for field in sorted(forbidden & (cluster.keys() | instances.keys()))]


def _good(fields: dict[str, Any], name: str, good: Callable[[Any], bool]) -> bool:
    return name in fields and good(fields[name])


def retries_are_safe(machine: Machine) -> list[str]:
    """What may have been done is not done twice: calls are retried when rejected, launches thrice, steps never."""
    wrong = []
    for name, state in tasks(machine).items():
        if not state.get("Retry"):
            wrong.append(f"{name} does not survive a throttle")
        if state["Resource"].rsplit(":", 1)[1] in NOT_IDEMPOTENT:
            errors = {error for retry in state.get("Retry", []) for error in retry["ErrorEquals"]}
            wrong += [f"{name} is retried on {error}" for error in sorted(errors & AMBIGUOUS)]
            wrong += [f"{name} is retried on {error}" for error in sorted(errors) if "InternalServer" in error]
    relaunch = next(
        (rule for rule in machine["States"]["JudgeCluster"]["Choices"] if rule.get("Next") == "LaunchAgain"), {}
    )
    conditions = list(_leaves(relaunch))
    if {"Variable": "$.launch.attempt", "NumericLessThan": 3} not in conditions:
        wrong.append("launches are not limited to three")
    codes = {
        c["StringEquals"]
        for c in conditions
        if c.get("Variable") == "$.cluster_status.StateChangeReason.Code" and "StringEquals" in c
    }
    if codes != RETRIED_LAUNCHES:
        wrong.append(f"launches are retried on {sorted(codes)}")
    if {"Not": {"Variable": "$.cluster_status.Timeline.ReadyDateTime", "IsPresent": True}} not in conditions:
        wrong.append("a cluster that was ready is launched again")
    return wrong


def _leaves(rule: dict[str, Any]) -> Iterable[dict[str, Any]]:
    for nested in rule.get("And", rule.get("Or", [])):
        yield from _leaves(nested)
    if "Variable" in rule or "Not" in rule:
        yield rule


def failures_are_kept(machine: Machine) -> list[str]:
    """A failure is at $.failure; what goes wrong after the work is done has places of its own."""
    own = {
        TERMINATE: "$.termination_failure",
        "DescribeRun": "$.description_failure",
        "Notify": "$.notification_failure",
    }
    return [
        f"{name} puts its error at {catch.get('ResultPath')}"
        for name, state in tasks(machine).items()
        for catch in state.get("Catch", [])
        if catch.get("ResultPath") != own.get(name, "$.failure")
    ]


CHECKS: tuple[Callable[[Machine], list[str]], ...] = (
    paths_lead_on,
    clusters_are_terminated,
    errors_are_caught,
    termination_is_robust,
    time_is_bounded,
    cluster_is_safe,
    retries_are_safe,
    failures_are_kept,
)


def violations(machine: Machine) -> dict[str, list[str]]:
    """What each check finds wrong, by the check's name; a check that finds nothing is not in it."""
    found = {check.__name__: check(machine) for check in CHECKS}
    return {name: wrong for name, wrong in found.items() if wrong}
