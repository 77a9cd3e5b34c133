from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from moto import mock_aws

from orchard.local.lambdas import Result
from orchard.local.undelivered import keep

ARN = "arn:aws:lambda:eu-west-1:123456789012:function:start"
ERROR = Result.of_error("LookupError", "no such fruit")


def function(*destinations: dict[str, Any]) -> SimpleNamespace:
    configured = [SimpleNamespace(config={"DestinationConfig": one}) for one in destinations]
    return SimpleNamespace(function_arn=ARN, event_invoke_config=configured)


@mock_aws
def test_an_event_that_nobody_could_handle_waits_in_the_queue() -> None:
    sqs = boto3.client("sqs", region_name="eu-west-1")
    url = sqs.create_queue(QueueName="undelivered")["QueueUrl"]
    queue = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]

    keep(function({"OnFailure": {"Destination": queue}}), b'{"key": "fruits.zip"}', ERROR, attempts=3)

    [message] = sqs.receive_message(QueueUrl=url)["Messages"]
    record = json.loads(message["Body"])
    assert record["requestPayload"] == {"key": "fruits.zip"}
    assert record["responsePayload"] == {"errorMessage": "no such fruit", "errorType": "LookupError"}
    assert record["requestContext"]["functionArn"] == f"{ARN}:$LATEST"
    assert record["requestContext"]["approximateInvokeCount"] == 3


@pytest.mark.parametrize(
    "destinations", [(), ({},), ({"OnSuccess": {"Destination": "arn:aws:sqs:eu-west-1:123456789012:done"}},)]
)
def test_a_function_without_a_place_for_them_loses_them(destinations: tuple[dict[str, Any], ...]) -> None:
    keep(function(*destinations), b"{}", ERROR, attempts=3)
