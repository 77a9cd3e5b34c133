"""Whose turn it is: at most so many runs of a stack work at a time, in the order in which they started.

A run may go on when fewer than that many executions that started before it are going on. Nobody keeps a list: the order
is that of Step Functions, so a run that is stopped, fails or is killed gives up its place by ending (docs/adr/0021).
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from orchard.pipeline.state import Place

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from orchard.runs.listing import Run

_POLLS_A_PLACE = 4
_MOST_POLLS = 60
"""The wait before the next look, in polls: as many for each place to the front, up to an hour's quarter by default. A
thousand runs that wait ask little more than once a second in all: ListExecutions takes two."""

_OF_WAITED = 1 / 20
"""And at least this share of what was waited already, so that a week of waiting is less than 200 looks (11 events each
of the 25,000 that an execution's history holds)."""


def place_of(execution: str, going_on: Iterable[Run], at_once: int, *, poll_seconds: int, waited: float) -> Place:
    """Where a run stands.

    The list is eventually consistent (ListExecutions). One that does not have the run itself yet may lack others that
    started before it, so it decides nothing. One that does have it has those as well: they started earlier, and every
    run first reads its archive's directory, which takes longer than the list is late.

    Args:
        going_on: All executions that are RUNNING.
        at_once: How many may work at a time.
        poll_seconds: Seconds between two looks at a cluster.
        waited: Seconds that it has waited for its turn already.
    """
    order = {run.arn: _order(run) for run in going_on}
    own = order.get(execution)
    if own is None:
        return unknown_place(execution, poll_seconds=poll_seconds, waited=waited)
    ahead = sum(other < own for other in order.values())
    if ahead < at_once:
        return Place(True, ahead, 0)
    polls = min(_MOST_POLLS, _POLLS_A_PLACE * (ahead - at_once + 1))
    return Place(False, ahead, max(poll_seconds * polls, round(waited * _OF_WAITED)))


def unknown_place(execution: str, *, poll_seconds: int, waited: float) -> Place:
    """The wait of a run whose place is not known: it asks again at another time than others like it.

    Args:
        poll_seconds: Seconds between two looks at a cluster.
        waited: Seconds that it has waited for its turn already.

    Returns:
        Its place, with a wait of one to five times the shortest.
    """
    shortest = poll_seconds * _POLLS_A_PLACE
    spread = zlib.crc32(f"{execution} {waited}".encode()) % (_POLLS_A_PLACE * shortest + 1)
    return Place(False, None, max(shortest + spread, round(waited * _OF_WAITED)))


def _order(run: Run) -> tuple[datetime, str]:
    """What runs are sorted by: one that was redriven goes behind those that started meanwhile."""
    return run.redriven or run.started, run.id
