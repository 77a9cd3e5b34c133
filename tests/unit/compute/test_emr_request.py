"""Every RunJobFlow request that a plan can come to is one that EMR 7.11.0 takes, and asks for nothing dangerous."""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchard.compute.emr_plan import ROOT_VOLUME_GB, Cluster, cluster_size
from orchard.compute.emr_request import run_job_flow
from orchard.compute.offered import OFFERED
from orchard.compute.registry import COMPUTES
from orchard.compute.sizing import SHAPES
from orchard.compute.work import Work
from orchard.layout import ReleaseFiles
from orchard.options import AS_PLANNED, ENGINES, MAX_NODES, NodeChoice
from tests.support.stack.run_job_flow import instance_types, problems
from tests.support.stack.template import GIVEN
from tests.support.states import DONE

REGION = "eu-west-1"
RUN = "fruits-0123456789ab"
LOGS = f"s3://out/logs/{RUN}/"
MADE = GIVEN | {"SUBNETS": "subnet-0aaa"}
"""A stack in a network of its own."""

TAKEN = GIVEN | {"SECURITY_GROUPS": ""}
"""One in subnets of somebody else's."""

Request = dict[str, Any]


def request(
    choice: NodeChoice = AS_PLANNED,
    stack: dict[str, str] = MADE,
    images: int = 1_000,
    engine: str = ENGINES[0],
    image_bytes: int = 10**7,
    region: str = REGION,
) -> Request:
    release = ReleaseFiles("artefacts", "0123456789ab")
    size = cluster_size(Work(images, image_bytes), engine, region=region, choice=choice)
    return run_job_flow(Cluster.of(size, release, stack["NODE_ROOT"]), RUN, LOGS, stack)


SEVERAL = NodeChoice(core_nodes=2, spot_nodes=3)


@st.composite
def choices(draw: st.DrawFn) -> NodeChoice:
    core = draw(st.none() | st.integers(0, MAX_NODES))
    spot = 0 if core == 0 else draw(st.integers(0, MAX_NODES))
    return NodeChoice(draw(st.none() | st.sampled_from(sorted(SHAPES))), core, spot)


@given(
    choice=choices(),
    stack=st.sampled_from([TAKEN, MADE]),
    images=st.integers(1, 10**8),
    mean=st.integers(1, 10**5),
    engine=st.sampled_from(ENGINES),
    region=st.sampled_from(sorted(OFFERED)),
)
def test_emr_takes_every_request(
    choice: NodeChoice, stack: dict[str, str], images: int, mean: int, engine: str, region: str
) -> None:
    asked = request(choice, stack, images, engine, images * mean, region)
    assert problems(asked, region) == []
    assert json.loads(json.dumps(asked)) == asked


def set_at(*path: str | int) -> Callable[[Request, Any], None]:
    def change(asked: Any, value: Any) -> None:  # noqa: ANN401 (JSON)
        for key in path[:-1]:
            asked = asked[key]
        asked[path[-1]] = value

    return change


FLEETS = ("Instances", "InstanceFleets")
LIMITS = ("ManagedScalingPolicy", "ComputeLimits")
SPOT = (*FLEETS, 2, "LaunchSpecifications", "SpotSpecification")
WRONG: list[tuple[tuple[str | int, ...], Any, str]] = [
    (("Name",), "x" * 257, "larger than 256"),
    (("Name",), "\ud800", "which is not"),
    (("Tag",), [], "Unknown parameter"),
    (("Steps",), [], "unseen"),
    (("ReleaseLabel",), "emr-7.10.0", "another release"),
    (("EbsRootVolumeSize",), 101, "root volume"),
    (("EbsRootVolumeSize",), "40", "Invalid type"),
    (("AutoTerminationPolicy", "IdleTimeout"), 59, "too shortly"),
    (("ScaleDownBehavior",), "TERMINATE_NOW", "none of"),
    (("Tags",), [], "does not act"),
    (("BootstrapActions",), [{"Name": "x", "ScriptBootstrapAction": {"Path": "s3://x"}}] * 17, "too many bootstrap"),
    (("Instances", "KeepJobFlowAliveWhenNoSteps"), False, "not wait"),
    (("Instances", "TerminationProtected"), True, "nobody may end it"),
    (("Instances", "Ec2KeyName"), "mine", "log in"),
    (("Instances", "Ec2SubnetIds"), [], "plural"),
    (("Instances", "ServiceAccessSecurityGroup"), "sg-0workers", "the same"),
    ((*FLEETS, 1, "Name"), "primary", "one name"),
    ((*FLEETS, 1, "InstanceFleetType"), "SLAVE", "none of"),
    ((*FLEETS, 1, "TargetOnDemandCapacity"), 0, "is empty"),
    ((*FLEETS, 0, "TargetOnDemandCapacity"), 2, "one primary node"),
    ((*FLEETS, 0, "InstanceTypeConfigs", 0, "InstanceType"), "m7g.xlarge", "not for the wheels"),
    ((*FLEETS, 0, "InstanceTypeConfigs", 0, "InstanceType"), "m5.large", "not of the release"),
    ((*SPOT, "AllocationStrategy"), "cheapest", "none of"),
    ((*LIMITS, "MaximumCapacityUnits"), 6, "larger than planned"),
    ((*LIMITS, "MinimumCapacityUnits"), 1, "go or come"),
    ((*LIMITS, "MaximumOnDemandCapacityUnits"), 2, "beyond the limit of those"),
    ((*LIMITS, "MaximumOnDemandCapacityUnits"), 6, "beyond the limit of those"),
    ((*LIMITS, "UnitType"), "Instances", "by their units"),
]


@pytest.mark.parametrize(("path", "value", "complaint"), WRONG)
def test_what_emr_would_not_take_is_noticed(path: tuple[str | int, ...], value: object, complaint: str) -> None:
    asked = deepcopy(request(SEVERAL))
    assert problems(asked, REGION) == []
    set_at(*path)(asked, value)
    assert any(complaint in problem for problem in problems(asked, REGION)), problems(asked, REGION)


def test_a_cluster_says_whose_it_is_and_ends_itself() -> None:
    asked = request()
    assert asked["Name"] == f"orchard {RUN}"
    assert asked["LogUri"] == LOGS
    assert {tag["Key"]: tag["Value"] for tag in asked["Tags"]} == {
        "orchard:run-id": RUN,
        "orchard:stack": "orchard",
        "project": "orchard",
        "for-use-with-amazon-emr-managed-policies": "true",
    }
    assert asked["AutoTerminationPolicy"] == {"IdleTimeout": 300}
    assert asked["StepConcurrencyLevel"] == 1, "EMR itself starts the next step"
    assert asked["EbsRootVolumeSize"] == ROOT_VOLUME_GB >= 30, "Python packages are installed beside the system"


def test_what_the_stack_gives_is_used() -> None:
    asked, instances = request(stack=MADE), request(stack=TAKEN)["Instances"]
    assert asked["ServiceRole"] == MADE["SERVICE_ROLE"]
    assert asked["JobFlowRole"] == MADE["NODE_PROFILE"]
    assert asked["SecurityConfiguration"] == MADE["SECURITY_CONFIGURATION"]
    assert asked["Instances"]["Ec2SubnetIds"] == ["subnet-0aaa"]
    groups = {key: value for key, value in asked["Instances"].items() if key.endswith("SecurityGroup")}
    assert groups == {
        "EmrManagedMasterSecurityGroup": "sg-0primary",
        "EmrManagedSlaveSecurityGroup": "sg-0workers",
        "ServiceAccessSecurityGroup": "sg-0service",
    }
    assert instances["Ec2SubnetIds"] == ["subnet-0aaa", "subnet-0bbb"]
    assert not [key for key in instances if key.endswith("SecurityGroup")], "EMR makes its own there"


def test_emr_may_give_back_spot_nodes_and_never_grows_the_bill() -> None:
    limits = {"UnitType": "InstanceFleetUnits", "MaximumCoreCapacityUnits": 2, "MinimumCapacityUnits": 2}
    scaled = request(SEVERAL)
    assert scaled["ManagedScalingPolicy"]["ComputeLimits"] == limits | {
        "MaximumCapacityUnits": 5,
        "MaximumOnDemandCapacityUnits": 5,  # Spot nodes that are not to be had become On-Demand, and stay
    }
    assert scaled["ScaleDownBehavior"] == "TERMINATE_AT_TASK_COMPLETION"
    fixed = request(NodeChoice(core_nodes=2))["ManagedScalingPolicy"]["ComputeLimits"]
    assert fixed == limits | {"MaximumCapacityUnits": 2, "MaximumOnDemandCapacityUnits": 2}


def test_one_node_is_not_scaled() -> None:
    assert request().keys() == request(SEVERAL).keys() - {"ManagedScalingPolicy", "ScaleDownBehavior"}


def test_the_recorded_types_are_those_of_the_release() -> None:
    assert {"m5.xlarge", "m7i.4xlarge"} <= instance_types()
    assert "m7g.xlarge" not in instance_types(), "another architecture"


@pytest.mark.parametrize(("keep", "minutes"), [(0, 5), (90, 7), (1800, 35)])
def test_a_cluster_that_was_not_terminated_is_told_with_its_own_end(keep: int, minutes: int) -> None:
    told = COMPUTES["emr-ec2"].left_over(replace(DONE, plan=replace(DONE.plan, keep=keep)))
    assert told == f"The cluster j-1 could not be terminated; it ends by itself after {minutes} idle minutes."
