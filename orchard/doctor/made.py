"""What CloudFormation made for a stack."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchard.aws import sessions

if TYPE_CHECKING:
    from boto3.session import Session

    from orchard.aws.stack import Stack


def physical_ids(session: Session, stack: Stack) -> dict[str, str]:
    """The physical ids of a stack's resources by their logical ids in template.yaml."""
    cloudformation = session.client("cloudformation", config=sessions.client_config())
    pages = cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack.name)
    listed = (one for page in pages for one in page["StackResourceSummaries"])
    return {one["LogicalResourceId"]: one.get("PhysicalResourceId", "") for one in listed}
