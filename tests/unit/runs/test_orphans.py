"""The clusters that a sweep finds: those of this stack, alive, whose runs are over."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

import boto3
import pytest
from moto import mock_aws
from moto.core import DEFAULT_ACCOUNT_ID
from moto.emr.models import emr_backends
from moto.stepfunctions.models import stepfunctions_backends

from orchard.compute import emr
from orchard.compute.base import Access, Alive
from orchard.compute.registry import COMPUTES, Computes
from orchard.runs.orphans import Leftover, leftovers
from tests.support.stack.template import REGION, properties

if TYPE_CHECKING:
    from mypy_boto3_emr import EMRClient
    from mypy_boto3_stepfunctions import SFNClient

MACHINE = f"arn:aws:states:{REGION}:{DEFAULT_ACCOUNT_ID}:stateMachine:orchard-pipeline"
RUN = "fruits-0123456789ab"


class Account:
    """Clusters and executions."""

    def __init__(self) -> None:
        self.emr: EMRClient = boto3.client("emr", region_name=REGION)
        self.computes = Computes(Access(lambda service: {"emr": self.emr}[service], {}))
        self.sfn: SFNClient = boto3.client("stepfunctions", region_name=REGION)
        self.sfn.create_state_machine(
            name="orchard-pipeline",
            definition=json.dumps({"StartAt": "S", "States": {"S": {"Type": "Succeed"}}}),
            roleArn=f"arn:aws:iam::{DEFAULT_ACCOUNT_ID}:role/r",
        )

    def cluster(self, run: str | None, stack: str | None = "orchard", state: str = "WAITING") -> str:
        tags = {"orchard:run-id": run, "orchard:stack": stack}
        made = self.emr.run_job_flow(
            Name="a cluster",
            Instances={"KeepJobFlowAliveWhenNoSteps": True, "InstanceGroups": []},
            Tags=[{"Key": key, "Value": value} for key, value in tags.items() if value is not None],
        )["JobFlowId"]
        emr_backends[DEFAULT_ACCOUNT_ID][REGION].clusters[made].state = state
        return made

    def execution(self, run: str, status: str) -> None:
        arn = self.sfn.start_execution(stateMachineArn=MACHINE, name=run)["executionArn"]
        stepfunctions_backends[DEFAULT_ACCOUNT_ID][REGION].describe_execution(arn).status = status

    def leftovers(self) -> tuple[Leftover, ...]:
        return leftovers(self.computes, self.sfn, MACHINE)

    def found(self) -> set[str]:
        return {left.alive.id for left in self.leftovers()}


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    with mock_aws():
        yield Account()


@pytest.mark.parametrize("status", ["SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"])
def test_a_cluster_whose_run_has_ended_is_left_over(account: Account, status: str) -> None:
    account.execution(RUN, status)
    own = account.cluster(RUN)
    created = account.emr.describe_cluster(ClusterId=own)["Cluster"]["Status"]["Timeline"]["CreationDateTime"]
    assert account.leftovers() == (Leftover(Alive(own, RUN, "orchard", created, COMPUTES["emr-ec2"]), status),)


def test_a_cluster_whose_run_is_not_known_any_more_is_left_over(account: Account) -> None:
    own = account.cluster(RUN)
    [left] = account.leftovers()
    assert (left.alive.id, left.alive.run_id, left.status) == (own, RUN, "")


@pytest.mark.parametrize("status", ["RUNNING", "PENDING_REDRIVE"])
def test_a_cluster_that_works_is_not(account: Account, status: str) -> None:
    account.execution(RUN, status)
    account.cluster(RUN)
    assert account.leftovers() == ()


def test_clusters_of_others_are_not(account: Account) -> None:
    account.cluster(None, stack=None)
    account.cluster(None)
    account.cluster(RUN, stack="staging")
    account.cluster(RUN, stack=None)
    assert account.leftovers() == ()


@pytest.mark.parametrize("state", ["TERMINATING", "TERMINATED", "TERMINATED_WITH_ERRORS"])
def test_a_cluster_that_ends_is_not(account: Account, state: str) -> None:
    account.cluster(RUN, state=state)
    assert account.leftovers() == ()


@pytest.mark.parametrize("state", emr.ALIVE)
def test_a_cluster_is_found_whatever_it_does(account: Account, state: str) -> None:
    own = account.cluster(RUN, state=state)
    assert account.found() == {own}


def test_all_pages_of_all_clusters_are_read(account: Account) -> None:
    account.execution("working", "RUNNING")
    first = account.cluster(RUN)
    for _ in range(110):
        account.cluster("working")
    last = account.cluster(RUN)
    assert account.found() == {first, last}


def test_what_is_left_over_is_ended_however_much_it_is(account: Account) -> None:
    for _ in range(21):
        account.cluster(RUN)
    account.computes.end_work([left.alive for left in account.leftovers()])
    assert account.leftovers() == ()


def test_the_state_machines_name_tells_the_stack() -> None:
    assert properties("Pipeline")["StateMachineName"] == {"Fn::Sub": "${AWS::StackName}-pipeline"}
