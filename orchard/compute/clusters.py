"""The clusters of EMR that runs work on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from orchard.aws.errors import is_absent
from orchard.layout import RUN_ID_TAG, STACK_TAG

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from mypy_boto3_emr import EMRClient
    from mypy_boto3_emr.literals import ClusterStateType

ALIVE: tuple[ClusterStateType, ...] = ("STARTING", "BOOTSTRAPPING", "RUNNING", "WAITING")
"""The cluster states that go on costing money until somebody terminates the cluster."""

_MAX_IDS = 10  # TerminateJobFlows (API model)


@dataclass(frozen=True)
class Alive:
    """What works for a run: a cluster, or a job run.

    Attributes:
        id: Its id.
        run_id: The run that it was made for.
        stack: The stack that made it.
        created: When.
    """

    id: str
    run_id: str
    stack: str
    created: datetime


def tagged_clusters(emr: EMRClient) -> Iterator[Alive]:
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
                yield Alive(listed["Id"], tags[RUN_ID_TAG], tags.get(STACK_TAG, ""), created)


def terminate(cluster_ids: Sequence[str], emr: EMRClient) -> None:
    """Terminate clusters, however many there are."""
    for start in range(0, len(cluster_ids), _MAX_IDS):
        emr.terminate_job_flows(JobFlowIds=list(cluster_ids[start : start + _MAX_IDS]))


def describe_cluster(emr: EMRClient, cluster: str) -> Mapping[str, Any] | None:
    """Ask EMR for a cluster.

    Args:
        emr: The EMR client.
        cluster: Its id; "" while there is none.

    Returns:
        `Cluster` of the answer; None if there is no cluster, or EMR has forgotten it: it does so after two months, a
        month before Step Functions forgets the execution.
    """
    if not cluster:
        return None
    try:
        return emr.describe_cluster(ClusterId=cluster)["Cluster"]
    except ClientError as error:
        if not is_absent(error):
            raise
        return None


def list_steps(emr: EMRClient, cluster: str) -> list[Mapping[str, Any]]:
    """The steps of a cluster, as ListSteps gives them."""
    pages = emr.get_paginator("list_steps").paginate(ClusterId=cluster)
    return [step for page in pages for step in page["Steps"]]
