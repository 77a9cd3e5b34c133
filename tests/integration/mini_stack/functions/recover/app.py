"""Describes a run, tells of executions that ended badly, and misbehaves when asked to."""

import json
import os
import time
from typing import Any

import boto3


def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:  # noqa: ANN401  # as Lambda calls it
    match event:
        case {"misbehave": "raise"}:
            raise LookupError("as asked")
        case {"misbehave": "sleep"}:
            time.sleep(60)
        case {"misbehave": "exit"}:
            os._exit(3)
        case {"detail": detail}:
            topic = os.environ["NOTICE_TOPIC_ARN"]
            boto3.client("sns").publish(TopicArn=topic, Subject=f"ended {detail['status']}", Message=json.dumps(event))
        case {"step_seen": {"status": step}, "cluster_seen": {"status": cluster}}:
            return {"text": json.dumps({"step": step, "cluster": cluster})}
    return {"function": context.function_name, "remaining": context.get_remaining_time_in_millis()}
