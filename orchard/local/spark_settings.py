"""A cluster's `Configurations`, made to fit one machine: pure, from what RunJobFlow was given to what Spark is told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_HADOOP = frozenset({"core-site", "hdfs-site", "mapred-site", "yarn-site"})

_OF_OTHERS = (
    *("spark.yarn.", "spark.executor.", "spark.dynamicAllocation.", "spark.shuffle.service."),
    *("spark.emr-serverless.", "spark.archives"),  # a job run's archive is unpacked before it is submitted
)
"""Settings for executors on other machines; here the driver is the only process."""

_OF_THE_NODES = frozenset(
    {
        "spark.master",
        "spark.submit.deployMode",
        "spark.driver.cores",
        "spark.driver.memory",
        "spark.driver.memoryOverhead",
        "spark.driver.memoryOverheadFactor",
        "spark.driver.extraJavaOptions",
        "spark.driver.extraClassPath",
        "spark.driver.extraLibraryPath",
        "spark.default.parallelism",
        "spark.eventLog.enabled",
        "spark.eventLog.dir",
        "spark.history.fs.logDirectory",
        "spark.local.dir",
    }
)
"""Settings sized or placed for the nodes of a cluster."""

DRIVER_MEMORY = "2g"
"""Heap of the one JVM. With what it needs beside the heap it stays below 3 GB."""

TASK_ATTEMPTS = 4
"""How often a task is tried: as on a cluster (`spark.task.maxFailures`), which a local master does not heed."""


def spark_defaults(configurations: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """What a cluster's configurations say to Spark and Hadoop and still holds on one machine.

    Args:
        configurations: RunJobFlow's `Configurations`.

    Returns:
        Spark properties; Hadoop's are among them as `spark.hadoop.…`.
    """
    settings = {}
    for configuration in configurations:
        classification = configuration.get("Classification")
        properties: Mapping[str, str] = configuration.get("Properties") or {}
        if classification == "spark-defaults":
            settings.update({name: value for name, value in properties.items() if _holds_here(name)})
        elif classification in _HADOOP:
            settings.update({f"spark.hadoop.{name}": value for name, value in properties.items()})
    return settings


def exported_variables(configurations: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """The environment variables that a cluster's `spark-env` exports.

    Args:
        configurations: RunJobFlow's `Configurations`.

    Returns:
        Their values by name.
    """
    return {
        name: value
        for configuration in configurations
        if configuration.get("Classification") == "spark-env"
        for nested in configuration.get("Configurations") or ()
        if nested.get("Classification") == "export"
        for name, value in (nested.get("Properties") or {}).items()
    }


def local_settings(
    *, endpoint: str, region: str, key: str, secret: str, cores: int, jars: str, scratch: str
) -> dict[str, str]:
    """What one machine has to say to Spark: itself as master, and S3A in the place of EMR's connector.

    Args:
        endpoint: Where S3 is.
        region: Its region.
        key: The access key's id.
        secret: The access key.
        cores: How many tasks run at once.
        jars: The folder of S3A's jars.
        scratch: A folder for temporary files.

    Returns:
        Spark properties, to be laid over those of the cluster.
    """
    s3a = {
        "impl": "org.apache.hadoop.fs.s3a.S3AFileSystem",
        "endpoint": endpoint,
        "endpoint.region": region,
        "path.style.access": "true",
        "connection.ssl.enabled": "false",
        "aws.credentials.provider": "org.apache.hadoop.fs.s3a.SimpleAWSCredentialsProvider",
        "access.key": key,
        "secret.key": secret,
        "bucket.probe": "0",
        "buffer.dir": f"{scratch}/s3a",
        "directory.marker.retention": "keep",  # deleting those above each file is slow, for nothing
    }
    return {
        "spark.master": f"local[{cores},{TASK_ATTEMPTS}]",
        "spark.driver.memory": DRIVER_MEMORY,
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1",  # a job is over before C2 has paid for itself
        "spark.driver.extraClassPath": f"{jars}/*",
        "spark.local.dir": scratch,
        "spark.sql.warehouse.dir": f"{scratch}/warehouse",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.hadoop.hadoop.tmp.dir": f"{scratch}/hadoop",
        "spark.hadoop.fs.s3.impl": s3a["impl"],
        "spark.hadoop.fs.AbstractFileSystem.s3.impl": "org.apache.hadoop.fs.s3a.S3A",
        # a rename in S3 is a copy: commit each task's files when it ends, not all once more when the job does
        "spark.hadoop.mapreduce.fileoutputcommitter.algorithm.version": "2",
        **{f"spark.hadoop.fs.s3a.{name}": value for name, value in s3a.items()},
    }


def properties_file(settings: Mapping[str, str]) -> str:
    """The text of a `spark-defaults.conf`.

    Args:
        settings: Spark properties.

    Returns:
        Java properties, one a line; backslashes and line breaks are escaped.
    """
    escaped = {name: value.replace("\\", "\\\\").replace("\n", "\\n") for name, value in settings.items()}
    return "".join(f"{name} {value}\n" for name, value in sorted(escaped.items()))


def _holds_here(name: str) -> bool:
    return name not in _OF_THE_NODES and not name.startswith(_OF_OTHERS)
