"""The state machine's first state: read the zip's list of members, then refuse it or plan the run."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.metrics import MetricUnit

from orchard.aws import clients
from orchard.compute.registry import COMPUTES
from orchard.layout import ReleaseFiles
from orchard.runs.inspect import inspect_upload
from orchard.runs.plan import Deployed

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger(service="inspect_archive")
tracer = Tracer(service="inspect_archive")
metrics = Metrics(namespace="Orchard", service="inspect_archive")


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler(capture_response=False)
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Decide whether there will be a run, and which.

    Args:
        event: `run_id`: the execution's name; `input`: its input, whatever it looks like.

    Returns:
        With `accepted` true, what the state machine needs to create the cluster and queue the steps, or to start the
        jobs; with `accepted` false, the `error` that says why the archive is refused.

    Raises:
        SourceUnreachableError: S3 cannot be reached.
    """
    metrics.add_dimension("FunctionName", context.function_name)  # tells two stacks of one region apart
    metrics.add_metric("ArchivesInspected", MetricUnit.Count, 1)
    logger.append_keys(run_id=event["run_id"])
    decision = inspect_upload(
        event["run_id"],
        event["input"],
        Deployed(
            results_bucket=os.environ["RESULTS_BUCKET"],
            release=ReleaseFiles(os.environ["ARTEFACTS_BUCKET"], os.environ["RELEASE"]),
            model=os.environ["MODEL"],
            engines=tuple(os.environ["ENGINES"].split(",")),
            compute=COMPUTES[os.environ["COMPUTE"]],
            given=os.environ,
            charged=os.environ["CHARGED"] == "true",
            memory_bytes=int(context.memory_limit_in_mb) * 2**20,
        ),
        clients.s3(),
    )
    metrics.add_metric("ArchivesRefused", MetricUnit.Count, 0 if decision["accepted"] else 1)
    if decision["accepted"]:
        metrics.add_metric("Images", MetricUnit.Count, decision["counts"]["images"])
        logger.info("The archive is accepted", extra={"counts": decision["counts"], "size": decision["size"]})
    else:
        logger.warning("The archive is refused", extra={"cause": decision["error"]["Cause"]})
    return decision
