"""What a run will take and cost, before it is started.

The rates are rough and on the slow side; they are here to tell ten cents from ten dollars, and ten minutes from two
hours.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from orchard.compute.prices import EU_WEST_1
from orchard.compute.sizing import PCA_SECONDS_PER_IMAGE

if TYPE_CHECKING:
    from orchard.compute.base import Charges, Size
    from orchard.compute.prices import PriceTable
    from orchard.compute.work import Work

POLL_SECONDS = 15.0
TRANSITIONS_PER_RUN = 20

_SPARK_START_SECONDS = 40.0
_UNZIP_BYTES_PER_VCPU_SECOND = 10e6
_UNZIP_SECONDS_PER_IMAGE = 0.001
_SECONDS_PER_OBJECT = 0.005  # some tens of milliseconds, and a task has eight on their way
_REPORT_SECONDS = 30.0
_SPAN_BYTES = 48e6
_REQUESTS_PER_SPAN = 12
_REQUESTS_PER_RUN = 300
_LISTED_AT_ONCE = 1000  # ListObjectsV2
_INVOCATIONS = 4
_LAMBDA_GB_SECONDS = 20.0


@dataclass(frozen=True)
class Estimate:
    """What a run will take and cost.

    Attributes:
        minutes: `start`, the stages that there are, `keep` if the cluster is kept, and `stop` → minutes.
        usd: What is charged → US dollars.
        usd_per_hour: What the cluster costs in an hour: EC2, EMR and EBS. Spot nodes count as On-Demand, which is the
            most that they can cost. Without a cluster, what the workers of one job cost.
        usd_one_object_per_image: What S3's requests would cost if every image were an object of its own: written once,
            listed, read once.
        region: Where the prices hold, which need not be where the run is.
        price_date: When they were read.
        beside: What has to be paid beside it and is not known here, in words; "" for nothing.
    """

    minutes: dict[str, float]
    usd: dict[str, float]
    usd_per_hour: float
    usd_one_object_per_image: float
    region: str
    run_region: str
    price_date: str
    beside: str = ""

    @property
    def total_minutes(self) -> float:
        """From the upload to the notification."""
        return sum(self.minutes.values())

    @property
    def total_usd(self) -> float:
        """Everything that is charged for the run itself."""
        return sum(self.usd.values())

    def to_json(self) -> dict[str, Any]:
        """The estimate as plain data, rounded to what it is worth."""
        return {
            "minutes": {stage: round(value, 1) for stage, value in self.minutes.items()},
            "total_minutes": round(self.total_minutes, 1),
            "usd": {line: round(value, 4) for line, value in self.usd.items()},
            "total_usd": round(self.total_usd, 3),
            "usd_per_hour": round(self.usd_per_hour, 4),
            "usd_one_object_per_image": round(self.usd_one_object_per_image, 4),
            "region": self.region,
            "run_region": self.run_region,
            "price_date": self.price_date,
            "beside": self.beside,
        }


def estimate(size: Size, work: Work, prices: PriceTable = EU_WEST_1, *, keep: int = 0) -> Estimate:
    """Estimate time and cost of a run.

    Args:
        keep: For how many seconds after its steps the cluster is kept, and paid for.
    """
    charges = size.charges(prices, len(work.stages))
    minutes = _minutes(size, charges, work, keep)
    charged_minutes = sum(minutes.values()) - (minutes["start"] if charges.starts_free else 0)
    charged_hours = max(charged_minutes, 1) / 60  # per second, a minute at least
    requests = _REQUESTS_PER_RUN + _REQUESTS_PER_SPAN * max(
        math.ceil(work.image_bytes / _SPAN_BYTES), size.worker_vcpus
    )
    objects = work.objects if "unzip" in work.stages else 0
    transitions = TRANSITIONS_PER_RUN + charges.transitions_per_poll * sum(minutes.values()) * 60 / POLL_SECONDS
    return Estimate(
        minutes=minutes,
        usd={
            **{line: rate * charged_hours for line, rate in charges.rates.items()},
            "S3 requests": requests * (prices.s3_write.usd + prices.s3_read.usd) / 1000
            + _read_and_listed(objects, prices),
            "Step Functions": transitions * prices.transition.usd / 1000,
            "Lambda": _INVOCATIONS * prices.invocation.usd / 1e6 + _LAMBDA_GB_SECONDS * prices.lambda_time.usd,
        },
        usd_per_hour=sum(charges.rates.values()),
        usd_one_object_per_image=_one_object_per_image(work.images, prices),
        region=prices.region,
        run_region=size.region,
        price_date=prices.date,
        beside=charges.beside,
    )


def _one_object_per_image(images: int, prices: PriceTable) -> float:
    return images * prices.s3_write.usd / 1000 + _read_and_listed(images, prices)


def _read_and_listed(objects: int, prices: PriceTable) -> float:
    return (math.ceil(objects / _LISTED_AT_ONCE) * prices.s3_write.usd + objects * prices.s3_read.usd) / 1000


def _minutes(size: Size, charges: Charges, work: Work, keep: int) -> dict[str, float]:
    unzip = work.image_bytes / _UNZIP_BYTES_PER_VCPU_SECOND + work.images * _UNZIP_SECONDS_PER_IMAGE
    unzip += work.objects * _SECONDS_PER_OBJECT
    seconds = {
        "unzip": unzip / size.worker_vcpus,
        "featurize": size.feature_seconds,
        "pca": work.images * PCA_SECONDS_PER_IMAGE / size.worker_vcpus + _REPORT_SECONDS,
    }
    return {
        "start": charges.start_minutes,
        **{stage: (_SPARK_START_SECONDS + seconds[stage]) / 60 for stage in work.stages},
        **({"keep": keep / 60} if keep else {}),
        "stop": charges.stop_minutes,
    }
