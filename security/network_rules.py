"""The rules of cdk-nag's AwsSolutions pack (RULES.md) about networks and keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

from security.permissions import listed, of_type

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from security.permissions import Template

EVERYWHERE = {"0.0.0.0/0", "::/0"}


def ec23_nobody_gets_in_from_everywhere(template: Template) -> Iterator[str]:
    """Security groups let in nobody from everywhere."""
    for name, group in of_type(template, "AWS::EC2::SecurityGroup"):
        rules = listed(group.get("SecurityGroupIngress", []))
        if any(EVERYWHERE & {rule.get("CidrIp"), rule.get("CidrIpv6")} for rule in rules):
            yield name
    for name, rule in of_type(template, "AWS::EC2::SecurityGroupIngress"):
        if EVERYWHERE & {rule.get("CidrIp"), rule.get("CidrIpv6")}:
            yield name


def ec27_groups_say_what_they_are_for(template: Template) -> Iterator[str]:
    """Security groups have a description."""
    yield from (name for name, group in of_type(template, "AWS::EC2::SecurityGroup") if not group["GroupDescription"])


def kms5_keys_are_rotated(template: Template) -> Iterator[str]:
    """Keys are rotated."""
    yield from (name for name, key in of_type(template, "AWS::KMS::Key") if not key.get("EnableKeyRotation"))


def vpc3_no_network_acls(template: Template) -> Iterator[str]:
    """Networks have security groups, which are stateful, instead of lists."""
    for type_ in ("AWS::EC2::NetworkAcl", "AWS::EC2::NetworkAclEntry"):
        yield from (name for name, _ in of_type(template, type_))


def vpc7_networks_log_their_flows(template: Template) -> Iterator[str]:
    """Networks have flow logs."""
    logged = [log.get("ResourceId") for _, log in of_type(template, "AWS::EC2::FlowLog")]
    yield from (name for name, _ in of_type(template, "AWS::EC2::VPC") if {"Ref": name} not in logged)


NETWORK_COVERED = frozenset(
    {
        *("AWS::EC2::VPC", "AWS::EC2::Subnet", "AWS::EC2::RouteTable", "AWS::EC2::SubnetRouteTableAssociation"),
        *("AWS::EC2::VPCEndpoint", "AWS::EC2::SecurityGroup", "AWS::EC2::SecurityGroupIngress", "AWS::KMS::Key"),
    }
)
"""The types that these rules are complete for."""

NETWORK_RULES: dict[str, Callable[[Template], Iterator[str]]] = {
    "EC23": ec23_nobody_gets_in_from_everywhere,
    "EC27": ec27_groups_say_what_they_are_for,
    "KMS5": kms5_keys_are_rotated,
    "VPC3": vpc3_no_network_acls,
    "VPC7": vpc7_networks_log_their_flows,
}
