"""How many nodes a run gets, and of which size.

The rule, which `plan` prints with its numbers: the features shall take at most a quarter of an hour. One node does it
if its four or eight vCPUs are enough; otherwise a primary node and as many core nodes of eight vCPUs as it takes, at
most eight. All On-Demand, because on a run this short a lost node costs more than Spot saves. Whoever knows better says
so by a `NodeChoice`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from orchard.compute.offered import OFFERED
from orchard.options import NODE_SIZES, NodeChoice

TARGET_SECONDS = 15 * 60
MAX_CORE_NODES = 8
"""Of a cluster that nobody chose the size of: a mistake in the archive shall not cost a fortune."""

IMAGES_PER_VCPU_SECOND = {"onnxruntime": 20.0, "tensorflow": 6.0}
"""Feature vectors that one vCPU computes in a second from small pictures. On the slow side of what was measured, since
a vCPU is one of a core's two threads."""

DECODED_BYTES_PER_VCPU_SECOND = 10e6
"""Bytes of JPEG that one vCPU decodes in a second; Pillow 13 did 13 MB/s on a 12-megapixel photograph. It matters only
when the pictures are large: one of Fruits-360 has some 5 kB."""

LARGEST_VCPUS = 66
"""What the largest plan needs that the rules make, whatever the archive and whatever works; a user may choose a larger
one."""

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


FOUR = Shape(NODE_SIZES[0], 4, 16 * _MIB_PER_GIB)
EIGHT = Shape(NODE_SIZES[1], 8, 32 * _MIB_PER_GIB)
SIXTEEN = Shape(NODE_SIZES[2], 16, 64 * _MIB_PER_GIB)
SHAPES = {shape.size: shape for shape in (FOUR, EIGHT, SIXTEEN)}


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
