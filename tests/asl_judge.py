"""Whether a run did what its scenario says."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from orchard.layout import STAGES
from tests.asl_graph import CREATES
from tests.asl_run import Fails, Run
from tests.asl_scenarios import GIVEN, NOTICE
from tests.stack_template import RUN_ID, SUBSTITUTIONS, execution_plan, serverless_plan

if TYPE_CHECKING:
    from tests.asl_scenarios import Scenario

STARTED = "2026-11-01T10:00:00.000Z"
"""When an execution that is walked has started."""

ENTERED = "2026-11-01T10:00:01.000Z"
"""When it enters each of its states."""

EXECUTION = "arn:aws:states:eu-west-1:123456789012:execution:orchard-pipeline:fruits"
"""Which one that is."""

STEP_IDS = {stage: {"id": f"s-{stage}"} for stage in STAGES}
_FAILURES = ("failure", "termination_failure", "description_failure", "notification_failure")
_CLUSTER = {"ClusterId": "j-1"}


def wrong(done: Run, scenario: Scenario) -> list[str]:
    """What a run did otherwise than its scenario says.

    Besides, of every run: it is named as its execution, the clusters that were created are the ones that were told to
    end, there was a notice, and the execution's cause is what was found out.
    """
    end = "SUCCEEDED" if scenario.visited[-1] == "RunSucceeded" else "FAILED"
    error = "" if end == "SUCCEEDED" else scenario.visited[-1]
    kept = {place: done.data[place]["Error"] for place in _FAILURES if done.data.get(place, {}).get("Cause")}
    created = sum(scenario.visited.count(create) for create in CREATES) - scenario.visited.count("JudgeRefusal")
    ended = {asked["JobFlowIds"][0] for asked in done.arguments("TerminateCluster")}
    started = scenario.visited.count("StartJob") - ("StartJob" in _failing_at_last(scenario))
    cancelled = done.arguments("CancelJob")[:1]  # the others are retries
    last_job = {"ApplicationId": SUBSTITUTIONS["JobApplicationId"], "JobRunId": f"job-{started}"}
    found = {
        "went": (tuple(done.visited), scenario.visited),
        "ended": ((done.status, done.error), (end, error)),
        "is": ((done.data.get("run_id"), done.data.get("input")), (RUN_ID, GIVEN)),
        "keeps": (kept, dict(scenario.keeps)),
        "says": (done.cause, error and done.data.get("described", {}).get("notice", {}).get("cause")),
        "ended the clusters": (ended, {f"j-{number + 1}" for number in range(created)}),
        "cancelled": (cancelled, [last_job] if "CancelJob" in scenario.visited else []),
        "told anybody": (bool(done.arguments("Notify")), True),
    }
    return [f"{scenario}: it {what} {was}, not {to_be}" for what, (was, to_be) in found.items() if was != to_be]


def _failing_at_last(scenario: Scenario) -> set[str]:
    return {state for state, given in scenario.given.items() if isinstance(given[-1], Fails)}


def wrong_calls(done: Run) -> list[str]:
    """What a run that went well asked for otherwise than it should; the cluster has rules of its own."""
    if done.arguments("StartJob"):
        return _wrong_job_calls(done)
    asked = {state: arguments for state, arguments in done.calls if state not in CREATES}
    expected = _calls({name: value for name, value in done.data.items() if name != "described"})
    differing = [state for state in expected if asked.get(state) != expected[state]]
    if done.data.get("steps") != STEP_IDS:
        differing.append("steps")
    return [f"{state}: asked for {asked.get(state)}" for state in differing]


def _wrong_job_calls(done: Run) -> list[str]:
    """The same of a run on EMR Serverless: every call in order, but for those of the functions."""
    asked = [(state, arguments) for state, arguments in done.calls if state in ("StartJob", "LookAtJob")]
    token = hashlib.sha1(f"{EXECUTION} {ENTERED}".encode(), usedforsecurity=False).hexdigest()
    own = {
        "ApplicationId": SUBSTITUTIONS["JobApplicationId"],
        "ExecutionRoleArn": SUBSTITUTIONS["JobRoleArn"],
        "Tags": {"orchard:run-id": RUN_ID, "orchard:stack": SUBSTITUTIONS["StackName"], "project": "orchard"},
    }
    expected: list[tuple[str, dict[str, Any]]] = []
    for number, job in enumerate(serverless_plan()["jobs"]):
        looked = {"ApplicationId": SUBSTITUTIONS["JobApplicationId"], "JobRunId": f"job-{number + 1}"}
        expected += [("StartJob", {**job, **own, "ClientToken": f"{token}-{number}"}), ("LookAtJob", looked)]
    return [f"asked for {was}, not {to_be}" for was, to_be in zip(asked, expected, strict=False) if was != to_be] + (
        [] if len(asked) == len(expected) else [f"asked {len(asked)} times"]
    )


def _calls(state: dict[str, Any]) -> dict[str, dict[str, Any]]:
    described = {"state": state, "started": STARTED}
    return {
        "InspectArchive": {
            "FunctionName": SUBSTITUTIONS["InspectArchiveFunctionArn"],
            "Payload": {"run_id": RUN_ID, "input": GIVEN},
        },
        "LookAtTurn": {
            "FunctionName": SUBSTITUTIONS["AwaitTurnFunctionArn"],
            "Payload": {"execution": EXECUTION, "waited": 0, "poll_seconds": int(SUBSTITUTIONS["PollSeconds"])},
        },
        **{f"Queue{stage.title()}": {"JobFlowId": "j-1", "Steps": [_step(stage)]} for stage in STAGES},
        "LookAtCluster": _CLUSTER,
        "LookAtSteps": {**_CLUSTER, "StepId": "s-pca"},
        "TerminateCluster": {"JobFlowIds": ["j-1"]},
        "LookAtEnd": _CLUSTER,
        "DescribeRun": {"FunctionName": SUBSTITUTIONS["DescribeRunFunctionArn"], "Payload": described},
        "Notify": {
            "TopicArn": SUBSTITUTIONS["NoticeTopicArn"],
            "Subject": NOTICE["subject"],
            "Message": NOTICE["message"],
        },
    }


def _step(stage: str) -> dict[str, Any]:
    """Queued behind the others: one that fails cancels those behind it, and leaves the cluster to be asked."""
    arguments = execution_plan()["steps"][stage]
    step = {"Jar": "command-runner.jar", "Args": arguments}
    return {"Name": stage, "ActionOnFailure": "CANCEL_AND_WAIT", "HadoopJarStep": step}
