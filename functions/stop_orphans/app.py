"""EventBridge → an execution ended: no cluster and no job of it may live on, and somebody must be told."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.data_classes import EventBridgeEvent, event_source

from orchard import clients, orphans
from orchard.computes import Computes
from orchard.diagnose.values import words
from orchard.job_runs import JobRuns
from orchard.layout import run_files
from orchard.orphans import Ending
from orchard.runs import UNDER_WAY

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger(service="stop_orphans")
tracer = Tracer(service="stop_orphans")
metrics = Metrics(namespace="Orchard", service="stop_orphans")


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler
@metrics.log_metrics
@event_source(data_class=EventBridgeEvent)
def handler(event: EventBridgeEvent, context: LambdaContext) -> dict[str, Any]:
    """Terminate what an ended execution left running, and notify if the execution could not.

    Args:
        event: "Step Functions Execution Status Change".
        context: Lambda's.

    Returns:
        `terminated`: ids of clusters and of job runs; `notified`: whether a notice was sent.
    """
    metrics.add_dimension("FunctionName", context.function_name)  # tells two stacks of one region apart
    metrics.add_metric("EndingsSeen", MetricUnit.Count, 1)
    ending = _ending(event.detail)
    if ending is None:
        return {"terminated": [], "notified": False}
    logger.append_keys(run_id=ending.run_id)
    terminated = orphans.stop(ending.run_id, _computes())
    metrics.add_metric("OrphansStopped", MetricUnit.Count, len(terminated))
    if terminated:
        logger.warning("Something outlived its run", extra={"clusters": terminated, "status": ending.status})
    notified = not ending.was_told and _notify(ending, terminated)
    return {"terminated": list(terminated), "notified": notified}


def _computes() -> Computes:
    application = os.environ["JOB_APPLICATION_ID"]  # empty for a stack that works on clusters
    return Computes(clients.emr(), JobRuns(clients.emr_serverless(), application) if application else None)


def _ending(detail: dict[str, Any]) -> Ending | None:
    """How the execution ended, as Step Functions itself says; None while it runs, whatever the event says."""
    execution: Any = clients.step_functions().describe_execution(executionArn=detail["executionArn"])
    if execution["status"] in UNDER_WAY:
        logger.warning("The execution is running: nothing is touched", extra={"run_id": execution["name"]})
        return None
    return Ending(
        run_id=execution["name"],
        status=execution["status"],
        error=words(detail, "error") or words(execution, "error"),
        cause=words(detail, "cause") or words(execution, "cause"),
        redrives=execution.get("redriveCount", 0),
    )


def _notify(ending: Ending, terminated: tuple[str, ...]) -> bool:
    results = os.environ["RESULTS_BUCKET"]
    notice = orphans.notice_of_ending(ending, terminated, results)
    marker = run_files(results, ending.run_id).end_notice(ending.redrives)
    if not orphans.claim(marker, json.dumps(notice.to_json()), clients.s3()):
        logger.info("The notice was sent before")
        return False
    try:
        clients.sns().publish(TopicArn=os.environ["NOTICE_TOPIC_ARN"], Subject=notice.subject, Message=notice.message)
    except Exception:
        orphans.unclaim(marker, clients.s3())
        raise
    return True
