"""What the state machine has to do when its tasks answer in the ways in which they do: a table of whole runs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from orchard.compute.registry import COMPUTES
from orchard.layout import STAGES
from tests.support.asl.graph import JOBS_UNDER_WAY
from tests.support.asl.run import REDRIVEN, Fails, Redriven
from tests.support.stack.template import ARCHIVE, RUN_ID, execution_plan, serverless_plan

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

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
    jobs = [job for job in plan.get("jobs", []) if job["Name"].split()[-1] in stages]
    return {"InspectArchive": [{"Payload": {**plan, **({"jobs": jobs} if jobs else {"steps": steps})}}]}


INSPECT = ("InspectArchive", "IsArchiveAccepted")
TURN = ("LookAtTurn", "IsTurn")
AWAIT = ("AwaitTurn", *TURN)
CHOOSE = (*INSPECT, *TURN)
BEGIN = (*CHOOSE, "CreateCluster")
QUEUE = ("QueueSteps",)
LOOK = ("AwaitSteps", "LookAtCluster", "JudgeCluster")
POLL = (*LOOK, "LookAtSteps", "JudgeSteps")
STOP = ("TerminateCluster", "IsLaunchRetried")
RELAUNCH = (*STOP, "BackOff", "CreateCluster")
THROTTLE = ("JudgeRefusal", "BackOff", "CreateCluster")
GONE = ("LookAtEnd", "HasClusterEnded")
TELL = ("DescribeRun", "IsDescribed", "Notify", "Outcome")
CLOSE = (*STOP, *GONE, "IsRedriven")
END = (*CLOSE, *TELL)
WORK = (*BEGIN, *QUEUE, *POLL)

JOB = ("StartJob", "AwaitJob", "LookAtJob", "JudgeJob")
FIRST_JOB = (*CHOOSE, *JOB)
JOBS_DONE = (*FIRST_JOB, *JOB * 2)

POLL_SECONDS = 15
PATIENCE_SECONDS = 60
"""Shorter than the stack's, to be short; four polls."""

ENDING_SECONDS = 600
TURN_SECONDS = 604_800
"""How long a run waits for its turn at most: a week."""

RETRIED_LAUNCHES = ("BOOTSTRAP_FAILURE", "INTERNAL_ERROR", "INSTANCE_FLEET_TIMEOUT")
ENDINGS = ("TERMINATING", "TERMINATED", "TERMINATED_WITH_ERRORS")
UNDER_WAY = ("PENDING", "RUNNING", "CANCEL_PENDING")


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
    """GetJobRun's answer."""
    return {"JobRun": {"State": state, "StateDetails": "", "JobRunId": "job-1", "Name": f"{RUN_ID} unzip"}}


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
        "StartJob": [{"JobRunId": f"job-{number}", "ApplicationId": "00f", "Arn": "arn:"} for number in (1, 2, 3)],
        "LookAtJob": [job("SUCCESS")],
        "CancelJob": [{}],
        "DescribeRun": [{"Payload": NOTICE}],
        "Notify": [{"MessageId": "m-1"}],
    }
    return well | given


@dataclass(frozen=True)
class Scenario:
    """A run.

    Attributes:
        says: What happens, and what the state machine does about it.
        given: The answers that are not those of a run that goes well.
        visited: The states that are entered, in order.
        keeps: What the data of the last state hold: error names by the place of the error; nothing else has failed.
        complete: Whether every argument of every call is compared with what it should be.
    """

    says: str
    given: Mapping[str, Answers]
    visited: tuple[str, ...]
    keeps: Mapping[str, str] = field(default_factory=dict)
    complete: bool = False

    def __str__(self) -> str:
        return self.says


def _going_well() -> Iterator[Scenario]:
    starting = cluster("STARTING", ready=False, reason="INTERNAL_ERROR")  # whatever EMR says of it: it is starting
    yield Scenario("all goes well", {}, (*WORK, *END, "RunSucceeded"), complete=True)
    yield Scenario(
        "the steps are waited for",
        {"LookAtCluster": [starting, cluster("RUNNING")], "LookAtSteps": [*map(step, UNDER_WAY), step("COMPLETED")]},
        (*WORK, *POLL * 3, *END, "RunSucceeded"),
    )
    yield Scenario(
        "the cluster ended by itself after the work was done",
        {"LookAtCluster": [cluster("TERMINATING", reason="USER_REQUEST")]},
        (*WORK, *END, "RunSucceeded"),
    )
    for compute in COMPUTES:
        yield Scenario(
            f"the archive is refused: nothing on {compute}",
            {"InspectArchive": [{"Payload": {**REFUSED, "compute": compute}}]},
            (*INSPECT, *TELL, "ArchiveRefused"),
            {"failure": "ArchiveRefused"},
        )


def _waiting() -> Iterator[Scenario]:
    yield Scenario(
        "others come first: the turn is waited for, and costs nothing of the patience",
        {"LookAtTurn": [place(120), place(60, 1), GO], "LookAtSteps": [step("RUNNING")]},
        (
            *(*CHOOSE, *AWAIT * 2, "CreateCluster", *QUEUE),
            *(*POLL * (PATIENCE_SECONDS // POLL_SECONDS), *END, "RunFailed"),
        ),
        {"failure": "StepsTimedOut"},
    )
    yield Scenario(
        "others come first: a job run waits for its turn too",
        {"InspectArchive": [{"Payload": serverless_plan()}], "LookAtTurn": [place(1, 1), GO]},
        (*CHOOSE, *AWAIT, *JOBS_DONE[len(CHOOSE) :], *TELL, "RunSucceeded"),
    )
    yield Scenario(
        "the turn does not come: a week is enough",
        {"LookAtTurn": [place(TURN_SECONDS // 2)]},
        (*CHOOSE, *AWAIT * 2, *TELL, "RunFailed"),
        {"failure": "NoTurn"},
    )
    nonsense = (
        None,
        "words",
        [],
        {},
        {"may_go": "yes"},
        {"may_go": False},
        {"wait_seconds": 0},
        {"wait_seconds": "soon"},
    )
    for answer in nonsense:
        yield Scenario(
            f"whether the turn has come is answered {answer!r}: it is told, and nothing is made",
            {"LookAtTurn": [place(60), {"Payload": answer}]},
            (*CHOOSE, *AWAIT, *TELL, "RunFailed"),
            {"failure": "NoTurn"},
        )
    yield Scenario(
        "stopped while the turn is waited for, and redriven: it waits on",
        {"LookAtTurn": [place(60), REDRIVEN, place(60), GO]},
        (*CHOOSE, *AWAIT * 2, "CreateCluster", *QUEUE, *POLL, *END, "RunSucceeded"),
    )


def _launching() -> Iterator[Scenario]:
    started = (*BEGIN, *QUEUE, *LOOK)
    for state, reason in zip(ENDINGS, RETRIED_LAUNCHES, strict=True):
        yield Scenario(
            f"a launch ends as {state} for {reason}: another, once its cluster is told to end",
            {"LookAtCluster": [cluster(state, ready=False, reason=reason), cluster("RUNNING")]},
            (*started, *RELAUNCH, *QUEUE, *POLL, *END, "RunSucceeded"),
        )
    failed = cluster("TERMINATED_WITH_ERRORS", ready=False, reason="BOOTSTRAP_FAILURE")
    starting = cluster("BOOTSTRAPPING", ready=False)
    yield Scenario(
        "a launch ends between the looks at the cluster and at its steps: another all the same",
        {
            "LookAtCluster": [starting, failed, cluster("RUNNING")],
            "LookAtSteps": [step("CANCELLED"), step("COMPLETED")],
        },
        (*started, *POLL[3:], *LOOK, *RELAUNCH, *QUEUE, *POLL, *END, "RunSucceeded"),
    )
    yield Scenario(
        "steps end and the cluster is never ready: patience has an end",
        {"LookAtCluster": [starting], "LookAtSteps": [step("CANCELLED")]},
        (*WORK, *POLL * (PATIENCE_SECONDS // POLL_SECONDS - 1), *END, "RunFailed"),
        {"failure": "StepFailed"},
    )
    yield Scenario(
        "three launches fail: no fourth",
        {"LookAtCluster": [failed]},
        (*started, *(*RELAUNCH, *QUEUE, *LOOK) * 2, *END, "RunFailed"),
        {"failure": "LaunchFailed"},
    )
    for state, reason in zip(ENDINGS, ("VALIDATION_ERROR", "", "USER_REQUEST"), strict=True):
        yield Scenario(
            f"a launch ends as {state} for {reason or 'no reason'}: it would do so again",
            {"LookAtCluster": [cluster(state, ready=False, reason=reason)]},
            (*started, *END, "RunFailed"),
            {"failure": "LaunchFailed"},
        )
    yield Scenario(
        "a launch ends without timeline and reason",
        {"LookAtCluster": [{"Cluster": {"Status": {"State": "TERMINATED"}}}]},
        (*started, *END, "RunFailed"),
        {"failure": "LaunchFailed"},
    )
    yield Scenario(
        "a launch fails and the next is refused",
        {"CreateCluster": [{"JobFlowId": "j-1"}, Fails("Emr.InvalidRequestException")], "LookAtCluster": [failed]},
        (*started, *RELAUNCH, "JudgeRefusal", *TELL, "RunFailed"),
        {"failure": "Emr.InvalidRequestException"},
    )
    yield Scenario(
        "a launch fails and cannot be terminated: no other beside it",
        {"LookAtCluster": [failed], "TerminateCluster": [Fails("Emr.EmrException")]},
        (*started, *STOP, *TELL, "RunFailed"),
        {"failure": "LaunchFailed", "termination_failure": "Emr.EmrException"},
    )


def _refusing() -> Iterator[Scenario]:
    for words in ("Rate exceeded (Service: Emr, Status Code: 400)", "ThrottlingException", "Request was throttled."):
        yield Scenario(
            f"a cluster is refused with {words!r}: it is asked for again, and counts as no launch",
            {"CreateCluster": [*[Fails("Emr.EmrException", words)] * 2, {"JobFlowId": "j-1"}]},
            (*BEGIN, *THROTTLE * 2, *QUEUE, *POLL, *END, "RunSucceeded"),
        )
    yield Scenario(
        "EMR is busy for ever: patience has an end",
        {"CreateCluster": [Fails("Emr.EmrException", "Rate exceeded")]},
        (*BEGIN, *THROTTLE * (PATIENCE_SECONDS // POLL_SECONDS), "JudgeRefusal", *TELL, "RunFailed"),
        {"failure": "Emr.EmrException"},
    )
    for error, words in (
        ("Emr.EmrException", "Instance type m6a.xlarge is not supported in this region (Service: Emr)"),
        ("Emr.EmrException", "User is not authorized to perform: elasticmapreduce:RunJobFlow"),
        ("Emr.InvalidRequestException", "Rate exceeded is what a bucket of the user's is called"),
        ("Emr.InternalServerException", "Rate exceeded, or so"),
    ):
        yield Scenario(
            f"a cluster is refused as {error} with {words!r}: that is told at once",
            {"CreateCluster": [Fails(error, words)]},
            (*BEGIN, "JudgeRefusal", *TELL, "RunFailed"),
            {"failure": error},
        )


def _planning() -> Iterator[Scenario]:
    large: dict[str, Answers] = {"InspectArchive": [{"Payload": SEVERAL_NODES}]}
    failed = cluster("TERMINATED_WITH_ERRORS", ready=False, reason="BOOTSTRAP_FAILURE")
    yield Scenario("the cluster has core nodes", large, (*WORK, *END, "RunSucceeded"), complete=True)
    yield Scenario(
        "a launch with core nodes fails: another like it",
        {**large, "LookAtCluster": [failed, cluster("RUNNING")]},
        (*BEGIN, *QUEUE, *LOOK, *RELAUNCH, *QUEUE, *POLL, *END, "RunSucceeded"),
        complete=True,
    )
    for stages in (STAGES[1:], STAGES[:1], STAGES[2:]):
        yield Scenario(
            f"only {' and '.join(stages)} of the stages: by one call",
            {**planned(ONE_NODE, stages), "QueueSteps": [{"StepIds": [f"s-{stage}" for stage in stages]}]},
            (*WORK, *END, "RunSucceeded"),
            complete=True,
        )
        yield Scenario(
            f"only {' and '.join(stages)} of the stages: by so many job runs",
            planned(serverless_plan(), stages),
            (*CHOOSE, *JOB * len(stages), *TELL, "RunSucceeded"),
            complete=True,
        )
    for answer in (None, "words", 7, [], {}, {"accepted": False}, {"accepted": 1}):
        yield Scenario(
            f"inspecting answers {answer!r}: no cluster, and it is told",
            {"InspectArchive": [{"Payload": answer}]},
            (*INSPECT, *TELL, "RunFailed"),
            {"failure": "NoPlan"},
        )
    lacking: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
        "cluster": (ONE_NODE, (*BEGIN, "JudgeRefusal")),
        "steps": (ONE_NODE, (*BEGIN, *QUEUE, *CLOSE)),
        "jobs": (serverless_plan(), (*CHOOSE, "StartJob")),
    }
    for part, (plan, way) in lacking.items():
        yield Scenario(
            f"a plan lacks its {part}: whatever was created ends, and it is told",
            {"InspectArchive": [{"Payload": {name: value for name, value in plan.items() if name != part}}]},
            (*way, *TELL, "RunFailed"),
            {"failure": "States.QueryEvaluationError"},
        )


def _working() -> Iterator[Scenario]:
    for state in ("FAILED", "CANCELLED", "INTERRUPTED"):
        yield Scenario(
            f"a step is {state}: the run fails, and the cluster ends",
            {"LookAtSteps": [step("RUNNING"), step(state)]},
            (*WORK, *POLL, *END, "RunFailed"),
            {"failure": "StepFailed"},
        )
    for state, left in zip(ENDINGS, UNDER_WAY, strict=True):
        yield Scenario(
            f"a cluster that was ready is {state} while a step is {left}",
            {
                "LookAtCluster": [cluster("RUNNING"), cluster(state, reason="BOOTSTRAP_FAILURE")],
                "LookAtSteps": [step("RUNNING"), step(left)],
            },
            (*WORK, *POLL, *END, "RunFailed"),
            {"failure": "ClusterLost"},
        )
    for state in UNDER_WAY:
        yield Scenario(
            f"a step is {state} for ever: patience has an end",
            {"LookAtSteps": [step(state)]},
            (*WORK, *POLL * (PATIENCE_SECONDS // POLL_SECONDS - 1), *END, "RunFailed"),
            {"failure": "StepsTimedOut"},
        )


def _failing() -> Iterator[Scenario]:
    before = {"InspectArchive": BEGIN[:1], "LookAtTurn": BEGIN[:3], "CreateCluster": (*BEGIN, "JudgeRefusal")}
    for state, way in before.items():
        yield Scenario(
            f"{state} fails: it is told",
            {state: [Fails("Whatever.Happens")]},
            (*way, *TELL, "RunFailed"),
            {"failure": "Whatever.Happens"},
        )
    line = (*BEGIN, *QUEUE, *POLL)
    for state in (*QUEUE, "LookAtCluster", "LookAtSteps"):
        yield Scenario(
            f"{state} fails: the cluster ends",
            {state: [Fails("States.Timeout")]},
            (*line[: line.index(state) + 1], *END, "RunFailed"),
            {"failure": "States.Timeout"},
        )
    for last, end in (("COMPLETED", "RunSucceeded"), ("FAILED", "RunFailed")):
        keeps = {"failure": "StepFailed"} if last == "FAILED" else {}
        yield Scenario(
            f"describing fails when the step is {last}: plain words instead",
            {"DescribeRun": [Fails("KeyError")], "LookAtSteps": [step(last)]},
            (*WORK, *END, end),
            {**keeps, "description_failure": "KeyError"},
        )
        yield Scenario(
            f"notifying fails when the step is {last}: the run ends as it did",
            {"Notify": [Fails("SNS.AmazonSNSException")], "LookAtSteps": [step(last)]},
            (*WORK, *END, end),
            {**keeps, "notification_failure": "SNS.AmazonSNSException"},
        )


def _describing() -> Iterator[Scenario]:
    incomplete = [{key: text for key, text in NOTICE.items() if key != missing} for missing in NOTICE]
    for answer in (None, "words", [], *incomplete, *({**NOTICE, key: 1} for key in NOTICE)):
        yield Scenario(
            f"describing answers {answer!r}: plain words instead",
            {"DescribeRun": [{"Payload": answer}]},
            (*WORK, *END, "RunSucceeded"),
            {"description_failure": "NoNotice"},
        )


def _ending() -> Iterator[Scenario]:
    wait = ("AwaitEnd", *GONE)
    for states in (("TERMINATING", "TERMINATED"), ("RUNNING", "TERMINATING", "TERMINATED_WITH_ERRORS")):
        yield Scenario(
            f"the cluster is {', then '.join(states)}: its end is waited for",
            {"LookAtEnd": [cluster(state) for state in states]},
            (*WORK, *STOP, *GONE, *wait * (len(states) - 1), "IsRedriven", *TELL, "RunSucceeded"),
        )
    yield Scenario(
        "the cluster does not end: the run fails, so that orphans are looked for",
        {"LookAtEnd": [cluster("TERMINATING")]},
        (*WORK, *STOP, *GONE, *wait * (ENDING_SECONDS // POLL_SECONDS), *TELL, "RunFailed"),
        {"termination_failure": "ClusterLeftOver"},
    )
    yield Scenario(
        "nobody knows whether the cluster ends: likewise",
        {"LookAtEnd": [cluster("TERMINATING"), Fails("Emr.EmrException")]},
        (*WORK, *STOP, *GONE, *wait[:-1], *TELL, "RunFailed"),
        {"termination_failure": "Emr.EmrException"},
    )
    yield Scenario(
        "the cluster cannot be terminated: likewise",
        {"TerminateCluster": [Fails("Emr.EmrException")]},
        (*WORK, *STOP, *TELL, "RunFailed"),
        {"termination_failure": "Emr.EmrException"},
    )
    yield Scenario(
        "the step has failed and the cluster cannot be terminated: both are told",
        {"TerminateCluster": [Fails("Emr.EmrException")], "LookAtSteps": [step("FAILED")]},
        (*WORK, *STOP, *TELL, "RunFailed"),
        {"failure": "StepFailed", "termination_failure": "Emr.EmrException"},
    )


def _on_job_runs() -> Iterator[Scenario]:
    plan: dict[str, Answers] = {"InspectArchive": [{"Payload": serverless_plan()}]}
    yield Scenario(
        "the jobs succeed, one after the other: no cluster",
        plan,
        (*JOBS_DONE, *TELL, "RunSucceeded"),
        complete=True,
    )
    for state in JOBS_UNDER_WAY:
        yield Scenario(
            f"a job is {state}: it is waited for",
            plan | {"LookAtJob": [job("SUCCESS"), job(state), job("SUCCESS")]},
            (*FIRST_JOB, *JOB, *JOB[1:], *JOB, *TELL, "RunSucceeded"),
        )
        yield Scenario(
            f"a job is {state} for ever: patience has an end, for all jobs together",
            plan | {"LookAtJob": [job(state), job("SUCCESS"), job(state)]},
            (
                *(*FIRST_JOB, *JOB[1:], *JOB),
                *JOB[1:] * (PATIENCE_SECONDS // POLL_SECONDS - 3),
                *("CancelJob", *TELL, "RunFailed"),
            ),
            {"failure": "JobsTimedOut"},
        )
    for state in ("FAILED", "CANCELLED"):
        yield Scenario(
            f"a job is {state}: no other is started",
            plan | {"LookAtJob": [job("SUCCESS"), job(state)]},
            (*FIRST_JOB, *JOB, "IsRedriven", *TELL, "RunFailed"),
            {"failure": "JobFailed"},
        )
    yield Scenario(
        "a job cannot be started: it is told, and orphans are looked for",
        plan | {"StartJob": [{"JobRunId": "job-1"}, Fails("EmrServerless.ValidationException")]},
        (*FIRST_JOB, JOB[0], *TELL, "RunFailed"),
        {"failure": "EmrServerless.ValidationException"},
    )
    yield Scenario(
        "nobody knows how a job is: it is cancelled",
        plan | {"LookAtJob": [job("SUCCESS"), Fails("States.Timeout")]},
        (*FIRST_JOB, *JOB[:-1], "CancelJob", *TELL, "RunFailed"),
        {"failure": "States.Timeout"},
    )
    yield Scenario(
        "a job hangs and cannot be cancelled: both are told",
        plan | {"LookAtJob": [job("RUNNING")], "CancelJob": [Fails("EmrServerless.EmrServerlessException")]},
        (
            *(*FIRST_JOB, *JOB[1:] * (PATIENCE_SECONDS // POLL_SECONDS - 1)),
            *("CancelJob", *TELL, "RunFailed"),
        ),
        {"failure": "JobsTimedOut", "termination_failure": "EmrServerless.EmrServerlessException"},
    )


def _redriven() -> Iterator[Scenario]:
    anew = ("IsArchiveAccepted", *TURN, "CreateCluster", *QUEUE, *POLL)
    swept = cluster("TERMINATED", reason="USER_REQUEST")
    gone = Fails("Emr.InvalidRequestException", "A job flow that is shutting down may not be modified")
    line = (*BEGIN, *QUEUE, *POLL)
    yield Scenario(
        "stopped while the archive is inspected, and redriven: it goes on",
        {"InspectArchive": [REDRIVEN, {"Payload": ONE_NODE}]},
        (*WORK, *END, "RunSucceeded"),
    )
    yield Scenario(
        "stopped while the cluster is made, and redriven: another is made, as the first was swept",
        {"CreateCluster": [REDRIVEN, {"JobFlowId": "j-1"}]},
        (*WORK, *END, "RunSucceeded"),
    )
    for state in QUEUE:
        yield Scenario(
            f"stopped in {state} and swept, and redriven: anew on another cluster",
            {state: [REDRIVEN, gone, *answers()[state]]},
            (*line[: line.index(state) + 1], *CLOSE, *anew, *END, "RunSucceeded"),
        )
    yield Scenario(
        "stopped while the steps are waited for, and redriven: likewise",
        {
            "LookAtCluster": [REDRIVEN, swept, cluster("RUNNING")],
            "LookAtSteps": [step("PENDING"), step("COMPLETED")],
        },
        (*line, *CLOSE, *anew, *END, "RunSucceeded"),
    )
    yield Scenario(
        "stopped while the cluster starts, and redriven: likewise, and another launch counts from one",
        {
            "LookAtCluster": [REDRIVEN, cluster("TERMINATED", ready=False, reason="USER_REQUEST"), cluster("RUNNING")],
        },
        (*BEGIN, *QUEUE, *LOOK, *CLOSE, *anew, *END, "RunSucceeded"),
    )
    yield Scenario(
        "stopped at the very look at the steps, and redriven: likewise",
        {"LookAtSteps": [REDRIVEN, step("CANCELLED"), step("COMPLETED")]},
        (*line, *CLOSE, *anew, *END, "RunSucceeded"),
    )
    yield Scenario(
        "redriven, and the work fails for itself: one attempt for each redrive",
        {"LookAtSteps": [REDRIVEN, step("CANCELLED"), step("FAILED")]},
        (*line, *CLOSE, *anew, *END, "RunFailed"),
        {"failure": "StepFailed"},
    )
    yield Scenario(
        "redriven when patience is nearly at its end: it begins anew too",
        {"LookAtSteps": [*[step("RUNNING")] * 3, REDRIVEN, step("CANCELLED"), step("RUNNING"), step("COMPLETED")]},
        (*line, *POLL * 3, *CLOSE, *anew, *POLL, *END, "RunSucceeded"),
    )
    yield Scenario(
        "redriven twice: twice anew",
        {"LookAtSteps": [REDRIVEN, step("CANCELLED"), REDRIVEN, step("CANCELLED"), step("COMPLETED")]},
        (*line, *(*CLOSE, *anew) * 2, *END, "RunSucceeded"),
    )
    for state in ("TerminateCluster", "LookAtEnd", "DescribeRun", "Notify"):
        yield Scenario(
            f"stopped in {state} when the work is done, and redriven: it is done",
            {state: [REDRIVEN, *answers()[state]]},
            (*WORK, *END, "RunSucceeded"),
        )
    plan: dict[str, Answers] = {"InspectArchive": [{"Payload": serverless_plan()}]}
    yield Scenario(
        "stopped while a job runs and is cancelled, and redriven: anew",
        plan
        | {
            "StartJob": [{"JobRunId": f"job-{number}"} for number in (1, 2, 3, 4, 5)],
            "LookAtJob": [job("SUCCESS"), REDRIVEN, job("CANCELLED"), job("SUCCESS")],
        },
        (
            *(*FIRST_JOB, *JOB, "IsRedriven"),
            *(*JOBS_DONE[1:], *TELL, "RunSucceeded"),
        ),
    )
    yield Scenario(
        "stopped while a job is started, and redriven: it is started",
        plan | {"StartJob": [REDRIVEN, *({"JobRunId": f"job-{number}"} for number in (1, 2, 3))]},
        (*JOBS_DONE, *TELL, "RunSucceeded"),
    )


SCENARIOS: tuple[Scenario, ...] = (
    *_going_well(),
    *_waiting(),
    *_launching(),
    *_refusing(),
    *_planning(),
    *_working(),
    *_failing(),
    *_describing(),
    *_ending(),
    *_on_job_runs(),
    *_redriven(),
)
