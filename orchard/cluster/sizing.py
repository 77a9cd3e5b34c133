"""How many nodes a run gets, and of which size.

The rule, which `plan` prints with its numbers: the features shall take at most a quarter of an hour. One node does it
if its four or eight vCPUs are enough; otherwise a primary node and as many core nodes of eight vCPUs as it takes, at
most eight. All On-Demand, because on a run this short a lost node costs more than Spot saves. Whoever knows better says
so by a `NodeChoice`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from orchard.cluster.offered import OFFERED
from orchard.errors import OptionsError

TARGET_SECONDS = 15 * 60
MAX_CORE_NODES = 8
"""Of a cluster that nobody chose the size of: a mistake in the archive shall not cost a fortune."""

MAX_NODES = 50
"""Of a role, chosen."""

_MIN_VOLUME_GB = 32
_MIB_PER_GIB = 1024


@dataclass(frozen=True)
class Shape:
    """A size of instance, the same in all families."""

    size: str
    vcpus: int
    memory_mb: int

    def types_in(self, region: str) -> tuple[str, ...]:
        """The types of this size that a region offers, the one with a known price first."""
        return tuple(f"{family}.{self.size}" for family in OFFERED[region])


FOUR = Shape("xlarge", 4, 16 * _MIB_PER_GIB)
EIGHT = Shape("2xlarge", 8, 32 * _MIB_PER_GIB)
SIXTEEN = Shape("4xlarge", 16, 64 * _MIB_PER_GIB)
SHAPES = {shape.size: shape for shape in (FOUR, EIGHT, SIXTEEN)}


@dataclass(frozen=True)
class NodeChoice:
    """What the user decides about the nodes; what is None, the rule decides.

    Attributes:
        size: One of `SHAPES`: of the nodes that work.
        core_nodes: Number of core nodes; 0 for the primary node alone.
        spot_nodes: Number of task nodes beside them, as Spot instances.

    Raises:
        OptionsError: There is no such size, or the numbers are out of range.
    """

    size: str | None = None
    core_nodes: int | None = None
    spot_nodes: int = 0

    def __post_init__(self) -> None:
        if self.size is not None and self.size not in SHAPES:
            raise OptionsError(f"There is no node size {self.size!r}", f"choose {', '.join(SHAPES)}")
        for count, name in ((self.core_nodes, "core"), (self.spot_nodes, "spot")):
            if count is not None and not 0 <= count <= MAX_NODES:
                raise OptionsError(f"A cluster cannot have {count} {name} nodes", f"choose 0 to {MAX_NODES}")
        if self.spot_nodes and self.core_nodes == 0:
            raise OptionsError(
                "Spot nodes need a core node beside them", "EMR has task nodes only where there are core nodes"
            )


AS_PLANNED = NodeChoice()
"""The user decides nothing."""


@dataclass(frozen=True)
class NodeGroup:
    """Nodes of one role.

    Attributes:
        role: `MASTER` (EMR's word for the primary node), `CORE` or `TASK`; task nodes are Spot instances.
        shape: Their size.
        instance_types: What they may be, the type with a known price first.
        count: How many there are.
        volume_gb: The data volume of each, GB.
    """

    role: str
    shape: Shape
    instance_types: tuple[str, ...]
    count: int
    volume_gb: int


def node_groups(vcpus_needed: int, image_bytes: int, choice: NodeChoice, region: str) -> tuple[NodeGroup, ...]:
    """Decide about the nodes.

    Args:
        vcpus_needed: As many finish the features within `TARGET_SECONDS`.
        image_bytes: The images' total size out of the archive, bytes.
        choice: What the user decides.
        region: Where they are: one of `OFFERED`.

    Returns:
        The primary node, then the core nodes if there are any, then the task nodes if there are any.
    """
    shape = SHAPES.get(choice.size or "")
    alone = shape or (FOUR if vcpus_needed <= FOUR.vcpus else EIGHT)
    enough = vcpus_needed <= alone.vcpus and not choice.spot_nodes
    if choice.core_nodes == 0 or (choice.core_nodes is None and enough):
        return (NodeGroup("MASTER", alone, alone.types_in(region), 1, _volume_gb(image_bytes, 1)),)
    shape = shape or EIGHT
    missing = math.ceil(vcpus_needed / shape.vcpus) - choice.spot_nodes
    core = choice.core_nodes or min(max(1, missing), MAX_CORE_NODES)
    volume = _volume_gb(image_bytes, core + choice.spot_nodes)
    types = shape.types_in(region)
    groups = (
        NodeGroup("MASTER", FOUR, FOUR.types_in(region), 1, _MIN_VOLUME_GB),
        NodeGroup("CORE", shape, types, core, volume),
    )
    return (*groups, NodeGroup("TASK", shape, types, choice.spot_nodes, volume)) if choice.spot_nodes else groups


def _volume_gb(image_bytes: int, nodes: int) -> int:
    """Room for a node's share of the images, once, beside logs and the Python environment."""
    return _MIN_VOLUME_GB + math.ceil(image_bytes / nodes / 1e9)
