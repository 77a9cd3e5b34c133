"""A cluster's `Configurations`, made to fit one machine: pure, from what RunJobFlow was given to what Spark is told."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_HADOOP = frozenset({"core-site", "hdfs-site", "mapred-site", "yarn-site"})

_OF_OTHERS = (
    *("spark.yarn.", "spark.executor.", "spark.dynamicAllocation.", "spark.shuffle.service."),
    *("spark.emr-serverless.", "spark.kubernetes."),
    "spark.archives",  # a job run's archive is unpacked before it is submitted
    "spark.hadoop.fs.s3a.aws.credentials.provider",  # this machine's S3A is older, and knows none of that name
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
    """
    return {
        name: value
        for configuration in configurations
        if configuration.get("Classification") == "spark-env"
        for nested in configuration.get("Configurations") or ()
        if nested.get("Classification") == "export"
        for name, value in (nested.get("Properties") or {}).items()
    }


EXECUTOR_PROGRAM = "orchard_local_executor"
"""The module that Spark runs in the place of `pyspark.daemon`."""

_EXECUTOR = """\
# One JVM is the driver and all executors, and its Python workers would have the driver's environment. They get what a
# container of an executor's has.
import os, sys
for name in {gone!r}:
    os.environ.pop(name, None)
os.environ.update({own!r})
os.execv(sys.executable, [sys.executable, "-m", "pyspark.daemon", *sys.argv[1:]])
"""


def variables_of(prefix: str, settings: Mapping[str, str]) -> dict[str, str]:
    """The environment variables that Spark properties with this prefix give, `spark.executorEnv.` say."""
    return {name.removeprefix(prefix): value for name, value in settings.items() if name.startswith(prefix)}


def executor_program(gone: Iterable[str], own: Mapping[str, str]) -> str:
    """The text of `EXECUTOR_PROGRAM`.

    Args:
        gone: The driver's variables that an executor does not have.
        own: Those that it has with another value.
    """
    return _EXECUTOR.format(gone=sorted(gone), own=dict(own))


def environment_file(variables: Mapping[str, str]) -> str:
    """A shell's text that exports variables."""
    return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in variables.items())


def local_settings(
    *,
    endpoint: str,
    metadata: str,
    home: str,
    cores: int,
    class_path: str,
    scratch: str,
    java_options: Iterable[str] = (),
) -> dict[str, str]:
    """What one machine has to say to Spark: itself as master, and S3A in the place of EMR's connector.

    S3A has its own default chain of credentials, which ends at the instance's metadata, and no region.

    Args:
        home: The home of the node's user, which a JVM would ask the system for.
        cores: How many tasks run at once.
        class_path: What is before everything else that Spark has.
        java_options: More options of the JVM.

    Returns:
        Spark properties, to be laid over those of the cluster.
    """
    s3a = {
        "impl": "org.apache.hadoop.fs.s3a.S3AFileSystem",
        "endpoint": endpoint,
        "path.style.access": "true",
        "connection.ssl.enabled": "false",
        "bucket.probe": "0",
        "buffer.dir": f"{scratch}/s3a",
        "directory.marker.retention": "keep",  # deleting those above each file is slow, for nothing
    }
    return {
        "spark.master": f"local[{cores},{TASK_ATTEMPTS}]",
        "spark.driver.memory": DRIVER_MEMORY,
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.extraJavaOptions": shlex.join(
            [
                "-XX:TieredStopAtLevel=1",  # a job is over before C2 has paid for itself
                f"-Duser.home={home}",
                f"-Dcom.amazonaws.sdk.ec2MetadataServiceEndpointOverride={metadata.rstrip('/')}",
                *java_options,
            ]
        ),
        "spark.python.daemon.module": EXECUTOR_PROGRAM,
        "spark.driver.extraClassPath": class_path,
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

    Returns:
        Java properties, one a line; backslashes and line breaks are escaped.
    """
    escaped = {name: value.replace("\\", "\\\\").replace("\n", "\\n") for name, value in settings.items()}
    return "".join(f"{name} {value}\n" for name, value in sorted(escaped.items()))


def _holds_here(name: str) -> bool:
    return name not in _OF_THE_NODES and not name.startswith(_OF_OTHERS)
