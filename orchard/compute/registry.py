"""All computes, by the template's words for them, and what is asked of all at once."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from orchard.compute.emr import Emr
from orchard.compute.emr_eks import EmrEks
from orchard.compute.emr_serverless import EmrServerless

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from orchard.compute.base import Access, Alive, Compute, Seen
    from orchard.pipeline.state import RunState

_ALL: tuple[Compute, ...] = (Emr(), EmrServerless(), EmrEks())
COMPUTES: Mapping[str, Compute] = {compute.name: compute for compute in _ALL}
"""What a stack's runs may work on: the template's parameter `Compute`, and `compute` of a plan. The first is that of a
run that does not say."""

DEFAULT = _ALL[0].name


def compute_of(state: RunState) -> Compute:
    """What a run works on; the first kind if that is not known."""
    return COMPUTES.get(state.plan.compute, _ALL[0])


class Computes:
    """All that may work for the runs of one stack: one that changed from one to another may have both."""

    def __init__(self, access: Access) -> None:
        self.access = access

    def alive(self) -> Iterator[Alive]:
        """Everything of Orchard that costs money until somebody ends it."""
        return chain.from_iterable(compute.alive(self.access) for compute in _ALL)

    def end_work(self, found: Sequence[Alive]) -> None:
        """End what works; returns at once."""
        for compute in _ALL:
            ids = [one.id for one in found if one.compute is compute]
            if ids:
                compute.end_work(self.access, ids)

    def look(self, state: RunState, since: datetime, now: datetime, *, steps: bool = True) -> Seen:
        """What works, or worked, for one run: see `Compute.look`."""
        return compute_of(state).look(self.access, state, since, now, steps=steps)
