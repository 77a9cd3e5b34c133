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

from orchard.compute.cost import cluster_seconds, steps_seconds
from orchard.compute.serverless_plan import works_serverless
from orchard.diagnose.bootstrap_log import error_data
from orchard.diagnose.failed_step import FailedStep, SeenStep, worst
from orchard.diagnose.logs import LogReader, Look
from orchard.diagnose.searching import driver_log_uri, search_driver, search_nodes, search_step, step_log_uri
from orchard.layout import STAGES, ObjectAddress, RunFiles
from orchard.pipeline.state import ClusterStatus, RunSummary

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mypy_boto3_emr import EMRClient
    from mypy_boto3_s3 import S3Client

    from orchard.compute.job_runs import JobRuns
    from orchard.diagnose.finding import Evidence
    from orchard.pipeline.state import RunState

_LONGEST_RUN = timedelta(hours=12)  # the state machine's own time-out is shorter


@dataclass(frozen=True)
class RunFacts:
    """What AWS knows about a run.

    Attributes:
        cluster_status: How the cluster ended.
        cluster_seconds: How long the last cluster has existed, or what the job runs took, seconds; None without.
        failed_step: The step that failed, or was running when the run ended.
        evidence: What the logs say about the failure, in the order in which they were read.
        looks: The logs that were looked at.
        summary: The run's `summary.json`; empty unless it is done.
        minutes: How long the run took, minutes.
    """

    cluster_status: ClusterStatus = field(default_factory=ClusterStatus)
    cluster_seconds: float | None = None
    failed_step: FailedStep | None = None
    evidence: tuple[Evidence, ...] = ()
    looks: tuple[Look, ...] = ()
    summary: RunSummary = field(default_factory=RunSummary)
    minutes: float | None = None


def gather(
    state: RunState,
    *,
    started: str,
    emr: EMRClient,
    s3: S3Client,
    job_runs: JobRuns | None = None,
    now: datetime | None = None,
) -> RunFacts:
    """Ask for what the state of an execution does not have.

    Args:
        state: What the execution knows.
        started: When the execution started, ISO 8601.
        emr: The EMR client.
        s3: The S3 client.
        job_runs: Those of the stack's application; None for a stack without one.
        now: The end of the run, if it is not now.

    Returns:
        The facts; those that nobody answered are empty.
    """
    end = now or datetime.now(UTC)
    log_uri, failed = state.plan.log_uri, state.failure is not None
    status: Mapping[str, Any] = {}
    cluster_status = ClusterStatus()
    jobs: list[Mapping[str, Any]] = []
    step, step_id = None, ""
    reader = LogReader(s3)
    evidence: tuple[Evidence, ...] = ()
    if job_runs is not None and works_serverless(state):
        jobs, step, step_id = _of_jobs(state, _moment(started) or end - _LONGEST_RUN, job_runs)
        step = step if failed else None
        if step is not None:
            evidence = search_driver(log_uri, job_runs.application, step_id, reader)
    elif state.cluster:
        status = _answer(lambda: emr.describe_cluster(ClusterId=state.cluster)["Cluster"]["Status"]) or {}
        cluster_status = ClusterStatus.parse(status)
        if failed:
            step, step_id = _failed_step(state, emr)
        if step is not None:
            evidence = search_step(log_uri, state.cluster, step_id, reader)
        elif failed and log_uri:
            evidence = search_nodes(log_uri, state.cluster, _messages(state.cluster_status, cluster_status), reader)
    return RunFacts(
        cluster_status=cluster_status,
        cluster_seconds=steps_seconds(jobs, end) if jobs else cluster_seconds(status, end),
        failed_step=step,
        evidence=evidence,
        looks=tuple(reader.looks),
        summary=RunSummary() if failed else _summary(state.plan.run_uri, s3),
        minutes=_minutes_since(started, end),
    )


def _messages(before: ClusterStatus, now: ClusterStatus) -> list[str]:
    """What EMR says about the end of a cluster, wherever that may name a node and a bootstrap action."""
    errors = (*now.errors, *before.errors)
    return [before.message, now.message, *(f"{error.message} {error_data(error.data)}" for error in errors)]


def _failed_step(state: RunState, emr: EMRClient) -> tuple[FailedStep | None, str]:
    """The step to look at, and its id."""
    return worst(
        SeenStep(
            stage,
            state.steps[stage],
            _answer(partial(_step_status, emr, state.cluster, state.steps[stage])) or {},
            step_log_uri(state.plan.log_uri, state.cluster, state.steps[stage], "stdout"),
        )
        for stage in STAGES
        if state.steps.get(stage)
    )


def _of_jobs(
    state: RunState, since: datetime, job_runs: JobRuns
) -> tuple[list[Mapping[str, Any]], FailedStep | None, str]:
    """The job runs of a run, the one to look at, and its id."""
    folder = partial(driver_log_uri, state.plan.log_uri, job_runs.application)
    jobs = _answer(lambda: job_runs.of_run(state.run_id, since)) or []
    return jobs, *worst(SeenStep(job["Name"], job["Id"], job["Status"], folder(job["Id"], "stdout")) for job in jobs)


def _step_status(emr: EMRClient, cluster_id: str, step_id: str) -> Any:  # noqa: ANN401 (JSON)
    return emr.describe_step(ClusterId=cluster_id, StepId=step_id)["Step"]["Status"]


def _summary(run_uri: str, s3: S3Client) -> RunSummary:
    def read() -> str:
        address = ObjectAddress.parse(RunFiles(run_uri).summary)
        return s3.get_object(Bucket=address.bucket, Key=address.key)["Body"].read().decode()

    return RunSummary.of_text(_answer(read) or "")


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


def _minutes_since(started: str, end: datetime) -> float | None:
    began = _moment(started)
    return None if began is None else max(0.0, (end - began).total_seconds() / 60)
