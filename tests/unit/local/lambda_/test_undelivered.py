import json
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from moto import mock_aws

from orchard.local.lambda_.functions import Result, keep_undelivered

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

    keep_undelivered(
        function({"OnFailure": {"Destination": queue}}), b'{"key": "fruits.zip"}', ERROR.payload, attempts=3
    )

    [message] = sqs.receive_message(QueueUrl=url)["Messages"]
    record = json.loads(message["Body"])
    assert record["requestPayload"] == {"key": "fruits.zip"}
    assert record["responsePayload"] == {"errorMessage": "no such fruit", "errorType": "LookupError"}
    assert record["requestContext"]["functionArn"] == f"{ARN}:$LATEST"
    assert record["requestContext"]["approximateInvokeCount"] == 3


QUEUE = "arn:aws:sqs:eu-west-1:123456789012:"


@pytest.mark.parametrize(
    "destinations",
    [
        (),
        ({},),
        ({"OnSuccess": {"Destination": f"{QUEUE}done"}},),
        ({"OnFailure": {"Destination": "arn:aws:sns:eu-west-1:123456789012:told"}},),
    ],
    ids=["not configured", "no destination", "one for successes", "a topic, which is not simulated"],
)
@mock_aws
def test_a_function_without_a_queue_for_failures_leaves_every_queue_alone(
    destinations: tuple[dict[str, Any], ...],
) -> None:
    sqs = boto3.client("sqs", region_name="eu-west-1")
    urls = [sqs.create_queue(QueueName=name)["QueueUrl"] for name in ("undelivered", "done")]
    keep_undelivered(function(*destinations), b"{}", ERROR.payload, attempts=3)
    assert [waiting(url) for url in urls] == [0, 0]


@mock_aws
def test_only_the_queue_for_failures_gets_an_event_where_there_are_both() -> None:
    sqs = boto3.client("sqs", region_name="eu-west-1")
    urls = [sqs.create_queue(QueueName=name)["QueueUrl"] for name in ("undelivered", "done")]
    both = {"OnSuccess": {"Destination": f"{QUEUE}done"}, "OnFailure": {"Destination": f"{QUEUE}undelivered"}}
    keep_undelivered(function(both), b"{}", ERROR.payload, attempts=3)
    assert [waiting(url) for url in urls] == [1, 0]


def waiting(url: str) -> int:
    """How many messages are in a queue."""
    found = boto3.client("sqs", region_name="eu-west-1").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
    return int(found["Attributes"]["ApproximateNumberOfMessages"])
