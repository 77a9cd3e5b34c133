"""The runs of a stack: every execution that Step Functions still knows, which is 90 days after its end."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Any

from orchard.aws.stack import execution_arn
from orchard.compute.cost import Cost, cost_of
from orchard.errors import UsageError
from orchard.layout import is_run_name
from orchard.pipeline.state import REFUSED, RunState

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime, timedelta

    from mypy_boto3_stepfunctions import SFNClient
    from mypy_boto3_stepfunctions.literals import ExecutionStatusType

    from orchard.compute.registry import Computes
    from orchard.pipeline.state import Place

BADLY_ENDED: tuple[ExecutionStatusType, ...] = ("FAILED", "TIMED_OUT", "ABORTED")
"""The statuses of executions that ended without results."""

UNDER_WAY: tuple[ExecutionStatusType, ...] = ("RUNNING", "PENDING_REDRIVE")
"""The statuses of executions that go on."""

_RECENT = 50
"""Events among which the state machine says what it knows of the run: it does at every look at what works for it, some
sixteen events apart, and when it has described the run, at most 24 events before the last."""

_MOST_A_PAGE = 1000  # ListExecutions (API model)
_NAMED = 5  # runs that a message names


@dataclass(frozen=True)
class Run:
    """One execution, as it is listed.

    Attributes:
        id: The run's id, which is the execution's name.
        status: RUNNING, SUCCEEDED, FAILED, TIMED_OUT, ABORTED or PENDING_REDRIVE.
        ended: When it ended; None if it goes on.
        redriven: When it was redriven last; None if it never was.
    """

    id: str
    arn: str
    status: str
    started: datetime
    ended: datetime | None = None
    redriven: datetime | None = None


def list_runs(sfn: SFNClient, state_machine_arn: str, statuses: Sequence[ExecutionStatusType] = ()) -> Iterator[Run]:
    """List runs, the newest first, a page at a time.

    Args:
        statuses: Only executions of these statuses; all when empty.

    Yields:
        The runs. They are asked for as they are taken: whoever stops early asks for no more.
    """
    # One listing a status: Step Functions filters by one, and sorts by time (ListExecutions).
    if not statuses:
        yield from _listed(sfn, state_machine_arn)
        return
    listings = (_listed(sfn, state_machine_arn, statusFilter=status) for status in statuses)
    yield from heapq.merge(*listings, key=lambda run: run.started, reverse=True)


def going_on(sfn: SFNClient, state_machine_arn: str) -> Iterator[Run]:
    """The runs that go on, in as few calls as can be: a stack may have a thousand that wait.

    Yields:
        The runs, in no order to rely on.
    """
    yield from _listed(sfn, state_machine_arn, statusFilter="RUNNING", PaginationConfig={"PageSize": _MOST_A_PAGE})


@dataclass(frozen=True)
class RunLine:
    """What a list of runs says about one.

    Attributes:
        took: How long it took; so far, if it goes on.
        cost: What it costs; the actual cost is that of its last cluster, or of its job runs, and None when EMR has
            forgotten them.
    """

    run: Run
    took: timedelta
    known: RunState
    cost: Cost

    @property
    def awaits(self) -> Place | None:
        """Its place among those that wait for their turn; None if it does not wait."""
        return self.known.awaits if self.run.status in UNDER_WAY else None


def look_up(run: Run, sfn: SFNClient, computes: Computes, now: datetime) -> RunLine:
    """Ask for what the list of executions does not say of a run."""
    execution = sfn.describe_execution(executionArn=run.arn)
    state = recent_state(sfn, run.arn, execution.get("input", ""))
    seen = computes.look(state, run.started, now, steps=False)
    refused = execution.get("error") == REFUSED
    return RunLine(
        run=replace(run, status=execution["status"]),
        took=execution.get("stopDate", now) - run.started,
        known=state,
        cost=Cost(actual=0.0) if refused else cost_of(state, seen.paid_seconds),
    )


def recent_state(sfn: SFNClient, arn: str, given: str = "") -> RunState:
    """What is known of a run, from the last events of its history alone; as `RunState.of_history`."""
    events = sfn.get_execution_history(executionArn=arn, reverseOrder=True, maxResults=_RECENT)["events"]
    return RunState.of_history(events, given)


def find_run(sfn: SFNClient, state_machine_arn: str, name: str) -> str:
    """Find the run that somebody means.

    Args:
        name: A run's id, or a beginning that no other run's id has; "" for the latest run.

    Returns:
        The execution's ARN.

    Raises:
        UsageError: There is no such run, or more than one; it names what there is.
    """
    if not name:
        latest = next(list_runs(sfn, state_machine_arn), None)
        if latest is None:
            raise UsageError("No run has started yet", "nothing was uploaded in the last 90 days", "orchard run ZIP")
        return latest.arn
    if is_run_name(name):
        # The list is eventually consistent (ListExecutions): a run that has just started may not be in it.
        try:
            return sfn.describe_execution(executionArn=execution_arn(state_machine_arn, name))["executionArn"]
        except sfn.exceptions.ExecutionDoesNotExist:
            pass
    runs = {run.id: run.arn for run in list_runs(sfn, state_machine_arn)}
    return runs[the_one(name, runs)]


def the_one(name: str, ids: Iterable[str], what: str = "run") -> str:
    """The one id that is, or begins with, what somebody typed.

    Args:
        ids: All there are, in the order in which a message names the first of them.
        what: The word for such a thing in the error.

    Raises:
        UsageError: There is no such run, or more than one.
    """
    known = list(ids)
    if name in known:
        return name
    found = [one for one in known if name and one.startswith(name)]
    if len(found) == 1:
        return found[0]
    if found:
        raise UsageError(f"More than one run begins with {name!r}", _some(found), "orchard runs")
    raise UsageError(f"There is no {what} {name!r}", _some(known) if known else "there are none yet", "orchard runs")


def _some(ids: Sequence[str]) -> str:
    more = f" and {len(ids) - _NAMED} more" if len(ids) > _NAMED else ""
    return f"there is {', '.join(islice(ids, _NAMED))}{more}"


def _listed(sfn: SFNClient, state_machine_arn: str, **asked: Any) -> Iterator[Run]:  # noqa: ANN401 (boto3's)
    for page in sfn.get_paginator("list_executions").paginate(stateMachineArn=state_machine_arn, **asked):
        for one in page["executions"]:
            ended, redriven = one.get("stopDate"), one.get("redriveDate")
            yield Run(one["name"], one["executionArn"], one["status"], one["startDate"], ended, redriven)
