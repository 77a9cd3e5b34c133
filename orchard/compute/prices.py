"""What AWS charges, as parameters: none of it is read from AWS, and a bill is always right where it differs.

Prices change; each one here says where it was read and how sure it is, and the table carries its date, which is shown
wherever an amount is. `read_prices` puts a user's own in their place.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field, fields, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from orchard.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

PRICE_DATE = "2026-11"
"""The month in which the tables below were read."""

_SEVERAL = "several public price tables for eu-west-1, none of them AWS's own"
_TABLE = "a public price table, not AWS's own"
_EKS = (
    "several public texts that quote AWS's example, which is for us-east-1: one of them AWS's own, on EMR's benchmarks"
)


@dataclass(frozen=True)
class Price:
    """One price.

    Attributes:
        unit: What it buys.
        certainty: Where the amount is from.
    """

    usd: float
    unit: str
    certainty: str


@dataclass(frozen=True)
class PriceTable:
    """The prices that a run is estimated with.

    Attributes:
        region: Where they hold.
        date: When they were read.
        ec2: On-Demand, per instance type.
        emr: EMR's own charge, on top of EC2, per instance type.
        gp3: Block storage.
        serverless_vcpu: EMR Serverless, a worker's vCPUs, x86.
        serverless_memory: EMR Serverless, a worker's memory.
        eks_vcpu: EMR on EKS, what a pod asks for, on top of its node.
        eks_memory: The same of its memory.
        s3_write: PUT, COPY, POST and LIST requests.
        s3_read: GET requests.
        transition: Step Functions, Standard.
        invocation: Lambda requests.
        lambda_time: Lambda memory and time, x86.
    """

    region: str
    date: str
    ec2: Mapping[str, Price]
    emr: Mapping[str, Price]
    gp3: Price
    serverless_vcpu: Price
    serverless_memory: Price
    eks_vcpu: Price
    eks_memory: Price
    s3_write: Price
    s3_read: Price
    transition: Price
    invocation: Price
    lambda_time: Price
    notes: tuple[str, ...] = field(default=())


EU_WEST_1 = PriceTable(
    region="eu-west-1",
    date=PRICE_DATE,
    ec2=MappingProxyType(
        {
            "m5.xlarge": Price(0.214, "instance-hour", _SEVERAL),
            "m5.2xlarge": Price(0.428, "instance-hour", _SEVERAL),
            "m5.4xlarge": Price(0.856, "instance-hour", "inferred: twice the m5.2xlarge, as EC2 charges"),
        }
    ),
    emr=MappingProxyType(
        {
            "m5.xlarge": Price(0.048, "instance-hour", "a public price table for us-east-1, not AWS's own"),
            "m5.2xlarge": Price(0.096, "instance-hour", "inferred: twice the m5.xlarge, as EC2 charges"),
            "m5.4xlarge": Price(0.192, "instance-hour", "inferred: four times the m5.xlarge, as EC2 charges"),
        }
    ),
    gp3=Price(0.088, "GB-month", f"{_TABLE}, for eu-west-1"),
    # the first 20 GB of a worker's disk are not charged, and no worker here has more
    serverless_vcpu=Price(0.052624, "vCPU-hour", f"{_TABLE}, for eu-west-1: that of PerfKitBenchmarker"),
    serverless_memory=Price(0.0057785, "GB-hour", f"{_TABLE}, for eu-west-1: that of PerfKitBenchmarker"),
    eks_vcpu=Price(0.01012, "vCPU-hour", _EKS),
    eks_memory=Price(0.00111125, "GB-hour", _EKS),
    s3_write=Price(0.005, "1,000 requests", f"{_TABLE}, quoting us-east-1 of 28 September 2026"),
    s3_read=Price(0.0004, "1,000 requests", f"{_TABLE}, quoting us-east-1 of 28 September 2026"),
    transition=Price(0.025, "1,000 transitions", _TABLE),
    invocation=Price(0.20, "1,000,000 requests", _TABLE),
    lambda_time=Price(0.0000166667, "GB-second", _TABLE),
    notes=(
        "No free tier is deducted, no tax is added.",
        "Not counted: keeping results in S3, the stack's key and its network's way to KMS, logs, mails.",
    ),
)


def read_prices(text: str, name: str) -> PriceTable:
    """Put a user's own prices in the place of some of `EU_WEST_1`.

    Args:
        text: TOML. `region` and `date` say where and when they hold; `[ec2]` and `[emr]` give US dollars an hour by
            instance type; the other names are those of `PriceTable`, in the units that the table has.
        name: What the text is called, for messages.

    Raises:
        UsageError: It is not TOML, names no price, or an amount is not a number of at least 0.
    """
    try:
        given = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{name} is not a table of prices", f"it is not TOML: {error}") from error
    changes: dict[str, Any] = {
        "date": str(given.pop("date", name)),
        "region": str(given.pop("region", EU_WEST_1.region)),
    }
    amounts = {field.name for field in fields(EU_WEST_1)} - {"date", "region", "notes", "ec2", "emr"}
    for key, value in given.items():
        if key in ("ec2", "emr") and isinstance(value, dict):
            own = {kind: _price(value[kind], "instance-hour", f"{key}.{kind}", name) for kind in value}
            changes[key] = MappingProxyType({**getattr(EU_WEST_1, key), **own})
        elif key in amounts:
            changes[key] = _price(value, getattr(EU_WEST_1, key).unit, key, name)
        else:
            known = ", ".join(sorted(amounts | {"date", "region", "[ec2]", "[emr]"}))
            raise UsageError(f"{name} has an unknown price: {key}", f"choose from {known}")
    return replace(EU_WEST_1, **changes)


def _price(value: object, unit: str, key: str, name: str) -> Price:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < float("inf"):
        raise UsageError(f"{name} has an invalid price: {key} = {value!r}", f"give US dollars per {unit}, 0 or more")
    return Price(float(value), unit, f"read from {name}")
