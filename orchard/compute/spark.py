"""The settings of a run's Spark, whatever it works on: how it is cut, and the environment of its processes.

A node gives a program neither its region nor its language, and is slow to answer for its credentials when it is busy.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class SparkSize:
    """How Spark is cut: one executor a worker node, one core a vCPU.

    Attributes:
        executors: Number of executors.
        cores: Cores of each.
        heap_mb: Java heap of each, MiB.
        overhead_mb: What each may use beside the heap, MiB: the Python workers live there.
        driver_mb: Java heap of the driver, MiB; it runs on the primary node, outside YARN.
        yarn_mb: What YARN may hand out on a node, MiB: an executor and the application master.
    """

    executors: int
    cores: int
    heap_mb: int
    overhead_mb: int
    driver_mb: int
    yarn_mb: int


def process_variables(region: str) -> dict[str, str]:
    """The environment of the driver, of each executor and of the bootstrap action."""
    return {
        # boto3 asks nothing else: without it, it signs for us-east-1, to which a gateway for S3 is no way
        "AWS_DEFAULT_REGION": region,
        # of the metadata service, which many workers ask at once: botocore asks once, and waits a second
        "AWS_METADATA_SERVICE_NUM_ATTEMPTS": "5",
        "AWS_METADATA_SERVICE_TIMEOUT": "5",
        # a JVM without one takes arguments for ASCII, and a zip may have any name
        "LANG": "C.UTF-8",
    }


def environment_settings(region: str, processes: tuple[str, ...], **more: str) -> dict[str, str]:
    """The same as Spark properties, with those of S3A.

    Args:
        region: The stack's. S3A would ask us-east-2 where the bucket is, or take the region for that of the node
            (HADOOP-18908, HADOOP-19044).
        processes: What the properties of each kind of process begin with, `spark.executorEnv` say.
        more: What else is in their environment.
    """
    variables = {**process_variables(region), **more}
    return {
        **{f"{process}.{name}": value for process in processes for name, value in variables.items()},
        **s3a_settings(region),
    }


def s3a_settings(region: str) -> dict[str, str]:
    """The settings of S3A, as Spark properties."""
    return {"spark.hadoop.fs.s3a.endpoint.region": region}
