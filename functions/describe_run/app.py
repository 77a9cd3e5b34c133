"""The state machine's last word: what the run gave, or why it failed, for people."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.metrics import MetricUnit

from orchard.aws import clients
from orchard.compute.base import Access
from orchard.diagnose.gather import gather
from orchard.notices.notice import describe
from orchard.pipeline.state import RunState

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger(service="describe_run")
tracer = Tracer(service="describe_run")
metrics = Metrics(namespace="Orchard", service="describe_run")


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler(capture_response=False)
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, str]:
    """Describe a run that has ended, for its notice.

    Args:
        event: `state`: the state machine's data; `started`: when the execution started, ISO 8601.

    Returns:
        `subject`, `message` and `cause` of the notice.
    """
    metrics.add_dimension("FunctionName", context.function_name)  # tells two stacks of one region apart
    state = RunState.parse(event["state"])
    logger.append_keys(run_id=state.run_id)
    facts = gather(state, started=event["started"], access=Access(clients.client, os.environ), s3=clients.s3())
    notice = describe(state, facts)
    failed = state.failure is not None or state.termination_failure is not None
    outcome = "RunsRefused" if state.refused else "RunsFailed" if failed else "RunsSucceeded"
    metrics.add_metric(outcome, MetricUnit.Count, 1)
    if facts.minutes is not None:
        metrics.add_metric("RunSeconds", MetricUnit.Seconds, max(0, facts.minutes * 60 - state.waited))
    if facts.cost.actual is not None:
        metrics.add_metric("RunCost", MetricUnit.NoUnit, facts.cost.actual)  # CloudWatch knows no dollars
    logger.info("The run is described", extra={"subject": notice.subject, "cause": notice.cause})
    return notice.to_json()
