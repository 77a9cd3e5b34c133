"""The last net against a cluster that outlives its run: find it by its tag and end it.

Whoever ends an execution from outside (a person, a time-out) also keeps the state machine from terminating the cluster.
The cluster is then found by the tag that CreateCluster gave it, among all that are alive: an execution that was stopped
in the middle may not know its cluster's id.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from orchard.diagnose.causes import shorten
from orchard.diagnose.commands import command
from orchard.diagnose.notice import REFUSED, Notice, message, subject
from orchard.diagnose.wording import prose
from orchard.layout import RUN_ID_TAG, STACK_TAG, ObjectAddress
from orchard.runs import UNDER_WAY, execution_arn

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from mypy_boto3_emr import EMRClient
    from mypy_boto3_emr.literals import ClusterStateType
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_stepfunctions import SFNClient

ALIVE: tuple[ClusterStateType, ...] = ("STARTING", "BOOTSTRAPPING", "RUNNING", "WAITING")
"""The cluster states that go on costing money until somebody terminates the cluster."""

_TOLD_BY_MACHINE = frozenset({"RunFailed", REFUSED})
"""The errors with which the state machine fails after it has sent its own notice."""

_MAX_IDS = 10  # TerminateJobFlows (API model)
_MACHINE_SUFFIX = "-pipeline"  # the state machine's name is the stack's and this (template.yaml)


@dataclass(frozen=True)
class Ending:
    """How an execution ended.

    Attributes:
        run_id: Its name.
        status: SUCCEEDED, FAILED, TIMED_OUT or ABORTED.
        error: Its error, "" if there is none.
        cause: Its cause, "" if there is none.
    """

    run_id: str
    status: str
    error: str
    cause: str

    @property
    def was_told(self) -> bool:
        """Whether the state machine itself has notified; it could not if it was ended from outside."""
        return self.status == "SUCCEEDED" or (self.status == "FAILED" and self.error in _TOLD_BY_MACHINE)


@dataclass(frozen=True)
class TaggedCluster:
    """A cluster of Orchard that is alive.

    Attributes:
        id: Its id.
        run_id: The run that it was created for.
        stack: The stack that created it.
        created: When.
    """

    id: str
    run_id: str
    stack: str
    created: datetime


@dataclass(frozen=True)
class Leftover:
    """A cluster that outlived its run.

    Attributes:
        cluster_id: Its id.
        run_id: The run.
        status: How its execution ended: SUCCEEDED, FAILED, TIMED_OUT or ABORTED; "" if there is no such execution.
        created: When the cluster was created.
    """

    cluster_id: str
    run_id: str
    status: str
    created: datetime


def tagged_clusters(emr: EMRClient) -> Iterator[TaggedCluster]:
    """Find the clusters of Orchard that are alive, of all stacks.

    Args:
        emr: The EMR client.

    Yields:
        The clusters: all of them, on however many pages they are listed.
    """
    for page in emr.get_paginator("list_clusters").paginate(ClusterStates=list(ALIVE)):
        for listed in page.get("Clusters", []):
            cluster: Any = emr.describe_cluster(ClusterId=listed["Id"])["Cluster"]
            tags = {tag.get("Key"): tag.get("Value", "") for tag in cluster.get("Tags", [])}
            if RUN_ID_TAG in tags:
                created = cluster["Status"]["Timeline"]["CreationDateTime"]
                yield TaggedCluster(listed["Id"], tags[RUN_ID_TAG], tags.get(STACK_TAG, ""), created)


def stop(run_id: str, emr: EMRClient) -> tuple[str, ...]:
    """Terminate every cluster of a run that is alive.

    Args:
        run_id: The run, which must have ended.
        emr: The EMR client.

    Returns:
        The ids of the clusters that are being terminated; none if all had ended, or are ending already.
    """
    found = tuple(cluster.id for cluster in tagged_clusters(emr) if cluster.run_id == run_id)
    terminate(found, emr)
    return found


def terminate(cluster_ids: Sequence[str], emr: EMRClient) -> None:
    """Terminate clusters, however many there are."""
    for start in range(0, len(cluster_ids), _MAX_IDS):
        emr.terminate_job_flows(JobFlowIds=list(cluster_ids[start : start + _MAX_IDS]))


def leftovers(emr: EMRClient, sfn: SFNClient, state_machine_arn: str) -> tuple[Leftover, ...]:
    """Find the clusters of a stack that outlived their runs, whatever became of the events of their ends.

    Args:
        emr: The EMR client.
        sfn: The Step Functions client.
        state_machine_arn: The stack's pipeline.

    Returns:
        The clusters, in the order in which EMR lists them; nothing is done to them.
    """
    stack = state_machine_arn.rpartition(":")[2].removesuffix(_MACHINE_SUFFIX)
    found = []
    for cluster in tagged_clusters(emr):
        if cluster.stack == stack:
            status = _execution_status(sfn, execution_arn(state_machine_arn, cluster.run_id))
            if status not in UNDER_WAY:
                found.append(Leftover(cluster.id, cluster.run_id, status, cluster.created))
    return tuple(found)


def _execution_status(sfn: SFNClient, arn: str) -> str:
    try:
        return sfn.describe_execution(executionArn=arn)["status"]
    except sfn.exceptions.ExecutionDoesNotExist:
        return ""


def claim(marker: str, content: str, s3: S3Client) -> bool:
    """Write a marker unless it is there: of several deliveries of one event, one gets True.

    Args:
        marker: Its URI.
        content: What to write.
        s3: The S3 client.

    Returns:
        Whether this call wrote it.

    Raises:
        ClientError: S3 refused for another reason than that it is there.
    """
    address = ObjectAddress.parse(marker)
    try:
        s3.put_object(Bucket=address.bucket, Key=address.key, Body=content.encode(), IfNoneMatch="*")
    except ClientError as error:
        # 412: it is there; 409: another delivery is writing it at this moment (PutObject, conditional writes)
        if error.response.get("Error", {}).get("Code") in ("PreconditionFailed", "ConditionalRequestConflict"):
            return False
        raise
    return True


def unclaim(marker: str, s3: S3Client) -> None:
    """Take a marker back, so that the next delivery of the event tries again."""
    address = ObjectAddress.parse(marker)
    s3.delete_object(Bucket=address.bucket, Key=address.key)


def notice_of_ending(ending: Ending, terminated: tuple[str, ...], results_bucket: str) -> Notice:
    """Say what happened to a run that was ended from outside.

    Args:
        ending: How it ended.
        terminated: The clusters that were terminated because of it.
        results_bucket: The stack's bucket for results, by which commands name the stack.

    Returns:
        What to tell people.
    """
    verb = {"ABORTED": "was stopped", "TIMED_OUT": "took longer than it may"}.get(ending.status, "ended without a word")
    opening = f"Run {ending.run_id} {verb}."
    said = ": ".join(part for part in (ending.error, shorten(ending.cause)) if part)
    one = len(terminated) == 1
    clusters = [*terminated, f"{'is' if one else 'are'} being terminated"] if terminated else ["none is left"]
    again = "To try again, upload the archive once more."
    body = message(
        opening,
        [
            ("It was said", prose(said)),
            ("Cluster" if one or not terminated else "Clusters", clusters),
            ("Next", [command(results_bucket, "diagnose", ending.run_id), *prose(again)]),
        ],
    )
    headline = {"ABORTED": "stopped", "TIMED_OUT": "timed out"}.get(ending.status, "failed")
    return Notice(subject(f"Orchard: {headline},", ending.run_id), body, f"{opening} {said}".strip())
