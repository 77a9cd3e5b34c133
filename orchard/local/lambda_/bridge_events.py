"""EventBridge: what it tells about executions, and functions as the targets of its rules.

Written for moto 5.2.5, whose interpreter tells nobody when an execution starts or ends, and whose rules raise
NotImplementedError for a function. Wrapped are `Execution.start` and `BaseExecutionWorkerCommunication.terminated` of
`moto.stepfunctions.parser.backend.execution`; `moto.events.models.Rule.send_to_targets` is replaced for functions and
left as it is for other targets.
"""

from __future__ import annotations

import copy
import json
import logging
import uuid
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

from orchard.local.moto.patching import replaced

if TYPE_CHECKING:
    from collections.abc import Iterator

    from orchard.local.lambda_.functions import Functions

LOG = logging.getLogger(__name__)


@contextmanager
def bridged_events(functions: Functions) -> Iterator[None]:
    """Tell EventBridge about executions, and let its rules invoke functions."""
    from moto.events.models import Rule
    from moto.stepfunctions.parser.backend.execution import BaseExecutionWorkerCommunication, Execution

    send_elsewhere, start, terminated = (
        Rule.send_to_targets,
        Execution.start,
        BaseExecutionWorkerCommunication.terminated,
    )

    def send_to_targets(self: Any, original_event: Any, transform_input: bool = True) -> None:
        if self.state != "ENABLED" or self.scheduled_expression or not self.event_pattern.matches_event(original_event):
            return
        others = []
        for target in self.targets:
            if ":lambda:" in target["Arn"]:
                invoke_target(functions, target, original_event)
            else:
                others.append(target)
        if others:
            rule = copy.copy(self)
            rule.targets = others
            send_elsewhere(rule, original_event, transform_input)

    def started(self: Any) -> None:
        start(self)
        _send(self)

    def ended(self: Any) -> None:
        terminated(self)
        _send(self.execution)

    with (
        replaced(Rule, send_to_targets=send_to_targets),
        replaced(Execution, start=started),
        replaced(BaseExecutionWorkerCommunication, terminated=ended),
    ):
        yield


def status_change(execution: Any) -> dict[str, Any]:
    """The event that an execution's status has changed (Step Functions developer guide, "EventBridge events")."""
    described = execution.to_describe_output()
    stopped = described.get("stopDate")
    detail = {
        "executionArn": described["executionArn"],
        "stateMachineArn": described["stateMachineArn"],
        "name": described["name"],
        "status": str(getattr(described["status"], "value", described["status"])),
        "startDate": _milliseconds(described["startDate"]),
        "stopDate": None if stopped is None else _milliseconds(stopped),
        "input": described["input"],
        "output": described.get("output"),
        "error": described.get("error"),
        "cause": described.get("cause"),
        "inputDetails": {"included": True},
        "outputDetails": {"included": True} if "output" in described else None,
    }
    kind = "Step Functions Execution Status Change"
    return event_about(execution, described["executionArn"], "aws.states", kind, detail)


def event_about(thing: Any, arn: str, source: str, kind: str, detail: dict[str, Any]) -> dict[str, Any]:
    """What EventBridge tells about one of moto's things (EventBridge user guide, "Event structure")."""
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": kind,
        "source": source,
        "account": thing.account_id,
        "time": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": thing.region_name,
        "resources": [arn],
        "detail": detail,
    }


def _milliseconds(when: datetime) -> int:
    return round(when.timestamp() * 1000)


def _send(execution: Any) -> None:
    send_to_rules(status_change(execution))


def send_to_rules(event: dict[str, Any]) -> None:
    """Tell all rules of the default bus, on which AWS's own services tell what happens."""
    from moto.events.models import events_backends

    for rule in list(events_backends[event["account"]][event["region"]].event_buses["default"].rules.values()):
        try:
            rule.send_to_targets(cast("Any", event))
        except Exception:
            LOG.exception("The rule %s lost an event about %s", rule.name, event["resources"])


def invoke_target(functions: Functions, target: Any, event: Any) -> None:
    """Give an event to the function that is the target of a rule."""
    from moto.awslambda.utils import get_backend

    _, _, _, region, account, *_ = target["Arn"].split(":")
    function = get_backend(account, region).get_function(target["Arn"])
    functions.invoke_later(function, target.get("Input", json.dumps(event)).encode())
