"""The same work on EMR Serverless: the executors of the cluster that a run would have are its workers.

What a worker may be is EMR Serverless's ("Understanding application behavior", EMR Serverless User Guide).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from orchard.compute.base import Charges
from orchard.compute.workers import (
    DRIVER_MB,
    DRIVER_VCPUS,
    LONGEST_JOB_MINUTES,
    TRANSITIONS_PER_POLL,
    Worker,
    Workers,
    submit_parameters,
)

if TYPE_CHECKING:
    from orchard.compute.emr_plan import ClusterSize
    from orchard.compute.jobs import Jobs
    from orchard.compute.prices import PriceTable

_MEMORY_GB = {1: (2, 8, 1), 2: (4, 16, 1), 4: (8, 30, 1), 8: (16, 60, 4), 16: (32, 120, 8)}
"""vCPUs of a worker → the least and the most memory that it may have, and in which steps, GB."""

START_MINUTES = 1.5
"""From StartJobRun to the first task, where nothing is kept ready: a guess that nobody has measured yet, with the
download of the Python environment in it. Workers are paid for when they are there, not before."""


def smallest_worker(vcpus: int, memory_mb: int) -> Worker:
    """The smallest worker of so many vCPUs that has room.

    Args:
        vcpus: 1, 2, 4, 8 or 16.
        memory_mb: The memory that it needs, MiB.

    Raises:
        ValueError: There is no such worker.
    """
    least, most, step = _MEMORY_GB[vcpus]
    memory = least + max(0, math.ceil((memory_mb / 1024 - least) / step)) * step
    if memory > most:
        raise ValueError(f"a worker of {vcpus} vCPUs has at most {most} GB, not {memory}")
    return Worker(vcpus, memory)


@dataclass(frozen=True)
class ServerlessSize(Workers):
    """The workers of each job of one run on EMR Serverless."""

    def charges(self, prices: PriceTable, jobs: int) -> Charges:
        """Workers are paid for while they work; nothing is when they have stopped."""
        rate = self.vcpus * prices.serverless_vcpu.usd + self.memory_gb * prices.serverless_memory.usd
        return Charges(START_MINUTES * jobs, 0.0, TRANSITIONS_PER_POLL, {"EMR Serverless": rate}, starts_free=True)

    def spark_settings(self, environment: str) -> dict[str, str]:
        """The settings of Spark.

        Args:
            environment: The archive that holds the workers' Python environment.
        """
        return self.settings(environment, "spark.emr-serverless.driverEnv")


def as_serverless(cluster: ClusterSize) -> ServerlessSize:
    """The workers that do what a cluster would do: its executors become workers, its primary node the driver."""
    spark = cluster.spark
    return ServerlessSize(
        engine=cluster.engine,
        region=cluster.region,
        spark=spark,
        driver=smallest_worker(DRIVER_VCPUS, DRIVER_MB),
        executor=smallest_worker(spark.cores, spark.heap_mb + spark.overhead_mb),
        feature_seconds=cluster.feature_seconds,
        reason=cluster.reason,
    )


def job_name(run_id: str, stage: str) -> str:
    """The name of a job run, by which the job runs of a run are found."""
    return f"{run_id} {stage}"


def job_requests(size: ServerlessSize, jobs: Jobs) -> list[dict[str, Any]]:
    """The jobs of a run as StartJobRun takes them, but for what the stack knows: application, role, tags, token.

    Args:
        jobs: The jobs. EMR Serverless writes their logs, and nobody else keeps a copy of them.

    Returns:
        The requests in the order of `STAGES`.
    """
    settings = size.spark_settings(jobs.release.environment(size.engine))
    logs = {
        "S3MonitoringConfiguration": {"LogUri": jobs.log_uri},
        "ManagedPersistenceMonitoringConfiguration": {"Enabled": False},
    }
    return [
        {
            "Name": job_name(jobs.run_id, stage),
            "JobDriver": {
                "SparkSubmit": {
                    "EntryPoint": jobs.release.job(stage),
                    "EntryPointArguments": arguments,
                    "SparkSubmitParameters": submit_parameters(jobs.release.package, settings),
                }
            },
            "ConfigurationOverrides": {"MonitoringConfiguration": logs},
            "ExecutionTimeoutMinutes": LONGEST_JOB_MINUTES,
        }
        for stage, arguments in jobs.arguments.items()
    ]
