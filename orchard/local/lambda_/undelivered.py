"""Events that no attempt could handle: they wait in the queue that the stack names, as in AWS.

Written for moto 5.2.5, which does nothing with the `EventInvokeConfig` of a function.
"""

from __future__ import annotations

import json
import uuid
from datetime import UTC, datetime
from typing import Any


def keep(function: Any, event: bytes, answer: bytes, attempts: int) -> None:
    """Send an event to the function's destination for failures, if it has one.

    The record is that of the Lambda developer guide, "Capturing records of Lambda asynchronous invocations".

    Args:
        answer: What the last attempt ended with, as JSON.
    """
    from moto.sqs.models import sqs_backends

    for configured in function.event_invoke_config:
        queue = configured.config.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination", "")
        if ":sqs:" not in queue:
            continue
        _, _, _, region, account, name = queue.split(":")
        record = {
            "version": "1.0",
            "timestamp": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "requestContext": {
                "requestId": str(uuid.uuid4()),
                "functionArn": f"{function.function_arn}:$LATEST",
                "condition": "RetriesExhausted",
                "approximateInvokeCount": attempts,
            },
            "requestPayload": json.loads(event),
            "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
            "responsePayload": json.loads(answer),
        }
        sqs_backends[account][region].send_message(name, json.dumps(record))
