"""What a run's cluster has cost so far: the time it has existed, by the hourly rate of the run's plan."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from orchard.diagnose.values import inside, number, words

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Spent:
    """The cost of one cluster.

    Attributes:
        usd: US dollars, for EC2, EMR and EBS.
        price_date: When the prices were read.
    """

    usd: float
    price_date: str


def spent(state: object, seconds: float | None) -> Spent | None:
    """What a cluster has cost.

    Args:
        state: The state machine's data, whatever it looks like.
        seconds: How long the cluster has existed; None without one.

    Returns:
        The cost; None if there is no cluster, or the run has no plan.
    """
    rate = number(state, "inspected", "plan", "estimate", "usd_per_hour")
    if rate is None or seconds is None:
        return None
    return Spent(rate * seconds / 3600, words(state, "inspected", "plan", "estimate", "price_date"))


def cluster_seconds(status: Mapping[str, object], now: datetime) -> float | None:
    """How long a cluster has existed.

    Args:
        status: `Cluster.Status` of DescribeCluster, whatever it looks like.
        now: The present, for a cluster that has not ended.

    Returns:
        Seconds; None if the status does not say when it was created.
    """
    created = inside(status, "Timeline", "CreationDateTime")
    ended = inside(status, "Timeline", "EndDateTime")
    if not isinstance(created, datetime):
        return None
    return max(0.0, ((ended if isinstance(ended, datetime) else now) - created).total_seconds())
