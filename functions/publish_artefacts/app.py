"""CloudFormation's custom resource: copy what `sam build` assembled into the artefacts bucket, or empty that bucket.

An application of EMR Serverless that is to be deleted, with the stack or because runs shall work on clusters again, is
stopped before: CloudFormation deletes it only after it has had this answer, and could not while it is started.

CloudFormation waits for an answer at an address that is as good as a password: it is never logged.
"""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import urllib3
from aws_lambda_powertools import Logger, Tracer
from aws_lambda_powertools.utilities.data_classes import CloudFormationCustomResourceEvent, event_source

from orchard.aws import clients
from orchard.compute.base import Access
from orchard.compute.registry import COMPUTES
from orchard.release.publish import publish, remove_all

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger(service="publish_artefacts")
tracer = Tracer(service="publish_artefacts")


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler(capture_response=False)
@event_source(data_class=CloudFormationCustomResourceEvent)
def handler(event: CloudFormationCustomResourceEvent, context: LambdaContext) -> None:
    """Do what a deployment asks for, and tell it how that ended.

    Args:
        event: The request; its properties are `Bucket`, the artefacts bucket, `Engines`, with commas between,
            `Compute`, what runs work on, and what else is to be left in order before it is deleted.
    """
    properties = event.resource_properties
    answer: dict[str, Any] = {
        "StackId": event.stack_id,
        "RequestId": event.request_id,
        "LogicalResourceId": event.logical_resource_id,
        # another bucket is another resource: CloudFormation then has the former one emptied
        "PhysicalResourceId": properties["Bucket"],
    }
    try:
        _leave(event)
        if event.request_type == "Delete":
            logger.info("The bucket is emptied", extra={"versions": remove_all(clients.s3(), properties["Bucket"])})
        else:
            answer["Data"] = _publish(properties)
        answer["Status"] = "SUCCESS"
    except Exception as error:  # unanswered, CloudFormation would wait for an hour
        logger.exception("The request failed")
        answer |= {"Status": "FAILED", "Reason": str(error)}
    urllib3.PoolManager().request("PUT", event.response_url, body=json.dumps(answer), headers={"Content-Type": ""})


def _leave(event: CloudFormationCustomResourceEvent) -> None:
    """Prepare for the deletion of what runs worked on and will not after this request."""
    now, deleted = event.resource_properties, event.request_type == "Delete"
    access = Access(clients.client, now if deleted else event.old_resource_properties)
    for compute in COMPUTES.values():
        left = compute.leave(access, {} if deleted else now)
        if left:
            logger.info("What runs worked on can be deleted", extra={"compute": compute.name, "left": left})


def _publish(properties: dict[str, Any]) -> dict[str, str]:
    with tempfile.TemporaryDirectory() as scratch:
        bundle = publish(
            clients.s3(),
            properties["Bucket"],
            Path(os.environ["BUNDLE"]),
            properties["Engines"].split(","),
            archives=COMPUTES[properties["Compute"]].packs_environments,
            scratch=Path(scratch),
            on_upload=lambda key: logger.info("Uploading", extra={"key": key}),
        )
    return {"Release": bundle.release, "Model": bundle.model}
