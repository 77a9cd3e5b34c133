"""Resources of a stack that moto 5.2.5 has no model of: what they have in common, and the smallest of them."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

from moto.core.common_models import CloudFormationModel

if TYPE_CHECKING:
    from collections.abc import Mapping

LOG = logging.getLogger(__name__)


class Resource(CloudFormationModel):
    """A resource as moto's CloudFormation asks for it; its classes say how one is created.

    Args:
        name: What `Ref` gives.
        attributes: What `Fn::GetAtt` gives.
    """

    type_name = ""
    """The type in templates."""

    name_property = ""
    """The property with its name; empty where a name is made."""

    def __init__(self, name: str, attributes: Mapping[str, Any] | None = None) -> None:
        self._name = name
        self._attributes = attributes or {}

    @property
    def physical_resource_id(self) -> str:
        """What `Ref` gives."""
        return self._name

    def get_cfn_attribute(self, attribute_name: str) -> Any:
        """What `Fn::GetAtt` gives."""
        return self._attributes[attribute_name]

    @classmethod
    def cloudformation_name_type(cls) -> str:
        """The property with its name."""
        return cls.name_property

    @classmethod
    def cloudformation_type(cls) -> str:
        """The type in templates."""
        return cls.type_name

    @classmethod
    def has_cfn_attr(cls, attr: str) -> bool:
        """Which attributes there are, a resource knows, and its class does not."""
        return bool(attr)


class EventInvokeConfig(Resource):
    """What a stack says about a function's asynchronous invocations; moto keeps it with the function."""

    type_name = "AWS::Lambda::EventInvokeConfig"

    @classmethod
    def create_from_cloudformation_json(
        cls, resource_name: str, cloudformation_json: Any, account_id: str, region_name: str, **kwargs: Any
    ) -> EventInvokeConfig:
        """Configure the function, which is there."""
        from moto.awslambda.utils import get_backend

        properties = cloudformation_json["Properties"]
        get_backend(account_id, region_name).put_function_event_invoke_config(properties["FunctionName"], properties)
        return cls(resource_name)


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


class Placeholder(Resource):
    """Stands for a resource that does nothing here; it has every attribute."""

    type_name = "Orchard::Local::Placeholder"

    def get_cfn_attribute(self, attribute_name: str) -> str:
        """An address for what is called one, and else its name."""
        return str(self._attributes["Arn"]) if attribute_name.endswith("Arn") else self._name

    @classmethod
    def create_from_cloudformation_json(
        cls, resource_name: str, cloudformation_json: Any, account_id: str, region_name: str, **kwargs: Any
    ) -> Placeholder:
        """Make one."""
        LOG.debug("%s is %s, which does nothing here", resource_name, cloudformation_json["Type"])
        service = cloudformation_json["Type"].split("::")[1].lower()
        return cls(resource_name, {"Arn": f"arn:aws:{service}:{region_name}:{account_id}:{resource_name}"})
