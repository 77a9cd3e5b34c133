"""How many nodes a run gets, and of which size.

The rule, which `plan` prints with its numbers: the features shall take at most a quarter of an hour. One node does it
if its four or eight vCPUs are enough; otherwise a primary node and as many core nodes of eight vCPUs as it takes: at
most eight, or as many as the money allows that the run may cost (`orchard.compute.money`). All On-Demand, because on a
run this short a lost node costs more than Spot saves. Whoever knows better says so by a `NodeChoice`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from orchard.compute.offered import OFFERED
from orchard.options import MAX_NODES, NODE_SIZES, NodeChoice

TARGET_SECONDS = 15 * 60
MAX_CORE_NODES = 8
"""Of a cluster that nobody chose the size of or allowed money for: a mistake in the archive shall not cost a
fortune."""

LONGEST_MINUTES = 240
"""What `PatienceSeconds` of the template may be at most: a run that takes longer is given up."""

IMAGES_PER_VCPU_SECOND = {"onnxruntime": 20.0, "tensorflow": 6.0}
"""Feature vectors that one vCPU computes in a second from small pictures. On the slow side of what was measured, since
a vCPU is one of a core's two threads."""

DECODED_BYTES_PER_VCPU_SECOND = 10e6
"""Bytes of JPEG that one vCPU decodes in a second; Pillow 13 did 13 MB/s on a 12-megapixel photograph. It matters only
when the pictures are large: one of Fruits-360 has some 5 kB."""

PCA_SECONDS_PER_IMAGE = 0.002
"""Of one vCPU: two passes over its features, in all."""

COPY_SECONDS_PER_IMAGE = 0.001
"""Of one vCPU, where an earlier run has its features: it is read, and five kilobytes are copied. A guess on the slow
side."""

LARGEST_VCPUS = 66
"""What the largest plan needs that the rules make without money allowed, whatever the archive and whatever works; a
user may choose a larger one."""

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
        instance_types: What they may be, the type with a known price first.
        volume_gb: The data volume of each, GB.
    """

    role: str
    shape: Shape
    instance_types: tuple[str, ...]
    count: int
    volume_gb: int


@dataclass(frozen=True)
class Ceiling:
    """How many core nodes the rule may take.

    Attributes:
        core_nodes: At most so many; 0 for the primary node alone.
        why: Why no more, as the end of a sentence.
    """

    core_nodes: int
    why: str


UNLESS_ALLOWED = Ceiling(
    MAX_CORE_NODES, f"there are at most {MAX_CORE_NODES} unless you allow more money: --max-usd, or --core-nodes"
)
AT_MOST = Ceiling(MAX_NODES, f"there are at most {MAX_NODES}")
"""Whatever the money: a network of the stack's own has addresses for twice as many, Spark's driver heap for more."""


def runs_at_once(maximum_runs: int, maximum_vcpus: int | None) -> int:
    """How many runs may work at a time.

    Args:
        maximum_runs: The stack's `MaximumRuns`.
        maximum_vcpus: The vCPUs that its application of EMR Serverless may have; None for a stack without one.

    Returns:
        As many, but no more than have room in the application when each is as large as plans become without money
        allowed; at least one.
    """
    return maximum_runs if maximum_vcpus is None else max(1, min(maximum_runs, maximum_vcpus // LARGEST_VCPUS))


def node_groups(
    vcpus_needed: int, image_bytes: int, choice: NodeChoice, region: str, ceiling: Ceiling
) -> tuple[NodeGroup, ...]:
    """Decide about the nodes.

    Args:
        vcpus_needed: How many vCPUs finish the features, or the components alone, within `TARGET_SECONDS`.
        image_bytes: The images' total size out of the archive, bytes.
        region: Where they are: one of `OFFERED`.
        ceiling: How many core nodes there may be that the user has not chosen.

    Returns:
        The primary node, then the core nodes if there are any, then the task nodes if there are any.
    """
    shape = SHAPES.get(choice.size or "")
    alone = shape or (FOUR if vcpus_needed <= FOUR.vcpus else EIGHT)
    enough = (vcpus_needed <= alone.vcpus or ceiling.core_nodes == 0) and not choice.spot_nodes
    if choice.core_nodes == 0 or (choice.core_nodes is None and enough):
        return (NodeGroup("MASTER", alone, alone.types_in(region), 1, _volume_gb(image_bytes, 1)),)
    shape = shape or EIGHT
    missing = math.ceil(vcpus_needed / shape.vcpus) - choice.spot_nodes
    core = choice.core_nodes or max(1, min(missing, ceiling.core_nodes))
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
