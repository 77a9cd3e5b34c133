"""An object was created → one execution for each uploaded zip, and for each archive that is none, to say so."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.metrics import MetricUnit
from botocore.exceptions import ClientError

from orchard.aws import clients
from orchard.aws.errors import is_taken
from orchard.errors import shown
from orchard.pipeline.input import CreatedObject, execution_input, messages_in
from orchard.pipeline.kinds import Kind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger(service="start_pipeline")
tracer = Tracer(service="start_pipeline")
metrics = Metrics(namespace="Orchard", service="start_pipeline")


class StartsFailedError(Exception):
    """Some records of the event started nothing. Lambda delivers the whole event again; what was started collapses."""


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, list[str]]:
    """Start an execution for every zip in the event, and for all that somebody took for one.

    Args:
        event: A notification of the bucket, its `s3:TestEvent`, or an "Object Created" of EventBridge.

    Returns:
        `started`: the run ids, also of executions that an earlier delivery had started.

    Raises:
        StartsFailedError: At least one record could not be handled; all the others were.
    """
    metrics.add_dimension("FunctionName", context.function_name)  # tells two stacks of one region apart
    started, failed = [], []
    messages = messages_in(event)
    for message in messages:
        try:
            run = _start(message)
        except Exception as error:
            logger.exception("A record could not be handled")
            failed.append(error)
        else:
            started += [run] if run else []
    metrics.add_metric("RunsStarted", MetricUnit.Count, len(started))
    metrics.add_metric("ObjectsIgnored", MetricUnit.Count, len(messages) - len(started) - len(failed))
    if failed:
        raise StartsFailedError(f"{len(failed)} of the event's records started nothing") from failed[0]
    return {"started": started}


@tracer.capture_method(capture_response=False)
def _start(message: Mapping[str, Any]) -> str | None:
    created = CreatedObject.parse(message)
    bucket, key = created.archive.bucket, shown(created.archive.key)
    if created.kind is Kind.OTHER:
        logger.info("An object that is no archive starts nothing", extra={"bucket": bucket, "key": key})
        return None
    run = created.run_id
    with logger.append_context_keys(run_id=run):
        try:
            clients.step_functions().start_execution(
                stateMachineArn=os.environ["STATE_MACHINE_ARN"], name=run, input=execution_input(created.archive)
            )
        except ClientError as error:
            if not is_taken(error):
                raise
            logger.info("The run exists: the event was delivered before")
        else:
            logger.info("The run is started", extra={"bucket": bucket, "key": key})
    return run
