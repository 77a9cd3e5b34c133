"""What AWS knows about a run that has ended or is about to: the facts that a notice and a diagnosis are made of.

Each question is asked on its own, and one that is not answered leaves its fact empty: by the time a run is described
its cluster may be gone, its logs may not be there yet, and a permission may be what made it fail.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from orchard.compute.base import Seen
from orchard.compute.cost import Cost, cost_of
from orchard.compute.registry import compute_of
from orchard.diagnose.bootstrap_log import error_data
from orchard.diagnose.logs import LogReader, Look
from orchard.diagnose.searching import search_nodes, search_step
from orchard.layout import STAGES, ObjectAddress, RunFiles
from orchard.pipeline.state import ClusterStatus, RunSummary

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mypy_boto3_s3 import S3Client

    from orchard.compute.base import Access
    from orchard.diagnose.finding import Evidence
    from orchard.pipeline.state import RunState

_LONGEST_RUN = timedelta(hours=12)  # the state machine's own time-out is shorter

_ENDED_BADLY = ("FAILED", "INTERRUPTED", "CANCELLED", "CANCEL_PENDING", "RUNNING")
"""The states of a step that was begun and did not succeed, the most significant first."""


@dataclass(frozen=True)
class FailedStep:
    """The step that failed, or that was running when the run ended; a job run in the words that EMR has for steps.

    Attributes:
        details: EMR's `FailureDetails`: `Reason`, `Message` and `LogFile`, each where EMR gives it.
        log_uri: Where its stdout is, or will be: Python's own words.
        state: EMR's step state.
    """

    stage: str
    details: Mapping[str, str]
    log_uri: str
    state: str = "FAILED"

    @property
    def failed(self) -> bool:
        """Whether it failed by itself."""
        return self.state == "FAILED"


@dataclass(frozen=True)
class RunFacts:
    """What AWS knows about a run.

    Attributes:
        failed_step: The step that failed, or was running when the run ended.
        evidence: What the logs say about the failure, in the order in which they were read.
        summary: The run's `summary.json`; empty unless it is done.
        minutes: How long the run took, minutes.
    """

    cluster_status: ClusterStatus = field(default_factory=ClusterStatus)
    cost: Cost = field(default_factory=Cost)
    failed_step: FailedStep | None = None
    evidence: tuple[Evidence, ...] = ()
    looks: tuple[Look, ...] = ()
    summary: RunSummary = field(default_factory=RunSummary)
    minutes: float | None = None


def gather(
    state: RunState,
    *,
    started: str,
    access: Access,
    s3: S3Client,
    now: datetime | None = None,
) -> RunFacts:
    """Ask for what the state of an execution does not have.

    Args:
        started: When the execution started, ISO 8601.
        now: The end of the run, if it is not now.

    Returns:
        The facts; those that nobody answered are empty.
    """
    end, began = now or datetime.now(UTC), _moment(started)
    log_uri, failed = state.plan.log_uri, state.failure is not None
    compute, reader = compute_of(state), LogReader(s3)
    look = partial(compute.look, access, state, began or end - _LONGEST_RUN, end)
    answers = (_answer(partial(look, steps=steps)) for steps in dict.fromkeys((failed, False)))
    seen: Seen = next((one for one in answers if one is not None), Seen())
    status = ClusterStatus.from_data(seen.status)
    step: FailedStep | None = None
    evidence: tuple[Evidence, ...] = ()
    stage = _worst(seen.steps) if failed else ""
    if stage:
        found = seen.steps[stage]
        logs, ending = compute.logs(access, log_uri, state.cluster, found["Id"]), found["Status"]
        step = FailedStep(stage, ending.get("FailureDetails", {}), logs.stdout, ending["State"])
        evidence = search_step(logs, reader)
    elif failed and log_uri and state.cluster:
        evidence = search_nodes(log_uri, state.cluster, _messages(state.cluster_status, status), reader)
    return RunFacts(
        cluster_status=status,
        cost=cost_of(state, seen.paid_seconds),
        failed_step=step,
        evidence=evidence,
        looks=tuple(reader.looks),
        summary=RunSummary() if failed else _summary(state.plan.run_uri, s3),
        minutes=None if began is None else max(0.0, (end - began).total_seconds() / 60),
    )


def _worst(steps: Mapping[str, Mapping[str, Any]]) -> str:
    """The stage to look at: of those that ended badly the one that says most, and of these the first; "" if none did.

    Args:
        steps: Stage → step, as `orchard.compute.base.Seen` has them.
    """
    found: list[tuple[int, int, str]] = []
    for stage, step in steps.items():
        status = step["Status"]
        begun = status["State"] == "FAILED" or "StartDateTime" in status.get("Timeline", {})
        if status["State"] in _ENDED_BADLY and begun:
            found.append((_ENDED_BADLY.index(status["State"]), STAGES.index(stage), stage))
    return min(found)[2] if found else ""


def _messages(before: ClusterStatus, now: ClusterStatus) -> list[str]:
    """What EMR says about the end of a cluster, wherever that may name a node and a bootstrap action."""
    errors = (*now.errors, *before.errors)
    return [before.message, now.message, *(f"{error.message} {error_data(error.data)}" for error in errors)]


def _summary(run_uri: str, s3: S3Client) -> RunSummary:
    def read() -> str:
        address = ObjectAddress.parse(RunFiles(run_uri).summary)
        return s3.get_object(Bucket=address.bucket, Key=address.key)["Body"].read().decode()

    return RunSummary.from_text(_answer(read) or "")


def _answer(ask: Callable[[], Any]) -> Any:  # noqa: ANN401 (JSON)
    try:
        return ask()
    except (ClientError, BotoCoreError, KeyError, ValueError):
        return None


def _moment(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else None
