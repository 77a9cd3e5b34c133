"""What moto's CloudFormation leaves out of a stack.

Written for moto 5.2.5.

* A bucket is created without its versioning and notifications: `FakeBucket.create_from_cloudformation_json`
  is wrapped to add them.
* A state machine is created where the interpreter does not look: `moto.stepfunctions.models.stepfunctions_backends` is
  made the interpreter's.
* A custom resource is left to a thread, and its failure to nobody: `custom_resources` of `local/lambda_` waits.
* A subnet is not given its route table: `SubnetRouteTableAssociation.create_from_cloudformation_json` is wrapped.
* `Fn::Cidr` is unknown, and the zones of `Fn::GetAZs` are those of another region: `clean_json` is wrapped.
* What becomes of events that a function cannot handle is left out, and so are applications of EMR Serverless, and
  policies that a role gets from another resource: `resource_class_from_type` knows them.
  `Role.create_from_cloudformation_json` attaches those that it names.
* A log group's `Arn` ends in `:*` in AWS, which is why a policy that names it is about its streams: so it does here.
* A type that moto has no model of (policies of buckets and topics, alarms) is left out with a Python warning, and what
  refers to it gets nothing: the same gives it a placeholder with a name and an address.
"""

from __future__ import annotations

import ipaddress
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from moto.cloudformation import parsing

from orchard.local.emr.serverless import JobApplication
from orchard.local.lambda_.custom_resources import CustomResource
from orchard.local.moto.patching import replaced
from orchard.local.moto.resources import EventInvokeConfig, Placeholder, RolePolicy

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def complete_stacks(region: str) -> Iterator[None]:
    """Have CloudFormation create all of a stack, or something in its place."""
    from moto.ec2.models import ec2_backends
    from moto.ec2.models.subnets import SubnetRouteTableAssociation
    from moto.iam.models import Role, iam_backends
    from moto.logs.models import LogGroup
    from moto.s3.models import FakeBucket
    from moto.stepfunctions import models as states
    from moto.stepfunctions.parser.models import stepfunctions_parser_backends

    create_bucket, create_role = FakeBucket.create_from_cloudformation_json, Role.create_from_cloudformation_json
    find_class = parsing.resource_class_from_type
    clean_json, associate = parsing.clean_json, SubnetRouteTableAssociation.create_from_cloudformation_json

    def create(_cls: Any, resource_name: str, cloudformation_json: Any, *args: Any, **kwargs: Any) -> Any:
        bucket = create_bucket(resource_name, cloudformation_json, *args, **kwargs)
        _configure(bucket, cloudformation_json.get("Properties", {}))
        return bucket

    def create_role_too(_cls: Any, resource_name: str, cloudformation_json: Any, *args: Any, **kwargs: Any) -> Any:
        role = create_role(resource_name, cloudformation_json, *args, **kwargs)
        for arn in cloudformation_json["Properties"].get("ManagedPolicyArns", []):
            if ":iam::aws:policy/" not in arn:  # moto knows none of AWS's own
                iam_backends[role.account_id][role.partition].attach_role_policy(arn, role.name)
        return role

    def create_association(_cls: Any, /, name: str, given: Any, account: str, region_name: str, **kwargs: Any) -> Any:
        made = associate(name, given, account, region_name, **kwargs)
        ec2_backends[account][region_name].associate_route_table(made.route_table_id, subnet_id=made.subnet_id)
        return made

    def find(resource_type: str) -> Any:
        if resource_type in _OURS:
            return _OURS[resource_type]
        if resource_type.startswith("Custom::"):
            return CustomResource
        known = resource_type in parsing.get_model_map() or resource_type in parsing.NULL_MODELS
        return find_class(resource_type) if known else Placeholder

    def clean(value: Any, resources: Any) -> Any:
        match value:
            case {"Fn::Cidr": [block, count, bits]}:
                return _blocks(str(clean(block, resources)), int(count), int(bits))
            case {"Fn::GetAZs": ""}:
                return clean_json({"Fn::GetAZs": region}, resources)
        return clean_json(value, resources)

    with (
        replaced(FakeBucket, create_from_cloudformation_json=classmethod(create)),
        replaced(SubnetRouteTableAssociation, create_from_cloudformation_json=classmethod(create_association)),
        replaced(parsing, resource_class_from_type=find, clean_json=clean),
        replaced(Role, create_from_cloudformation_json=classmethod(create_role_too)),
        replaced(LogGroup, get_cfn_attribute=lambda group, _attribute: f"{group.arn}:*"),
        replaced(states, stepfunctions_backends=stepfunctions_parser_backends),
    ):
        yield


def _blocks(block: str, count: int, bits: int) -> list[str]:
    """What `Fn::Cidr` gives: as many blocks of so many host bits."""
    parts = ipaddress.ip_network(block).subnets(new_prefix=32 - bits)
    return [str(part) for _, part in zip(range(count), parts, strict=False)]


_OURS = {one.cloudformation_type(): one for one in (EventInvokeConfig, JobApplication, RolePolicy)}


def _configure(bucket: Any, properties: Any) -> None:
    status = properties.get("VersioningConfiguration", {}).get("Status")
    if status is not None:
        bucket.versioning_status = status
    notifications = properties.get("NotificationConfiguration", {}).get("LambdaConfigurations", [])
    if notifications:
        configured = [_notification(one, number) for number, one in enumerate(notifications)]
        bucket.set_notification_configuration({"CloudFunctionConfiguration": configured})


def _notification(given: Any, number: int) -> dict[str, Any]:
    """A notification as the S3 API spells it, from CloudFormation's spelling."""
    configured: dict[str, Any] = {
        "Id": f"notification-{number}",
        "CloudFunction": given["Function"],
        "Event": [given["Event"]],
    }
    rules = given.get("Filter", {}).get("S3Key", {}).get("Rules", [])
    if rules:
        spelled = [{"Name": rule["Name"].lower(), "Value": rule["Value"]} for rule in rules]
        configured["Filter"] = {"S3Key": {"FilterRule": spelled}}
    return configured
