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

from orchard.local.moto.resources import Resource

_ANSWER = "answer"


class CustomResource(Resource):
    """What a function has made for a stack: it names it, and gives it its attributes."""

    type_name = "Custom::"

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
