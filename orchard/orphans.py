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
from orchard.diagnose.notice import REFUSED, Notice, subject
from orchard.layout import RUN_ID_TAG, ObjectAddress

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_emr import EMRClient
    from mypy_boto3_emr.literals import ClusterStateType
    from mypy_boto3_s3 import S3Client

ALIVE: tuple[ClusterStateType, ...] = ("STARTING", "BOOTSTRAPPING", "RUNNING", "WAITING")
"""The cluster states that go on costing money until somebody terminates the cluster."""

_TOLD_BY_MACHINE = frozenset({"RunFailed", REFUSED})
"""The errors with which the state machine fails after it has sent its own notice."""

_MAX_IDS = 10  # TerminateJobFlows (API model)


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


def tagged_clusters(emr: EMRClient) -> Iterator[tuple[str, str]]:
    """Find the clusters of Orchard that are alive.

    Args:
        emr: The EMR client.

    Yields:
        Cluster id and run id.
    """
    for page in emr.get_paginator("list_clusters").paginate(ClusterStates=list(ALIVE)):
        for listed in page.get("Clusters", []):
            cluster: Any = emr.describe_cluster(ClusterId=listed["Id"])["Cluster"]
            for tag in cluster.get("Tags", []):
                if tag.get("Key") == RUN_ID_TAG:
                    yield listed["Id"], tag.get("Value", "")


def stop(run_id: str, emr: EMRClient) -> tuple[str, ...]:
    """Terminate every cluster of a run that is alive.

    Args:
        run_id: The run.
        emr: The EMR client.

    Returns:
        The ids of the clusters that are being terminated; none if all had ended.
    """
    found = tuple(cluster for cluster, run in tagged_clusters(emr) if run == run_id)
    for start in range(0, len(found), _MAX_IDS):
        emr.terminate_job_flows(JobFlowIds=list(found[start : start + _MAX_IDS]))
    return found


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


def notice_of_ending(ending: Ending, terminated: tuple[str, ...]) -> Notice:
    """Say what happened to a run that was ended from outside.

    Args:
        ending: How it ended.
        terminated: The clusters that were terminated because of it.

    Returns:
        What to tell people.
    """
    verb = {"ABORTED": "was stopped", "TIMED_OUT": "took longer than it may"}.get(ending.status, "ended without a word")
    cause = f"Run {ending.run_id} {verb}."
    said = ": ".join(part for part in (ending.error, shorten(ending.cause)) if part)
    if said:
        cause = f"{cause} {said}"
    clusters = (
        f"Its cluster {', '.join(terminated)} is being terminated." if terminated else "No cluster of it is left."
    )
    message = f"{cause}\n\n{clusters}\n\nNext: upload the archive again, unless it was stopped on purpose.\n"
    headline = {"ABORTED": "stopped", "TIMED_OUT": "timed out"}.get(ending.status, "failed")
    return Notice(subject(f"Orchard: {headline},", ending.run_id), message, cause)
