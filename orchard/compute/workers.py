"""The same work without a cluster: its executors are workers of job runs, and its primary node is their driver.

How many there are, and how Spark is cut, is decided where clusters are sized; what a worker may be, by what has it.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from orchard.compute.base import Size
from orchard.compute.spark import environment_settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from orchard.compute.spark import SparkSize

LONGEST_JOB_MINUTES = 250
"""After which a job run ends by itself: the net below the state machine's patience, which the template allows to be 240
minutes and which tells why."""

TRANSITIONS_PER_POLL = 4

DRIVER_VCPUS = 2
DRIVER_MB = 8 * 1024
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


@dataclass(frozen=True)
class Workers(Size):
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
        """All vCPUs, the driver's too."""
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

    def settings(self, environment: str, driver_env: str) -> dict[str, str]:
        """The settings of Spark.

        A worker's memory is heap plus overhead, so the two are made to add up to it.

        Args:
            environment: The archive that holds the workers' Python environment.
            driver_env: What the names of properties begin with that give the driver its environment.
        """
        spark = self.spark
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


def submit_parameters(package: str, settings: Mapping[str, str]) -> str:
    """The options of `spark-submit` as one text, `SparkSubmitParameters`.

    Joined by spaces and not quoted: no value has one, and how EMR reads quotes is not documented.

    Args:
        package: The zip for `--py-files`.
    """
    words = [word for name, value in settings.items() for word in ("--conf", f"{name}={value}")]
    return " ".join(["--py-files", package, *words])
