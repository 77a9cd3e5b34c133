"""The probable cause of a failed run: which of the many things that AWS and the logs say it is.

What each says has a weight: a job's own words above errors that are known, those above symptoms, and those above what
can only be quoted. Of equals, the particular is taken: what EMR says about the step, what the logs say, what EMR says
about the cluster, and last what stopped the state machine, since that is often no more than "a step failed".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from orchard.diagnose.causes import Cause, known_cause, shorten
from orchard.diagnose.known import QUOTE
from orchard.diagnose.records import without_noise

if TYPE_CHECKING:
    from orchard.diagnose.finding import Evidence
    from orchard.diagnose.gather import FailedStep, RunFacts
    from orchard.pipeline.state import Failure, RunState

_SAYS_NOTHING = frozenset({"", "Unknown Error", "Unknown Error."})
"""What `FailureDetails.Reason` holds when EMR found no reason; the whole field may also be absent."""

_OF_STEP = "EMR's description of the step"
_OF_CLUSTER = "EMR's description of the cluster"
OF_MACHINE = "the state machine"
"""Where a cause was found that only the state machine knows."""


@dataclass(frozen=True)
class Diagnosis:
    """Why a run failed, as far as it is known.

    Attributes:
        evidence: The log that it was found in; without one the log that says most, if any says anything.
    """

    cause: Cause
    evidence: Evidence | None = None

    @property
    def quoted(self) -> str:
        """The message that shows the cause, unless its sentence has it."""
        return "" if self.cause.detail in self.cause.sentence else self.cause.detail


def diagnose(state: RunState, facts: RunFacts) -> Diagnosis:
    """Find out why a run failed."""
    step = facts.failed_step
    logs = [one.cause for one in facts.evidence]
    cluster = _of_cluster(state, facts)
    failure = _of_failure(state.failure) or _of_failure(state.termination_failure)
    # A step that failed by itself is judged by its own; one that was cut off is judged by what cut it off.
    candidates = [*_of_details(step), *logs] if step and step.failed else [*cluster, *failure, *logs]
    cause = max(candidates, key=lambda one: one.weight, default=None) or _nothing_found(step)
    heaviest = max(facts.evidence, key=lambda one: one.finding.cause.weight, default=None)
    return Diagnosis(cause, next((one for one in facts.evidence if one.cause == cause), heaviest))


def _of_details(step: FailedStep) -> list[Cause]:
    text = ". ".join(part.rstrip(".") for part in _particulars(step))
    if not text:
        return []
    quoted = Cause(f"The {step.stage} step failed.", f"Read its log: {step.log_uri}", shorten(text), _OF_STEP)
    return [known_cause(text, _OF_STEP) or quoted]


def _particulars(step: FailedStep) -> list[str]:
    texts = (without_noise(step.details.get(key, "")) for key in ("Reason", "Message"))
    return [text for text in texts if text not in _SAYS_NOTHING]


def _nothing_found(step: FailedStep | None) -> Cause:
    if step is None:
        return Cause("The run failed without saying why.", "Look at the execution in the Step Functions console.")
    ended = "failed" if step.failed else "was cut off"
    log = step.details.get("LogFile") or step.log_uri
    return Cause(
        f"The {step.stage} step {ended}, and its logs do not say why.",
        f"Read its log, complete some minutes after the cluster has ended: {log}",
    )


def _of_cluster(state: RunState, facts: RunFacts) -> list[Cause]:
    found: list[Cause] = []
    before, now = state.cluster_status, facts.cluster_status
    for error in (*now.errors, *before.errors):
        if error.code:
            text = f"{error.code}: {error.message}"
            unknown = Cause("The cluster failed.", "Read the logs.", shorten(text), _OF_CLUSTER)
            found.append(known_cause(text, _OF_CLUSTER) or unknown)
    # Of a cluster that the run itself has terminated EMR says that somebody asked for it: that counts only if EMR said
    # so before.
    changes = (before,) if now.code == "USER_REQUEST" else (before, now)
    known = (known_cause(f"{status.code}: {status.message}", _OF_CLUSTER) for status in changes if status.code)
    return [*found, *(cause for cause in known if cause)]


def _of_failure(failure: Failure | None) -> list[Cause]:
    line = ": ".join(part for part in (failure.error, failure.message) if part) if failure else ""
    if not line:
        return []
    unknown = Cause(
        f"The run stopped with {shorten(line)}",
        "Look at the execution in the Step Functions console.",
        shorten(line),
        OF_MACHINE,
        QUOTE,
    )
    return [known_cause(line, OF_MACHINE) or unknown]
