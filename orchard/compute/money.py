"""Which size a run gets for the money that it may cost, and what others would take and cost.

Some nodes more are a run that ends sooner, and costs more: each is paid for while the cluster starts and stops. So of
the sizes within the money the largest is taken, and never one larger than the target time needs.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from orchard.compute.cost import dollars
from orchard.compute.estimate import Estimate, estimate
from orchard.compute.prices import EU_WEST_1
from orchard.compute.sizing import LONGEST_MINUTES, UNLESS_ALLOWED, Ceiling
from orchard.errors import OptionsError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from orchard.compute.base import Compute, Size
    from orchard.compute.prices import PriceTable
    from orchard.compute.work import Work
    from orchard.options import RunOptions


@dataclass(frozen=True)
class Offer:
    """A size that a run may have, and what it would take and cost."""

    size: Size
    estimate: Estimate

    @property
    def in_time(self) -> bool:
        """Whether the run would end before the pipeline gives it up."""
        return self.estimate.total_minutes <= LONGEST_MINUTES

    def to_json(self) -> dict[str, Any]:
        """The offer as plain data, rounded to what it is worth."""
        return {
            "nodes": str(self.size),
            "worker_vcpus": self.size.worker_vcpus,
            "minutes": round(self.estimate.total_minutes, 1),
            "usd": round(self.estimate.total_usd, 3),
        }


def allowed_usd(wanted: float | None, given: Mapping[str, str]) -> float | None:
    """What a run may cost.

    Args:
        wanted: What its user allows, US dollars; None to leave it to the stack.
        given: What the stack gives `inspect_archive`; its `MaximumUsd` is the default and the ceiling, 0 for neither.

    Returns:
        US dollars; None where nobody says.

    Raises:
        OptionsError: The user allows more than the stack.
    """
    ceiling = float(given["MAXIMUM_USD"])
    if not ceiling or (wanted is not None and wanted <= ceiling):
        return wanted
    if wanted is None:
        return ceiling
    cause = f"the stack's MaximumUsd is {dollars(ceiling)}"
    raise OptionsError(f"A run may not cost {dollars(wanted)}", cause, _deploy(wanted))


def choose(
    compute: Compute,
    work: Work,
    options: RunOptions,
    *,
    region: str,
    given: Mapping[str, str],
    again: str,
    prices: PriceTable = EU_WEST_1,
) -> tuple[Offer, tuple[Offer, ...]]:
    """Choose a run's size.

    Args:
        options: The user's: the engine, the nodes, and the money.
        given: What the stack gives `inspect_archive`; empty where nobody has asked it.
        again: The command that runs the same.

    Returns:
        The choice, and a few sizes with it among them, the smallest first, to be compared.

    Raises:
        OptionsError: What costs least costs more than is allowed.
    """
    most = compute.ceiling(options.nodes, given)

    def offer(ceiling: Ceiling) -> Offer:
        size = compute.size(work, options.engine, region=region, choice=options.nodes, ceiling=ceiling)
        return Offer(size, estimate(size, work, prices, keep=options.keep or 0))

    why = "" if options.max_usd is None else f"a larger one would cost more than the {dollars(options.max_usd)} allowed"
    every = [offer(Ceiling(count, why)) for count in range(most.core_nodes)] + [offer(most)]
    # a cluster with one core node works no faster than its primary node alone, and costs more
    offers = list({one.size.worker_vcpus: one for one in reversed(every)}.values())[::-1]
    if options.max_usd is None:
        chosen = offer(min(most, UNLESS_ALLOWED, key=lambda one: one.core_nodes))
    else:
        chosen = _within(options.max_usd, offers, given, again)
    return chosen, _compared(offers, chosen)


def _within(max_usd: float, offers: Sequence[Offer], given: Mapping[str, str], again: str) -> Offer:
    """The largest within the money, of those that end in time; where none does, the largest of all or nothing."""
    possible = [one for one in offers if one.in_time] or offers[-1:]
    affordable = [one for one in possible if one.estimate.total_usd <= max_usd]
    if affordable:
        return affordable[-1]
    cheapest = min(possible, key=lambda one: one.estimate.total_usd)
    usd = math.ceil(cheapest.estimate.total_usd * 100) / 100
    ceiling = float(given.get("MAXIMUM_USD", 0))
    cause = f"what costs least, {cheapest.size}, is estimated at {dollars(usd)}"
    more = _deploy(usd) if 0 < ceiling < usd else f"{again} --max-usd {usd:.2f}"
    raise OptionsError(f"The run would cost more than the {dollars(max_usd)} allowed", cause, more)


def _deploy(usd: float) -> str:
    return f"sam deploy --parameter-overrides MaximumUsd={usd:g}"


def _compared(offers: Sequence[Offer], chosen: Offer) -> tuple[Offer, ...]:
    """The largest that is of any use, half of it, a quarter and so on, as far as they end in time; and the choice."""
    index, places = len(offers) - 1, {0}
    while index > 0:
        places.add(index)
        index //= 2
    shown = {one.size.worker_vcpus: one for one in map(offers.__getitem__, places) if one.in_time}
    shown[chosen.size.worker_vcpus] = chosen
    return tuple(shown[vcpus] for vcpus in sorted(shown))
