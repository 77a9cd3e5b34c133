"""What a whole run costs on AWS beside other ways to run it: arithmetic on the plan's estimate, nothing measured.

All rows but that of the published run are the same pictures on the cluster of Orchard's plan, and what the habit that
names the row adds to it. Money is the prices of `orchard.compute.prices`; where each figure is from is a table, too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.page import Table
from orchard.compute.emr_plan import cluster_size
from orchard.compute.estimate import estimate
from orchard.compute.prices import EU_WEST_1
from orchard.compute.work import Work
from orchard.options import ENGINES

if TYPE_CHECKING:
    from benchmarks.data import Data
    from orchard.compute.prices import PriceTable

IMAGES = 67_692
"""Pictures of the published run: the training split of its Fruits-360."""

_IMAGE_BYTES = 4_500
_POLL_MINUTES, _LATER_POLL_MINUTES, _LATER_FROM_MINUTES = 1.0, 5.0, 10.0
_IDLE_HOURS = 1.0
_NIGHT_HOURS = 12.0

_PUBLISHED_MINUTES, _PUBLISHED_NODES, _PUBLISHED_TYPE = 83.0, 3, "m5.2xlarge"
_PUBLISHED_USD = 1.74

_SOURCES = {
    "`.sync` looks every 60 s, after 10 minutes every 300 s": "AWS Step Functions Developer Guide, connect-emr",
    "an idle cluster ends after 3,600 s where nothing else is said": "RunJobFlow, AutoTerminationPolicy (EMR 5.30 on)",
    "with a notebook open it is not idle": "Amazon EMR Management Guide, auto-termination policy",
    "a night has 12 hours": "an assumption",
    "83 minutes on three m5.2xlarge, 67,692 pictures, 1.74 USD": "the published run's own report (README)",
}


@dataclass(frozen=True)
class Way:
    """A way to make a run.

    Attributes:
        name: The table's name for it.
        minutes: How long the cluster is paid for.
        idle: For how many of them it does nothing.
        usd: The cluster, and what else its run takes but the images' requests.
        requests_usd: S3's requests for one object an image.
    """

    name: str
    minutes: float
    idle: float
    usd: float
    requests_usd: float = 0.0

    @property
    def total_usd(self) -> float:
        """All of it."""
        return self.usd + self.requests_usd


def measure(data: Data, *, quick: bool) -> list[Table]:
    """Compute; nothing is measured.

    Args:
        data: Not used.
        quick: Not used.
    """
    found = ways()
    return [compared(found), sources()]


def ways(prices: PriceTable = EU_WEST_1) -> list[Way]:
    """All ways, ours first."""
    work = Work(IMAGES, IMAGES * _IMAGE_BYTES)
    size = cluster_size(work, ENGINES[0], region=prices.region)
    ours = estimate(size, work, prices)
    minutes, usd, hourly = ours.total_minutes, ours.total_usd, ours.usd_per_hour
    # a state ends with the look after what it waits for: the cluster's start, then each step
    late = sum(_poll(ours.minutes[part]) for part in ("start", "unzip", "featurize", "pca"))
    node_hour = prices.ec2[_PUBLISHED_TYPE].usd + prices.emr[_PUBLISHED_TYPE].usd

    def waiting(name: str, idle: float, requests_usd: float = 0.0) -> Way:
        return Way(name, minutes + idle, idle, usd + hourly * idle / 60, requests_usd)

    each = ours.usd_one_object_per_image
    return [
        waiting(f"Orchard by its plan, {size}", 0),
        waiting("one object an image", 0, each),
        waiting("a chain of `.sync` states, on average", late / 2),
        waiting("a chain of `.sync` states, at worst", late),
        waiting("one object an image, and a cluster left to its idle time-out", 60 * _IDLE_HOURS, each),
        waiting("one object an image, and a notebook left open for a night", 60 * _NIGHT_HOURS, each),
        Way(
            f"the published run, {_PUBLISHED_NODES} x {_PUBLISHED_TYPE}, at these prices",
            *(_PUBLISHED_MINUTES, 0, _PUBLISHED_MINUTES / 60 * _PUBLISHED_NODES * node_hour, each),
        ),
        Way("the published run, by its own estimate", _PUBLISHED_MINUTES, 0, _PUBLISHED_USD),
    ]


def compared(found: list[Way]) -> Table:
    """The ways side by side.

    Args:
        found: Ours first.
    """
    rows = [
        (
            way.name,
            *(f"{way.minutes:.0f}", f"{way.idle:.1f}" if way.idle else "0"),
            *(f"{way.usd:.2f}", f"{way.requests_usd:.2f}", f"{way.total_usd:.2f}"),
            f"{way.total_usd / found[0].total_usd:.1f}",
        )
        for way in found
    ]
    header = ("", "minutes", "idle of these", "USD, run", "USD, an object an image", "USD in all", "times Orchard's")
    return Table(f"{IMAGES:,} pictures, computed", header, tuple(rows))


def sources(prices: PriceTable = EU_WEST_1) -> Table:
    """Where each figure is from."""
    kinds = {kind: (prices.ec2[kind], prices.emr[kind]) for kind in ("m5.xlarge", _PUBLISHED_TYPE)}
    named = {f"EC2, {kind}": ec2 for kind, (ec2, _) in kinds.items()}
    named |= {f"EMR, {kind}": emr for kind, (_, emr) in kinds.items()}
    named |= {"S3, PUT and LIST": prices.s3_write, "S3, GET": prices.s3_read, "EBS, gp3": prices.gp3}
    rows = [(f"{name}: {one.usd:g} USD per {one.unit}, {prices.date}", one.certainty) for name, one in named.items()]
    return Table("Where the figures are from", ("figure", "source"), (*rows, *_SOURCES.items()))


def _poll(minutes: float) -> float:
    return _POLL_MINUTES if minutes <= _LATER_FROM_MINUTES else _LATER_POLL_MINUTES
