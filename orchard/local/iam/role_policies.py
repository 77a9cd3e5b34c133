"""Policies that a stack gives to its roles from elsewhere: managed ones, and `AWS::IAM::RolePolicy`.

Written for moto 5.2.5, which leaves a role's `ManagedPolicyArns` unread, and has no model of the latter.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from orchard.local.moto.resources import Resource

if TYPE_CHECKING:
    from collections.abc import Mapping


_OF_AWS = ":iam::aws:policy/"
"""What the ARNs of policies have in them that are AWS's own; moto knows none."""


def attach_policies(role: Any, properties: Mapping[str, Any]) -> None:
    """Attach the managed policies of the account to a new role.

    Raises:
        moto.iam.exceptions.NotFoundException: There is no such policy.
    """
    from moto.iam.models import iam_backends

    for arn in properties.get("ManagedPolicyArns", []):
        if _OF_AWS not in arn:
            iam_backends[role.account_id][role.partition].attach_role_policy(arn, role.name)


class RolePolicy(Resource):
    """An inline policy of a role that the stack has elsewhere."""

    type_name = "AWS::IAM::RolePolicy"
    name_property = "PolicyName"

    @classmethod
    def create_from_cloudformation_json(
        cls, resource_name: str, cloudformation_json: Any, account_id: str, region_name: str, **kwargs: Any
    ) -> RolePolicy:
        """Put the policy into its role."""
        from moto.iam.models import iam_backends

        properties = cloudformation_json["Properties"]
        document = json.dumps(properties["PolicyDocument"])
        iam_backends[account_id]["aws"].put_role_policy(properties["RoleName"], properties["PolicyName"], document)
        return cls(properties["PolicyName"])
