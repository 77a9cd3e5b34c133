"""Which logs of a run are read, and in which order: until one names the root cause, and never more than some dozen."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from orchard.diagnose.bootstrap_log import bootstrap_log_uri, node_logs, parse_bootstrap_log
from orchard.diagnose.controller_log import parse_controller_log
from orchard.diagnose.finding import Evidence, Finding
from orchard.diagnose.known import ROOT_CAUSE
from orchard.diagnose.step_log import named_applications, parse_spark_log

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from orchard.diagnose.logs import LogEnd, LogReader
    from orchard.diagnose.records import TaskName
    from orchard.diagnose.step_log import SparkLog

_MOST_CONTAINER_LOGS = 16
_MOST_NODE_LOGS = 6
_MOST_APPLICATIONS = 2
_PYTHONS, _SPARKS, _EMRS = "stdout", "stderr", "controller"
_EXECUTOR_LOG = re.compile(r"/SPARK_EXECUTOR[/_](\w{1,80})/(stderr|stdout)\.gz$")
_CONTAINER_LOG = re.compile(r"/(container_\w{1,80})/(stderr|stdout)(?:\.gz)?$")


def step_log_uri(log_uri: str, cluster_id: str, step_id: str, name: str) -> str:
    """Where EMR writes one of a step's logs, three to ten minutes late while the cluster lives."""
    return f"{log_uri.rstrip('/')}/{cluster_id}/steps/{step_id}/{name}.gz"


def search_step(log_uri: str, cluster_id: str, step_id: str, reader: LogReader) -> tuple[Evidence, ...]:
    """Look into a step's logs: Python's words, Spark's, the containers', and EMR's.

    Args:
        log_uri: The folder of the run's logs.
        cluster_id: The cluster.
        step_id: The step.
        reader: Reads the logs.

    Returns:
        What they say, in that order; reading stops at a log that names the root cause.
    """
    found: list[Evidence] = []
    own = _read_spark([step_log_uri(log_uri, cluster_id, step_id, name) for name in (_PYTHONS, _SPARKS)], reader, found)
    if _names_root_cause(found):
        return tuple(found)
    applications = dict.fromkeys(
        name for log, spark in own for name in (*spark.applications, *named_applications(log.head))
    )
    suspects = tuple(dict.fromkeys(container for _, spark in own for container in spark.containers))
    for application in tuple(applications)[:_MOST_APPLICATIONS]:
        folder = f"{log_uri.rstrip('/')}/{cluster_id}/containers/{application}"
        _read_spark(_container_logs(reader.list(folder), suspects), reader, found, _recovered(own))
        if _names_root_cause(found):
            return tuple(found)
    uri = step_log_uri(log_uri, cluster_id, step_id, _EMRS)
    log = reader.read(uri)
    if log is not None:
        found += _evidence(uri, log, parse_controller_log(log.text))
    return tuple(found)


def driver_log_uri(log_uri: str, application: str, job_run: str, name: str) -> str:
    """Where EMR Serverless writes one of a driver's logs, anew every 15 seconds."""
    return f"{_job_logs(log_uri, application, job_run)}/SPARK_DRIVER/{name}.gz"


def _job_logs(log_uri: str, application: str, job_run: str) -> str:
    return f"{log_uri.rstrip('/')}/applications/{application}/jobs/{job_run}"


def search_driver(log_uri: str, application: str, job_run: str, reader: LogReader) -> tuple[Evidence, ...]:
    """Look into the logs of a job run: the driver's, Python's words before Spark's, then the executors'.

    Args:
        log_uri: The folder of the run's logs.
        application: The application of EMR Serverless.
        job_run: The job run.
        reader: Reads the logs.

    Returns:
        What they say, in that order; reading stops at a log that names the root cause.
    """
    found: list[Evidence] = []
    uris = [driver_log_uri(log_uri, application, job_run, name) for name in (_PYTHONS, _SPARKS)]
    own = _read_spark(uris, reader, found)
    if not _names_root_cause(found):
        listed = reader.list(_job_logs(log_uri, application, job_run))
        _read_spark(_executor_logs(listed), reader, found, _recovered(own))
    return tuple(found)


def search_nodes(log_uri: str, cluster_id: str, messages: Iterable[str], reader: LogReader) -> tuple[Evidence, ...]:
    """Look into what the nodes say of their installation.

    Args:
        log_uri: The folder of the run's logs.
        cluster_id: The cluster.
        messages: What EMR says about its end; they may name node and action.
        reader: Reads the logs.

    Returns:
        What the logs say; those that EMR names first, and if it names none that is there, those that are found.
    """
    named = [uri for message in messages if (uri := bootstrap_log_uri(message, log_uri, cluster_id))]
    found = _read_nodes(dict.fromkeys(named), reader)
    if found or not cluster_id:
        return found
    listed = node_logs(reader.list(f"{log_uri.rstrip('/')}/{cluster_id}/node"))
    return _read_nodes([uri for uri in listed if uri not in named], reader)


def _read_nodes(uris: Iterable[str], reader: LogReader) -> tuple[Evidence, ...]:
    found: list[Evidence] = []
    for uri in tuple(uris)[:_MOST_NODE_LOGS]:
        log = reader.read(uri)
        if log is not None:
            found += _evidence(uri, log, parse_bootstrap_log(log.text))
            if _names_root_cause(found):
                break
    return tuple(found)


def _read_spark(
    uris: Iterable[str], reader: LogReader, found: list[Evidence], recovered: frozenset[TaskName] = frozenset()
) -> list[tuple[LogEnd, SparkLog]]:
    """Read logs of Spark processes until one names the root cause, and add what they say to what was found."""
    read = []
    for uri in uris:
        log = reader.read(uri)
        if log is None:
            continue
        spark = parse_spark_log(log.text, recovered)
        read.append((log, spark))
        found += _evidence(uri, log, spark.finding)
        if _names_root_cause(found):
            break
    return read


def _recovered(read: Iterable[tuple[LogEnd, SparkLog]]) -> frozenset[TaskName]:
    return frozenset(task for _, spark in read for task in spark.recovered)


def _evidence(uri: str, log: LogEnd, finding: Finding | None) -> list[Evidence]:
    return [Evidence(uri, finding.moved(log.skipped))] if finding else []


def _names_root_cause(found: Sequence[Evidence]) -> bool:
    return bool(found) and found[-1].finding.cause.weight >= ROOT_CAUSE


def _container_logs(uris: Iterable[str], suspects: Sequence[str]) -> list[str]:
    """The logs worth reading: of the containers that the driver complains of, then of the last that were made."""
    matched = [(match, uri) for uri in uris if (match := _CONTAINER_LOG.search(uri))]
    order = {container: place for place, container in enumerate(suspects)}
    newest = sorted(matched, key=lambda one: (one[0][1], one[0][2]), reverse=True)  # stdout before stderr
    chosen = sorted(newest, key=lambda one: order.get(one[0][1], len(order)))
    return [uri for _, uri in chosen][:_MOST_CONTAINER_LOGS]


def _executor_logs(uris: Iterable[str]) -> list[str]:
    """Those of the last that were made; of each, stdout before stderr."""
    matched = [(match, uri) for uri in uris if (match := _EXECUTOR_LOG.search(uri))]
    newest = sorted(matched, key=lambda one: (len(one[0][1]), one[0][1], one[0][2]), reverse=True)
    return [uri for _, uri in newest][:_MOST_CONTAINER_LOGS]
