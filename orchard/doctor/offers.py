"""Whether EC2 offers what fleets ask for: in the region, or EMR refuses every cluster, and in the subnets' zones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchard.aws import sessions
from orchard.compute.offered import OFFERED
from orchard.compute.sizing import EIGHT, FOUR, SHAPES
from orchard.doctor.checks import Check, ok, wrong

if TYPE_CHECKING:
    from collections.abc import Iterable

    from boto3.session import Session
    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_ec2.type_defs import FilterTypeDef

_LINE = "Instance types"
_PLANNED = (FOUR, EIGHT)
"""The sizes that a plan takes by itself."""

_TABLE = "orchard/compute/offered.py"


def region_types(session: Session) -> Check:
    """Compare the types that clusters are made of with those that the account's region offers."""
    region = session.region_name
    asked = {shape.size: shape.types_in(region) for shape in SHAPES.values()}
    names = [name for types in asked.values() for name in types]
    offered = _offered(session.client("ec2", config=sessions.client_config()), names)
    none = [shape.size for shape in _PLANNED if not offered.intersection(asked[shape.size])]
    if none:
        cause = f"{region} offers none of {', '.join(OFFERED[region])} in the size {' and '.join(none)}"
        return wrong(_LINE, cause, f"export AWS_REGION={sessions.DEFAULT_REGION}")
    lacking = [name for name in names if name not in offered]
    if lacking:
        cause = f"{region} does not offer {', '.join(lacking)} here; EMR refuses a cluster that lists one of them"
        return wrong(_LINE, cause, f"take the family out of {_TABLE} for {region}, then sam build && sam deploy")
    return ok(_LINE, f"{', '.join(OFFERED[region])} are offered in {region}")


def lacking_in_zone(ec2: EC2Client, region: str, zone: str) -> tuple[list[str], list[str]]:
    """What a zone lacks of what clusters are made of.

    Returns:
        The sizes of which it offers no type at all, and the types that it lacks of the others.
    """
    asked = {shape.size: shape.types_in(region) for shape in _PLANNED}
    offered = _offered(ec2, [name for types in asked.values() for name in types], zone)
    none = [size for size, types in asked.items() if not offered.intersection(types)]
    lacking = [name for size, types in asked.items() if size not in none for name in types if name not in offered]
    return none, lacking


def _offered(ec2: EC2Client, names: Iterable[str], zone: str = "") -> set[str]:
    """Those of some types that are offered in the region, or in one of its zones."""
    wanted: list[FilterTypeDef] = [{"Name": "instance-type", "Values": list(names)}]
    if zone:
        wanted.append({"Name": "location", "Values": [zone]})
    pages = ec2.get_paginator("describe_instance_type_offerings").paginate(
        LocationType="availability-zone" if zone else "region", Filters=wanted
    )
    return {offer["InstanceType"] for page in pages for offer in page["InstanceTypeOfferings"]}
