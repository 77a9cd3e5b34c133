"""EMR in little: clusters and steps as its API tells of them, for those of whom moto tells nothing."""

from collections.abc import Iterable, Mapping
from types import SimpleNamespace
from typing import Any

from orchard.compute.base import Access
from tests.support.cloud.awsfakes import client_error

Clusters = Mapping[str, Mapping[str, Any]]
Steps = Mapping[str, Iterable[Mapping[str, Any]]]


class FakeEmr:
    """The service, as boto3 shows it.

    Args:
        clusters: Id → `Cluster` of DescribeCluster; EMR has forgotten all others.
        steps: Cluster's id → `Steps` of ListSteps, the latest first.
        answers: Whether it answers at all; without its steps, only about clusters.
    """

    def __init__(self, clusters: Clusters, steps: Steps | None = None, *, answers: bool = True) -> None:
        self._clusters, self._steps, self._answers = clusters, steps, answers
        self.asked: dict[str, Any] = {}
        self.described: list[str] = []
        self.terminated: list[str] = []

    def access(self) -> Access:
        return Access(lambda service: {"emr": self}[service], {})

    # what boto3 has

    def describe_cluster(self, ClusterId: str) -> dict[str, Any]:  # noqa: N803 (boto3's name)
        self.described.append(ClusterId)
        if not self._answers:
            raise client_error("ThrottlingException")
        if ClusterId not in self._clusters:
            raise client_error("InvalidRequestException")
        return {"Cluster": self._clusters[ClusterId]}

    def terminate_job_flows(self, JobFlowIds: list[str]) -> None:  # noqa: N803 (boto3's name)
        self.terminated += JobFlowIds

    def get_paginator(self, name: str) -> SimpleNamespace:
        return SimpleNamespace(paginate={"list_clusters": self._list_clusters, "list_steps": self._list_steps}[name])

    def _list_clusters(self, **asked: object) -> list[dict[str, Any]]:
        self.asked = asked
        return [{"Clusters": [{"Id": key, "Name": one["Name"]} for key, one in self._clusters.items()]}, {}]

    def _list_steps(self, ClusterId: str) -> list[dict[str, Any]]:  # noqa: N803 (boto3's name)
        if self._steps is None:
            raise client_error("AccessDeniedException")
        return [{"Steps": list(self._steps.get(ClusterId, ()))}]
