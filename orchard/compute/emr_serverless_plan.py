"""The same work on EMR Serverless: the executors of the cluster that a run would have are its workers.

What a worker may be is EMR Serverless's ("Understanding application behavior", EMR Serverless User Guide); how many,
and how Spark is cut, is decided where clusters are sized.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from orchard.compute.base import Charges, Size
from orchard.compute.spark import environment_settings

if TYPE_CHECKING:
    from orchard.compute.emr_plan import ClusterSize
    from orchard.compute.jobs import Jobs
    from orchard.compute.prices import PriceTable
    from orchard.compute.spark import SparkSize

_MEMORY_GB = {1: (2, 8, 1), 2: (4, 16, 1), 4: (8, 30, 1), 8: (16, 60, 4), 16: (32, 120, 8)}
"""vCPUs of a worker → the least and the most memory that it may have, and in which steps, GB."""

START_MINUTES = 1.5
"""From StartJobRun to the first task, where nothing is kept ready: a guess that nobody has measured yet, with the
download of the Python environment in it. Workers are paid for when they are there, not before."""

TRANSITIONS_PER_POLL = 3

EXECUTION_TIMEOUT_MINUTES = 250
"""After which EMR Serverless itself cancels a job run: the net below the state machine's patience, which the template
allows to be 240 minutes and which tells why."""

DRIVER_VCPUS = 2
_DRIVER_MB = 8 * 1024
"""The JVM's heap and the driver's own Python, which holds a Gram matrix and the report."""

_PYTHON = "./environment/bin/python"
"""Where the environment's Python is once Spark has unpacked the archive into a worker's folder."""


@dataclass(frozen=True)
class Worker:
    """A size that a worker may have."""

    vcpus: int
    memory_gb: int

    def __str__(self) -> str:
        return f"{self.vcpus} vCPUs with {self.memory_gb} GB"


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
class ServerlessSize(Size):
    """The workers of each job of one run, without YARN.

    Attributes:
        driver: The worker of the driver.
        executor: Each of the others.
    """

    engine: str
    region: str
    spark: SparkSize
    driver: Worker
    executor: Worker
    feature_seconds: float
    reason: str

    @property
    def vcpus(self) -> int:
        """What is paid for: all vCPUs, the driver's too."""
        return self.driver.vcpus + self.spark.executors * self.executor.vcpus

    @property
    def memory_gb(self) -> int:
        """Likewise, GB."""
        return self.driver.memory_gb + self.spark.executors * self.executor.memory_gb

    def __str__(self) -> str:
        return f"1 driver of {self.driver} + {self.spark.executors} x {self.executor}"

    def to_json(self, environment: str) -> dict[str, Any]:
        """The workers as plain data.

        Args:
            environment: The archive that holds their Python environment.
        """
        return {**asdict(self), "environment": environment, "vcpus": self.vcpus, "memory_gb": self.memory_gb}

    def charges(self, prices: PriceTable, jobs: int) -> Charges:
        """Workers are paid for while they work; nothing is when they have stopped."""
        rate = self.vcpus * prices.serverless_vcpu.usd + self.memory_gb * prices.serverless_memory.usd
        return Charges(START_MINUTES * jobs, 0.0, TRANSITIONS_PER_POLL, {"EMR Serverless": rate}, starts_free=True)

    def spark_settings(self, environment: str) -> dict[str, str]:
        """The settings of Spark.

        EMR Serverless takes a worker's memory as heap plus overhead, so the two are made to add up to it.

        Args:
            environment: The archive that holds the workers' Python environment.
        """
        spark, driver_env = self.spark, "spark.emr-serverless.driverEnv"
        return {
            "spark.archives": f"{environment}#environment",
            f"{driver_env}.PYSPARK_DRIVER_PYTHON": _PYTHON,
            **environment_settings(self.region, (driver_env, "spark.executorEnv"), PYSPARK_PYTHON=_PYTHON),
            "spark.dynamicAllocation.enabled": "false",
            "spark.executor.instances": str(spark.executors),
            "spark.executor.cores": str(spark.cores),
            "spark.executor.memory": f"{spark.heap_mb}m",
            "spark.executor.memoryOverhead": f"{self.executor.memory_gb * 1024 - spark.heap_mb}m",
            "spark.driver.cores": str(self.driver.vcpus),
            "spark.driver.memory": f"{spark.driver_mb}m",
            "spark.driver.memoryOverhead": f"{self.driver.memory_gb * 1024 - spark.driver_mb}m",
        }


def as_serverless(cluster: ClusterSize) -> ServerlessSize:
    """The workers that do what a cluster would do: its executors become workers, its primary node the driver."""
    spark = cluster.spark
    return ServerlessSize(
        engine=cluster.engine,
        region=cluster.region,
        spark=spark,
        driver=smallest_worker(DRIVER_VCPUS, _DRIVER_MB),
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
    environment = jobs.release.environment(size.engine)
    chosen = size.spark_settings(environment).items()
    # joined by spaces and not quoted: no value has one, and how EMR Serverless reads quotes is not documented
    settings = [word for name, value in chosen for word in ("--conf", f"{name}={value}")]
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
                    "SparkSubmitParameters": " ".join(["--py-files", jobs.release.package, *settings]),
                }
            },
            "ConfigurationOverrides": {"MonitoringConfiguration": logs},
            "ExecutionTimeoutMinutes": EXECUTION_TIMEOUT_MINUTES,
        }
        for stage, arguments in jobs.arguments.items()
    ]
