"""Starts an execution for an object; the object itself says what its input is."""

import contextlib
import json
import os
from typing import Any
from urllib.parse import unquote_plus

import boto3


def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:  # noqa: ANN401  # as Lambda calls it
    s3, states = boto3.client("s3"), boto3.client("stepfunctions")
    for record in event["Records"]:
        stored = record["s3"]["object"]
        bucket, key, version = record["s3"]["bucket"]["name"], unquote_plus(stored["key"]), stored["versionId"]
        found = s3.get_object(Bucket=bucket, Key=key, VersionId=version)
        told = json.loads(found["Metadata"].get("told", "{}"))
        name = f"run-{version}"
        given = {
            "name": key,
            "fleets": [],
            "bootstrap_actions": [],
            "configurations": [],
            "first": ["true"],
            "second": ["true"],
            "record": {"key": stored["key"], "size": stored["size"], "version": version},
            **told,
        }
        text = json.dumps(given, sort_keys=True)
        print(f"event of {name}")
        with contextlib.suppress(states.exceptions.ExecutionAlreadyExists):
            states.start_execution(stateMachineArn=os.environ["STATE_MACHINE_ARN"], name=name, input=text)
    return {"function": context.function_name, "request": context.aws_request_id}
