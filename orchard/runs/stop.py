"""End a run by hand: its execution first, then whatever works for it, until nothing is alive."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from orchard.errors import OrchardError
from orchard.runs import orphans

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_stepfunctions import SFNClient

    from orchard.compute.base import Alive
    from orchard.compute.registry import Computes

ERROR = "StoppedByHand"
CAUSE = "Somebody typed `orchard stop`."

_PAUSE = 3.0
_LOOKS = 40
_QUIET_LOOKS = 3
"""Looks that must find nothing after an execution was stopped: a cluster that was asked for at that moment is listed a
little later. `stop_orphans` looks, too; and a cluster without steps ends itself."""


def stop_execution(sfn: SFNClient, arn: str) -> None:
    """End an execution, and have it say by what.

    Args:
        arn: The execution; nothing happens to one that has ended.
    """
    sfn.stop_execution(executionArn=arn, error=ERROR, cause=CAUSE)


def end_work(
    run: str, computes: Computes, *, just_stopped: bool, sleep: Callable[[float], None] = time.sleep
) -> tuple[Alive, ...]:
    """End everything that works for an ended run, and wait until all of it is ending.

    Args:
        just_stopped: Whether the execution has ended just now, so that another cluster or job run may be on its way.

    Returns:
        The clusters that were terminated, and the job runs that were cancelled.

    Raises:
        OrchardError: One does not end.
    """
    ended: dict[str, Alive] = {}
    quiet = 0
    for _ in range(_LOOKS):
        found = orphans.stop(run, computes)
        ended |= {one.id: one for one in found}
        quiet = 0 if found else quiet + 1
        if quiet == (_QUIET_LOOKS if just_stopped else 1):
            return tuple(ended.values())
        sleep(_PAUSE)
    raise OrchardError(
        f"The {', '.join(map(str, found))} does not end",
        f"it is alive {_LOOKS * _PAUSE:.0f} seconds after EMR was asked to end it",
        "orchard sweep",
    )
