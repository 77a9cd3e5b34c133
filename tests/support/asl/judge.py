"""Whether a run did what its scenario says."""

import hashlib
from collections.abc import Iterator
from itertools import zip_longest
from typing import Any

from tests.support.asl.answers import GIVEN, NOTICE
from tests.support.asl.graph import JOB_KINDS, SERVERLESS, JobKind
from tests.support.asl.run import Fails, Run
from tests.support.asl.scenarios import Scenario
from tests.support.stack.template import RUN_ID, SUBSTITUTIONS

Call = tuple[str, dict[str, Any]]

STARTED = "2026-11-01T10:00:00.000Z"
"""When an execution that is walked has started."""

ENTERED = "2026-11-01T10:00:01.000Z"
"""When it enters each of its states."""

EXECUTION = "arn:aws:states:eu-west-1:123456789012:execution:orchard-pipeline:fruits"
"""Which one that is."""

_FAILURES = ("failure", "termination_failure", "description_failure", "notification_failure")


def wrong(done: Run, scenario: Scenario) -> list[str]:
    """What a run did otherwise than its scenario says.

    Besides, of every run: it is named as its execution, the clusters that were created are the ones that were told to
    end, there was a notice, and the execution's cause is what was found out.
    """
    end = "SUCCEEDED" if scenario.visited[-1] == "RunSucceeded" else "FAILED"
    refused = scenario.keeps.get("failure") == "ArchiveRefused"
    error = "" if end == "SUCCEEDED" else "ArchiveRefused" if refused else "RunFailed"
    kept = {place: done.data[place]["Error"] for place in _FAILURES if done.data.get(place, {}).get("Cause")}
    created = scenario.visited.count("CreateCluster") - scenario.visited.count("JudgeRefusal")
    ended = {asked["JobFlowIds"][0] for asked in done.arguments("TerminateCluster")}
    cancelled = [asked for kind in JOB_KINDS for asked in done.arguments(kind.cancel)[:1]]  # the others are retries
    last_jobs = [_named(kind, _started(kind, scenario)) for kind in JOB_KINDS if kind.cancel in scenario.visited]
    found = {
        "went": (tuple(done.visited), scenario.visited),
        "ended": ((done.status, done.error), (end, error)),
        "keeps": (kept, dict(scenario.keeps)),
        "is": ((done.data.get("run_id"), done.data.get("input")), (RUN_ID, GIVEN)),
        "says": (done.cause, error and done.data.get("described", {}).get("notice", {}).get("cause")),
        "ended the clusters": (ended, {f"j-{number + 1}" for number in range(created)}),
        "cancelled": (cancelled, last_jobs),
        "told anybody": (bool(done.arguments("Notify")), True),
    }
    return [f"{scenario}: it {what} {was}, not {to_be}" for what, (was, to_be) in found.items() if was != to_be]


def _started(kind: JobKind, scenario: Scenario) -> int:
    """How many job runs were started."""
    return scenario.visited.count(kind.start) - (kind.start in _failing_at_last(scenario))


def _named(kind: JobKind, number: int) -> dict[str, str]:
    """What a call names the job run of a number by."""
    if kind is SERVERLESS:
        return {"ApplicationId": SUBSTITUTIONS["JobApplicationId"], "JobRunId": f"job-{number}"}
    return {"VirtualClusterId": SUBSTITUTIONS["VirtualClusterId"], "Id": f"job-{number}"}


def _failing_at_last(scenario: Scenario) -> set[str]:
    return {state for state, given in scenario.given.items() if isinstance(given[-1], Fails)}


def wrong_calls(done: Run) -> list[str]:
    """What a run that went well asked for otherwise than it should, every call in order."""
    plan = done.data.get("inspected", {}).get("plan", {})
    steps = {step["Name"]: {"id": f"s-{step['Name']}"} for step in plan.get("steps", [])}
    if done.data.get("steps", {}) != steps:
        return [f"knows of the steps {done.data.get('steps')}"]
    expected = [*(_job_calls(plan) if "jobs" in plan else _cluster_calls(plan, done)), *_last_calls(done)]
    inspection = (
        "InspectArchive",
        {"FunctionName": SUBSTITUTIONS["InspectArchiveFunctionArn"], "Payload": {"run_id": RUN_ID, "input": GIVEN}},
    )
    place = {"execution": EXECUTION, "waited": 0, "poll_seconds": int(SUBSTITUTIONS["PollSeconds"])}
    turn = ("LookAtTurn", {"FunctionName": SUBSTITUTIONS["AwaitTurnFunctionArn"], "Payload": place})
    return [
        f"asked for {was}, not {to_be}"
        for was, to_be in zip_longest(done.calls, [inspection, turn, *expected])
        if was != to_be
    ]


def _cluster_calls(plan: dict[str, Any], done: Run) -> Iterator[Call]:
    """Each launch is asked for exactly as it was planned, and so are the steps."""
    steps = [step["Name"] for step in plan["steps"]]
    launches = done.visited.count("CreateCluster")
    for number in range(1, launches + 1):
        cluster = {"ClusterId": f"j-{number}"}
        yield "CreateCluster", plan["cluster"]
        yield "QueueSteps", {"JobFlowId": f"j-{number}", "Steps": plan["steps"]}
        yield "LookAtCluster", cluster
        if number == launches:
            yield "LookAtSteps", {**cluster, "StepId": f"s-{steps[-1]}"}
        yield "TerminateCluster", {"JobFlowIds": [f"j-{number}"]}
    yield "LookAtEnd", cluster


def _job_calls(plan: dict[str, Any]) -> Iterator[Call]:
    token = hashlib.sha1(f"{EXECUTION} {ENTERED}".encode(), usedforsecurity=False).hexdigest()
    [kind] = [kind for kind in JOB_KINDS if kind.compute == plan["compute"]]
    own = {
        "emr-serverless": {
            "ApplicationId": SUBSTITUTIONS["JobApplicationId"],
            "ExecutionRoleArn": SUBSTITUTIONS["JobRoleArn"],
        },
        "emr-eks": {
            "VirtualClusterId": SUBSTITUTIONS["VirtualClusterId"],
            "ExecutionRoleArn": SUBSTITUTIONS["PodRoleArn"],
            "ReleaseLabel": SUBSTITUTIONS["EksReleaseLabel"],
        },
    }[kind.compute]
    tags = {"orchard:run-id": RUN_ID, "orchard:stack": SUBSTITUTIONS["StackName"], "project": "orchard"}
    for number, job in enumerate(plan["jobs"]):
        yield kind.start, {**job, **own, "Tags": tags, "ClientToken": f"{token}-{number}"}
        yield kind.look, _named(kind, number + 1)


def _last_calls(done: Run) -> Iterator[Call]:
    known = {name: value for name, value in done.data.items() if name != "described"}
    described = {"state": known, "started": STARTED}
    yield "DescribeRun", {"FunctionName": SUBSTITUTIONS["DescribeRunFunctionArn"], "Payload": described}
    notice = {"Subject": NOTICE["subject"], "Message": NOTICE["message"]}
    yield "Notify", {"TopicArn": SUBSTITUTIONS["NoticeTopicArn"], **notice}
