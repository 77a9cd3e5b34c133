"""What AWS knows about a run that has ended or is about to: the facts that a notice and a diagnosis are made of.

Each question is asked on its own, and one that is not answered leaves its fact empty: by the time a run is described
its cluster may be gone, its logs may not be there yet, and a permission may be what made it fail.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from orchard.cluster.spent import cluster_seconds
from orchard.diagnose.bootstrap_log import error_data
from orchard.diagnose.logs import LogReader, Look
from orchard.diagnose.searching import search_nodes, search_step, step_log_uri
from orchard.diagnose.values import inside, parsed, words
from orchard.layout import STAGES, ObjectAddress, RunFiles

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mypy_boto3_emr import EMRClient
    from mypy_boto3_s3 import S3Client

    from orchard.diagnose.finding import Evidence

_ENDED_BADLY = ("FAILED", "INTERRUPTED", "CANCELLED", "CANCEL_PENDING", "RUNNING")
"""The states of a step that was begun and did not succeed, the telling one first."""


@dataclass(frozen=True)
class FailedStep:
    """The step that failed, or that was running when the run ended.

    Attributes:
        stage: Its stage.
        details: EMR's `FailureDetails`.
        log_uri: Where its stdout is, or will be: Python's own words.
        state: EMR's step state.
    """

    stage: str
    details: Mapping[str, Any]
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
        cluster_status: `Cluster.Status`.
        cluster_seconds: How long the last cluster has existed, seconds; None without one.
        failed_step: The step that failed, or was running when the run ended.
        evidence: What the logs say about the failure, in the order in which they were read.
        looks: The logs that were looked at.
        summary: The run's `summary.json`.
        minutes: How long the run took, minutes.
    """

    cluster_status: Mapping[str, Any] = field(default_factory=dict)
    cluster_seconds: float | None = None
    failed_step: FailedStep | None = None
    evidence: tuple[Evidence, ...] = ()
    looks: tuple[Look, ...] = ()
    summary: Mapping[str, Any] = field(default_factory=dict)
    minutes: float | None = None


def gather(state: object, *, started: str, emr: EMRClient, s3: S3Client, now: datetime | None = None) -> RunFacts:
    """Ask for what the state of an execution does not tell.

    Args:
        state: The state machine's data.
        started: When the execution started, ISO 8601.
        emr: The EMR client.
        s3: The S3 client.
        now: The end of the run, if it is not now.

    Returns:
        The facts; those that nobody answered are empty.
    """
    end = now or datetime.now(UTC)
    cluster_id, log_uri = words(state, "cluster", "id"), words(state, "inspected", "plan", "log_uri")
    failed = inside(state, "failure") is not None
    status: Mapping[str, Any] = {}
    step, step_id = None, ""
    if cluster_id:
        status = _answer(lambda: emr.describe_cluster(ClusterId=cluster_id)["Cluster"]["Status"]) or {}
        if failed:
            step, step_id = _failed_step(state, cluster_id, emr)
    reader = LogReader(s3)
    evidence: tuple[Evidence, ...] = ()
    if step is not None:
        evidence = search_step(log_uri, cluster_id, step_id, reader)
    elif failed and cluster_id and log_uri:
        evidence = search_nodes(log_uri, cluster_id, _messages(state, status), reader)
    return RunFacts(
        cluster_status=status,
        cluster_seconds=cluster_seconds(status, end),
        failed_step=step,
        evidence=evidence,
        looks=tuple(reader.looks),
        summary={} if failed else _summary(words(state, "inspected", "plan", "run_uri"), s3),
        minutes=_minutes_since(started, end),
    )


def _messages(state: object, status: Mapping[str, Any]) -> list[str]:
    """What EMR says about the end of a cluster, wherever that may name a node and a bootstrap action."""
    told = [words(one, "StateChangeReason", "Message") for one in (inside(state, "cluster_status"), status)]
    for one in (status, inside(state, "cluster_status")):
        details = inside(one, "ErrorDetails")
        told += [
            f"{words(detail, 'ErrorMessage')} {error_data(inside(detail, 'ErrorData'))}"
            for detail in (details if isinstance(details, list) else [])
        ]
    return told


def _failed_step(state: object, cluster_id: str, emr: EMRClient) -> tuple[FailedStep | None, str]:
    """The step to look at, and its id: of those that ended badly the one that says most, and of these the first."""
    found: list[tuple[int, FailedStep, str]] = []
    for stage in STAGES:
        step_id = words(state, "steps", stage, "id")
        status = _answer(partial(_step_status, emr, cluster_id, step_id)) if step_id else None
        told = words(status, "State")
        begun = told == "FAILED" or inside(status, "Timeline", "StartDateTime") is not None
        if told in _ENDED_BADLY and begun:
            log = step_log_uri(words(state, "inspected", "plan", "log_uri"), cluster_id, step_id, "stdout")
            step = FailedStep(stage, inside(status, "FailureDetails") or {}, log, told)
            found.append((_ENDED_BADLY.index(told), step, step_id))
    if not found:
        return None, ""
    _, step, step_id = min(found, key=lambda one: one[0])
    return step, step_id


def _step_status(emr: EMRClient, cluster_id: str, step_id: str) -> Any:  # noqa: ANN401 (JSON)
    return emr.describe_step(ClusterId=cluster_id, StepId=step_id)["Step"]["Status"]


def _summary(run_uri: str, s3: S3Client) -> Mapping[str, Any]:
    def read() -> Any:  # noqa: ANN401 (JSON)
        address = ObjectAddress.parse(RunFiles(run_uri).summary)
        return parsed(s3.get_object(Bucket=address.bucket, Key=address.key)["Body"].read().decode())

    found = _answer(read)
    return found if isinstance(found, dict) else {}


def _answer(ask: Callable[[], Any]) -> Any:  # noqa: ANN401 (JSON)
    try:
        return ask()
    except (ClientError, BotoCoreError, KeyError, ValueError):
        return None


def _minutes_since(started: str, end: datetime) -> float | None:
    try:
        return max(0.0, (end - datetime.fromisoformat(started)).total_seconds() / 60)
    except (TypeError, ValueError):
        return None
