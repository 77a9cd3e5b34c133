"""The same work on EMR Serverless: the executors of the cluster that a run would have are its workers.

What a worker may be is EMR Serverless's ("Understanding application behavior", EMR Serverless User Guide); how many,
and how Spark is cut, is decided where clusters are sized.
"""

from __future__ import annotations

import math
import re
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from orchard.compute.environment import process_variables, s3a_settings

if TYPE_CHECKING:
    from orchard.compute.emr_plan import ClusterPlan, SparkSize
    from orchard.layout import ReleaseFiles
    from orchard.pipeline.state import RunState

COMPUTES = ("emr-ec2", "emr-serverless")
"""What a stack's runs may work on: the template's parameter `Compute`, and `compute` of a plan."""

EC2, SERVERLESS = COMPUTES

RELEASE_LABEL = "emr-7.13.0"
"""What the template deploys unless told otherwise; the same Spark 3.5.6 as that of a cluster's release."""

_SINCE = (7, 13)
"""The first release whose image has a python3.11, by which PySpark runs there (Amazon EMR 7.13.0 release notes;
a public README runs `/usr/bin/python3.11` in `public.ecr.aws/emr-serverless/spark/emr-7.13.0`). Images of 7.2 to 7.11
have 3.9 alone: everybody's Dockerfile installs 3.11 into them."""

_MEMORY_GB = {1: (2, 8, 1), 2: (4, 16, 1), 4: (8, 30, 1), 8: (16, 60, 4), 16: (32, 120, 8)}
"""vCPUs of a worker → the least and the most memory that it may have, and in which steps, GB."""

LARGEST_VCPUS = 66
"""What the largest plan needs that the rules make, whatever the archive; a user may choose a larger one."""

_DRIVER_VCPUS = 2
_DRIVER_MB = 8 * 1024
"""The JVM's heap and the driver's own Python, which holds a Gram matrix and the report."""

_PYTHON = "./environment/bin/python"
"""Where the environment's Python is once Spark has unpacked the archive into a worker's folder."""


@dataclass(frozen=True)
class Worker:
    """A size that a worker may have.

    Attributes:
        vcpus: Its vCPUs.
        memory_gb: Its memory, GB.
    """

    vcpus: int
    memory_gb: int

    def __str__(self) -> str:
        return f"{self.vcpus} vCPUs with {self.memory_gb} GB"


def has_python(release: str) -> bool:
    """Whether the image of a release has the Python 3.11 that the jobs run on, as far as is known.

    Args:
        release: Its label, `emr-7.13.0` say.
    """
    found = re.fullmatch(r"emr-(\d+)\.(\d+)\.\d+(-\w+)?", release)
    return found is not None and (int(found[1]), int(found[2])) >= _SINCE


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
class ServerlessPlan:
    """The workers of each job of one run.

    Attributes:
        engine: What computes the features; also the name of the workers' Python environment.
        region: Where they are.
        spark: How Spark is cut; its YARN is not there.
        driver: The worker of the driver.
        executor: Each of the others.
        feature_seconds: How long the features should take, seconds.
        reason: Why this size, one sentence.
        environment: The archive that holds the Python environment.
    """

    engine: str
    region: str
    spark: SparkSize
    driver: Worker
    executor: Worker
    feature_seconds: float
    reason: str
    environment: str

    @property
    def worker_vcpus(self) -> int:
        """How many tasks run at a time."""
        return self.spark.executors * self.spark.cores

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

    def to_json(self) -> dict[str, Any]:
        """The plan as plain data."""
        return {**asdict(self), "vcpus": self.vcpus, "memory_gb": self.memory_gb}

    def spark_settings(self) -> dict[str, str]:
        """What Spark is told.

        EMR Serverless takes a worker's memory as heap plus overhead, so the two are made to add up to it.
        """
        spark = self.spark
        told = {**process_variables(self.region), "PYSPARK_PYTHON": _PYTHON}
        return {
            "spark.archives": f"{self.environment}#environment",
            "spark.emr-serverless.driverEnv.PYSPARK_DRIVER_PYTHON": _PYTHON,
            **{
                f"{process}.{name}": value
                for process in ("spark.emr-serverless.driverEnv", "spark.executorEnv")
                for name, value in told.items()
            },
            **s3a_settings(self.region),
            "spark.dynamicAllocation.enabled": "false",
            "spark.executor.instances": str(spark.executors),
            "spark.executor.cores": str(spark.cores),
            "spark.executor.memory": f"{spark.heap_mb}m",
            "spark.executor.memoryOverhead": f"{self.executor.memory_gb * 1024 - spark.heap_mb}m",
            "spark.driver.cores": str(self.driver.vcpus),
            "spark.driver.memory": f"{spark.driver_mb}m",
            "spark.driver.memoryOverhead": f"{self.driver.memory_gb * 1024 - spark.driver_mb}m",
        }


def as_serverless(cluster: ClusterPlan, release: ReleaseFiles) -> ServerlessPlan:
    """The workers that do what a cluster would do.

    Args:
        cluster: The cluster's plan: its executors become workers, its primary node the driver.
        release: Where the Python environment is.

    Returns:
        The plan.
    """
    spark = cluster.spark
    return ServerlessPlan(
        engine=cluster.engine,
        region=cluster.region,
        spark=spark,
        driver=smallest_worker(_DRIVER_VCPUS, _DRIVER_MB),
        executor=smallest_worker(spark.cores, spark.heap_mb + spark.overhead_mb),
        feature_seconds=cluster.feature_seconds,
        reason=cluster.reason,
        environment=release.environment(cluster.engine),
    )


def works_serverless(state: RunState) -> bool:
    """Whether a run works on EMR Serverless, by what its execution knows."""
    return state.plan.compute == SERVERLESS
