"""What the state machine has to do when its tasks answer in the ways in which they do: a table of whole runs."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from orchard.compute.registry import COMPUTES
from orchard.layout import STAGES
from tests.support.asl.answers import (
    GO,
    NOTICE,
    ONE_NODE,
    REFUSED,
    SEVERAL_NODES,
    Answers,
    answers,
    cluster,
    job,
    place,
    planned,
    starts,
    step,
)
from tests.support.asl.graph import JOB_KINDS, JobKind
from tests.support.asl.run import REDRIVEN, Fails
from tests.support.stack.template import execution_plan

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
DONE, FAILED, TOLD = (*END, "RunSucceeded"), (*END, "RunFailed"), (*TELL, "RunFailed")
WORK = (*BEGIN, *QUEUE, *POLL)

PLANS = {kind.compute: execution_plan(compute=kind.compute) for kind in JOB_KINDS}


def by_jobs(kind: JobKind, number: int = 3) -> tuple[str, ...]:
    """The way of a run whose jobs are all over at the first look."""
    return (*CHOOSE, *kind.job * number)


POLL_SECONDS = 15
PATIENCE_SECONDS = 75
"""Shorter than the stack's, to be short."""

POLLS = PATIENCE_SECONDS // POLL_SECONDS

ENDING_SECONDS = 600
TURN_SECONDS = 604_800
"""How long a run waits for its turn at most: a week."""

RETRIED_LAUNCHES = ("BOOTSTRAP_FAILURE", "INTERNAL_ERROR", "INSTANCE_FLEET_TIMEOUT")
ENDINGS = ("TERMINATING", "TERMINATED", "TERMINATED_WITH_ERRORS")
UNDER_WAY = ("PENDING", "RUNNING", "CANCEL_PENDING")


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


def when(
    says: str,
    visited: tuple[str, ...],
    keeps: str | Mapping[str, str] = "",
    *,
    complete: bool = False,
    **given: Answers,
) -> Scenario:
    """A scenario; what it keeps is its failure unless another place is named."""
    kept = {"failure": keeps} if isinstance(keeps, str) and keeps else keeps or {}
    return Scenario(says, given, visited, kept, complete)


# a table: what happens, then the way, the failure, and the answers that are not as usual
# fmt: off
def _going_well() -> Iterator[Scenario]:
    starting = cluster("STARTING", ready=False, reason="INTERNAL_ERROR")  # whatever EMR says of it: it is starting
    yield when("all goes well", (*WORK, *DONE), complete=True)
    yield when("the steps are waited for",
        (*WORK, *POLL * 3, *DONE), LookAtCluster=[starting, cluster("RUNNING")],
        LookAtSteps=[*map(step, UNDER_WAY), step("COMPLETED")])
    yield when("the cluster ended by itself after the work was done",
        (*WORK, *DONE), LookAtCluster=[cluster("TERMINATING", reason="USER_REQUEST")])
    for compute in COMPUTES:
        yield when(f"the archive is refused: nothing on {compute}",
            (*INSPECT, *TOLD), "ArchiveRefused",
            InspectArchive=[{"Payload": {**REFUSED, "compute": compute}}])


def _keeping() -> Iterator[Scenario]:
    kept: dict[str, Answers] = {"InspectArchive": [{"Payload": {**ONE_NODE, "keep": 2 * POLL_SECONDS}}]}
    idle, busy = cluster("WAITING"), cluster("RUNNING")
    yield when("the cluster is kept when the work is done, and ended when nobody has used it",
        (*WORK, *POLL * 2, *DONE), **kept, LookAtCluster=[idle])
    yield when("the cluster is kept and used: it is kept again from the end of that on",
        (*WORK, *POLL * 4, *DONE), **kept, LookAtCluster=[idle, busy, idle, idle, idle])
    yield when("the cluster is kept and used for ever: patience has an end, and the run has done its work",
        (*WORK, *POLL * (POLLS - 1), *DONE), **kept, LookAtCluster=[busy])
    for state in ENDINGS:
        yield when(f"a kept cluster is {state}: it was stopped, or ended itself, and the run has done its work",
            (*WORK, *POLL, *DONE), **kept, LookAtCluster=[idle, cluster(state, reason="USER_REQUEST")])
    yield when("a step fails of a run whose cluster was to be kept: it ends at once",
        (*WORK, *FAILED), "StepFailed", **kept, LookAtCluster=[idle], LookAtSteps=[step("FAILED")])
    yield when("a step of a run whose cluster is to be kept goes on: it is waited for, and only then kept",
        (*WORK, *POLL * 3, *DONE), **kept, LookAtCluster=[idle], LookAtSteps=[step("RUNNING"), step("COMPLETED")])
    yield when("a kept cluster is looked at in vain: it ends, and that is told",
        (*WORK, *LOOK[:2], *FAILED), "States.Timeout", **kept, LookAtCluster=[idle, Fails("States.Timeout")])
    yield when("stopped while its cluster is kept, swept, and redriven: the work is done",
        (*WORK, *POLL, *DONE), **kept,
        LookAtCluster=[idle, REDRIVEN, cluster("TERMINATED", reason="USER_REQUEST")])


def _waiting() -> Iterator[Scenario]:
    yield when("others come first: the turn is waited for, and costs nothing of the patience",
        (*CHOOSE, *AWAIT * 2, "CreateCluster", *QUEUE, *POLL * POLLS, *FAILED), "StepsTimedOut",
        LookAtTurn=[place(120), place(60, 1), GO], LookAtSteps=[step("RUNNING")])
    for kind in JOB_KINDS:
        yield when(f"others come first: a job run of {kind.compute} waits for its turn too",
            (*CHOOSE, *AWAIT, *kind.job * 3, *TELL, "RunSucceeded"),
            InspectArchive=[{"Payload": PLANS[kind.compute]}], LookAtTurn=[place(1, 1), GO])
    yield when("the turn does not come: a week is enough",
        (*CHOOSE, *AWAIT * 2, *TOLD), "NoTurn", LookAtTurn=[place(TURN_SECONDS // 2)])
    unclear = ({"may_go": "yes"}, {"may_go": False}, {"wait_seconds": 0}, {"wait_seconds": "soon"})
    for answer in (None, "words", [], {}, *unclear):
        yield when(f"whether the turn has come is answered {answer!r}: it is told, and nothing is made",
            (*CHOOSE, *AWAIT, *TOLD), "NoTurn", LookAtTurn=[place(60), {"Payload": answer}])
    yield when("stopped while the turn is waited for, and redriven: it waits on",
        (*CHOOSE, *AWAIT * 2, "CreateCluster", *QUEUE, *POLL, *DONE), LookAtTurn=[place(60), REDRIVEN, place(60), GO])


def _launching() -> Iterator[Scenario]:
    started = (*BEGIN, *QUEUE, *LOOK)
    for state, reason in zip(ENDINGS, RETRIED_LAUNCHES, strict=True):
        yield when(f"a launch ends as {state} for {reason}: another, once its cluster is told to end",
            (*started, *RELAUNCH, *QUEUE, *POLL, *DONE),
            LookAtCluster=[cluster(state, ready=False, reason=reason), cluster("RUNNING")])
    failed = cluster("TERMINATED_WITH_ERRORS", ready=False, reason="BOOTSTRAP_FAILURE")
    starting = cluster("BOOTSTRAPPING", ready=False)
    yield when("a launch ends between the looks at the cluster and at its steps: another all the same",
        (*started, *POLL[3:], *LOOK, *RELAUNCH, *QUEUE, *POLL, *DONE),
        LookAtCluster=[starting, failed, cluster("RUNNING")], LookAtSteps=[step("CANCELLED"), step("COMPLETED")])
    yield when("steps end and the cluster is never ready: patience has an end",
        (*WORK, *POLL * (POLLS - 1), *FAILED), "StepFailed", LookAtCluster=[starting], LookAtSteps=[step("CANCELLED")])
    yield when("three launches fail: no fourth",
        (*started, *(*RELAUNCH, *QUEUE, *LOOK) * 2, *FAILED), "LaunchFailed", LookAtCluster=[failed])
    for state, reason in zip(ENDINGS, ("VALIDATION_ERROR", "", "USER_REQUEST"), strict=True):
        yield when(f"a launch ends as {state} for {reason or 'no reason'}: it would do so again",
            (*started, *FAILED), "LaunchFailed", LookAtCluster=[cluster(state, ready=False, reason=reason)])
    yield when("a launch ends without timeline and reason",
        (*started, *FAILED), "LaunchFailed", LookAtCluster=[{"Cluster": {"Status": {"State": "TERMINATED"}}}])
    yield when("a launch fails and the next is refused",
        (*started, *RELAUNCH, "JudgeRefusal", *TOLD), "Emr.InvalidRequestException",
        CreateCluster=[{"JobFlowId": "j-1"}, Fails("Emr.InvalidRequestException")], LookAtCluster=[failed])
    yield when("a launch fails and cannot be terminated: no other beside it",
        (*started, *STOP, *TOLD), {"failure": "LaunchFailed", "termination_failure": "Emr.EmrException"},
        LookAtCluster=[failed], TerminateCluster=[Fails("Emr.EmrException")])


def _refusing() -> Iterator[Scenario]:
    for words in ("Rate exceeded (Service: Emr, Status Code: 400)", "ThrottlingException", "Request was throttled."):
        yield when(f"a cluster is refused with {words!r}: it is asked for again, and counts as no launch",
            (*BEGIN, *THROTTLE * 2, *QUEUE, *POLL, *DONE),
            CreateCluster=[*[Fails("Emr.EmrException", words)] * 2, {"JobFlowId": "j-1"}])
    yield when("EMR is busy for ever: patience has an end",
        (*BEGIN, *THROTTLE * POLLS, "JudgeRefusal", *TOLD), "Emr.EmrException",
        CreateCluster=[Fails("Emr.EmrException", "Rate exceeded")])
    for error, words in (
        ("Emr.EmrException", "Instance type m6a.xlarge is not supported in this region (Service: Emr)"),
        ("Emr.EmrException", "User is not authorized to perform: elasticmapreduce:RunJobFlow"),
        ("Emr.InvalidRequestException", "Rate exceeded is what a bucket of the user's is called"),
        ("Emr.InternalServerException", "Rate exceeded, or so"),
    ):
        yield when(f"a cluster is refused as {error} with {words!r}: that is told at once",
            (*BEGIN, "JudgeRefusal", *TOLD), error, CreateCluster=[Fails(error, words)])


def _planning() -> Iterator[Scenario]:
    large: dict[str, Answers] = {"InspectArchive": [{"Payload": SEVERAL_NODES}]}
    failed = cluster("TERMINATED_WITH_ERRORS", ready=False, reason="BOOTSTRAP_FAILURE")
    yield when("the cluster has core nodes", (*WORK, *DONE), **large, complete=True)
    yield when("a launch with core nodes fails: another like it",
        (*BEGIN, *QUEUE, *LOOK, *RELAUNCH, *QUEUE, *POLL, *DONE), **large, LookAtCluster=[failed, cluster("RUNNING")],
        complete=True)
    for stages in (STAGES[1:], STAGES[:1], STAGES[2:]):
        yield when(f"only {' and '.join(stages)} of the stages: by one call",
            (*WORK, *DONE), **planned(ONE_NODE, stages), QueueSteps=[{"StepIds": [f"s-{stage}" for stage in stages]}],
            complete=True)
        for kind in JOB_KINDS:
            yield when(f"only {' and '.join(stages)} of the stages: by so many job runs of {kind.compute}",
                (*by_jobs(kind, len(stages)), *TELL, "RunSucceeded"), **planned(PLANS[kind.compute], stages),
                complete=True)
    for answer in (None, "words", 7, [], {}, {"accepted": False}, {"accepted": 1}):
        yield when(f"inspecting answers {answer!r}: no cluster, and it is told",
            (*INSPECT, *TOLD), "NoPlan", InspectArchive=[{"Payload": answer}])
    lacking: list[tuple[str, dict[str, Any], tuple[str, ...]]] = [
        ("cluster", ONE_NODE, (*BEGIN, "JudgeRefusal")),
        ("steps", ONE_NODE, (*BEGIN, *QUEUE, *CLOSE)),
        *(("jobs", PLANS[kind.compute], (*CHOOSE, kind.start)) for kind in JOB_KINDS),
    ]
    for part, plan, way in lacking:
        yield when(f"a plan for {plan['compute']} lacks its {part}: whatever was created ends, and it is told",
            (*way, *TOLD), "States.QueryEvaluationError",
            InspectArchive=[{"Payload": {name: value for name, value in plan.items() if name != part}}])


def _working() -> Iterator[Scenario]:
    for state in ("FAILED", "CANCELLED", "INTERRUPTED"):
        yield when(f"a step is {state}: the run fails, and the cluster ends",
            (*WORK, *POLL, *FAILED), "StepFailed", LookAtSteps=[step("RUNNING"), step(state)])
    for state, left in zip(ENDINGS, UNDER_WAY, strict=True):
        yield when(f"a cluster that was ready is {state} while a step is {left}",
            (*WORK, *POLL, *FAILED), "ClusterLost",
            LookAtCluster=[cluster("RUNNING"), cluster(state, reason="BOOTSTRAP_FAILURE")],
            LookAtSteps=[step("RUNNING"), step(left)])
    for state in UNDER_WAY:
        yield when(f"a step is {state} for ever: patience has an end",
            (*WORK, *POLL * (POLLS - 1), *FAILED), "StepsTimedOut", LookAtSteps=[step(state)])


def _failing() -> Iterator[Scenario]:
    before = {"InspectArchive": BEGIN[:1], "LookAtTurn": BEGIN[:3], "CreateCluster": (*BEGIN, "JudgeRefusal")}
    for state, way in before.items():
        yield when(f"{state} fails: it is told",
            (*way, *TOLD), "Whatever.Happens", **{state: [Fails("Whatever.Happens")]})
    line = (*BEGIN, *QUEUE, *POLL)
    for state in (*QUEUE, "LookAtCluster", "LookAtSteps"):
        yield when(f"{state} fails: the cluster ends",
            (*line[: line.index(state) + 1], *FAILED), "States.Timeout", **{state: [Fails("States.Timeout")]})
    for last, end in (("COMPLETED", "RunSucceeded"), ("FAILED", "RunFailed")):
        keeps = {"failure": "StepFailed"} if last == "FAILED" else {}
        yield when(f"describing fails when the step is {last}: plain words instead",
            (*WORK, *END, end), {**keeps, "description_failure": "KeyError"}, DescribeRun=[Fails("KeyError")],
            LookAtSteps=[step(last)])
        yield when(f"notifying fails when the step is {last}: the run ends as it did",
            (*WORK, *END, end), {**keeps, "notification_failure": "SNS.AmazonSNSException"},
            Notify=[Fails("SNS.AmazonSNSException")], LookAtSteps=[step(last)])


def _describing() -> Iterator[Scenario]:
    incomplete = [{key: text for key, text in NOTICE.items() if key != missing} for missing in NOTICE]
    for answer in (None, "words", [], *incomplete, *({**NOTICE, key: 1} for key in NOTICE)):
        yield when(f"describing answers {answer!r}: plain words instead",
            (*WORK, *DONE), {"description_failure": "NoNotice"}, DescribeRun=[{"Payload": answer}])


def _ending() -> Iterator[Scenario]:
    wait = ("AwaitEnd", *GONE)
    for states in (("TERMINATING", "TERMINATED"), ("RUNNING", "TERMINATING", "TERMINATED_WITH_ERRORS")):
        yield when(f"the cluster is {', then '.join(states)}: its end is waited for",
            (*WORK, *STOP, *GONE, *wait * (len(states) - 1), "IsRedriven", *TELL, "RunSucceeded"),
            LookAtEnd=[cluster(state) for state in states])
    yield when("the cluster does not end: the run fails, so that orphans are looked for",
        (*WORK, *STOP, *GONE, *wait * (ENDING_SECONDS // POLL_SECONDS), *TOLD),
        {"termination_failure": "ClusterLeftOver"}, LookAtEnd=[cluster("TERMINATING")])
    yield when("nobody knows whether the cluster ends: likewise",
        (*WORK, *STOP, *GONE, *wait[:-1], *TOLD), {"termination_failure": "Emr.EmrException"},
        LookAtEnd=[cluster("TERMINATING"), Fails("Emr.EmrException")])
    yield when("the cluster cannot be terminated: likewise",
        (*WORK, *STOP, *TOLD), {"termination_failure": "Emr.EmrException"},
        TerminateCluster=[Fails("Emr.EmrException")])
    yield when("the step has failed and the cluster cannot be terminated: both are told",
        (*WORK, *STOP, *TOLD), {"failure": "StepFailed", "termination_failure": "Emr.EmrException"},
        TerminateCluster=[Fails("Emr.EmrException")], LookAtSteps=[step("FAILED")])


def _on_job_runs(kind: JobKind) -> Iterator[Scenario]:
    plan: dict[str, Answers] = {"InspectArchive": [{"Payload": PLANS[kind.compute]}]}
    first, again, done = by_jobs(kind, 1), kind.job[1:], job(kind.done)
    yield when(f"the jobs of {kind.compute} succeed, one after the other: no cluster",
        (*by_jobs(kind), *TELL, "RunSucceeded"), **plan, complete=True)
    for state in kind.under_way:
        yield when(f"a job of {kind.compute} is {state}: it is waited for",
            (*first, *kind.job, *again, *kind.job, *TELL, "RunSucceeded"), **plan,
            **{kind.look: [done, job(state), done]})
        yield when(f"a job of {kind.compute} is {state} for ever: patience has an end, for all jobs together",
            (*first, *again, *kind.job, *again * (POLLS - 3), kind.cancel, *TOLD), "JobsTimedOut", **plan,
            **{kind.look: [job(state), done, job(state)]})
    for state in ("FAILED", "CANCELLED"):
        yield when(f"a job of {kind.compute} is {state}: no other is started",
            (*first, *kind.job, "IsRedriven", *TOLD), "JobFailed", **plan, **{kind.look: [done, job(state)]})
    refused, ill = f"{kind.prefix}.ValidationException", f"{kind.prefix}.{kind.prefix}Exception"
    yield when(f"a job of {kind.compute} cannot be started: it is told, and orphans are looked for",
        (*first, kind.start, *TOLD), refused, **plan, **{kind.start: [*starts(kind, [1]), Fails(refused)]})
    yield when(f"nobody knows how a job of {kind.compute} is: it is cancelled",
        (*first, *kind.job[:-1], kind.cancel, *TOLD), "States.Timeout", **plan,
        **{kind.look: [done, Fails("States.Timeout")]})
    yield when(f"a job of {kind.compute} hangs and cannot be cancelled: both are told",
        (*first, *again * (POLLS - 1), kind.cancel, *TOLD),
        {"failure": "JobsTimedOut", "termination_failure": ill}, **plan,
        **{kind.look: [job("RUNNING")], kind.cancel: [Fails(ill)]})
    yield when(f"stopped while a job of {kind.compute} runs and is cancelled, and redriven: anew",
        (*first, *kind.job, "IsRedriven", "IsArchiveAccepted", *TURN, *kind.job * 3, *TELL, "RunSucceeded"), **plan,
        **{kind.start: starts(kind, range(1, 6)), kind.look: [done, REDRIVEN, job("CANCELLED"), done]})
    yield when(f"stopped while a job of {kind.compute} is started, and redriven: it is started",
        (*by_jobs(kind), *TELL, "RunSucceeded"), **plan, **{kind.start: [REDRIVEN, *starts(kind)]})


def _redriven() -> Iterator[Scenario]:
    anew = ("IsArchiveAccepted", *TURN, "CreateCluster", *QUEUE, *POLL)
    swept = cluster("TERMINATED", reason="USER_REQUEST")
    gone = Fails("Emr.InvalidRequestException", "A job flow that is shutting down may not be modified")
    line = (*BEGIN, *QUEUE, *POLL)
    yield when("stopped while the archive is inspected, and redriven: it goes on",
        (*WORK, *DONE), InspectArchive=[REDRIVEN, {"Payload": ONE_NODE}])
    yield when("stopped while the cluster is made, and redriven: another is made, as the first was swept",
        (*WORK, *DONE), CreateCluster=[REDRIVEN, {"JobFlowId": "j-1"}])
    for state in QUEUE:
        yield when(f"stopped in {state} and swept, and redriven: anew on another cluster",
            (*line[: line.index(state) + 1], *CLOSE, *anew, *DONE), **{state: [REDRIVEN, gone, *answers()[state]]})
    yield when("stopped while the steps are waited for, and redriven: likewise",
        (*line, *CLOSE, *anew, *DONE), LookAtCluster=[REDRIVEN, swept, cluster("RUNNING")],
        LookAtSteps=[step("PENDING"), step("COMPLETED")])
    yield when("stopped while the cluster starts, and redriven: likewise, and another launch counts from one",
        (*BEGIN, *QUEUE, *LOOK, *CLOSE, *anew, *DONE),
        LookAtCluster=[REDRIVEN, cluster("TERMINATED", ready=False, reason="USER_REQUEST"), cluster("RUNNING")])
    yield when("stopped at the very look at the steps, and redriven: likewise",
        (*line, *CLOSE, *anew, *DONE), LookAtSteps=[REDRIVEN, step("CANCELLED"), step("COMPLETED")])
    yield when("redriven, and the work fails for itself: one attempt for each redrive",
        (*line, *CLOSE, *anew, *FAILED), "StepFailed", LookAtSteps=[REDRIVEN, step("CANCELLED"), step("FAILED")])
    yield when("redriven when patience is nearly at its end: it begins anew too",
        (*line, *POLL * 3, *CLOSE, *anew, *POLL, *DONE),
        LookAtSteps=[*[step("RUNNING")] * 3, REDRIVEN, step("CANCELLED"), step("RUNNING"), step("COMPLETED")])
    yield when("redriven twice: twice anew",
        (*line, *(*CLOSE, *anew) * 2, *DONE),
        LookAtSteps=[REDRIVEN, step("CANCELLED"), REDRIVEN, step("CANCELLED"), step("COMPLETED")])
    for state in ("TerminateCluster", "LookAtEnd", "DescribeRun", "Notify"):
        yield when(f"stopped in {state} when the work is done, and redriven: it is done",
            (*WORK, *DONE), **{state: [REDRIVEN, *answers()[state]]})


# fmt: on
SCENARIOS: tuple[Scenario, ...] = (
    *_going_well(),
    *_keeping(),
    *_waiting(),
    *_launching(),
    *_refusing(),
    *_planning(),
    *_working(),
    *_failing(),
    *_describing(),
    *_ending(),
    *(scenario for kind in JOB_KINDS for scenario in _on_job_runs(kind)),
    *_redriven(),
)
