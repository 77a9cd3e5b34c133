"""What Step Functions and EMR say about runs that never were."""

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from orchard.compute.registry import Computes
from orchard.layout import STAGES
from orchard.pipeline.state import RunState
from orchard.runs.progress import Progress, read_progress
from tests.support.cloud.emr import FakeEmr

START = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def after(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def history(*states: str, facts: dict[str, Any] | None = None) -> list[dict[str, Any]]:
    """An execution's events as Step Functions writes them: each state was left with `facts`."""
    events: list[dict[str, Any]] = [{"id": 1, "type": "ExecutionStarted", "timestamp": START}]
    for state in states:
        number = len(events) + 1
        entered = {"stateEnteredEventDetails": {"name": state, "input": "{}"}}
        assigned = {"assignedVariables": {"run": json.dumps(facts or {"run_id": "fruits-1"}), "waited": "15"}}
        left = {"stateExitedEventDetails": {"name": state, **assigned}}
        events.append({"id": number, "type": "TaskStateEntered", "timestamp": after(number), **entered})
        events.append({"id": number + 1, "type": "TaskStateExited", "timestamp": after(number), **left})
    return events


def execution(status: str = "RUNNING", **more: object) -> dict[str, Any]:
    return {"status": status, "startDate": START, **more}


def progress_of(
    execution: dict[str, Any],
    events: list[dict[str, Any]],
    cluster: Mapping[str, Any] | None = None,
    steps: Iterable[Mapping[str, Any]] = (),
    now: datetime = START,
) -> Progress:
    """What `Follower` makes of these answers."""
    state = RunState.of_history(reversed(events), execution.get("input", ""))
    emr = FakeEmr({state.cluster: cluster} if cluster else {}, {state.cluster: steps})
    return read_progress(execution, events, state, Computes(emr.access()).look(state, START, now), now)


def step(stage: str, state: str, **times: datetime) -> dict[str, Any]:
    status = {"State": state, "Timeline": {"CreationDateTime": START, **times}}
    return {"Id": f"s-{STAGES.index(stage) + 1}", "Name": stage, "Status": status}
