"""What AWS knows about a run that has ended or is about to: the facts that `notice` writes about.

Each question is asked on its own, and one that is not answered leaves its fact empty: by the time a run is described
its cluster may be gone, its logs may not be there yet, and a permission may be what made it fail.
"""

from __future__ import annotations

import gzip
import io
import zlib
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from orchard.diagnose.step_log import Finding, parse_step_log
from orchard.diagnose.values import inside, parsed, words
from orchard.layout import STAGES, ObjectAddress, RunFiles

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from mypy_boto3_emr import EMRClient
    from mypy_boto3_s3 import S3Client

_MAX_LOG_BYTES = 8 << 20
"""Only the end of a longer log is looked at, which is where the failure is: the memory of a Lambda is small."""

_CHUNK_BYTES = 1 << 20
_PYTHONS, _SPARKS = "stdout", "stderr"


@dataclass(frozen=True)
class FailedStep:
    """The step that failed.

    Attributes:
        stage: Its stage.
        details: EMR's `FailureDetails`.
        log_uri: The log that tells why; where its stdout will be while none is there.
        finding: What that says; None while it is not there.
    """

    stage: str
    details: Mapping[str, Any]
    log_uri: str
    finding: Finding | None = None


@dataclass(frozen=True)
class RunFacts:
    """What AWS knows about a run.

    Attributes:
        cluster_status: `Cluster.Status`.
        cluster_seconds: How long the last cluster has existed, seconds; None without one.
        failed_step: The first step that failed.
        summary: The run's `summary.json`.
        minutes: How long the run took, minutes.
    """

    cluster_status: Mapping[str, Any] = field(default_factory=dict)
    cluster_seconds: float | None = None
    failed_step: FailedStep | None = None
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
    cluster_id = words(state, "cluster", "id")
    status: Mapping[str, Any] = {}
    step = None
    if cluster_id:
        status = _answer(lambda: emr.describe_cluster(ClusterId=cluster_id)["Cluster"]["Status"]) or {}
        step = _failed_step(state, cluster_id, emr)
    if step is not None:
        step = _with_finding(step, s3)
    failed = inside(state, "failure") is not None
    return RunFacts(
        cluster_status=status,
        cluster_seconds=_lifetime(status, end),
        failed_step=step,
        summary={} if failed else _summary(words(state, "inspected", "plan", "run_uri"), s3),
        minutes=_minutes_since(started, end),
    )


def step_log_uri(log_uri: str, cluster_id: str, step_id: str, name: str) -> str:
    """Where EMR writes one of a step's logs, three to ten minutes late while the cluster lives."""
    return f"{log_uri.rstrip('/')}/{cluster_id}/steps/{step_id}/{name}.gz"


@dataclass(frozen=True)
class LogEnd:
    """The end of a log.

    Attributes:
        text: Its last lines, or all of them.
        skipped: How many lines are before them.
    """

    text: str
    skipped: int


def read_log(uri: str, s3: S3Client) -> LogEnd | None:
    """Read the end of a gzipped log.

    Args:
        uri: Where it is.
        s3: The S3 client.

    Returns:
        The end; None if the log is not there or cannot be read.
    """
    try:
        address = ObjectAddress.parse(uri)
        body = s3.get_object(Bucket=address.bucket, Key=address.key)["Body"].read()
        with gzip.open(io.BytesIO(body)) as log:
            return _end_of(iter(lambda: log.read(_CHUNK_BYTES), b""))
    except (ClientError, BotoCoreError, OSError, EOFError, ValueError, zlib.error):
        return None


def _end_of(chunks: Iterator[bytes]) -> LogEnd:
    kept, skipped = b"", 0
    for chunk in chunks:
        kept += chunk
        if len(kept) > 2 * _MAX_LOG_BYTES:
            cut = kept.rfind(b"\n", 0, len(kept) - _MAX_LOG_BYTES) + 1
            skipped += kept.count(b"\n", 0, cut)
            kept = kept[cut:]
    return LogEnd(kept.decode(errors="replace"), skipped)


def _with_finding(step: FailedStep, s3: S3Client) -> FailedStep:
    """Python's own words are in stdout, Spark's in stderr; the first log that explains anything counts."""
    for uri in (step.log_uri, step.log_uri.replace(f"/{_PYTHONS}.gz", f"/{_SPARKS}.gz")):
        found = _read_finding(uri, s3)
        if found is not None:
            return replace(step, log_uri=uri, finding=found)
    return step


def _read_finding(uri: str, s3: S3Client) -> Finding | None:
    log = read_log(uri, s3)
    found = parse_step_log(log.text) if log else None
    if log is None or found is None:
        return None
    return replace(found, first_line=found.first_line + log.skipped, last_line=found.last_line + log.skipped)


def _failed_step(state: object, cluster_id: str, emr: EMRClient) -> FailedStep | None:
    for stage in STAGES:
        step_id = words(state, "steps", stage, "id")
        if not step_id:
            return None
        found = _answer(partial(_step_status, emr, cluster_id, step_id))
        if words(found, "State") == "FAILED":
            log = step_log_uri(words(state, "inspected", "plan", "log_uri"), cluster_id, step_id, _PYTHONS)
            return FailedStep(stage, inside(found, "FailureDetails") or {}, log)
    return None


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


def _lifetime(status: Mapping[str, Any], end: datetime) -> float | None:
    created = inside(status, "Timeline", "CreationDateTime")
    ended = inside(status, "Timeline", "EndDateTime")
    if not isinstance(created, datetime):
        return None
    return max(0.0, ((ended if isinstance(ended, datetime) else end) - created).total_seconds())


def _minutes_since(started: str, end: datetime) -> float | None:
    try:
        return max(0.0, (end - datetime.fromisoformat(started)).total_seconds() / 60)
    except (TypeError, ValueError):
        return None
