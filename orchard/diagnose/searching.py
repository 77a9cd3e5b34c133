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

    from orchard.compute.base import StepLogs
    from orchard.diagnose.logs import LogEnd, LogReader
    from orchard.diagnose.records import TaskName
    from orchard.diagnose.step_log import SparkLog

_MOST_EXECUTOR_LOGS = 16
_MOST_NODE_LOGS = 6
_MOST_APPLICATIONS = 2
_EXECUTOR_LOG = re.compile(
    r"/(?:(container_\w{1,80})|SPARK_EXECUTOR[/_](\w{1,80})|"
    r"containers/(?:spark-\w{1,80}/)?(?!spark-\w{1,80}-driver/)([\w.-]{1,253}))/(stderr|stdout)(?:\.gz)?$"
)
"""Of YARN's container on a cluster, of a worker on EMR Serverless, and on EMR on EKS of a pod: an executor's, or the
one that submits the job, which alone has something to say where no driver comes about."""


def search_step(logs: StepLogs, reader: LogReader) -> tuple[Evidence, ...]:
    """Look into the logs of a step, or job run: Python's words, Spark's, the executors', and EMR's.

    Returns:
        What they say, in that order; reading stops at a log that names the root cause.
    """
    found: list[Evidence] = []
    own = _read_spark([logs.stdout, logs.stderr], reader, found)
    if _names_root_cause(found):
        return tuple(found)
    applications = dict.fromkeys(
        name for log, spark in own for name in (*spark.applications, *named_applications(log.head))
    )
    suspects = tuple(dict.fromkeys(container for _, spark in own for container in spark.containers))
    for folder in logs.executors(tuple(applications)[:_MOST_APPLICATIONS]):
        _read_spark(_executor_logs(reader.list(folder), suspects), reader, found, _recovered(own))
        if _names_root_cause(found):
            return tuple(found)
    log = reader.read(logs.service) if logs.service else None
    if log is not None:
        found += _evidence(logs.service, log, parse_controller_log(log.text))
    return tuple(found)


def search_nodes(log_uri: str, cluster_id: str, messages: Iterable[str], reader: LogReader) -> tuple[Evidence, ...]:
    """Look into what the nodes say of their installation.

    Args:
        messages: What EMR says about its end; they may name node and action.

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


def _executor_logs(uris: Iterable[str], suspects: Sequence[str]) -> list[str]:
    """The logs worth reading: of the containers that the driver complains of, then of the last that were made."""
    matched = [
        (match[1] or match[2] or match[3], match[4], uri) for uri in uris if (match := _EXECUTOR_LOG.search(uri))
    ]
    order = {container: place for place, container in enumerate(suspects)}
    newest = sorted(matched, key=lambda one: (len(one[0]), *one[:2]), reverse=True)  # stdout before stderr
    chosen = sorted(newest, key=lambda one: order.get(one[0], len(order)))
    return [uri for *_, uri in chosen][:_MOST_EXECUTOR_LOGS]
