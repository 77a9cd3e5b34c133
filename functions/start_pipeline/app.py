"""S3 event → one execution for each uploaded zip."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING
from urllib.parse import unquote_plus

from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.data_classes import S3Event, event_source
from botocore.exceptions import ClientError

from orchard import clients
from orchard.events import ArchiveVersion, execution_input

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.data_classes.s3_event import S3EventRecord
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger(service="start_pipeline")
tracer = Tracer(service="start_pipeline")
metrics = Metrics(namespace="Orchard", service="start_pipeline")


class StartsFailedError(Exception):
    """Some records of the event started nothing. Lambda delivers the whole event again; what was started collapses."""


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler
@metrics.log_metrics
@event_source(data_class=S3Event)
def handler(event: S3Event, context: LambdaContext) -> dict[str, list[str]]:
    """Start an execution for every zip in the event.

    Args:
        event: S3's notification, or its `s3:TestEvent`.
        context: Lambda's.

    Returns:
        `started`: the run ids, also of executions that an earlier delivery had started.

    Raises:
        StartsFailedError: At least one record could not be handled; all the others were.
    """
    metrics.add_dimension("FunctionName", context.function_name)  # tells two stacks of one region apart
    started, failed = [], []
    for record in _records(event):
        try:
            run = _start(record)
        except Exception as error:
            logger.exception("A record could not be handled")
            failed.append(error)
        else:
            started += [run] if run else []
    metrics.add_metric("RunsStarted", MetricUnit.Count, len(started))
    if failed:
        raise StartsFailedError(f"{len(failed)} of the event's records started nothing") from failed[0]
    return {"started": started}


def _records(event: S3Event) -> list[S3EventRecord]:
    if event.get("Event") == "s3:TestEvent":
        logger.info("S3's test event is ignored")
        return []
    return list(event.records)


@tracer.capture_method(capture_response=False)
def _start(record: S3EventRecord) -> str | None:
    uploaded = record.s3.get_object
    bucket, key = record.s3.bucket.name, unquote_plus(uploaded.key)  # the record's own `key` is as S3 encoded it
    if not key.lower().endswith(".zip"):
        logger.info("An object that is no zip is ignored", extra={"bucket": bucket, "key": key})
        return None
    archive = ArchiveVersion.of(
        bucket,
        key,
        version_id=uploaded.version_id,
        etag=uploaded.etag,
        size=uploaded.size,
    )
    run = archive.run_id(uploaded.get("sequencer") or "")
    with logger.append_context_keys(run_id=run):
        try:
            clients.step_functions().start_execution(
                stateMachineArn=os.environ["STATE_MACHINE_ARN"], name=run, input=execution_input(run, archive)
            )
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") != "ExecutionAlreadyExists":
                raise
            logger.info("The run exists: the event was delivered before")
        else:
            logger.info("The run is started", extra={"bucket": bucket, "key": key})
    return run
