"""Whether a cluster could start in the stack's subnets: a way to S3, EMR's tag, addresses, instance types."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from orchard.aws import sessions
from orchard.aws.errors import is_absent
from orchard.compute.sizing import AT_MOST, MAX_CORE_NODES
from orchard.doctor.checks import Check, Verdict, ask, ok, wrong
from orchard.doctor.offers import lacking_in_zone
from orchard.layout import EMR_POLICY_TAG

if TYPE_CHECKING:
    from boto3.session import Session
    from mypy_boto3_ec2 import EC2Client

    from orchard.aws.stack import Stack

_DEPLOY = "sam deploy --parameter-overrides SubnetIds=<subnets of one VPC, or nothing for a network of its own>"


def network_checks(session: Session, stack: Stack) -> list[Check]:
    """Look at each subnet of the stack."""
    ec2 = session.client("ec2", config=sessions.client_config())
    names = [name.strip() for name in stack.subnet_ids.split(",") if name.strip()]
    if not names:
        return [wrong("Subnets", "the stack has none", _DEPLOY)]
    return [ask(f"Subnet {name}", partial(_subnet, ec2, name, session.region_name)) for name in names]


def _subnet(ec2: EC2Client, name: str, region: str) -> Check:
    line = f"Subnet {name}"
    try:
        [subnet] = ec2.describe_subnets(SubnetIds=[name])["Subnets"]
    except ClientError as error:
        if is_absent(error):
            return wrong(line, f"it does not exist in {region}", _DEPLOY)
        raise
    vpc = subnet["VpcId"]
    [its_vpc] = ec2.describe_vpcs(VpcIds=[vpc])["Vpcs"]
    untagged = [one for one, tagged in ((name, subnet), (vpc, its_vpc)) if not _is_tagged(tagged)]
    if untagged:
        command = f"aws ec2 create-tags --resources {' '.join(untagged)} --tags Key={EMR_POLICY_TAG},Value=true"
        return wrong(line, f"{' and '.join(untagged)} lack the tag without which EMR may not use them", command)
    if subnet["AvailableIpAddressCount"] <= MAX_CORE_NODES:
        finding = f"only {subnet['AvailableIpAddressCount']} addresses are free, and a cluster may have more nodes"
        return wrong(line, finding, _DEPLOY)
    zone = subnet["AvailabilityZone"]
    none, lacking = lacking_in_zone(ec2, region, zone)
    if none:
        return wrong(line, f"its zone {zone} offers none of the instance types of size {' and '.join(none)}", _DEPLOY)
    found = _route_to_s3(ec2, line, subnet, region)
    few = ""
    if subnet["AvailableIpAddressCount"] <= AT_MOST.core_nodes:
        few = f"; its {subnet['AvailableIpAddressCount']} free addresses are too few for the largest runs by --max-usd"
    without = f", which does not offer {', '.join(lacking)}; a cluster takes another type there" if lacking else ""
    return replace(found, finding=f"{found.finding}; in {zone}{without}{few}") if found.verdict == Verdict.OK else found


def _route_to_s3(ec2: EC2Client, line: str, subnet: Any, region: str) -> Check:  # noqa: ANN401 (JSON)
    table = _route_table(ec2, subnet)
    ways = {"gateway endpoint": "GatewayId", "NAT gateway": "NatGatewayId", "transit gateway": "TransitGatewayId"}
    for way, key in ways.items():
        for route in table["Routes"]:
            target = route.get(key, "")
            if target and (target.startswith("vpce-") if way == "gateway endpoint" else _is_default(route)):
                return ok(line, f"reaches S3 by {target}, a {way}")
    public = any(_is_default(route) and route.get("GatewayId", "").startswith("igw-") for route in table["Routes"])
    if public and subnet.get("MapPublicIpOnLaunch"):
        return ok(line, "reaches S3 by the internet")
    endpoint = (
        f"aws ec2 create-vpc-endpoint --region {region} --vpc-id {subnet['VpcId']} "
        f"--service-name com.amazonaws.{region}.s3 --route-table-ids {table['RouteTableId']}"
    )
    why = "its nodes get no public address" if public else "it has no route there"
    return wrong(line, f"does not reach S3: {why}", endpoint)


def _route_table(ec2: EC2Client, subnet: Any) -> Any:  # noqa: ANN401 (JSON)
    """The subnet's own route table, or else the main one of its VPC."""
    own = ec2.describe_route_tables(Filters=[{"Name": "association.subnet-id", "Values": [subnet["SubnetId"]]}])
    if own["RouteTables"]:
        return own["RouteTables"][0]
    main = ec2.describe_route_tables(
        Filters=[
            {"Name": "vpc-id", "Values": [subnet["VpcId"]]},
            {"Name": "association.main", "Values": ["true"]},
        ]
    )
    return main["RouteTables"][0]


def _is_default(route: Any) -> bool:  # noqa: ANN401 (JSON)
    return bool(route.get("DestinationCidrBlock") == "0.0.0.0/0")


def _is_tagged(resource: Any) -> bool:  # noqa: ANN401 (JSON)
    return any(tag["Key"] == EMR_POLICY_TAG and tag["Value"] == "true" for tag in resource.get("Tags", []))
