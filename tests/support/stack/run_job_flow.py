"""What is wrong with a RunJobFlow request, as EMR would say it: by the service's model, and by what its guides add."""

import gzip
import json
import re
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import Any

import botocore.session
from botocore.model import Shape
from botocore.validate import ParamValidator

RELEASE = "emr-7.11.0"
MOST_BOOTSTRAP_ACTIONS = 16
MOST_TYPES = 30
"""Of a fleet with an allocation strategy (Management Guide, "Configure instance fleets")."""

ROOT_GB = range(15, 101)
IDLE_SECONDS = range(60, 604_801)


@cache
def _input() -> Shape:
    model = botocore.session.get_session().get_service_model("emr")
    return model.operation_model("RunJobFlow").input_shape


@cache
def instance_types() -> frozenset[str]:
    """The types that the release has and that run what is built for x86_64, both as moto 5.2.5 has recorded them."""
    from moto.ec2.models.instance_types import INSTANCE_TYPES

    recorded = files("moto.emr").joinpath(f"resources/instance-types-{RELEASE}.json.gz").read_bytes()
    architectures = {
        name: INSTANCE_TYPES.get(name, {}).get("ProcessorInfo", {}) for name in json.loads(gzip.decompress(recorded))
    }
    return frozenset(name for name, found in architectures.items() if found.get("SupportedArchitectures") == ["x86_64"])


@cache
def emr_offers(region: str) -> frozenset[str]:
    """The types of clusters in a region, as AWS publishes them for cfn-lint."""
    return _published("aws_emr_cluster/instancetypeconfig_instancetype_enum.json", region)


@cache
def ec2_offers(region: str) -> frozenset[str]:
    """Likewise of instances."""
    return _published("aws_ec2_instance/instancetype_enum.json", region)


def _published(path: str, region: str) -> frozenset[str]:
    lists = json.loads(files("cfnlint").joinpath("data", "schemas", "extensions", path).read_text())
    return frozenset(lists[region]["enum"])


@cache
def zone_offers(region: str) -> dict[str, frozenset[str]]:
    """What DescribeInstanceTypeOfferings says of each zone of a region, as moto 5.2.5 has recorded it."""
    from moto.ec2.models.instance_types import INSTANCE_TYPE_OFFERINGS

    found: dict[str, set[str]] = {}
    for offer in INSTANCE_TYPE_OFFERINGS["availability-zone"][region]:
        found.setdefault(offer["Location"], set()).add(offer["InstanceType"])
    return {zone: frozenset(types) for zone, types in found.items()}


def problems(request: dict[str, Any], region: str) -> list[str]:
    """Everything that is wrong with a request in a region."""
    report = ParamValidator().validate(request, _input()).generate_report()
    return [*report.splitlines(), *_beyond_types(request, _input(), "request"), *_of_the_guides(request, region)]


def _beyond_types(value: Any, shape: Any, at: str) -> Iterator[str]:  # noqa: ANN401 (JSON)
    """What botocore does not look at: values of enumerations, largest values, patterns."""
    if shape.type_name == "structure":
        for name, part in value.items():
            if name in shape.members:
                yield from _beyond_types(part, shape.members[name], f"{at}.{name}")
    elif shape.type_name == "list":
        for number, part in enumerate(value):
            yield from _beyond_types(part, shape.member, f"{at}[{number}]")
    elif shape.type_name == "map":
        for name, part in value.items():
            yield from _beyond_types(name, shape.key, f"{at} key")
            yield from _beyond_types(part, shape.value, f"{at}.{name}")
    else:
        limit, pattern = shape.metadata.get("max"), shape.metadata.get("pattern")
        size = len(value) if shape.type_name == "string" else value
        if getattr(shape, "enum", []) and value not in shape.enum:
            yield f"{at} is {value!r}, none of {shape.enum}"
        if limit is not None and size > limit:
            yield f"{at} is larger than {limit}"
        if pattern and not re.fullmatch(_python(pattern), value):
            yield f"{at} is {value!r}, which is not {pattern}"


def _python(pattern: str) -> str:
    """A pattern of the model in Python's spelling: it has the larger code points as Java's pairs."""
    return pattern.replace(r"\uD800\uDC00-\uDBFF\uDFFF", r"\U00010000-\U0010FFFF")


def _of_the_guides(request: dict[str, Any], region: str) -> Iterator[str]:
    instances = request["Instances"]
    fleets = instances["InstanceFleets"]
    groups = ("EmrManagedMasterSecurityGroup", "EmrManagedSlaveSecurityGroup", "ServiceAccessSecurityGroup")
    given = [instances[group] for group in groups if group in instances]
    names = [fleet["Name"] for fleet in fleets]
    roles = [fleet["InstanceFleetType"] for fleet in fleets]
    found = {
        "the cluster would not wait for steps": instances["KeepJobFlowAliveWhenNoSteps"] is not True,
        "nobody may end it": instances["TerminationProtected"] is not False,
        "steps would run unseen": "Steps" in request,
        "somebody may log in": "Ec2KeyName" in instances,
        "it is of another release": request["ReleaseLabel"] != RELEASE,
        "fleets have one name": len(set(names)) != len(names),
        "there are other fleets than EMR has": roles
        not in (["MASTER"], ["MASTER", "CORE"], ["MASTER", "CORE", "TASK"]),
        "fleets take subnets in the plural": "Ec2SubnetId" in instances or not instances["Ec2SubnetIds"],
        "some security groups are missing or the same": given and len(set(given)) != len(groups),
        "the root volume is too small or too large": request["EbsRootVolumeSize"] not in ROOT_GB,
        "it idles too shortly or too long": request["AutoTerminationPolicy"]["IdleTimeout"] not in IDLE_SECONDS,
        "there are too many bootstrap actions": len(request["BootstrapActions"]) > MOST_BOOTSTRAP_ACTIONS,
        "EMR's policy does not act on it": {"Key": "for-use-with-amazon-emr-managed-policies", "Value": "true"}
        not in request["Tags"],
    }
    yield from (wrong for wrong, so in found.items() if so)
    for fleet in fleets:
        yield from _of_a_fleet(fleet, region)
    yield from _of_scaling(request, {fleet["InstanceFleetType"]: fleet for fleet in fleets})


def _of_a_fleet(fleet: dict[str, Any], region: str) -> Iterator[str]:
    types = [one["InstanceType"] for one in fleet["InstanceTypeConfigs"]]
    if not 1 < len(set(types)) == len(types) <= MOST_TYPES:
        yield f"{fleet['Name']} has {len(types)} types"
    for name in types:
        if name not in instance_types():
            yield f"{name} is not of the release, or not for the wheels"
        elif name not in emr_offers(region) & ec2_offers(region):
            yield f"{name} is not offered in {region}"
    if fleet["InstanceFleetType"] == "MASTER" and fleet.get("TargetOnDemandCapacity") != 1:
        yield "there is not one primary node"
    if not fleet.get("TargetOnDemandCapacity", 0) + fleet.get("TargetSpotCapacity", 0) > 0:
        yield f"{fleet['Name']} is empty"


def _of_scaling(request: dict[str, Any], fleets: dict[str, dict[str, Any]]) -> Iterator[str]:
    if ("ManagedScalingPolicy" in request) != ("CORE" in fleets):
        yield "only core and task nodes are scaled"
        return
    if "CORE" not in fleets:
        return
    limits = request["ManagedScalingPolicy"]["ComputeLimits"]
    core, task = fleets["CORE"]["TargetOnDemandCapacity"], fleets.get("TASK", {})
    planned = core + task.get("TargetSpotCapacity", 0)
    spot = task.get("LaunchSpecifications", {}).get("SpotSpecification", {})
    on_demand = planned if spot.get("TimeoutAction") == "SWITCH_TO_ON_DEMAND" else core
    if not on_demand <= limits["MaximumOnDemandCapacityUnits"] <= limits["MaximumCapacityUnits"]:
        yield "Spot nodes that become On-Demand are beyond the limit of those"
    if not core == limits["MinimumCapacityUnits"] == limits["MaximumCoreCapacityUnits"] <= planned:
        yield "core nodes may go or come"
    if limits["MaximumCapacityUnits"] != planned:
        yield "the cluster may become larger than planned"
    if limits["UnitType"] != "InstanceFleetUnits":
        yield "fleets are limited by their units"
