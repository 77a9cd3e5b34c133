"""What a run's cluster has cost so far: the time it has existed, by the hourly rate of the run's plan.

Without a cluster it is the time that its job runs took, by the hourly rate of their workers.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from orchard.diagnose.values import inside, number, words

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


@dataclass(frozen=True)
class Spent:
    """The cost of one cluster, or of a run's job runs.

    Attributes:
        usd: US dollars, for EC2, EMR and EBS, or for EMR Serverless.
        price_date: When the prices were read.
        price_region: Where they hold, which need not be where the run is; "" if its plan does not say.
    """

    usd: float
    price_date: str
    price_region: str = ""

    @property
    def prices(self) -> str:
        """Which prices these are, for people."""
        return prices_of(self.price_date, self.price_region)


def prices_of(date: object, region: object) -> str:
    """Which prices an amount is told by, for people: `2026-11 in eu-west-1`, or the date alone."""
    return f"{date} in {region}" if region else str(date)


def spent(state: object, seconds: float | None) -> Spent | None:
    """What a cluster, or a run's job runs, have cost.

    Args:
        state: The state machine's data, whatever it looks like.
        seconds: `paid_seconds`.

    Returns:
        The cost; None if nothing was paid for, or the run has no plan.
    """
    rate = number(state, "inspected", "plan", "estimate", "usd_per_hour")
    if rate is None or seconds is None:
        return None
    date, region = (words(state, "inspected", "plan", "estimate", key) for key in ("price_date", "region"))
    return Spent(rate * seconds / 3600, date, region)


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


def steps_seconds(steps: Iterable[Mapping[str, object]], now: datetime) -> float | None:
    """How long steps, or job runs, took together.

    Args:
        steps: `Steps` as ListSteps gives them.
        now: The present, for one that has not ended.

    Returns:
        Seconds; None if none has started.
    """
    times = [inside(one, "Status", "Timeline") for one in steps]
    took = [
        (time.get("EndDateTime", now) - time["StartDateTime"]).total_seconds()
        for time in times
        if isinstance(time, dict) and "StartDateTime" in time
    ]
    return max(0.0, sum(took)) if took else None


def paid_seconds(
    cluster: Mapping[str, object] | None, steps: Iterable[Mapping[str, object]], now: datetime
) -> float | None:
    """How long what works for a run has been paid for.

    Args:
        cluster: `Cluster` of DescribeCluster; None without one.
        steps: Without one, its job runs as ListSteps would give them.
        now: The present.

    Returns:
        Seconds; None if that is nothing yet.
    """
    if cluster is None:
        return steps_seconds(steps, now)
    status = cluster["Status"]
    return cluster_seconds(status, now) if isinstance(status, dict) else None
