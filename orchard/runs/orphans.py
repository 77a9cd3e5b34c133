"""The last net against a cluster, or a job run, that outlives its run: find it by its tag and end it.

Whoever ends an execution from outside (a person, a time-out) also keeps the state machine from terminating the cluster.
The cluster is then found by the tag that CreateCluster gave it, among all that are alive: an execution that was stopped
in the middle may not know its cluster's id. It is the same with StartJob and its job run.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from orchard.aws.errors import is_taken
from orchard.aws.stack import execution_arn
from orchard.diagnose.causes import shorten
from orchard.layout import ObjectAddress
from orchard.notices.notice import Notice, message, subject
from orchard.notices.wording import command, prose
from orchard.pipeline.state import REFUSED
from orchard.runs.listing import BADLY_ENDED, UNDER_WAY, list_runs

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from mypy_boto3_s3 import S3Client
    from mypy_boto3_stepfunctions import SFNClient

    from orchard.compute.base import Alive, Compute
    from orchard.compute.registry import Computes
    from orchard.notices.wording import Section
    from orchard.runs.listing import Run

_TOLD_BY_MACHINE = frozenset({"RunFailed", REFUSED})
"""The errors with which the state machine fails after it has sent its own notice."""

GRACE = timedelta(minutes=5)
"""How long something has to exist before a scheduled sweep may end it."""

LATELY = timedelta(hours=1)
"""How far a scheduled sweep, of which there are four in that time, looks back for ends without a notice."""

LONGEST_RUN = timedelta(days=9)
"""Longer than an execution may take (`TimeoutSeconds` of the state machine)."""

_MACHINE_SUFFIX = "-pipeline"  # the state machine's name is the stack's and this (template.yaml)


@dataclass(frozen=True)
class Ending:
    """How an execution ended.

    Attributes:
        status: SUCCEEDED, FAILED, TIMED_OUT or ABORTED.
        error: Its error, "" if there is none.
        cause: Its cause, "" if there is none.
        redrives: How often it had been redriven: each of its ends has a notice.
    """

    run_id: str
    status: str
    error: str
    cause: str
    redrives: int = 0

    @property
    def was_notified(self) -> bool:
        """Whether the state machine itself has notified; it could not if it was ended from outside."""
        return self.status == "SUCCEEDED" or (self.status == "FAILED" and self.error in _TOLD_BY_MACHINE)


@dataclass(frozen=True)
class Leftover:
    """A cluster or a job run that outlived its run.

    Attributes:
        status: How its execution ended: SUCCEEDED, FAILED, TIMED_OUT or ABORTED; "" if there is no such execution.
    """

    alive: Alive
    status: str


def stop(run_id: str, computes: Computes) -> tuple[Alive, ...]:
    """End whatever works for a run.

    Args:
        run_id: The run, which must have ended.

    Returns:
        The clusters and job runs that are being ended; none if all had ended, or are ending already.
    """
    found = tuple(one for one in computes.alive() if one.run_id == run_id)
    computes.end_work(found)
    return found


def leftovers(computes: Computes, sfn: SFNClient, state_machine_arn: str) -> tuple[Leftover, ...]:
    """Find what works for a stack's runs and outlived them, whatever became of the events of their ends.

    Returns:
        Clusters and job runs, in the order in which EMR lists them; nothing is done to them.
    """
    stack = state_machine_arn.rpartition(":")[2].removesuffix(_MACHINE_SUFFIX)
    found = []
    for one in computes.alive():
        if one.stack == stack:
            status = _execution_status(sfn, execution_arn(state_machine_arn, one.run_id))
            if status not in UNDER_WAY:
                found.append(Leftover(one, status))
    return tuple(found)


def _execution_status(sfn: SFNClient, arn: str) -> str:
    try:
        return sfn.describe_execution(executionArn=arn)["status"]
    except sfn.exceptions.ExecutionDoesNotExist:
        return ""


def sweep(
    computes: Computes, sfn: SFNClient, state_machine_arn: str, now: datetime
) -> tuple[dict[str, tuple[Alive, ...]], frozenset[str]]:
    """End what has outlived its run, whatever became of the event of its end.

    What works is listed before its execution is asked for: one that has ended then had ended, and one that had just
    begun is there. What is younger than `GRACE` is left for the next time all the same, since what DescribeExecution
    says may be as old as that (it is eventually consistent, API reference).

    Returns:
        Run → its clusters and job runs that are being ended; and the runs of which something was left.
    """
    swept: dict[str, tuple[Alive, ...]] = {}
    left = set()
    for one in (leftover.alive for leftover in leftovers(computes, sfn, state_machine_arn)):
        if now - one.created >= GRACE:
            swept[one.run_id] = (*swept.get(one.run_id, ()), one)
        else:
            left.add(one.run_id)
    computes.end_work([one for found in swept.values() for one in found])
    return swept, frozenset(left)


def ended_badly(sfn: SFNClient, state_machine_arn: str, now: datetime, runs: Iterable[str]) -> list[Run]:
    """The executions whose ends may still need a notice.

    Args:
        runs: Runs that were swept, however long ago they ended.

    Returns:
        Of the runs given those that ended badly, and all that did so in the last `LATELY`.
    """
    named = set(runs)
    found = []
    for run in list_runs(sfn, state_machine_arn, BADLY_ENDED):  # by their starts, the latest first
        if run.id in named or (run.ended is not None and now - run.ended <= LATELY):
            found.append(run)
        named.discard(run.id)
        if now - run.started > LONGEST_RUN + LATELY and not named:
            break
    return found


def claim(marker: str, content: str, s3: S3Client) -> bool:
    """Write a marker unless it is there: of several deliveries of one event, one gets True.

    Args:
        marker: Its URI.

    Raises:
        ClientError: S3 refused for another reason than that it is there.
    """
    address = ObjectAddress.parse(marker)
    try:
        s3.put_object(Bucket=address.bucket, Key=address.key, Body=content.encode(), IfNoneMatch="*")
    except ClientError as error:
        # 412: it is there; 409: another delivery is writing it at this moment (PutObject, conditional writes)
        if is_taken(error):
            return False
        raise
    return True


def unclaim(marker: str, s3: S3Client) -> None:
    """Take a marker back, so that the next delivery of the event tries again."""
    address = ObjectAddress.parse(marker)
    s3.delete_object(Bucket=address.bucket, Key=address.key)


def notice_of_ending(ending: Ending, terminated: tuple[Alive, ...], results_bucket: str) -> Notice:
    """Say what happened to a run that was ended from outside.

    Args:
        terminated: The clusters that were terminated because of it, and the job runs that were cancelled.
        results_bucket: The stack's bucket for results, by which commands name the stack.
    """
    verb = {"ABORTED": "was stopped", "TIMED_OUT": "timed out"}.get(ending.status, "failed without a notice")
    opening = f"Run {ending.run_id} {verb}."
    said = ": ".join(part for part in (ending.error, shorten(ending.cause)) if part)
    again = "To try again, upload the archive once more."
    body = message(
        opening,
        [
            ("Message", prose(said)),
            *_ended(terminated),
            ("Next", [command(results_bucket, "diagnose", ending.run_id), *prose(again)]),
        ],
    )
    headline = {"ABORTED": "stopped", "TIMED_OUT": "timed out"}.get(ending.status, "failed")
    return Notice(subject(f"Orchard: {headline},", ending.run_id), body, f"{opening} {said}".strip())


def _ended(terminated: tuple[Alive, ...]) -> list[Section]:
    """What is being ended, a section for each kind of it."""
    ids: dict[Compute, list[str]] = {}
    for one in terminated:
        ids.setdefault(one.compute, []).append(one.id)
    return [
        (
            compute.worker.capitalize() + "s" * (len(found) > 1),
            [*found, f"{'are' if len(found) > 1 else 'is'} being {compute.ended}"],
        )
        for compute, found in ids.items()
    ] or [("Cluster", ["none is left"])]
