"""What the tasks of the state machine answer, well or otherwise."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from orchard.layout import STAGES
from tests.support.asl.graph import JOB_KINDS, SERVERLESS, JobKind
from tests.support.asl.run import Fails, Redriven
from tests.support.stack.template import ARCHIVE, RUN_ID, execution_plan

Answers = Sequence[dict[str, Any] | Fails | Redriven]

GIVEN: dict[str, Any] = {
    "run_id": "the-input-s-own",
    "archive": {"bucket": ARCHIVE.bucket, "key": ARCHIVE.key, "version_id": "v1", "etag": "abc", "size": 12_345},
}
REFUSED = {"accepted": False, "error": {"Error": "ArchiveRefused", "Cause": "Not a zip: it is a tar"}}
NOTICE = {"subject": "Orchard: fruits", "message": "All there is to say.", "cause": "Because."}

ONE_NODE, SEVERAL_NODES = execution_plan(), execution_plan(300_000)


def planned(plan: Mapping[str, Any], stages: Sequence[str]) -> dict[str, Answers]:
    """The answer that plans only some of the stages."""
    steps = [step for step in plan.get("steps", []) if step["Name"] in stages]
    jobs = [job for job in plan.get("jobs", []) if re.split("[ /]", job["Name"])[-1] in stages]
    return {"InspectArchive": [{"Payload": {**plan, **({"jobs": jobs} if jobs else {"steps": steps})}}]}


def cluster(state: str, *, ready: bool = True, reason: str = "") -> dict[str, Any]:
    """DescribeCluster's answer; EMR leaves out what it does not know."""
    timeline = {"CreationDateTime": "2026-11-01T10:00:00Z"}
    if ready:
        timeline["ReadyDateTime"] = "2026-11-01T10:05:00Z"
    change = {"Code": reason, "Message": "On the primary instance."} if reason else {}
    return {
        "Cluster": {"Status": {"State": state, "StateChangeReason": change, "Timeline": timeline}, "Name": "orchard"}
    }


def step(state: str) -> dict[str, Any]:
    """DescribeStep's answer."""
    return {"Step": {"Status": {"State": state}, "Name": "pca"}}


def job(state: str) -> dict[str, Any]:
    """GetJobRun's answer, and as far as it matters DescribeJobRun's."""
    return {"JobRun": {"State": state, "StateDetails": "", "JobRunId": "job-1", "Name": f"{RUN_ID} unzip"}}


def starts(kind: JobKind, numbers: Sequence[int] = (1, 2, 3)) -> Answers:
    """StartJobRun's answers."""
    if kind is SERVERLESS:
        return [{"JobRunId": f"job-{number}", "ApplicationId": "00f", "Arn": "arn:"} for number in numbers]
    return [{"Id": f"job-{number}", "VirtualClusterId": "v", "Name": "n", "Arn": "arn:"} for number in numbers]


def place(wait_seconds: int, ahead: int = 4) -> dict[str, Any]:
    """The answer of `await_turn` to a run whose turn has not come."""
    return {"Payload": {"may_go": False, "ahead": ahead, "wait_seconds": wait_seconds}}


GO = {"Payload": {"may_go": True, "ahead": 0, "wait_seconds": 0}}
"""And to one whose turn has come."""


def answers(**given: Answers) -> dict[str, Answers]:
    """The answers of a run that goes well, but for those given."""
    well: dict[str, Answers] = {
        "InspectArchive": [{"Payload": ONE_NODE}],
        "LookAtTurn": [GO],
        "CreateCluster": [{"JobFlowId": f"j-{number}"} for number in (1, 2, 3, 4)],
        "QueueSteps": [{"StepIds": [f"s-{stage}" for stage in STAGES]}],
        "LookAtCluster": [cluster("RUNNING")],
        "LookAtSteps": [step("COMPLETED")],
        "TerminateCluster": [{}],
        "LookAtEnd": [cluster("TERMINATED")],
        **{kind.start: starts(kind) for kind in JOB_KINDS},
        **{kind.look: [job(kind.done)] for kind in JOB_KINDS},
        **{kind.cancel: [{}] for kind in JOB_KINDS},
        "DescribeRun": [{"Payload": NOTICE}],
        "Notify": [{"MessageId": "m-1"}],
    }
    return well | given
