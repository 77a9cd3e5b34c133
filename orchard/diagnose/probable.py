"""The probable cause of a failed run: which of the many things that AWS says is the one to tell.

From the particular to the general: what the job itself said in its log, what EMR says about the step, about the
cluster, and last what stopped the state machine, since that is often no more than "a step failed".
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from orchard.diagnose.bootstrap import bootstrap_log_uri
from orchard.diagnose.causes import Cause, known_cause, shorten
from orchard.diagnose.values import inside, parsed, words

if TYPE_CHECKING:
    from orchard.diagnose.gather import FailedStep, RunFacts

_SAYS_NOTHING = frozenset({"", "Unknown Error", "Unknown Error."})
"""What `FailureDetails.Reason` holds when EMR found no reason; the whole field may also be absent."""

_ENDED_WELL = frozenset({"", "ALL_STEPS_COMPLETED"})


def probable_cause(state: object, facts: RunFacts) -> Cause:
    """Tell why a run failed.

    Args:
        state: The state machine's data.
        facts: What AWS knows beside it.

    Returns:
        The most particular cause that is known.
    """
    if facts.failed_step is not None:
        return _of_step(facts.failed_step)
    return _of_cluster(state, facts) or _of_failure(inside(state, "failure") or inside(state, "termination_failure"))


def _of_step(step: FailedStep) -> Cause:
    if step.finding is not None:
        lines = f"line {step.finding.first_line}"
        if step.finding.last_line > step.finding.first_line:
            lines = f"lines {step.finding.first_line} to {step.finding.last_line}"
        return replace(step.finding.cause, found_in=f"{step.log_uri}, {lines}")
    told = [words(step.details, key) for key in ("Reason", "Message")]
    text = ". ".join(part.rstrip(".") for part in told if part not in _SAYS_NOTHING)
    log = words(step.details, "LogFile") or step.log_uri
    known = known_cause(text, "EMR's description of the step") if text else None
    if known is not None:
        return known
    return Cause(
        f"The {step.stage} step failed.",
        f"Read its log, there a few minutes after the cluster has ended: {log}",
        shorten(text),
        "EMR's description of the step" if text else "",
    )


def _of_cluster(state: object, facts: RunFacts) -> Cause | None:
    for error in _list(facts.cluster_status, "ErrorDetails"):
        code, message = words(error, "ErrorCode"), words(error, "ErrorMessage")
        if code:
            text = f"{code}: {message}"
            return known_cause(text, "the cluster's error details") or Cause(
                "The cluster failed.", "Read the logs.", shorten(text), "the cluster's error details"
            )
    # The state's own copy was taken before the run terminated the cluster; afterwards the reason is always that.
    reason = inside(state, "cluster_status", "StateChangeReason")
    code, message = words(reason, "Code"), words(reason, "Message")
    if code in _ENDED_WELL:
        return None
    cause = known_cause(f"{code}: {message}", "the cluster's state change reason")
    if cause is None:
        return None
    log = bootstrap_log_uri(message, words(state, "inspected", "plan", "log_uri"), words(state, "cluster", "id"))
    return cause if log is None else replace(cause, next_step=f"{cause.next_step} The log: {log}")


def _of_failure(failure: object) -> Cause:
    error, text = words(failure, "Error"), words(failure, "Cause")
    told = parsed(text)  # a Lambda's error arrives as JSON: errorMessage, errorType, stackTrace
    message = words(told, "errorMessage") or text
    line = f"{error}: {message}" if error and message else error or message
    if not line:
        return Cause("The run failed without saying why.", "Look at the execution in the Step Functions console.")
    return known_cause(line, "the state machine") or Cause(
        f"The run stopped with {shorten(line)}",
        "Look at the execution in the Step Functions console.",
        shorten(line),
        "the state machine",
    )


def _list(value: object, key: str) -> list[object]:
    found = inside(value, key)
    return found if isinstance(found, list) else []
