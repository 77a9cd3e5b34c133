"""EventBridge → an execution ended: no cluster and no job of it may live on, and a notice is sent."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.data_classes import EventBridgeEvent, event_source

from orchard.aws import clients
from orchard.compute.base import Access
from orchard.compute.registry import Computes
from orchard.layout import run_files
from orchard.runs import orphans
from orchard.runs.listing import UNDER_WAY
from orchard.runs.orphans import Ending

if TYPE_CHECKING:
    from collections.abc import Iterable

    from aws_lambda_powertools.utilities.typing import LambdaContext

    from orchard.compute.base import Alive

logger = Logger(service="stop_orphans")
tracer = Tracer(service="stop_orphans")
metrics = Metrics(namespace="Orchard", service="stop_orphans")


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler
@metrics.log_metrics
@event_source(data_class=EventBridgeEvent)
def handler(event: EventBridgeEvent, context: LambdaContext) -> dict[str, Any]:
    """Terminate what ended executions left running, and notify of those that could not.

    Args:
        event: "Step Functions Execution Status Change" about one execution, or "Scheduled Event" about all of them: the
            first is delivered with best effort only.

    Returns:
        `terminated`: ids of clusters and of job runs; `notified`: whether a notice was sent.
    """
    metrics.add_dimension("FunctionName", context.function_name)  # tells two stacks of one region apart
    terminated, notified = _sweep() if event.detail_type == "Scheduled Event" else _clean_up(event.detail)
    metrics.add_metric("OrphansStopped", MetricUnit.Count, len(terminated))
    return {"terminated": _ids(terminated), "notified": notified}


def _clean_up(detail: dict[str, Any]) -> tuple[tuple[Alive, ...], bool]:
    """After the end of one execution: what was terminated, and whether a notice was sent."""
    metrics.add_metric("EndingsSeen", MetricUnit.Count, 1)
    ending = _ending(detail)
    if ending is None:
        return (), False
    logger.append_keys(run_id=ending.run_id)
    terminated = orphans.stop(ending.run_id, _computes())
    if terminated:
        logger.warning("Something outlived its run", extra={"clusters": _ids(terminated), "status": ending.status})
    return terminated, not ending.was_notified and _notify(ending, terminated)


def _sweep() -> tuple[tuple[Alive, ...], bool]:
    """The same after the ends of all executions whose events did not come."""
    sfn, machine = clients.step_functions(), os.environ["STATE_MACHINE_ARN"]
    swept, left = orphans.sweep(_computes(), sfn, machine, datetime.now(UTC))
    notified = False
    for run in orphans.ended_badly(sfn, machine, datetime.now(UTC), swept):
        ending = None if run.id in left else _ending({"executionArn": run.arn})  # a notice once nothing of it is left
        if ending is not None and not ending.was_notified:
            notified |= _notify(ending, swept.get(ending.run_id, ()))
    terminated = tuple(one for found in swept.values() for one in found)
    if terminated:
        logger.warning(
            "Something outlived its run, and no event of its end came",
            extra={"clusters": _ids(terminated)},
        )
    return terminated, notified


def _ids(found: Iterable[Alive]) -> list[str]:
    return [one.id for one in found]


def _computes() -> Computes:
    return Computes(Access(clients.client, os.environ))


def _ending(detail: dict[str, Any]) -> Ending | None:
    """How the execution ended, as Step Functions itself says; None while it runs, whatever the event says."""
    execution: Any = clients.step_functions().describe_execution(executionArn=detail["executionArn"])
    if execution["status"] in UNDER_WAY:
        logger.warning("The execution is running: nothing is touched", extra={"run_id": execution["name"]})
        return None
    return Ending(
        run_id=execution["name"],
        status=execution["status"],
        error=detail.get("error") or execution.get("error", ""),
        cause=detail.get("cause") or execution.get("cause", ""),
        redrives=execution.get("redriveCount", 0),
    )


def _notify(ending: Ending, terminated: tuple[Alive, ...]) -> bool:
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
