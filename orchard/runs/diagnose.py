"""The diagnosis of one run, from its name: its execution, what that knew, what AWS still knows, the probable cause.

Also for a run that nobody has described: one that was stopped, or timed out, perhaps before it knew its own cluster.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import islice
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from orchard.compute.registry import compute_of
from orchard.diagnose.causes import Cause, shorten
from orchard.diagnose.gather import RunFacts, gather
from orchard.diagnose.known import OWN_WORDS, QUOTE
from orchard.diagnose.probable import OF_MACHINE, Diagnosis, diagnose
from orchard.layout import ObjectAddress, log_prefix, run_files
from orchard.notices.wording import leftover
from orchard.pipeline.state import REFUSED, Failure, RunState

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mypy_boto3_s3 import S3Client
    from mypy_boto3_stepfunctions import SFNClient

    from orchard.compute.base import Access

_MOST_PAGES = 20


@dataclass(frozen=True)
class RunDiagnosis:
    """What became of a run, and why.

    Attributes:
        status: The execution's: RUNNING, SUCCEEDED, FAILED, TIMED_OUT or ABORTED.
        known: What the execution knew, and where its files are.
        facts: What AWS knows beside it; empty for a run that did not fail.
        diagnosis: Why it ended badly; None if it did not.
    """

    status: str
    known: RunState
    facts: RunFacts = field(default_factory=RunFacts)
    diagnosis: Diagnosis | None = None


def diagnose_run(arn: str, results_bucket: str, *, sfn: SFNClient, access: Access, s3: S3Client) -> RunDiagnosis:
    """Tell what became of a run, and why.

    Args:
        arn: Its execution.

    Returns:
        The diagnosis. What EMR and S3 do not answer is missing in it.

    Raises:
        ClientError: Step Functions does not answer.
    """
    execution: Mapping[str, Any] = sfn.describe_execution(executionArn=arn)
    status, state = execution["status"], _state(execution, sfn, results_bucket)
    if status not in ("FAILED", "TIMED_OUT", "ABORTED"):
        return RunDiagnosis(status, state)
    if execution.get("error") == REFUSED:
        cause = Cause(execution.get("cause", ""), state.remedy, weight=OWN_WORDS)
        return RunDiagnosis(status, state, diagnosis=Diagnosis(cause))
    state = _with_cluster(state, execution, access)
    started, ended = execution["startDate"].isoformat(), execution.get("stopDate")
    facts = gather(state, started=started, access=access, s3=s3, now=ended)
    return RunDiagnosis(status, state, facts, _of_ending(execution, diagnose(state, facts), state))


def _of_ending(execution: Mapping[str, Any], found: Diagnosis, state: RunState) -> Diagnosis:
    """Who stops a run is why it ended, whatever the logs say of it; so is a cluster that outlived its work.

    The cause that was found when the run ended is kept, since EMR and S3 forget.
    """
    if execution["status"] == "ABORTED":
        said = ": ".join(part for part in (execution.get("error", ""), execution.get("cause", "")) if part)
        again = "Upload the archive again, unless it was stopped on purpose."
        return Diagnosis(Cause("The run was stopped.", again, shorten(said), "the execution"), found.evidence)
    if state.termination_failure and state.failure and state.failure.error == "RunFailed":
        return Diagnosis(Cause(leftover(state), "orchard sweep", found_in=OF_MACHINE))
    message = execution.get("cause", "")
    if message and found.cause.found_in == OF_MACHINE and found.cause.weight == QUOTE and found.evidence is None:
        return Diagnosis(Cause(message, found.cause.next_step, found_in="the message when it ended"))
    return found


def _state(execution: Mapping[str, Any], sfn: SFNClient, results_bucket: str) -> RunState:
    """What the execution knew last; a failure and the places of files are added where it knew of none."""
    run = execution["name"]
    pages = sfn.get_paginator("get_execution_history").paginate(
        executionArn=execution["executionArn"], reverseOrder=True
    )
    events = (event for page in islice(pages, _MOST_PAGES) for event in page["events"])
    state = RunState.of_history(events, execution.get("input", ""))
    error = execution.get("error") or ("States.Timeout" if execution["status"] == "TIMED_OUT" else "")
    run_uri = state.plan.run_uri or run_files(results_bucket, run).base
    log_uri = state.plan.log_uri or ObjectAddress(results_bucket, log_prefix(run)).uri
    return replace(
        state,
        run_id=run,
        plan=replace(state.plan, run_uri=run_uri, log_uri=log_uri),
        failure=state.failure or Failure(error, execution.get("cause", "")),
    )


def _with_cluster(state: RunState, execution: Mapping[str, Any], access: Access) -> RunState:
    """Add the cluster where the execution ended before it knew it."""
    started = execution["startDate"]

    def find() -> str:
        return compute_of(state).find_cluster(access, state.run_id, started, execution.get("stopDate", started))

    return state if state.cluster else replace(state, cluster=_answer(find) or "")


def _answer(ask: Callable[[], Any]) -> Any:  # noqa: ANN401 (whatever is asked for)
    try:
        return ask()
    except (ClientError, BotoCoreError):
        return None
