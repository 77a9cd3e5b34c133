"""What runs on EMR on EKS need beside the stack, and how a stack lets a virtual cluster go."""

from __future__ import annotations

from typing import Any

import pytest

from orchard.compute.base import Access, Need
from orchard.compute.emr_eks import EmrEks, trusts
from orchard.compute.sizing import AT_MOST
from orchard.errors import OrchardError
from orchard.options import AS_PLANNED
from tests.support.cloud.job_runs import VIRTUAL_CLUSTER, FakeEks

EKS = EmrEks()
GIVEN = {"VirtualClusterId": VIRTUAL_CLUSTER, "StackName": "orchard"}


def trust(subject: str, operator: str = "StringLike", **more: Any) -> dict[str, Any]:  # noqa: ANN401
    """A role's trust with what `update-role-trust-policy` adds for a subject."""
    provider = "oidc.eks.eu-west-1.amazonaws.com/id/0ABC"
    added = {
        "Effect": "Allow",
        "Principal": {"Federated": f"arn:aws:iam::123456789012:oidc-provider/{provider}"},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {operator: {f"{provider}:sub": subject}},
    }
    own = {"Effect": "Allow", "Principal": {"Service": "elasticmapreduce.amazonaws.com"}, "Action": "sts:AssumeRole"}
    return {"Version": "2012-10-17", "Statement": [own, {**added, **more}]}


OURS = "system:serviceaccount:fruit:emr-containers-sa-*-*-123456789012-0base36"


@pytest.mark.parametrize(
    ("document", "trusted"),
    [
        (trust(OURS), True),
        (trust(OURS, "StringEquals"), True),
        ({"Statement": [{"Effect": "Allow", "Principal": {"Service": "pods.eks.amazonaws.com"}}]}, True),
        (trust(OURS.replace("fruit", "fruits")), False),
        (trust(OURS, "StringNotLike"), False),
        (trust(OURS, Effect="Deny"), False),
        ({"Statement": trust(OURS)["Statement"][:1]}, False),
        ({}, False),
    ],
)
def test_a_role_is_trusted_by_the_service_accounts_of_a_namespace_or_not(
    document: dict[str, Any], trusted: bool
) -> None:
    assert trusts(document, "fruit") == trusted


class Roles:
    """IAM, as far as it is asked."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document

    def get_role(self, RoleName: str) -> dict[str, Any]:  # noqa: N803 (boto3's name)
        assert RoleName == "orchard-PodRole"
        return {"Role": {"AssumeRolePolicyDocument": self.document}}


def needs(state: str = "RUNNING", subject: str = OURS) -> dict[str, Need]:
    """How what runs need is found."""
    eks = FakeEks()
    eks.cluster_state = state
    services: dict[str, object] = {"emr-containers": eks, "iam": Roles(trust(subject))}
    access = Access(services.__getitem__, {"VirtualClusterId": VIRTUAL_CLUSTER, "PodRoleName": "orchard-PodRole"})
    return {title: find(access) for title, find in EKS.needs().items()}


def test_what_is_as_it_should_be_is_said_with_the_namespace() -> None:
    assert needs() == {
        "Virtual cluster": Need(f"{VIRTUAL_CLUSTER}: the namespace fruit of the EKS cluster orchards"),
        "Pod role": Need("orchard-PodRole, for the pods of the namespace fruit"),
    }


@pytest.mark.parametrize(
    ("state", "said"), [("TERMINATED", "is TERMINATED"), ("ARRESTED", "is ARRESTED"), ("", "is gone")]
)
def test_a_virtual_cluster_that_does_not_run_is_said(state: str, said: str) -> None:
    found = needs(state)["Virtual cluster"]
    assert found.finding == f"{VIRTUAL_CLUSTER} {said}"
    assert found.fix.startswith("sam deploy --parameter-overrides VirtualClusterId=")


def test_a_role_that_no_pod_may_take_is_said_with_the_command_that_extends_its_trust() -> None:
    assert needs(subject="system:serviceaccount:other:*")["Pod role"] == Need(
        "the pods of the namespace fruit may not take orchard-PodRole",
        "aws emr-containers update-role-trust-policy"
        " --cluster-name orchards --namespace fruit --role-name orchard-PodRole",
    )
    assert needs("")["Pod role"].fix, "nobody knows whose pods"


@pytest.mark.parametrize("state", ["COMPLETED", "FAILED", "CANCELLED", "CANCEL_PENDING"])
def test_one_that_has_ended_meanwhile_need_not_be_cancelled(state: str) -> None:
    eks = FakeEks()
    one = eks.add("fruits-1", "unzip", state)
    EKS.end_work(eks.access(), [one])
    assert eks.state(one) == state


def test_one_that_goes_on_and_cannot_be_cancelled_is_an_error() -> None:
    eks = FakeEks()
    eks.refuses = True
    with pytest.raises(ValueError, match="cancellable"):
        EKS.end_work(eks.access(), [eks.add("fruits-1", "unzip", "RUNNING")])


class TestLeave:
    def left(self, eks: FakeEks, **after: str) -> str:
        return EKS.leave(Access({"emr-containers": eks}.__getitem__, GIVEN), after)

    @pytest.mark.parametrize("after", [{}, {"VirtualClusterId": "0another"}])
    def test_job_runs_that_go_on_are_named(self, after: dict[str, str]) -> None:
        eks = FakeEks()
        eks.add("fruits-1", "unzip", "RUNNING")
        with pytest.raises(OrchardError, match=r"fruits-1/unzip: the stack could not end them") as raised:
            self.left(eks, **after)
        assert raised.value.next_command == "orchard runs --running"

    def test_a_virtual_cluster_stays_or_has_nothing_of_the_stacks(self) -> None:
        eks = FakeEks()
        eks.add("fruits-1", "unzip", "COMPLETED")
        eks.add("fruits-2", "unzip", "RUNNING", tags={"orchard:run-id": "fruits-2", "orchard:stack": "another"})
        assert self.left(eks) == ""
        eks.add("fruits-1", "pca", "RUNNING")
        assert self.left(eks, VirtualClusterId=VIRTUAL_CLUSTER) == ""
        assert EKS.leave(Access(lambda _: None, {}), {}) == "", "a stack that has none"


def test_how_large_a_run_may_be_is_the_eks_clusters_matter() -> None:
    assert EKS.ceiling(AS_PLANNED, {"MAXIMUM_VCPUS": "72"}) == AT_MOST
    assert [EKS.quota("eu-west-1")] == [None]  # type: ignore[func-returns-value]


def test_the_image_is_that_of_the_stacks_release() -> None:
    found = EKS.image(Access(lambda _: None, {"EksReleaseLabel": "emr-7.11.0-latest"}))
    assert (found.release, found.uri) == ("emr-7.11.0-latest", "")
    assert found.fix == "sam deploy --parameter-overrides EksReleaseLabel=emr-7.13.0-latest"
