"""Before a run creates anything: may it, or do others that started before it still work?"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.metrics import MetricUnit
from botocore.exceptions import ClientError

from orchard.aws import clients
from orchard.aws.errors import passes
from orchard.compute.sizing import runs_at_once
from orchard.runs import turns
from orchard.runs.listing import going_on

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from orchard.pipeline.state import Place

logger = Logger(service="await_turn")
tracer = Tracer(service="await_turn")
metrics = Metrics(namespace="Orchard", service="await_turn")


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Say whether the turn of a run has come.

    Args:
        event: `execution`: its address; `waited`: seconds that it has waited so far; `poll_seconds`: the stack's.

    Returns:
        `may_go`, `ahead` and `wait_seconds`: see `orchard.pipeline.state.Place`.
    """
    metrics.add_dimension("FunctionName", context.function_name)  # tells two stacks of one region apart
    logger.append_keys(run_id=event["execution"].rpartition(":")[2])
    metrics.add_metric("TurnsAsked", MetricUnit.Count, 1)
    place = _place(event["execution"], poll_seconds=event["poll_seconds"], waited=event["waited"])
    metrics.add_metric("TurnsAwaited", MetricUnit.Count, 0 if place.may_go else 1)
    logger.info("The run has a place", extra={"ahead": place.ahead, "seconds": place.wait_seconds})
    return place.to_json()


def _place(execution: str, *, poll_seconds: int, waited: int) -> Place:
    maximum_vcpus = os.environ["MAXIMUM_VCPUS"]  # empty for a stack that works on clusters
    at_once = runs_at_once(int(os.environ["MAXIMUM_RUNS"]), int(maximum_vcpus) if maximum_vcpus else None)
    try:
        runs = list(going_on(clients.step_functions(), os.environ["STATE_MACHINE_ARN"]))
    except ClientError as error:
        if not passes(error):
            raise
        logger.warning("Step Functions does not say which runs go on", exc_info=error)
        return turns.unknown_place(execution, poll_seconds=poll_seconds, waited=waited)
    return turns.place_of(execution, runs, at_once, poll_seconds=poll_seconds, waited=waited)
