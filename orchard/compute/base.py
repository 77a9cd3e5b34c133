"""What works for the runs of a stack: clusters, job runs, or what is left of one beside the other.

This is the one place that asks which of the two it is. A stack that changed from EMR to EMR Serverless may still have
clusters, so what is alive is looked for among both.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any

from orchard.compute import clusters
from orchard.compute.serverless_plan import works_serverless

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from mypy_boto3_emr import EMRClient

    from orchard.compute.clusters import Alive
    from orchard.compute.job_runs import JobRuns
    from orchard.pipeline.state import RunState

    Cluster = Mapping[str, Any]
    Steps = list[Mapping[str, Any]]


class Computes:
    """Clusters and job runs.

    Args:
        emr: The EMR client.
        job_runs: Those of the stack's application; None for a stack without one.
    """

    def __init__(self, emr: EMRClient, job_runs: JobRuns | None) -> None:
        self._emr = emr
        self._job_runs = job_runs

    def alive(self) -> Iterator[Alive]:
        """Everything of Orchard that costs money until somebody ends it."""
        return chain(clusters.tagged_clusters(self._emr), self._job_runs.alive() if self._job_runs else ())

    def end_workers(self, ids: Sequence[str]) -> None:
        """End what works: terminate clusters, cancel job runs; returns at once."""
        clusters.terminate([one for one in ids if is_cluster(one)], self._emr)
        if self._job_runs:
            self._job_runs.cancel_jobs([one for one in ids if not is_cluster(one)])

    def look(self, run: str, state: RunState, since: datetime, *, steps: bool = True) -> tuple[Cluster | None, Steps]:
        """What works, or worked, for one run.

        Args:
            run: Its id.
            state: What its execution knew last.
            since: When the execution started.
            steps: Whether to ask for a cluster's steps.

        Returns:
            `Cluster` as DescribeCluster gives it, None without one; and `Steps` as ListSteps gives them: those of the
            cluster, or the job runs in the same words.
        """
        if self._job_runs and works_serverless(state):
            return None, self._job_runs.of_run(run, since)
        # Not by the ids of the steps: after a launch that failed, those of another cluster are still known.
        cluster = clusters.describe_cluster(self._emr, state.cluster)
        return cluster, clusters.list_steps(self._emr, state.cluster) if steps and cluster is not None else []


def is_cluster(worker: str) -> bool:
    """Whether an id is a cluster's (`j-…`) and not a job run's, which has no dash (JobRunId, API model)."""
    return "-" in worker


def worker_name(worker: str) -> str:
    """What works, for people: `cluster j-…` or `job run …`."""
    return f"{'cluster' if is_cluster(worker) else 'job run'} {worker}"
