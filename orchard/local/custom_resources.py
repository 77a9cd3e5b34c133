"""Custom resources: a function makes them, and its answer decides whether there will be a stack.

Written for moto 5.2.5, whose own model of them does not wait, and takes every answer for a good one. As in AWS, the
function puts its answer into an object in S3.
"""

from __future__ import annotations

import json
import uuid
from typing import Any

import boto3
from moto.cloudformation.exceptions import ValidationError
from moto.core.common_models import CloudFormationModel

_ANSWER = "answer"


class CustomResource(CloudFormationModel):
    """What a function has made for a stack.

    Args:
        name: Its physical id.
        data: Its attributes.
    """

    def __init__(self, name: str, data: dict[str, Any]) -> None:
        self._name = name
        self._data = data

    @property
    def physical_resource_id(self) -> str:
        """What `Ref` gives."""
        return self._name

    def get_cfn_attribute(self, attribute_name: str) -> Any:
        """What `Fn::GetAtt` gives."""
        return self._data[attribute_name]

    @staticmethod
    def cloudformation_name_type() -> str:
        """The property with its name: none, its function names it."""
        return ""

    @staticmethod
    def cloudformation_type() -> str:
        """Templates call it `Custom::` and something."""
        return "Custom::"

    @classmethod
    def has_cfn_attr(cls, attr: str) -> bool:
        """It has the attributes that its function gives it."""
        return bool(attr)

    @classmethod
    def create_from_cloudformation_json(
        cls, resource_name: str, cloudformation_json: Any, account_id: str, region_name: str, **kwargs: Any
    ) -> CustomResource:
        """Have the function make one.

        Raises:
            ValidationError: It could not; says why.
        """
        properties = cloudformation_json["Properties"]
        request = {
            "RequestType": "Create",
            "ServiceToken": properties["ServiceToken"],
            "StackId": kwargs["StackId"],
            "RequestId": str(uuid.uuid4()),
            "LogicalResourceId": kwargs["LogicalId"],
            "ResourceType": cloudformation_json["Type"],
            "ResourceProperties": properties,
        }
        answer = _asked(account_id, region_name, request)
        if answer["Status"] != "SUCCESS":
            raise ValidationError(message=f"{kwargs['LogicalId']}: {answer.get('Reason', 'no reason given')}")
        return cls(answer["PhysicalResourceId"], answer.get("Data", {}))


def _asked(account_id: str, region: str, request: dict[str, Any]) -> Any:
    """Invoke the function and fetch its answer."""
    from moto.awslambda.utils import get_backend

    s3 = boto3.client("s3")
    bucket = f"cloudformation-custom-resource-response-{uuid.uuid4().hex[:12]}"
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": region})  # type: ignore[typeddict-item]
    try:
        address = f"{s3.meta.endpoint_url}/{bucket}/{_ANSWER}"  # moto asks for no signature
        function = get_backend(account_id, region).get_function(request["ServiceToken"])
        returned = function.invoke(json.dumps({**request, "ResponseURL": address}), {}, {})
        try:
            answer = json.loads(s3.get_object(Bucket=bucket, Key=_ANSWER)["Body"].read())
        except s3.exceptions.NoSuchKey:
            return {"Status": "FAILED", "Reason": f"the function gave no answer, but {returned!r}"}
        s3.delete_object(Bucket=bucket, Key=_ANSWER)
        return answer
    finally:
        s3.delete_bucket(Bucket=bucket)
