"""Which instance types the regions offer.

EMR refuses a whole RunJobFlow for one type that the region lacks, so a fleet names none of those. The table is that of
cfn-lint 1.58.0, which AWS publishes: the types of `AWS::EMR::Cluster` and of `AWS::EC2::Instance` by region; a test
compares the two. `orchard doctor` asks EC2 itself.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

FAMILIES = ("m5", "m6a", "m6i", "m7i")
"""General purpose, 4 GiB a vCPU, all x86_64: the wheels on the nodes are built for one architecture. The fleet takes
the cheapest that has capacity. The first is offered everywhere, and is the one that the estimate has a price for."""

OFFERED: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "eu-central-1": FAMILIES,
        "eu-north-1": ("m5", "m6i", "m7i"),
        "eu-south-1": FAMILIES,
        "eu-south-2": ("m5", "m7i"),
        "eu-west-1": FAMILIES,
        "eu-west-3": FAMILIES,
    }
)
"""Region → those of `FAMILIES` that it offers in every size of `orchard.compute.sizing.SHAPES`."""
